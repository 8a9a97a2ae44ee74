"""Time and chance, so that neither is hidden in an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

ClockProblem = Literal["clock_ahead", "clock_behind"]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """`now_ms` is the shop's time, `wall_ms` what the system's clock says. `problem`: the system's
    clock is too far ahead to be believed, or behind what the books have seen; neither is
    followed."""

    now_ms: int
    wall_ms: int
    problem: ClockProblem | None = None


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds. Never goes back while the daemon runs."""
        ...

    def new_id(self) -> str:
        """A fresh id in time order."""
        ...

    def reading(self) -> ClockReading: ...

    def follow_wall(self) -> int:
        """Somebody says that the system's clock is right: goes on from there if it is ahead.
        Returns the shop's time."""
        ...
