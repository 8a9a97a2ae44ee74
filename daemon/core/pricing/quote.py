"""The price of a basket. The order of the rules is stated here and nowhere else:

    list price -> passes and gifts -> a price changed at the counter -> member discount ->
    promotions on a line -> promotions over several lines -> coupons -> points against the price ->
    the odd fen -> tenders -> points earned, level progress, commission

docs/pricing.md tells it with examples; `rounding` holds the only rule of rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from daemon.core.pricing.acting import act
from daemon.core.pricing.basket import Line, PassUse, Tender
from daemon.core.pricing.levels import NO_PROGRESS, Progress
from daemon.core.pricing.opening import OpenLine, open_lines
from daemon.core.pricing.promotion import Coupon
from daemon.core.pricing.quoted import Commission, Quote, QuotedLine
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.settling import (
    commission_of,
    offset_points,
    pay,
    points_earned,
    progress_fen,
    wipe_odd_fen,
)
from daemon.core.pricing.shop_time import moment
from daemon.core.pricing.standing import NO_CARD, MemberStanding


def quote(
    basket: Sequence[Line],
    standing: MemberStanding = NO_CARD,
    *,
    rules: RuleBook,
    now_ms: int,
    store: str = "",
    coupons: Sequence[Coupon] = (),
    points_to_use: int = 0,
    passes_to_use: Sequence[PassUse] = (),
    tenders: Sequence[Tender] = (),
    leave_out: Collection[str] = (),
) -> Quote:
    """What `basket` costs the member in `standing` at `store` now, with every fen explained.

    `leave_out` names promotions and coupons that the customer does not want to use. Without tenders
    the quote is a preview: `short_fen` is what is due, and what it earns is told as if it were paid
    with money.

    Raises BadRequest, NotFound and Refused as `opening.open_lines`, `acting.act` and `settling`
    say."""
    at = moment(now_ms, rules.utc_offset_min)
    lines = open_lines(basket, standing, rules, at, passes_to_use)
    acted = act(lines, standing, rules, store, at, coupons, leave_out)
    for line in lines:
        line.due_fen = line.left_fen
    points, reasons = offset_points(lines, standing, rules.points_offset, points_to_use)
    wipe_odd_fen(lines, rules.wipe_fen)
    paid = pay(lines, standing, rules.spend_order, tenders)
    earned = points_earned(lines, standing, rules)
    spend = progress_fen(lines, standing, rules)
    is_member = standing.member_id is not None
    progress = Progress(sum(spend), sum(earned), 1) if is_member else NO_PROGRESS
    now = standing.progress + progress.of(rules.ladder.measure)
    return Quote(
        member_id=standing.member_id,
        store=store,
        at_ms=now_ms,
        lines=tuple(
            _closed(line, earns, counts, commission_of(line, rules.commission))
            for line, earns, counts in zip(lines, earned, spend, strict=True)
        ),
        not_applied=(*acted.not_applied, *reasons),
        coupons=acted.coupons,
        points_offset=points,
        short_fen=paid.short_fen,
        change_fen=paid.change_fen,
        progress=progress,
        level=rules.ladder.level_at(now, standing.level) if is_member else None,
        proved_best=acted.proved_best,
    )


def _closed(
    line: OpenLine, points: int, spend_fen: int, commission: tuple[Commission, ...]
) -> QuotedLine:
    closed = QuotedLine(
        line=line.line,
        name=line.code.name,
        category=line.code.category,
        list_fen=line.list_fen,
        steps=tuple(line.steps),
        payments=tuple(line.payments),
        passes=line.passes,
        grants=line.code.grants,
        points_used=line.points_used,
        points_earned=points,
        points_rule=line.times_rule if points else "",
        progress_fen=spend_fen,
        commission=commission,
    )
    assert closed.paid_fen == line.left_fen >= 0, "a quote explains every fen"
    assert sum(payment.fen for payment in line.payments) <= line.left_fen
    return closed
