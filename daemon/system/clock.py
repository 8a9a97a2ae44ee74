"""The appliance's clock. A Raspberry Pi without a battery wakes up in the past, and one with a bad
battery in the far future: time only moves on, and only as far as it can be believed.

Time is the later of the wall clock and what the books have seen; the monotonic clock carries it.
A wall clock that is set back is not followed. One that is more than a week ahead is followed once
the system says that it is synchronised, or a manager confirms it (docs/decisions/0014)."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from daemon.core.ids import make_id
from daemon.ports.clock import ClockProblem, ClockReading

FAR_AHEAD_MS: Final = 7 * 86_400_000
"""Longer than a shop without a network is closed as a rule, shorter than what ends lives."""
BEHIND_MS: Final = 60_000
_SYNCED = Path("/run/systemd/timesync/synchronized")
_UNSYNCHRONISED: Final = 5
"""TIME_ERROR of adjtimex(2)."""


class _Timex(ctypes.Structure):
    """struct timex: `modes` 0 only reads. The rest is larger than on any kernel."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))


def ntp_synchronised() -> bool:
    """Whether the system keeps its clock by a time server. A service without the right to ask the
    kernel (ProtectClock=) goes by what systemd-timesyncd notes down."""
    kernel = ctypes.CDLL(None, use_errno=True)
    state = kernel.adjtimex(ctypes.byref(_Timex()))
    return _SYNCED.exists() if state < 0 else bool(state != _UNSYNCHRONISED)


class SystemClock:
    """Implements daemon.ports.clock.Clock. `floor_ms` is the time of the journal's last entry."""

    def __init__(
        self,
        floor_ms: int = 0,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool] = ntp_synchronised,
    ) -> None:
        self._wall, self._monotonic, self._synchronised = wall, monotonic, synchronised
        self._anchored = floor_ms > 0
        self._base_ms = floor_ms
        self._base_monotonic = monotonic()

    def now_ms(self) -> int:
        return self._followed(self._wall_ms())

    def _wall_ms(self) -> int:
        return int(self._wall() * 1000)

    def _followed(self, wall_ms: int) -> int:
        carried = self._base_ms + int((self._monotonic() - self._base_monotonic) * 1000)
        if wall_ms <= carried:
            return carried
        far = self._anchored and wall_ms - carried > FAR_AHEAD_MS
        if far and not self._synchronised():
            return carried
        self._set(wall_ms)
        return wall_ms

    def _set(self, now_ms: int) -> None:
        self._base_ms, self._base_monotonic = now_ms, self._monotonic()

    def not_before(self, floor_ms: int) -> None:
        """Goes on from what the books have seen: the later of `floor_ms` and the wall clock, where
        that can be believed. From here on no jump far ahead is followed unconfirmed."""
        if not self._anchored and floor_ms:
            # What was said while the books were being opened went by the wall clock alone.
            self._set(floor_ms)
        elif self.now_ms() < floor_ms:
            self._set(floor_ms)
        self._anchored = True

    def reading(self) -> ClockReading:
        wall_ms = self._wall_ms()
        now_ms = self._followed(wall_ms)
        problem: ClockProblem | None = None
        if wall_ms - now_ms > FAR_AHEAD_MS:
            problem = "clock_ahead"
        elif now_ms - wall_ms > BEHIND_MS:
            problem = "clock_behind"
        return ClockReading(now_ms, wall_ms, problem)

    def follow_wall(self) -> int:
        wall_ms = self._wall_ms()
        if wall_ms > self.now_ms():
            self._set(wall_ms)
        return self.now_ms()

    def new_id(self) -> str:
        return make_id(self.now_ms(), os.urandom(10))
