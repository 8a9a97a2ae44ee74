"""Which readers pcscd has and what lies on them, as far as was told.

Pure bookkeeping: it is shown what SCardListReaders and SCardGetStatusChange said and tells the
difference. It outlives the thread that watches, so that a watch that had to be replaced goes on
where the last one was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from daemon.readers.link import (
    CardInserted,
    CardRemoved,
    LinkEvent,
    ReaderForgotten,
    ReaderFound,
    ReaderLost,
)

SERVICE = "PC/SC"
"""The row that says why there is no reader, while none is known by name."""

MAX_READERS = 16
"""pcscd itself has no more."""

# Bits of a reader's state (pcsc-lite pcsclite.h); above 16 bits, how often a card came or went.
_CHANGED = 0x0002
_PRESENT = 0x0020
_MUTE = 0x0200
_COUNT_SHIFT = 16


class Roster:
    """`allow` None: all readers. Not thread-safe."""

    def __init__(self, allow: Collection[str] | None, tell: Callable[[LinkEvent], None]) -> None:
        self._allow = None if allow is None else frozenset(allow)
        self._tell = tell
        self._states: dict[str, int] = {}
        self._lost: dict[str, str] = {}

    @property
    def states(self) -> dict[str, int]:
        """Of each reader that is there, what to wait for changes from: 0 where nothing is known."""
        return dict(self._states)

    def list(self, listed: Collection[str]) -> None:
        """These readers are there now."""
        names = [name for name in listed if self._allow is None or name in self._allow]
        names = names[:MAX_READERS]
        if names:
            self._forget(SERVICE)
        for name in [known for known in self._states if known not in names]:
            del self._states[name]
            self._lose(name, "reader_unplugged")
        for name in names:
            if name not in self._states:
                self._states[name] = 0
                self._lost.pop(name, None)
                self._tell(ReaderFound(name))
        for name in ({*(self._allow or ())} | set(self._lost)) - set(names) - {SERVICE}:
            self._lose(name, "reader_unplugged")
        if not self._states and set(self._lost) <= {SERVICE}:
            self._lose(SERVICE, "reader_none")

    def note(self, name: str, state: int, atr: bytes) -> None:
        """One reader's state. A count that changed while a card seemed to lie there all the time is
        a card that was swapped between two looks."""
        before = self._states.get(name)
        if before is None:
            return
        self._states[name] = state & ~_CHANGED
        was = _readable(before)
        present = _readable(state)
        swapped = was and present and before >> _COUNT_SHIFT != state >> _COUNT_SHIFT
        if was and (not present or swapped):
            self._tell(CardRemoved(name))
        if present and (not was or swapped):
            self._tell(CardInserted(name, atr))

    def lose_all(self, problem: str) -> None:
        """The service is gone, and all readers with it."""
        names = [*self._states, *self._lost, *(self._allow or ())] or [SERVICE]
        self._states.clear()
        for name in names:
            self._lose(name, problem)

    def _lose(self, name: str, problem: str) -> None:
        if self._lost.get(name) == problem:
            return
        self._lost[name] = problem
        self._tell(ReaderLost(name, problem))
        if len(self._lost) > MAX_READERS:
            self._forget(next(iter(self._lost)))

    def _forget(self, name: str) -> None:
        if self._lost.pop(name, None) is not None:
            self._tell(ReaderForgotten(name))


def _readable(state: int) -> bool:
    """A card is there and has told its ATR."""
    return bool(state & _PRESENT) and not state & _MUTE
