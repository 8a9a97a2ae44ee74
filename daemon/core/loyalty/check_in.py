"""Check-in (签到): once a day, with a streak that brings a bonus on some of its days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from daemon.core.loyalty.held import CheckIn


def points_on(streak: int, points: int, bonuses: Mapping[int, int]) -> int:
    """What the check-in brings that makes the streak `streak` days long: `points`, and more on the
    days that `bonuses` (days in a row -> points) names."""
    assert streak > 0
    return points + bonuses.get(streak, 0)


def next_bonus(streak: int, bonuses: Mapping[int, int]) -> tuple[int, int] | None:
    """How many check-ins in a row are missing to the next bonus, and what it brings."""
    ahead = [days for days, points in bonuses.items() if days > streak and points]
    return (min(ahead) - streak, bonuses[min(ahead)]) if ahead else None


def streak_on(last: CheckIn | None, day: date) -> int | None:
    """How long the streak is with a check-in on `day`, or None where there was one on that day or
    a later one (the clock was set back)."""
    if last is None:
        return 1
    before = date.fromisoformat(last.day)
    if before >= day:
        return None
    return last.streak + 1 if before + timedelta(1) == day else 1


def streak_now(last: CheckIn | None, day: date) -> int:
    """The streak that stands on `day`: 0 when a day was left out."""
    if last is None or date.fromisoformat(last.day) + timedelta(1) < day:
        return 0
    return last.streak
