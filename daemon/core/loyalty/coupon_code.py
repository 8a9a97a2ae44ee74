"""Coupon codes: 12 characters of Crockford's base 32 that nobody guesses and a slip of the finger
does not turn into another one.

    2 of the device that issued it | 9 random (45 bits) | 1 check

The check is a remainder over GF(32), as in a cyclic code: one wrong character, or two that changed
places, never give a code that passes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from daemon.core.ids import ALPHABET

LENGTH: Final = 12
RANDOM_BITS: Final = 45
_RANDOM: Final = RANDOM_BITS // 5
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def make_code(issuer: str, random_bits: int) -> str:
    """`issuer` names the device within the merchant; `random_bits` come from the system's secure
    source."""
    assert 0 <= random_bits < 1 << RANDOM_BITS
    mark = int.from_bytes(sha256(issuer.encode()).digest()[:2], "big") >> 6
    value = mark << RANDOM_BITS | random_bits
    body = "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (_RANDOM + 1), -5, -5))
    return body + ALPHABET[_check(body)]


def read_code(text: str) -> str | None:
    """As it was typed or scanned, in the form that it is kept in; None for what is no code."""
    code = text.upper().translate(_READ_AS)
    if len(code) != LENGTH or any(letter not in ALPHABET for letter in code):
        return None
    return code if ALPHABET[_check(code[:-1])] == code[-1] else None


def printed(code: str) -> str:
    """In groups of four, for a person to type."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _check(body: str) -> int:
    state = 0
    for letter in body:
        state = _times_alpha(state) ^ ALPHABET.index(letter)
    return _times_alpha(state)


def _times_alpha(value: int) -> int:
    """In GF(32) with x^5 + x^2 + 1, whose root has order 31: more than the length of a code."""
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value
