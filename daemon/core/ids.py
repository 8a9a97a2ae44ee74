"""Ids in time order (the ULID layout: 48 bits of milliseconds, 80 random bits, Crockford base 32).

Time order keeps the ledger's index pages together, which is fewer pages written to an SD card.
"""

from __future__ import annotations

import re
from base64 import b32encode

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
_USUAL = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())
_FORM = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def make_id(now_ms: int, entropy: bytes) -> str:
    """26 characters from `now_ms` (Unix milliseconds) and 10 random bytes."""
    assert len(entropy) == 10 and 0 <= now_ms < 1 << 48
    return id_text(now_ms.to_bytes(6, "big") + entropy)


def is_id(text: str) -> bool:
    return _FORM.match(text) is not None


def id_bytes(text: str) -> bytes:
    """The 16 bytes behind an id. `text` must satisfy `is_id`."""
    assert is_id(text)
    value = 0
    for character in text:
        value = value << 5 | ALPHABET.index(character)
    return value.to_bytes(16, "big")


def id_text(raw: bytes) -> str:
    """Inverse of `id_bytes`."""
    assert len(raw) == 16
    # 20 bytes are 32 characters of five bits; the first six are of the four bytes put before.
    return b32encode(bytes(4) + raw)[6:].translate(_USUAL).decode()
