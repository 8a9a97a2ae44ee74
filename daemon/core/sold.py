"""What was sold and who earned what by it, as rows of the books: projections of the kept quotes and
refunds, for records and statements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of a sale, or, with negative amounts, of a refund or void. `op_id` is the operation
    that moved it, `day` its day (YYYY-MM-DD), `actor` the employee's number. `quantity` counts
    parts of the unit (`parts` to a unit). `points` earned; `pass_uses` paid with."""

    op_id: str
    line_id: str
    day: str
    actor: str
    category: str
    name: str
    quantity: int
    list_fen: int
    paid_fen: int
    code: str = ""
    parts: int = 1
    member_id: str | None = None
    card_id: str | None = None
    points: int = 0
    pass_uses: int = 0


@dataclass(frozen=True, slots=True)
class CommissionRow:
    """What `employee_id` earned by `rule_id` with a line; negative where it was taken back."""

    employee_id: str
    day: str
    op_id: str
    line_id: str
    rule_id: str
    fen: int


@dataclass(frozen=True, slots=True)
class HabitSum:
    """A member's habits summed over days."""

    visits: int = 0
    spent_fen: int = 0
    recharged_fen: int = 0
    points: int = 0
