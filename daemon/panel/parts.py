"""How the parts of a panel stand, with what was wrong with each of them last and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from daemon.ports.cards import ReaderState
from daemon.ports.panel import PartStatus


class Part:
    """One part's status; `on_change` is told of each change once."""

    def __init__(self, name: str, kind: str, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.status = PartStatus(name, kind, ReaderState.OPENING)

    def stands(self, state: ReaderState, problem: str | None = None) -> None:
        was = self.status
        if (was.state, was.problem) == (state, problem):
            return
        failed = problem is not None
        self.status = replace(
            was,
            state=state,
            problem=problem,
            last=problem if failed else was.last,
            failures=was.failures + failed,
        )
        self._on_change()
