"""A way to readers, within this package: PC/SC, or a card that connects by itself.

A `Link` tells what comes and goes, from a thread of its own, and opens channels. Everything here
blocks: `desk` keeps it off the event loop and gives each exchange its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class ReaderFound:
    """The reader is there and works."""

    reader: str


@dataclass(frozen=True, slots=True)
class ReaderLost:
    """The reader (or, while none was ever seen, the link itself) is not there: `problem` is a
    screen key."""

    reader: str
    problem: str


@dataclass(frozen=True, slots=True)
class CardInserted:
    reader: str
    atr: bytes


@dataclass(frozen=True, slots=True)
class CardRemoved:
    reader: str


@dataclass(frozen=True, slots=True)
class ReaderForgotten:
    """A row that only said why there is no reader has no meaning any more."""

    reader: str


LinkEvent: TypeAlias = ReaderFound | ReaderLost | CardInserted | CardRemoved | ReaderForgotten


class Channel(Protocol):
    """A card, held exclusively. Used by one thread only."""

    def transmit(self, apdu: bytes) -> bytes:
        """The whole answer with its status word (at least 2 bytes). May block for as long as the
        card is silent.

        Raises CardGone where the card left, ReaderError where the reader or its service did."""
        ...

    def close(self, *, reset: bool) -> None:
        """Lets the card go; `reset` also takes its power. Never raises."""
        ...


class Link(Protocol):
    def start(self, tell: Callable[[LinkEvent], None]) -> None:
        """Begins to call `tell` from a thread of the link. Returns at once."""
        ...

    def stop(self) -> None:
        """Ends the link's threads and waits for them. `tell` is not called after that."""
        ...

    def connect(self, reader: str) -> Channel:
        """Takes hold of the card on `reader`. May block.

        Raises CardGone where there is none, ReaderError."""
        ...
