"""Numbers of bank cards, recognised so that they are refused and never kept.

A number is a bank card's where its check digit fits (Luhn, ISO/IEC 7812-1 annex B), its length is
one of a card scheme's, and it begins as that scheme's do. Membership numbers need none of this."""

from __future__ import annotations

from typing import Final

SHORTEST: Final = 13
LONGEST: Final = 19

_SCHEMES: Final[tuple[tuple[str, str, range], ...]] = (
    # First and last beginning, and the lengths: ISO/IEC 7812 issuer numbers as the schemes tell.
    ("4", "4", range(13, 20)),  # Visa
    ("51", "55", range(16, 17)),  # Mastercard
    ("2221", "2720", range(16, 17)),
    ("34", "34", range(15, 16)),  # American Express
    ("37", "37", range(15, 16)),
    ("300", "305", range(14, 20)),  # Diners Club
    ("3095", "3095", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),  # JCB
    ("6011", "6011", range(16, 20)),  # Discover
    ("644", "659", range(16, 20)),
    ("62", "62", range(13, 20)),  # UnionPay
    ("81", "81", range(16, 20)),
    ("50", "50", range(13, 20)),  # Maestro
    ("56", "58", range(13, 20)),
    ("63", "63", range(13, 20)),
    ("67", "67", range(13, 20)),
    ("2200", "2204", range(16, 20)),  # Mir
    ("9558", "9558", range(16, 20)),  # Chinese debit cards from before the 62 range
)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others. False for anything but digits."""
    if not digits or not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_bank_number(digits: str) -> bool:
    """Whether `digits` are the number (PAN) of a bank card. Spaces between them do not count, as
    some issuers set them on track 1."""
    digits = digits.replace(" ", "")
    if not SHORTEST <= len(digits) <= LONGEST or not luhn(digits):
        return False
    return any(
        len(digits) in lengths and first <= digits[: len(first)] <= last
        for first, last, lengths in _SCHEMES
    )
