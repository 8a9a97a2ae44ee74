"""A clock that the test moves on by hand, and that otherwise moves on by a millisecond a look."""

from __future__ import annotations

import os

from daemon.core.ids import make_id

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

    def advance(self, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)
