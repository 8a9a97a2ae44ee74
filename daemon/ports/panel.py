"""The customer's side of the counter: what is plugged in there, and what its keys may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from daemon.ports.cards import ReaderState


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One lamp, buzzer, button, key switch or display. `kind` is one of those words; `problem` is
    a screen key while the part is not READY, or READY and not well (a jammed button). `last` is
    the last problem that it had, `failures` how often it had one."""

    name: str
    kind: str
    state: ReaderState
    problem: str | None = None
    last: str | None = None
    failures: int = 0


class FrontKeys(Protocol):
    """What the keys on the customer's side do. Each may raise CounterError; nothing waits for
    what comes of it."""

    async def cancel_waiting(self) -> None:
        """Ends what waits for a card or a PIN; nothing else."""
        ...

    async def confirm_asked(self) -> None:
        """Says yes to what the counter asks; nothing without a question."""
        ...
