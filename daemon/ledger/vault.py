"""Personal data: sealed for each member under a key of its own, found through keyed hashes.

The journal never holds a name. A member's key is random, kept wrapped under a key that HKDF makes
from the ledger key; removing it makes every copy of the sealed data unreadable, old backups of the
secrets included. Search goes over HMACs of what a cashier types, so no index holds a name either.

What a member is found by: beginnings of the name, initials and beginnings of its pinyin, the phone
and its tail; and, for the office's filters alone, birthday, its month, gender and custom fields.
"""

from __future__ import annotations

import hmac
import json
import os
import unicodedata
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daemon.core.errors import LedgerCorrupt
from daemon.core.pinyin import name_words, typed_words
from daemon.core.records import Personal
from daemon.ledger.readings import readings_of, syllables

KEY_BYTES = 32
NONCE_BYTES = 12
TOKEN_BYTES = 16
LONGEST_PREFIX = 8
"""Beginnings of a name that are searchable, in characters: enough to tell people apart, and a
bound on the rows a name costs."""
MOST_KNOWN = 8192
"""Tokens of common words that are kept ready, about 1 MB: beginnings of names, months."""


class Vault:
    """Seals and opens personal data. Holds two keys made from the ledger key, in memory only."""

    def __init__(self, ledger_key: bytes) -> None:
        assert len(ledger_key) == KEY_BYTES
        self._wrapping = AESGCM(_derive(ledger_key, b"counterd member keys 1"))
        self._tokens = _derive(ledger_key, b"counterd member tokens 1")
        self._known: dict[str, bytes] = {}

    def new_key(self, member_id: str) -> tuple[bytes, bytes]:
        """A fresh member key: as it is, and wrapped for keeping."""
        key = AESGCM.generate_key(bit_length=256)
        nonce = os.urandom(NONCE_BYTES)
        return key, nonce + self._wrapping.encrypt(nonce, key, member_id.encode())

    def unwrap(self, member_id: str, wrapped: bytes) -> bytes:
        """Raises LedgerCorrupt("personal_key_unreadable")."""
        try:
            return self._wrapping.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], member_id.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise LedgerCorrupt("personal_key_unreadable") from error

    def seal(self, member_id: str, key: bytes, personal: Personal) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        body = _written(_parts(personal)).encode()
        return nonce + AESGCM(key).encrypt(nonce, body, member_id.encode())

    def open(self, member_id: str, key: bytes, sealed: bytes) -> Personal:
        """Raises LedgerCorrupt("personal_unreadable")."""
        try:
            body = AESGCM(key).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], member_id.encode()
            )
            return Personal(**json.loads(body))
        except (InvalidTag, ValueError, TypeError) as error:
            raise LedgerCorrupt("personal_unreadable") from error

    def tokens(self, personal: Personal) -> set[bytes]:
        """Everything personal that a member is found by."""
        name = _folded(personal.name)
        words = name_words(personal.name, readings_of)
        words.update(f"name:{name[:size]}" for size in range(1, min(len(name), LONGEST_PREFIX) + 1))
        words.add(f"name:{name}")
        if personal.gender:
            words.add(f"gender:{personal.gender}")
        if personal.birthday:
            day = personal.birthday[-5:]
            words |= {f"bm:{day[:2]}", f"bd:{day}"}
        words.discard("name:")
        tokens = {self._shared(word) for word in words}
        phone = _digits(personal.phone)
        if phone:
            tokens |= {self._token(f"phone:{phone}"), self._token(f"tail:{phone[-4:]}")}
        for code, value in personal.fields.items():
            tokens.add(self._token(field_word(code, value)))
        return tokens

    def query_tokens(self, query: str) -> set[bytes]:
        """What `query` may stand for: a name or its beginning, its pinyin, a phone or its tail."""
        text = _folded(query)
        if not text:
            return set()
        words = {f"name:{text}"} | typed_words(query, syllables())
        digits = _digits(query)
        if digits:
            words.add(f"phone:{digits}")
            if len(digits) == 4:
                words.add(f"tail:{digits}")
        return {self._token(word) for word in words}

    def phone_token(self, phone: str) -> bytes:
        """What everybody with this phone is found by."""
        return self._token(f"phone:{_digits(phone)}")

    def word_token(self, word: str) -> bytes:
        """Of a word of a filter: `gender:f`, `bm:05`, `bd:05-17`, or a `field_word`."""
        return self._token(word)

    def _token(self, word: str) -> bytes:
        return hmac.digest(self._tokens, word.encode(), "sha256")[:TOKEN_BYTES]

    def _shared(self, word: str) -> bytes:
        """Of a word that many members have: an import asks for the same ones again and again."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[word] = self._token(word)
        return found


_written = json.JSONEncoder(ensure_ascii=False).encode


def _parts(personal: Personal) -> dict[str, Any]:
    """As `dataclasses.asdict`, at a tenth of its price: an import seals very many."""
    return {
        "name": personal.name,
        "phone": personal.phone,
        "gender": personal.gender,
        "birthday": personal.birthday,
        "fields": dict(personal.fields),
    }


def field_word(code: str, value: str | int) -> str:
    """What a personal custom field's exact value is found by."""
    return f"field:{code}={_folded(str(value))}"


def _derive(ledger_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(ledger_key)


def _folded(text: str) -> str:
    """One form for what is the same to a person: width, case and blanks do not matter."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _digits(text: str) -> str:
    folded = _folded(text)
    return "".join(c for c in folded if c.isascii() and c.isdigit()) if _is_phone(folded) else ""


def _is_phone(folded: str) -> bool:
    return bool(folded) and all(c in "0123456789+-()" for c in folded)
