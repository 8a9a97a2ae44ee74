"""For whom and when a promotion speaks, and the typed reason when it does not.

Conditions come in two parts. What can be looked up by its exact value (member category, level, tag,
store, days) is what `index` finds promotions by. The `Season` is asked: few different ones exist in
a shop however many promotions share them, and each is asked once per sale.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import NamedTuple

from daemon.core.errors import BadRequest
from daemon.core.pricing.shop_time import Moment
from daemon.core.pricing.standing import Birthday, Habit, MemberStanding

DAY_MIN = 24 * 60


class Reason(Enum):
    """Why a rule did not act; the value is a key for the screen."""

    NOT_YET = "not_yet"
    OVER = "over"
    OTHER_STORE = "other_store"
    OTHER_CATEGORY = "other_category"
    OTHER_LEVEL = "other_level"
    NO_SUCH_TAG = "no_such_tag"
    OTHER_WEEKDAY = "other_weekday"
    OTHER_HOUR = "other_hour"
    NOT_THE_BIRTHDAY = "not_the_birthday"
    OTHER_HABIT = "other_habit"
    NOTHING_IN_SCOPE = "nothing_in_scope"
    BELOW_MINIMUM = "below_minimum"
    """`short_fen` is missing to the first tier, or pieces are missing to the first set."""
    BETTER_OFFER = "better_offer"
    """`by` is the rule that took its place."""
    NOT_TOGETHER = "not_together"
    """It may not stand beside `by`."""
    BRINGS_NOTHING = "brings_nothing"
    LEFT_OUT = "left_out"
    """The customer or the cashier asked for the sale without it."""
    USED = "used"
    OTHER_MEMBER = "other_member"
    NOT_FOR_A_SALE = "not_for_a_sale"
    POINTS_OFF = "points_off"
    """The shop does not take points, or not from this member or for these goods."""
    POINTS_SHORT = "points_short"
    POINTS_AT_MOST = "points_at_most"
    """The shop takes points for a share of the sale only, and in whole steps."""


class NotApplied(NamedTuple):
    """A rule that did not act. `by` names the rule that stood in its way."""

    rule_id: str
    reason: Reason
    by: str = ""
    short_fen: int = 0


@dataclass(frozen=True, slots=True)
class BirthdayWindow:
    """From `days_before` to `days_after` the birthday, or its whole month. Who was born on 29
    February has the 28th in common years."""

    days_before: int = 0
    days_after: int = 0
    whole_month: bool = False

    def holds(self, birthday: Birthday | None, day: date) -> bool:
        if birthday is None:
            return False
        if self.whole_month:
            return birthday.month == day.month
        return any(
            feast - timedelta(self.days_before) <= day <= feast + timedelta(self.days_after)
            for feast in (_feast(birthday, day.year + shift) for shift in (-1, 0, 1))
        )


def _feast(birthday: Birthday, year: int) -> date:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 if birthday.month == 2 and not leap else 31
    return date(year, birthday.month, min(birthday.day, last))


@dataclass(frozen=True, slots=True)
class HabitRange:
    """Bounds on RFM, each inclusive. `away_days_*` counts days since the last visit; a member who
    never came has been away for ever. A first visit is `visits_most=0`."""

    away_days_least: int | None = None
    away_days_most: int | None = None
    visits_least: int | None = None
    visits_most: int | None = None
    spent_least_fen: int | None = None
    spent_most_fen: int | None = None

    def holds(self, habit: Habit, day: date) -> bool:
        if habit.last_visit is None:
            if self.away_days_most is not None:
                return False
        elif not _within((day - habit.last_visit).days, self.away_days_least, self.away_days_most):
            return False
        return _within(habit.visits, self.visits_least, self.visits_most) and _within(
            habit.spent_fen, self.spent_least_fen, self.spent_most_fen
        )


def _within(value: int, least: int | None, most: int | None) -> bool:
    return (least is None or least <= value) and (most is None or value <= most)


class Hours(NamedTuple):
    """Minutes since midnight, the end not included; past midnight when it ends before it begins
    (22:00 to 02:00), and then the weekday is the one on the clock."""

    from_minute: int
    to_minute: int

    def holds(self, minute: int) -> bool:
        if self.from_minute <= self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute


@dataclass(frozen=True, slots=True)
class Season:
    """Weekdays (0 Monday), hours, birthday and habit; empty is no condition."""

    weekdays: frozenset[int] = frozenset()
    hours: tuple[Hours, ...] = ()
    birthday: BirthdayWindow | None = None
    habit: HabitRange | None = None

    def __post_init__(self) -> None:
        bounds = [bound for hours in self.hours for bound in hours]
        if not all(0 <= bound <= DAY_MIN for bound in bounds) or not self.weekdays <= set(range(7)):
            raise BadRequest("conditions_malformed")

    def why_not(self, standing: MemberStanding, at: Moment) -> Reason | None:
        if self.weekdays and at.weekday not in self.weekdays:
            return Reason.OTHER_WEEKDAY
        if self.hours and not any(hours.holds(at.minute) for hours in self.hours):
            return Reason.OTHER_HOUR
        if self.birthday and not self.birthday.holds(standing.birthday, at.day):
            return Reason.NOT_THE_BIRTHDAY
        if self.habit and (
            standing.category is None or not self.habit.holds(standing.habit, at.day)
        ):
            return Reason.OTHER_HABIT
        return None


ALWAYS = Season()


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that are given must hold; of `tags` one is enough. Days are inclusive."""

    categories: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    from_day: date | None = None
    to_day: date | None = None
    season: Season = ALWAYS

    def why_not(self, standing: MemberStanding, store: str, at: Moment) -> Reason | None:
        """None when every condition holds, else the first that does not."""
        if self.from_day is not None and at.day < self.from_day:
            return Reason.NOT_YET
        if self.to_day is not None and at.day > self.to_day:
            return Reason.OVER
        if self.stores and store not in self.stores:
            return Reason.OTHER_STORE
        if self.categories and standing.category not in self.categories:
            return Reason.OTHER_CATEGORY
        if self.levels and standing.level not in self.levels:
            return Reason.OTHER_LEVEL
        if self.tags and not self.tags & standing.tags:
            return Reason.NO_SUCH_TAG
        return self.season.why_not(standing, at)


NO_CONDITIONS = Conditions()
