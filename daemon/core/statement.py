"""A statement of commission (E2): what an employee earned in a period, by rule and code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommissionRow:
    """`lines` is how many lines of sales, less those that were refunded; `fen` what they brought,
    refunds taken off. `code` is "" for an amount that was keyed in."""

    rule_id: str
    code: str
    name: str
    lines: int
    fen: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`account_fen` is the balance of the employee's account in the journal, `projected_fen` what
    all rows ever written add up to: they are equal, or the projection must be made again."""

    employee_id: str
    number: str
    name: str
    grade: str
    rows: tuple[CommissionRow, ...]
    account_fen: int
    projected_fen: int

    @property
    def total_fen(self) -> int:
        return sum(row.fen for row in self.rows)

    @property
    def agrees(self) -> bool:
        return self.account_fen == self.projected_fen


def by_grade(statements: Iterable[Statement]) -> Mapping[str, int]:
    """What all employees of each grade earned, in fen."""
    totals: dict[str, int] = {}
    for statement in statements:
        totals[statement.grade] = totals.get(statement.grade, 0) + statement.total_fen
    return dict(sorted(totals.items()))
