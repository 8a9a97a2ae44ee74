"""Levels (会员等级, B5): what a sale adds to a member's progress and the level that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from daemon.core.errors import BadRequest


class Measure(Enum):
    SPEND = "spend"
    RECHARGE = "recharge"
    POINTS = "points"
    VISITS = "visits"


class Progress(NamedTuple):
    """What one operation adds to each measure. Refunds take the same away."""

    spend_fen: int = 0
    points: int = 0
    visits: int = 0
    recharge_fen: int = 0

    def of(self, measure: Measure) -> int:
        return {
            Measure.SPEND: self.spend_fen,
            Measure.RECHARGE: self.recharge_fen,
            Measure.POINTS: self.points,
            Measure.VISITS: self.visits,
        }[measure]


NO_PROGRESS = Progress()


@dataclass(frozen=True, slots=True)
class Rung:
    level: str
    from_value: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs by rising `from_value`. `demotes`: a member who falls below a rung loses it; else a
    level once reached stays. `bonus_counts`: what is paid from the bonus is spend as well."""

    measure: Measure = Measure.SPEND
    rungs: tuple[Rung, ...] = ()
    demotes: bool = False
    bonus_counts: bool = True

    def __post_init__(self) -> None:
        bounds = [rung.from_value for rung in self.rungs]
        if bounds != sorted(set(bounds)) or len({rung.level for rung in self.rungs}) != len(bounds):
            raise BadRequest("levels_malformed")

    def level_at(self, value: int, now: str | None) -> str | None:
        """The level of a member whose measure is `value` and who stands at `now`."""
        reached = [rung.level for rung in self.rungs if rung.from_value <= value]
        best = reached[-1] if reached else None
        return best if self.demotes or self._height(best) > self._height(now) else now

    def _height(self, level: str | None) -> int:
        places = [place for place, rung in enumerate(self.rungs) if rung.level == level]
        return places[0] if places else -1
