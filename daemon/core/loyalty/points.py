"""Points by lot: which are spent first, what a change of the account takes, which lots are many
enough to be put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from daemon.core.entry import Account, Posting
from daemon.core.lot_rule import LotRule, lot_rule, usable
from daemon.core.records import Holding

POINTS: Final = "points"
SHOP_POINTS: Final = Account("shop", POINTS)
MOST_LOTS: Final = 24
"""Lots of points that may stand side by side: an entry moves 64 accounts at most."""
_FOR_EVER: Final = "9999-12-31"


def lots_in_order(holdings: Sequence[Holding], day: str) -> list[Holding]:
    """The lots of points that may be spent on `day`: what ends first first, then the oldest."""
    held = [each for each in usable(holdings, day) if each.account.asset == POINTS]
    return sorted(held, key=lambda each: (_end(each), each.account.lot))


def available(holdings: Sequence[Holding], day: str) -> int:
    return sum(each.balance for each in lots_in_order(holdings, day))


def draw(holdings: Sequence[Holding], points: int, day: str) -> tuple[Posting, ...]:
    """Takes `points` out of the lots, all together with the shop's side. There must be enough."""
    assert points > 0
    postings = []
    left = points
    for held in lots_in_order(holdings, day):
        taken = min(left, held.balance)
        if taken:
            postings.append(Posting(held.account, -taken))
            left -= taken
    assert left == 0, "the caller has looked"
    return (*postings, Posting(SHOP_POINTS, points))


def last_day(day: date, valid_days: int | None) -> str:
    """The last day of points given on `day` that live `valid_days`, that day among them."""
    return "" if valid_days is None else (day + timedelta(valid_days - 1)).isoformat()


def crowded(holdings: Sequence[Holding]) -> bool:
    return sum(each.account.asset == POINTS for each in holdings) > MOST_LOTS


def gathered(
    holdings: Sequence[Holding], day: str, at_most: int
) -> tuple[list[Holding], LotRule] | None:
    """The lots of the one month in which most of them end, and the rule of the lot that takes their
    place: it ends with the last of them, so nobody loses a day. None where no month has two."""
    months: dict[str, list[Holding]] = {}
    for held in lots_in_order(holdings, day):
        months.setdefault(lot_rule(held.rule).to_day[:7], []).append(held)
    if not months:
        return None
    chosen = max(months.values(), key=len)[:at_most]
    if len(chosen) < 2:
        return None
    return chosen, LotRule("gathered", max(lot_rule(held.rule).to_day for held in chosen))


def _end(held: Holding) -> str:
    return lot_rule(held.rule).to_day or _FOR_EVER
