"""What members hold together and how often they came: the tables `standing` and `member_day`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from daemon.core.entry import Entry, Kind, Posting
from daemon.core.projection.rows import ANY, Values

_HELD: Final = {"principal": 0, "bonus": 1, "points": 2}
_VISITS, _SPENT, _RECHARGED, _POINTS = range(4)


def counts_as_recharged(opening: Entry) -> bool:
    """Whether the lot that this entry opened counted as recharged by its owner. What came from
    another member did not, and releases before version 3 counted nothing."""
    return opening.draft.kind is Kind.RECHARGE and "event" in opening.draft.detail


class Habits:
    """Sums by member, and by member and day."""

    def __init__(self) -> None:
        self._held: dict[str, list[int]] = {}
        self._days: dict[str, dict[str, list[int]]] = {}
        self._unsure: set[str] = set()

    def hold(self, postings: Sequence[Posting]) -> None:
        for posting in postings:
            kind, _, member_id = posting.account.owner.partition(":")
            place = _HELD.get(posting.account.asset)
            if kind == "member" and place is not None:
                self._held.setdefault(member_id, [0, 0, 0])[place] += posting.amount

    def add(
        self,
        member_id: str,
        day: str,
        *,
        visits: int = 0,
        spent_fen: int = 0,
        recharged_fen: int = 0,
        points: int = 0,
    ) -> None:
        days = self._days.setdefault(member_id, {})
        sums = days.setdefault(day, [0, 0, 0, 0])
        moved = (visits, spent_fen, recharged_fen, points)
        for place, amount in enumerate(moved):
            sums[place] += amount
        if min(moved) < 0 and not any(sums):
            del days[day]

    def doubt(self, member_id: str) -> None:
        """What of this member's recharges was paid back is told nowhere: an earlier release."""
        self._unsure.add(member_id)

    def standings(self) -> dict[str, Values]:
        """By member. Asked for before `take_day`."""
        return {each: self._standing(each) for each in self._held.keys() | self._days.keys()}

    def _standing(self, member_id: str) -> Values:
        days = self._days.get(member_id, {})
        came = [day for day, sums in days.items() if sums[_VISITS] > 0]
        visits, spent, recharged, points = (
            sum(sums[place] for sums in days.values()) for place in range(4)
        )
        told: Any = ANY if member_id in self._unsure else recharged
        first, last = (min(came), max(came)) if came else (None, None)
        held = self._held.get(member_id, (0, 0, 0))
        return (first, last, visits, spent, told, points, *held)

    def take_day(self, member_id: str, day: str) -> Values | None:
        """The sums of one day, which are forgotten with it; None where nothing moved."""
        sums = self._days.get(member_id, {}).pop(day, None)
        return None if sums is None else self._day(member_id, sums)

    def days_left(self) -> Iterator[tuple[tuple[str, str], Values]]:
        """Those that nobody took."""
        for member_id, days in self._days.items():
            for day, sums in days.items():
                # Nothing but what is unsure: there may be a row or none.
                if member_id not in self._unsure or any(sums[:_RECHARGED]) or sums[_POINTS]:
                    yield (member_id, day), self._day(member_id, sums)

    def unsure(self, member_id: str) -> bool:
        return member_id in self._unsure

    def _day(self, member_id: str, sums: Sequence[int]) -> Values:
        told: Any = ANY if member_id in self._unsure else sums[_RECHARGED]
        return (sums[_VISITS], sums[_SPENT], told, sums[_POINTS])
