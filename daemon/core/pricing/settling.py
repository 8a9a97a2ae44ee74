"""The second half of a price: points against it, the odd fen, the tenders, and what the sale earns
and pays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.errors import BadRequest, Refused
from daemon.core.policy import SpendOrder
from daemon.core.pricing.basket import Tender, TenderKind
from daemon.core.pricing.commission import CommissionTable, Served
from daemon.core.pricing.conditions import NotApplied, Reason
from daemon.core.pricing.opening import OpenLine
from daemon.core.pricing.points import Earned, PointsOffset, points_of
from daemon.core.pricing.quoted import OWED, Commission, Payment, Source, StepKind
from daemon.core.pricing.rounding import WHOLE_BP, spread
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding
from daemon.core.spend import plan_spend

OFFSET_RULE = "points_offset"
WIPE_RULE = "wipe"


def offset_points(
    lines: Sequence[OpenLine],
    standing: MemberStanding,
    offset: PointsOffset | None,
    points_to_use: int,
) -> tuple[int, list[NotApplied]]:
    """Takes up to `points_to_use` points off the price, in whole steps: the points that were taken,
    and why not more. Raises BadRequest("points_negative")."""
    if points_to_use < 0:
        raise BadRequest("points_negative")
    if points_to_use == 0:
        return 0, []
    if (
        offset is None
        or standing.member_id is None
        or (offset.categories and standing.category not in offset.categories)
    ):
        return 0, [NotApplied(OFFSET_RULE, Reason.POINTS_OFF)]
    able = [
        line
        for line in lines
        if line.open_to_rules and offset.scope.covers(line.line.code, line.code.category)
    ]
    left = [line.left_fen for line in able]
    if sum(left) == 0:
        return 0, [NotApplied(OFFSET_RULE, Reason.POINTS_OFF)]
    if sum(left) < offset.minimum_fen:
        missing = offset.minimum_fen - sum(left)
        return 0, [NotApplied(OFFSET_RULE, Reason.BELOW_MINIMUM, "", missing)]
    available = standing.points - sum(line.points_used for line in lines)
    asked = points_to_use // offset.step_points
    steps = min(asked, available // offset.step_points, offset.most_steps(sum(left)))
    reasons = []
    if points_to_use > available:
        reasons.append(NotApplied(OFFSET_RULE, Reason.POINTS_SHORT))
    elif steps * offset.step_points < points_to_use:
        reasons.append(NotApplied(OFFSET_RULE, Reason.POINTS_AT_MOST))
    shares = spread(steps * offset.step_fen, left)
    points = spread(steps * offset.step_points, shares)
    for line, fen, used in zip(able, shares, points, strict=True):
        line.take(StepKind.POINTS, OFFSET_RULE, fen)
        line.points_used += used
    return steps * offset.step_points, reasons


def wipe_odd_fen(lines: Sequence[OpenLine], wipe_fen: int) -> None:
    """Lets the odd fen of the whole go. Fixed lines (fees) count but are not touched."""
    able = [line for line in lines if line.open_to_rules]
    odd = min(sum(line.left_fen for line in lines) % wipe_fen, sum(line.left_fen for line in able))
    for line, fen in zip(able, spread(odd, [each.left_fen for each in able]), strict=True):
        line.take(StepKind.WIPE, WIPE_RULE, fen)


@dataclass(frozen=True, slots=True)
class Paid:
    short_fen: int
    change_fen: int


def pay(
    lines: Sequence[OpenLine],
    standing: MemberStanding,
    order: SpendOrder,
    tenders: Sequence[Tender],
) -> Paid:
    """Gives every line its share of every payment: each payment is spread over what the payments
    before it left of the lines, so that lines and payments both come out exactly.

    Raises BadRequest("tender_unclear"), Refused("tender_too_much" | "insufficient_funds")."""
    if sum(tender.amount_fen is None for tender in tenders) > 1:
        raise BadRequest("tender_unclear")
    due = sum(line.left_fen for line in lines)
    amounts, change = _amounts(tenders, due)
    left = [line.left_fen for line in lines]
    for kind, amount in amounts.items():
        for payment in _payments(kind, amount, standing, order):
            for place, share in enumerate(spread(payment.fen, left)):
                if share:
                    lines[place].payments.append(Payment(payment.source, share))
                    left[place] -= share
    return Paid(sum(left), change)


def _amounts(tenders: Sequence[Tender], due_fen: int) -> tuple[dict[TenderKind, int], int]:
    """What each kind of tender pays, and the change. Cash is taken last, so that nobody gets change
    for what a card has paid."""
    named: dict[TenderKind, int] = {}
    for tender in tenders:
        named[tender.kind] = named.get(tender.kind, 0) + (tender.amount_fen or 0)
    cash = named.pop(TenderKind.CASH, 0)
    over = sum(named.values()) - due_fen
    if over > 0:
        raise Refused("tender_too_much", over_fen=over)
    left = due_fen - sum(named.values())
    if cash:
        named[TenderKind.CASH] = min(cash, left)
    rest = [tender.kind for tender in tenders if tender.amount_fen is None]
    if rest and left > cash:
        named[rest[0]] = named.get(rest[0], 0) + left - cash
    return {kind: fen for kind, fen in named.items() if fen}, max(0, cash - left)


def _payments(
    kind: TenderKind, amount_fen: int, standing: MemberStanding, order: SpendOrder
) -> list[Payment]:
    if kind is not TenderKind.STORED:
        return [Payment(Source(kind), amount_fen)]
    available = standing.balance.total_fen
    owed = max(0, amount_fen - available)
    if owed > standing.credit_fen:
        raise Refused(
            "insufficient_funds", short_fen=amount_fen - available, available_fen=available
        )
    paid = []
    if amount_fen > owed:
        paid = [
            Payment(Source(kind, account.asset, account.lot), fen)
            for account, fen in plan_spend(amount_fen - owed, standing.holdings, order)
            if fen
        ]
    return [*paid, Payment(Source(kind, OWED), owed)] if owed else paid


def _counted_fen(line: OpenLine, bonus_counts: bool) -> int:
    """What of a line's payment counts; a line that is not yet paid counts whole."""
    if bonus_counts:
        return line.left_fen
    return line.left_fen - sum(
        payment.fen for payment in line.payments if payment.source.asset == "bonus"
    )


