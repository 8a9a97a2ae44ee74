"""Whom the daily round looks at: of all members only those for whom something may be open today,
found by what the books know of days, a stretch at a time. No personal data is opened for others.

A stage is one place to look. Each stretch reads a bounded number of rows, so a search at the
counter waits for none of them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from daemon.core.loyalty.held import Sweep
from daemon.core.loyalty.occasions import ABSENT_WINDOW_DAYS
from daemon.operations.shop import Shop
from daemon.operations.triggers import NOTICE_DAYS, On
from daemon.ports.ledger import Books

STAGES: Final = ("members", "visits", "coupons", "lots", "birthdays")
LOOK_AT: Final = 2_000
"""Rows of one stretch: a few milliseconds."""
_NOBODY: Final = Sweep((), None)


def next_due(
    shop: Shop, books: Books, stage: str, after: str, today: date, look_at: int = LOOK_AT
) -> Sweep:
    """The next members that `stage` finds behind the place `after` ("" is its beginning)."""
    if stage == "members":
        ladder = shop.rules.book.ladder
        moves = bool(ladder.demotes and shop.rules.level_window_days and ladder.rungs)
        ends = _until(today, max([NOTICE_DAYS, *_days(shop, "expiring")]))
        return books.sweep_members(after, look_at, *ends, leveled=moves)
    if stage == "visits":
        away = _days(shop, "absent")
        if not away:
            return _NOBODY
        first = today - timedelta(max(away) + ABSENT_WINDOW_DAYS)
        last = today - timedelta(min(away))
        return books.sweep_visits(after, look_at, first.isoformat(), last.isoformat())
    if stage == "birthdays":
        return _birthdays(shop, books, after, today, look_at)
    near = _days(shop, "expiring")
    if not near:
        return _NOBODY
    ends = _until(today, max(near))
    sweep = books.sweep_coupons if stage == "coupons" else books.sweep_lots
    return sweep(after, look_at, *ends)


def _birthdays(shop: Shop, books: Books, after: str, today: date, look_at: int) -> Sweep:
    """Day by day: `after` is the day and the last member of it."""
    before = _days(shop, "birthday")
    if not before:
        return _NOBODY
    begun, _, member_id = after.partition("/")
    day = date.fromisoformat(begun) if begun else today
    found = books.born_on(_feasts(day), member_id, look_at)
    if len(found) == look_at:
        return Sweep(found, f"{day.isoformat()}/{found[-1]}")
    following = day + timedelta(1)
    if following > today + timedelta(max(before)):
        return Sweep(found, None)
    return Sweep(found, f"{following.isoformat()}/")


def _feasts(day: date) -> tuple[str, ...]:
    """MM-DD of those who have their birthday on `day`: in common years, the 28th of February is
    also the day of those who were born on the 29th."""
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    own = day.strftime("%m-%d")
    return (own, "02-29") if own == "02-28" and not leap else (own,)


def _days(shop: Shop, on: On) -> list[int]:
    return [trigger.days for trigger in shop.rules.triggers if trigger.on == on]


def _until(today: date, days: int) -> tuple[str, str]:
    return today.isoformat(), (today + timedelta(days)).isoformat()
