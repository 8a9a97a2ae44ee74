"""A mechanical contact: which of its changes are a press.

A contact bounces for some milliseconds, a worn one flutters, a jammed one stays. It is sampled
once it has been quiet for `bounce_ms` or at most that often while it is not; of the samples a press
is made when it closes, at most one in `PAUSE_MS`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

PAUSE_MS: Final = 300
"""Between two presses: nobody means two within it."""
STUCK_MS: Final = 10_000
"""A button that is held so long is jammed."""
FLUTTER: Final = 12
"""Changes within FLUTTER_MS that no finger makes."""
FLUTTER_MS: Final = 2_000


class Contact:
    """Times are milliseconds of any clock that only goes on. A contact that is closed when it is
    seen first is not a press."""

    def __init__(self) -> None:
        self._closed: bool | None = None
        self._since_ms = 0
        self._pressed_ms: int | None = None
        self._changes: deque[int] = deque(maxlen=FLUTTER)

    @property
    def closed(self) -> bool:
        return self._closed is True

    @property
    def known(self) -> bool:
        """Whether it was looked at."""
        return self._closed is not None

    def sample(self, closed: bool, now_ms: int) -> bool:
        """Whether this sample is a press."""
        if closed is self._closed:
            return False
        first = self._closed is None
        self._closed, self._since_ms = closed, now_ms
        if first:
            return False
        self._changes.append(now_ms)
        if not closed or self.problem(now_ms) is not None:
            return False
        if self._pressed_ms is not None and now_ms - self._pressed_ms < PAUSE_MS:
            return False
        self._pressed_ms = now_ms
        return True

    def problem(self, now_ms: int) -> str | None:
        """`panel_stuck`, `panel_flutters` or None."""
        full = len(self._changes) == FLUTTER
        if full and now_ms - self._changes[0] < FLUTTER_MS:
            return "panel_flutters"
        if self.closed and now_ms - self._since_ms >= STUCK_MS:
            return "panel_stuck"
        return None
