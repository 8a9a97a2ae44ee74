"""Finds the promotions that can act on a basket without looking at those that cannot.

A promotion is filed under every combination of what it asks for by exact value: member category,
level, tag, store and goods, with `None` where it does not ask. Files of one combination are kept by
days, as a tree in order of first day in which each node knows the latest last day below it, so that
campaigns of other years are passed over in logarithmic time. Promotions that share a season
(weekday, hour, birthday, habit) share one shelf, and the season is asked once for the whole shelf.

A sale therefore looks up combinations of its own values, which do not grow with the promotions of
other goods, levels, stores or years.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from daemon.core.errors import BadRequest
from daemon.core.pricing.conditions import Conditions, Season
from daemon.core.pricing.promotion import Promotion, Scope
from daemon.core.pricing.shop_time import Moment
from daemon.core.pricing.standing import MemberStanding

MOST_FILES = 4_096
"""A promotion that names more combinations is filed without its widest condition, which is then
asked whenever the promotion is found."""

ALL_KEY = "*"
_FIRST, _LAST = 0, 10_000_000
"""Ordinal days before and after any date."""

_Ask = tuple[str | None, str | None, str | None, str | None]


def code_key(code: str) -> str:
    return f"={code}"


def category_key(category: str) -> str:
    return f"#{category}"


def scope_keys(scope: Scope) -> list[str | None]:
    if scope.everything:
        return [ALL_KEY]
    return [*map(code_key, sorted(scope.codes)), *map(category_key, sorted(scope.categories))]


class _Days:
    """Promotions of one combination by their days: a balanced tree laid over a sorted array."""

    __slots__ = ("_known", "_latest", "_spans")

    def __init__(self, spans: Iterable[tuple[int, int, int]]) -> None:
        self._spans = sorted(spans)
        self._latest = [0] * len(self._spans)
        self._measure(0, len(self._spans))
        self._known: tuple[int, tuple[int, ...]] = (_FIRST - 1, ())
        """A day and what it has: sales follow each other on one day."""

    def _measure(self, low: int, high: int) -> int:
        if low >= high:
            return _FIRST - 1
        middle = (low + high) // 2
        latest = max(
            self._spans[middle][1], self._measure(low, middle), self._measure(middle + 1, high)
        )
        self._latest[middle] = latest
        return latest

    def on(self, day: int) -> tuple[int, ...]:
        known_day, numbers = self._known
        if known_day != day:
            numbers = tuple(self._look(day))
            # One assignment: whoever asks on another thread finds a day with its own numbers.
            self._known = day, numbers
        return numbers

    def _look(self, day: int) -> Iterator[int]:
        waiting = [(0, len(self._spans))]
        while waiting:
            low, high = waiting.pop()
            middle = (low + high) // 2
            if low >= high or self._latest[middle] < day:
                continue
            first, last, number = self._spans[middle]
            waiting.append((low, middle))
            if first <= day:
                if day <= last:
                    yield number
                waiting.append((middle + 1, high))


class PromotionIndex:
    """Raises BadRequest("promotion_twice") for two promotions of one id."""

    def __init__(self, promotions: Sequence[Promotion] = ()) -> None:
        self.promotions = tuple(sorted(promotions, key=lambda each: each.promotion_id))
        self.numbers = {each.promotion_id: at for at, each in enumerate(self.promotions)}
        if len(self.numbers) != len(self.promotions):
            raise BadRequest("promotion_twice")
        self._loose: set[int] = set()
        shelves: dict[Season, dict[_Ask, dict[str, list[tuple[int, int, int]]]]] = {}
        for number, promotion in enumerate(self.promotions):
            conditions = promotion.conditions
            days = (
                conditions.from_day.toordinal() if conditions.from_day else _FIRST,
                conditions.to_day.toordinal() if conditions.to_day else _LAST,
                number,
            )
            shelf = shelves.setdefault(conditions.season, {})
            for *ask, goods in self._files(number, conditions, promotion.scope):
                files = shelf.setdefault((ask[0], ask[1], ask[2], ask[3]), {})
                files.setdefault(goods or ALL_KEY, []).append(days)
        self._shelves: dict[Season, dict[_Ask, dict[str, _Days]]] = {
            season: {
                ask: {goods: _Days(spans) for goods, spans in files.items()}
                for ask, files in shelf.items()
            }
            for season, shelf in shelves.items()
        }
        self._patterns = {
            season: sorted({tuple(value is not None for value in ask) for ask in shelf})
            for season, shelf in self._shelves.items()
        }

    def _files(
        self, number: int, conditions: Conditions, scope: Scope
    ) -> Iterable[tuple[str | None, ...]]:
        asks: list[list[str | None]] = [
            [*sorted(values)] or [None]
            for values in (
                conditions.categories,
                conditions.levels,
                conditions.tags,
                conditions.stores,
            )
        ]
        goods = scope_keys(scope)
        while math.prod(map(len, [*asks, goods])) > MOST_FILES and max(map(len, asks)) > 1:
            widest = max(range(len(asks)), key=lambda place: len(asks[place]))
            asks[widest] = [None]
            self._loose.add(number)
        return product(*asks, goods)

    def find(
        self,
        keys: Mapping[str, int],
        standing: MemberStanding,
        store: str,
        at: Moment,
    ) -> dict[int, int]:
        """Number of a promotion -> the lines that its keys cover, as a bit mask. `keys` maps the
        basket's goods keys to masks of lines, `ALL_KEY` to all of them."""
        day = at.day.toordinal()
        found: dict[int, int] = {}
        for season, shelf in self._shelves.items():
            if season.why_not(standing, at) is not None:
                continue
            for ask in self._asks(season, standing, store):
                files = shelf.get(ask)
                if files is None:
                    continue
                for goods in files.keys() & keys.keys():
                    mask = keys[goods]
                    for number in files[goods].on(day):
                        found[number] = found.get(number, 0) | mask
        for number in self._loose & found.keys():
            if self.promotions[number].conditions.why_not(standing, store, at) is not None:
                del found[number]
        return found

    def _asks(self, season: Season, standing: MemberStanding, store: str) -> Iterator[_Ask]:
        for by_category, by_level, by_tag, by_store in self._patterns[season]:
            if (by_category and standing.category is None) or (by_level and standing.level is None):
                continue
            for tag in sorted(standing.tags) if by_tag else (None,):
                yield (
                    standing.category if by_category else None,
                    standing.level if by_level else None,
                    tag,
                    store if by_store else None,
                )
