"""Occasions of the standing triggers (D1): which are open today, under names that each happen once.

An occasion has a window. A shop that was switched off for weeks catches up with the windows that
are still open, and lets the others go: nobody is wished a happy birthday in the wrong month, and
nobody is flooded.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from daemon.core.pricing.standing import Birthday

ABSENT_WINDOW_DAYS: Final = 30
"""How long after the day on which somebody has been away long enough it is still worth saying."""


def birthday_occasion(birthday: Birthday | None, days_before: int, today: date) -> str | None:
    """Open from `days_before` the birthday to the day itself; named by the year that it falls in.
    Who was born on 29 February has the 28th in common years."""
    if birthday is None:
        return None
    for year in (today.year, today.year + 1):
        feast = feast_in(birthday, year)
        if feast - timedelta(days_before) <= today <= feast:
            return f"birthday:{year}"
    return None


def feast_in(birthday: Birthday, year: int) -> date:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    day = 28 if (birthday.month, birthday.day) == (2, 29) and not leap else birthday.day
    return date(year, birthday.month, day)


def absent_occasion(last_visit: str | None, days: int, today: date) -> str | None:
    """Open from the day that the last visit is `days` ago, for 30 days; once for each absence. Who
    never came is not absent."""
    if last_visit is None:
        return None
    away = (today - date.fromisoformat(last_visit)).days
    if days <= away <= days + ABSENT_WINDOW_DAYS:
        return f"absent:{last_visit}"
    return None


def ending(to_day: str | None, days_before: int, today: date) -> bool:
    """Whether something ends within `days_before` days, today among them, and is not over."""
    if not to_day:
        return False
    return today.isoformat() <= to_day <= (today + timedelta(days_before)).isoformat()
