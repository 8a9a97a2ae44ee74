"""How a leaf is spelled: deterministic CBOR (RFC 8949 section 4.2.1) for what leaves hold.

Each entry is spelled when it is written, and once more whenever one is read, to see that nobody
else spells it otherwise; a general encoder looks at every value to find out what it is, which took
most of the time of verifying a batch. Here it is known. A test holds every spelling to that of
cbor2, which also spells what is too large for eight bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import cbor2

UNSIGNED: Final = 0x00
NEGATIVE: Final = 0x20
TEXT: Final = 0x60
ARRAY: Final = 0x80
MAP: Final = 0xA0
"""Major types 0, 1, 3, 4 and 5, in the three high bits (section 3.1)."""


def head(major: int, argument: int) -> bytes:
    """The shortest head (section 4.2.1) of an argument below 2**64."""
    if argument < 24:
        return bytes((major | argument,))
    if argument <= 0xFF:
        return bytes((major | 24, argument))
    if argument <= 0xFFFF:
        return ((major | 25) << 16 | argument).to_bytes(3, "big")
    if argument <= 0xFFFF_FFFF:
        return ((major | 26) << 32 | argument).to_bytes(5, "big")
    return ((major | 27) << 64 | argument).to_bytes(9, "big")


_SMALL: Final = tuple(head(UNSIGNED, number) for number in range(256))
_SHORT: Final = tuple(head(TEXT, length) for length in range(256))


def whole(number: int) -> bytes:
    """A whole number of any size."""
    if 0 <= number < 256:
        return _SMALL[number]
    if 0 <= number < 1 << 64:
        return head(UNSIGNED, number)
    if -(1 << 64) <= number < 0:
        return head(NEGATIVE, -1 - number)
    return cbor2.dumps(number, canonical=True)


def text(value: str) -> bytes:
    """Raises ValueError for a text that has no UTF-8."""
    encoded = value.encode()
    length = len(encoded)
    return (_SHORT[length] if length < 256 else head(TEXT, length)) + encoded


def facts(named: Mapping[str, int | str]) -> bytes:
    """A map from texts to numbers and texts, by the order of the keys' spellings."""
    spelled = [
        (text(name), text(value) if type(value) is str else _number(value))
        for name, value in named.items()
    ]
    spelled.sort()
    return head(MAP, len(spelled)) + b"".join([part for pair in spelled for part in pair])


def _number(value: object) -> bytes:
    # True is a number to Python and none to CBOR.
    return whole(value) if type(value) is int else cbor2.dumps(value, canonical=True)
