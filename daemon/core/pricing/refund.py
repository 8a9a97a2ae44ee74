"""The way back of a sale, whole or by line and quantity: the exact inverse of the quote it was sold
under, whatever the rules say today.

Every amount of a line (each payment, each step, points, pass uses, commission, progress) comes back
in proportion to the quantity, rounded from the beginning of the line (`rounding.part`), so that
refunds in any order and any cut add up to exactly what was sold and never to more. Thresholds are
not judged again: a line gives back its share of 满减, the goods that stay keep theirs.

Money returns to where it came from; goods that were paid with the card go back to the card. What
the sale gave and the member has used up since (points earned, uses of a pass that was sold) cannot
be taken back: it is a debt, in the refund and in words on the screen, for the shop to settle or to
let go. Nothing here withholds money for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.pricing.levels import NO_PROGRESS, Progress
from daemon.core.pricing.points import PointsOffset
from daemon.core.pricing.quoted import (
    Commission,
    PassTaken,
    Payment,
    Quote,
    QuotedLine,
    Source,
    Step,
    summed,
)
from daemon.core.pricing.rounding import part

_ENDLESS: Final = 10**12


@dataclass(frozen=True, slots=True)
class BalancesNow:
    """What the member holds before the refund: points, and of each pass that the sale gave, by
    line, the uses that are left (nothing: all of them)."""

    points: int = 0
    granted_left: Mapping[str, int] = field(default_factory=dict)


class DebtKind(Enum):
    POINTS = "points"
    USES = "uses"


class Debt(NamedTuple):
    """What cannot be taken back: `amount` points, or uses of the pass that `line_id` gave; and what
    that is worth in money, rounded up (0 where points have no price)."""

    kind: DebtKind
    amount: int
    worth_fen: int
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """`quantity` of a line goes back to the shelf, and all this goes back with it. `uses_granted`
    are uses of the pass that the line gave. Amounts are positive and undo what the quote did."""

    line_id: str
    code: str | None
    quantity: int
    list_fen: int
    steps: tuple[Step, ...] = ()
    payments: tuple[Payment, ...] = ()
    passes: tuple[PassTaken, ...] = ()
    uses_granted: int = 0
    points_used: int = 0
    points_earned: int = 0
    progress_fen: int = 0
    commission: tuple[Commission, ...] = ()

    @property
    def paid_fen(self) -> int:
        return sum(payment.fen for payment in self.payments)


@dataclass(frozen=True, slots=True)
class Refund:
    """`points_back` are put into the account, `points_taken` out of it; with `debts` that is all
    that the sale moved. `whole` tells that nothing of the sale is left, and then its `coupons` are
    free again and the visit is undone."""

    lines: tuple[RefundedLine, ...]
    whole: bool
    points_back: int = 0
    points_taken: int = 0
    debts: tuple[Debt, ...] = ()
    coupons: tuple[str, ...] = ()
    progress: Progress = NO_PROGRESS

    @property
    def paid_fen(self) -> int:
        return sum(line.paid_fen for line in self.lines)

    @property
    def debt_worth_fen(self) -> int:
        return sum(debt.worth_fen for debt in self.debts)

    def payments(self) -> dict[Source, int]:
        return summed(payment for line in self.lines for payment in line.payments)

    def passes(self) -> dict[str, int]:
        return summed((p.pass_id, p.uses) for line in self.lines for p in line.passes)

    def commission(self) -> dict[str, int]:
        return summed((c.employee_id, c.fen) for line in self.lines for c in line.commission)


def left_to_refund(sold: Quote, earlier: Iterable[Refund]) -> dict[str, int]:
    """Line id -> quantity that has not been returned."""
    left = {line.line.line_id: line.line.quantity for line in sold.lines}
    for refunded in earlier:
        for line in refunded.lines:
            left[line.line_id] -= line.quantity
            assert left[line.line_id] >= 0, "more was refunded than sold"
    return left


def refund(
    sold: Quote,
    earlier: Sequence[Refund],
    quantities: Mapping[str, int],
    balances: BalancesNow,
    offset: PointsOffset | None = None,
) -> Refund:
    """Takes back `quantities` (line id -> quantity) of a settled sale. `left_to_refund` names all
    that is left. `offset` prices points that are owed.

    Raises BadRequest("refund_empty" | "quantity_out_of_range" | "not_settled"),
    NotFound("line_unknown"), Refused("refund_above_sold")."""
    if not sold.settled:
        raise BadRequest("not_settled")
    if not quantities:
        raise BadRequest("refund_empty")
    left = left_to_refund(sold, earlier)
    known = {line.line.line_id: line for line in sold.lines}
    for line_id, quantity in quantities.items():
        if line_id not in known:
            raise NotFound("line_unknown", line=line_id)
        if quantity <= 0:
            raise BadRequest("quantity_out_of_range", line=line_id)
        if quantity > left[line_id]:
            raise Refused("refund_above_sold", line=line_id, left=left[line_id])
    lines = tuple(
        _part_of_line(line, line.line.quantity - left[line_id], quantities[line_id])
        for line_id, line in known.items()
        if line_id in quantities
    )
    whole = all(left[line_id] == quantities.get(line_id, 0) for line_id in left)
    back = sum(line.points_used for line in lines)
    owed = sum(line.points_earned for line in lines)
    taken = min(owed, max(0, balances.points + back))
    debts = [*_points_debt(owed - taken, offset), *_pass_debts(sold, left, lines, balances)]
    return Refund(
        lines=lines,
        whole=whole,
        points_back=back,
        points_taken=taken,
        debts=tuple(debts),
        coupons=sold.coupons if whole else (),
        progress=Progress(
            sum(line.progress_fen for line in lines), owed, sold.progress.visits if whole else 0
        ),
    )


def whole_of(sold: Quote) -> Refund:
    """All of a sale, as if nothing of it had been used since: what a void undoes."""
    return refund(
        sold,
        (),
        {line.line.line_id: line.line.quantity for line in sold.lines},
        balances=BalancesNow(points=_ENDLESS),
    )


def _part_of_line(line: QuotedLine, before: int, quantity: int) -> RefundedLine:
    whole = line.line.quantity

    def back(amount: int) -> int:
        return part(amount, before, before + quantity, whole)

    steps = tuple(Step(step.kind, step.rule_id, back(step.fen)) for step in line.steps)
    payments = tuple(Payment(payment.source, back(payment.fen)) for payment in line.payments)
    passes = (
        PassTaken(each.pass_id, back(each.uses), back(each.worth_fen)) for each in line.passes
    )
    commission = tuple(
        Commission(each.employee_id, each.rule_id, back(each.fen)) for each in line.commission
    )
    taken_off = sum(step.fen for step in steps)
    return RefundedLine(
        line_id=line.line.line_id,
        code=line.line.code,
        quantity=quantity,
        # Each amount is rounded for itself; what they were parts of is their sum.
        list_fen=taken_off + sum(payment.fen for payment in payments),
        steps=steps,
        payments=payments,
        passes=tuple(passes),
        uses_granted=line.grants.count * quantity if line.grants else 0,
        points_used=back(line.points_used),
        points_earned=back(line.points_earned),
        progress_fen=back(line.progress_fen),
        commission=commission,
    )


def _points_debt(points: int, offset: PointsOffset | None) -> list[Debt]:
    if points == 0:
        return []
    return [Debt(DebtKind.POINTS, points, offset.worth_fen(points) if offset else 0)]


def _pass_debts(
    sold: Quote, left: Mapping[str, int], lines: Sequence[RefundedLine], balances: BalancesNow
) -> list[Debt]:
    """A pass is taken back with its unused uses; the used ones are worth what they cost."""
    debts = []
    granted = {line.line.line_id: line for line in sold.lines if line.grants}
    for refunded in lines:
        line = granted.get(refunded.line_id)
        if line is None or line.grants is None:
            continue
        uses_out = line.grants.count * left[refunded.line_id]
        unused = min(balances.granted_left.get(refunded.line_id, uses_out), uses_out)
        short = refunded.uses_granted - min(unused, refunded.uses_granted)
        if short:
            uses_sold = line.grants.count * line.line.quantity
            worth = -(-line.paid_fen * short // uses_sold)
            debts.append(Debt(DebtKind.USES, short, worth, refunded.line_id))
    return debts
