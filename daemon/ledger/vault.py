"""Personal data: sealed for each member under a key of its own, found through keyed hashes.

The journal never holds a name. A member's key is random, kept wrapped under a key that HKDF makes
from the ledger key; removing it makes every copy of the sealed data unreadable, old backups of the
secrets included. Search goes over keyed hashes of what a cashier types, so no index holds a name
either.

What a member is found by: beginnings of the name, initials and beginnings of its pinyin, the phone
and its tail; and, for the office's filters alone, birthday, its month, gender and custom fields.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from typing import Any, NamedTuple

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
WORD_BYTES = 7
"""Of a keyed hash. That any two among the 5,000,000 words of 1,000,000 members are the same has a
chance of one in 6,000, and what that would show is one member too many for one word."""
LONGEST_PREFIX = 8
"""Beginnings of a name that are searchable, in characters: enough to tell people apart, and a
bound on the rows a name costs."""


class Words(NamedTuple):
    """What one member is found by, hashed: `phone` apart, as a number; None where there is none."""

    others: set[bytes]
    phone: int | None

    def numbers(self) -> set[int]:
        """As the index of words has them."""
        found = {number_of(word) for word in self.others}
        return found if self.phone is None else found | {self.phone}


def number_of(word: bytes) -> int:
    """Of a hashed word that is not a whole phone: in the order of its bytes, from 0 on."""
    return int.from_bytes(word, "big")


class Vault:
    """Seals and opens personal data. Holds two keys made from the ledger key, in memory only."""

    def __init__(self, ledger_key: bytes) -> None:
        assert len(ledger_key) == KEY_BYTES
        self._wrapping = AESGCM(_derive(ledger_key, b"counterd member keys 1"))
        # Keyed once (RFC 7693, 2.9) and copied for each word: a sixth of what an HMAC costs.
        words = _derive(ledger_key, b"counterd member words 2")
        self._hash = hashlib.blake2b(key=words, digest_size=WORD_BYTES)

    def new_key(self, member_id: str) -> tuple[bytes, bytes]:
        """A fresh member key: as it is, and wrapped for keeping."""
        fresh = os.urandom(KEY_BYTES + NONCE_BYTES)
        key, nonce = fresh[:KEY_BYTES], fresh[KEY_BYTES:]
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

    def words(self, personal: Personal) -> Words:
        """Everything personal that a member is found by."""
        name = _folded(personal.name)
        words = name_words(personal.name, readings_of)
        if name:
            words.add(f"name:{name}")
            for size in range(1, min(len(name), LONGEST_PREFIX + 1)):
                words.add(f"name:{name[:size]}")
        if personal.gender:
            words.add(f"gender:{personal.gender}")
        if personal.birthday:
            day = personal.birthday[-5:]
            words.add(f"bm:{day[:2]}")
            words.add(f"bd:{day}")
        phone = _digits(personal.phone)
        if phone:
            words.add(f"tail:{phone[-4:]}")
        for code, value in personal.fields.items():
            words.add(field_word(code, value))
        hashed = set()
        copy = self._hash.copy
        for word in words:
            # As `_hashed`, which an import would call a million times.
            each = copy()
            each.update(word.encode())
            hashed.add(each.digest())
        return Words(hashed, self._phone(phone) if phone else None)

    def query_words(self, query: str) -> set[int]:
        """What `query` may stand for: a name or its beginning, its pinyin, a phone or its tail."""
        text = _folded(query)
        if not text:
            return set()
        words = {f"name:{text}"} | typed_words(query, syllables())
        digits = _digits(query)
        if len(digits) == 4:
            words.add(f"tail:{digits}")
        found = {self.word(word) for word in words}
        return found | {self._phone(digits)} if digits else found

    def phone_word(self, phone: str) -> int:
        """What everybody with this phone is found by."""
        return self._phone(_digits(phone))

    def word(self, word: str) -> int:
        """Of a word of a filter: `gender:f`, `bm:05`, `bd:05-17`, or a `field_word`."""
        return number_of(self._hashed(word))

    def _phone(self, digits: str) -> int:
        """Below 0: whole phones lie together in the index, as they are asked for together."""
        return -1 - number_of(self._hashed(f"phone:{digits}"))

    def _hashed(self, word: str) -> bytes:
        each = self._hash.copy()
        each.update(word.encode())
        return each.digest()


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
    if text.isascii() and text.isdigit():
        return text
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _digits(text: str) -> str:
    if text.isascii() and text.isdigit():
        return text
    folded = _folded(text)
    return "".join(c for c in folded if c.isascii() and c.isdigit()) if _is_phone(folded) else ""


def _is_phone(folded: str) -> bool:
    return bool(folded) and all(c in "0123456789+-()" for c in folded)
