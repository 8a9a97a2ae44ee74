"""The appliance's clock. A Raspberry Pi without a battery wakes up in the past: time only moves on.

After a boot without a synced clock, time is the later of the wall clock and the journal's last
entry; from there the monotonic clock carries it. A wall clock that jumps ahead is followed, one
that is set back is not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from daemon.core.ids import make_id


class SystemClock:
    """Implements daemon.ports.clock.Clock. `floor_ms` is the time of the journal's last entry."""

    def __init__(
        self,
        floor_ms: int = 0,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._base_ms = floor_ms
        self._base_monotonic = monotonic()

    def now_ms(self) -> int:
        carried = self._base_ms + int((self._monotonic() - self._base_monotonic) * 1000)
        wall = int(self._wall() * 1000)
        if wall > carried:
            self._base_ms, self._base_monotonic = wall, self._monotonic()
            return wall
        return carried

    def not_before(self, floor_ms: int) -> None:
        """Moves the clock on to `floor_ms` if it is behind."""
        if self.now_ms() < floor_ms:
            self._base_ms, self._base_monotonic = floor_ms, self._monotonic()

    @property
    def set_back(self) -> bool:
        """Whether the wall clock is more than a minute behind what the books have seen."""
        return self.now_ms() - int(self._wall() * 1000) > 60_000

    def new_id(self) -> str:
        return make_id(self.now_ms(), os.urandom(10))
