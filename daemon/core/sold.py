"""What was sold and who earned what by it, as rows of the books: projections of the kept quotes and
refunds, for records and statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.refund import Refund


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


@dataclass(frozen=True, slots=True)
class Deed:
    """Whose rows these are: the operation, the employee's number, and the day it counts for."""

    op_id: str
    actor: str
    day: str
    member_id: str | None = None
    card_id: str | None = None


def sold_lines(deed: Deed, quote: Quote, parts: Mapping[str, int]) -> list[SaleLine]:
    """`parts` to a unit by line id, as the goods were counted on that day."""
    return [
        SaleLine(
            op_id=deed.op_id,
            line_id=quoted.line.line_id,
            day=deed.day,
            actor=deed.actor,
            category=quoted.category,
            name=quoted.name,
            quantity=quoted.line.quantity,
            list_fen=quoted.list_fen,
            paid_fen=quoted.paid_fen,
            code=quoted.line.code or "",
            parts=parts[quoted.line.line_id],
            member_id=deed.member_id,
            card_id=deed.card_id,
            points=quoted.points_earned,
            pass_uses=sum(taken.uses for taken in quoted.passes),
        )
        for quoted in quote.lines
    ]


def earned_by(deed: Deed, quote: Quote) -> list[CommissionRow]:
    return [
        CommissionRow(
            each.employee_id, deed.day, deed.op_id, line.line.line_id, each.rule_id, each.fen
        )
        for line in quote.lines
        for each in line.commission
    ]


def lines_back(deed: Deed, sold: Mapping[str, SaleLine], back: Refund) -> list[SaleLine]:
    """`sold` are the sale's own lines by id. The rows name the sale's member and card."""
    rows = []
    for line in back.lines:
        first = sold[line.line_id]
        rows.append(
            SaleLine(
                op_id=deed.op_id,
                line_id=line.line_id,
                day=deed.day,
                actor=deed.actor,
                category=first.category,
                name=first.name,
                quantity=-line.quantity,
                list_fen=-line.list_fen,
                paid_fen=-line.paid_fen,
                code=first.code,
                parts=first.parts,
                member_id=first.member_id,
                card_id=first.card_id,
                points=-line.points_earned,
                pass_uses=-sum(taken.uses for taken in line.passes),
            )
        )
    return rows


def earned_back(deed: Deed, back: Refund) -> list[CommissionRow]:
    return [
        CommissionRow(each.employee_id, deed.day, deed.op_id, line.line_id, each.rule_id, -each.fen)
        for line in back.lines
        for each in line.commission
        if each.fen
    ]
