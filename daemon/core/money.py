"""Money is an integer number of fen (1 yuan = 100 fen). Never a float."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.errors import BadRequest

MAX_FEN = 10**11
"""One thousand million yuan: far above any legal card, far below a 64-bit integer's edge."""


@dataclass(frozen=True, slots=True)
class Purse:
    """Principal (本金) and bonus (赠金), in fen: a balance, or what was taken from one."""

    principal_fen: int = 0
    bonus_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.principal_fen + self.bonus_fen

    def as_json(self) -> dict[str, int]:
        return {"principal_fen": self.principal_fen, "bonus_fen": self.bonus_fen}


def require_amount(amount_fen: int, *, most_fen: int = MAX_FEN) -> int:
    """Returns `amount_fen` if it is a positive amount of at most `most_fen`.

    Raises BadRequest("amount_not_positive" | "amount_too_large").
    """
    assert isinstance(amount_fen, int) and not isinstance(amount_fen, bool)
    if amount_fen <= 0:
        raise BadRequest("amount_not_positive")
    if amount_fen > most_fen:
        raise BadRequest("amount_too_large", most_fen=most_fen)
    return amount_fen


def yuan(amount_fen: int) -> str:
    """`1850 -> "18.50"`, `-5 -> "-0.05"`: for receipts and logs; no currency sign."""
    sign = "-" if amount_fen < 0 else ""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{part:02d}"


def parse_yuan(text: str) -> int:
    """`"18.5" -> 1850`. Raises BadRequest("amount_not_a_number") on anything but digits with at
    most two decimals."""
    whole, _, part = text.strip().partition(".")
    if not (whole.isascii() and whole.isdigit()) or len(whole) > 10:
        raise BadRequest("amount_not_a_number")
    if part and not (part.isascii() and part.isdigit() and len(part) <= 2):
        raise BadRequest("amount_not_a_number")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def share(amount_fen: int, basis_points: int) -> int:
    """`amount × basis_points / 10 000`, rounded down: the one place where a ratio meets money."""
    assert basis_points >= 0
    return amount_fen * basis_points // 10_000
