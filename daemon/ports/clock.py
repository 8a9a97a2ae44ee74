"""Time and chance, so that neither is hidden in an operation."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds. Never goes back while the daemon runs."""
        ...

    def new_id(self) -> str:
        """A fresh id in time order."""
        ...
