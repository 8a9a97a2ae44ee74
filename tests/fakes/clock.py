"""Clocks that the test moves on by hand, and that otherwise move on by a millisecond a look."""

from __future__ import annotations

import os

from daemon.core.ids import make_id
from daemon.ports.clock import ClockReading
from daemon.system.clock import SystemClock

MORNING_MS = 1_789_000_000_000
"""2026-09-10 in China, away from midnight."""


class HandClock:
    """Implements daemon.ports.clock.Clock."""

    def __init__(self, now_ms: int = MORNING_MS) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def new_id(self) -> str:
        return make_id(self.now_ms(), os.urandom(10))

    def reading(self) -> ClockReading:
        """As from a system whose clock is right."""
        now_ms = self.now_ms()
        return ClockReading(now_ms, now_ms)

    def follow_wall(self) -> int:
        return self.now_ms()

    def not_before(self, floor_ms: int) -> None:
        """The books' newest time. Here the test's hand alone sets the clock."""

    def advance(self, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)


class WallClock(HandClock):
    """The appliance's own clock, over a wall clock that the test sets and a monotonic one."""

    def __init__(self, now_ms: int = MORNING_MS) -> None:
        self.wall_ms, self.passed_ms, self.synchronised = now_ms, 0, False
        self._own = SystemClock(
            0,
            lambda: self.wall_ms / 1000,
            lambda: self.passed_ms / 1000,
            lambda: self.synchronised,
        )

    def now_ms(self) -> int:
        self.wall_ms += 1
        self.passed_ms += 1
        return self._own.now_ms()

    def reading(self) -> ClockReading:
        return self._own.reading()

    def follow_wall(self) -> int:
        return self._own.follow_wall()

    def not_before(self, floor_ms: int) -> None:
        self._own.not_before(floor_ms)

    def advance(self, seconds: float) -> None:
        self.wall_ms += int(seconds * 1000)
        self.passed_ms += int(seconds * 1000)