def points_earned(
    lines: Sequence[OpenLine], standing: MemberStanding, rules: RuleBook
) -> list[int]:
    if standing.category is None or standing.member_id is None:
        return [0] * len(lines)
    claims: list[Earned | None] = []
    for line in lines:
        rate = rules.earning.rate(standing.category, line.code, rules.catalogue)
        earns = rate is not None and line.earns and not line.code.fixed
        counted = _counted_fen(line, rules.earning.bonus_earns)
        claims.append(Earned(counted, rate, line.times_bp) if rate and earns else None)
    level_bp = rules.earning.level_bp.get(standing.level or "", WHOLE_BP)
    return points_of(claims, level_bp)


def progress_fen(lines: Sequence[OpenLine], standing: MemberStanding, rules: RuleBook) -> list[int]:
    """What of each line counts as spend for the level ladder."""
    if standing.member_id is None:
        return [0] * len(lines)
    return [
        0 if line.code.fixed else _counted_fen(line, rules.ladder.bonus_counts) for line in lines
    ]


def commission_of(line: OpenLine, table: CommissionTable) -> tuple[Commission, ...]:
    """An open amount is one count, whatever it comes to."""
    if not line.line.staff:
        return ()
    by_pass = sum(taken.worth_fen for taken in line.passes)
    open_amount = line.line.code is None
    served = Served(
        count=1 if open_amount else line.line.quantity,
        parts=1 if open_amount else line.code.unit.parts,
        list_fen=line.list_fen,
        due_fen=line.due_fen + by_pass,
        paid_fen=line.left_fen + by_pass,
    )
    shares = table.commission(line.line.code, line.code.category, line.line.staff, served)
    return tuple(Commission(employee, rule, fen) for employee, rule, fen in shares)
