"""What every kind of swipe reader and scanner looks like to `daemon.readers.swipes`: the port
before keyboards, serial lines and HID reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from daemon.core.errors import SwipeError
from daemon.core.swipe import Burst, Form, Reading, read_burst

Heard = Reading | SwipeError
"""What came out of a reader: a reading, or why it is none."""


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """Something that is plugged in. `properties` as `daemon.readers.keystrokes.KeyboardSeen`."""

    path: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SwipeSource:
    """A reader as the configuration names it: by its `port`, or by properties of which every one
    has to be as `match` says. `track` holds the number of the shop's cards. `baud` and `line` (data
    bits, parity and stop bits, "8N1") count on serial lines."""

    name: str
    match: Mapping[str, str] = field(default_factory=dict)
    track: int = 2
    form: Form = field(default_factory=Form)
    port: str = ""
    baud: int = 9600
    line: str = "8N1"

    def fits(self, seen: DeviceSeen) -> bool:
        if self.port:
            return seen.path == self.port
        told = seen.properties
        return bool(self.match) and all(
            told.get(name) == value for name, value in self.match.items()
        )


class Feed(Protocol):
    """One reader that was opened, and what it has sent so far. Closed by its owner, once."""

    def fileno(self) -> int:
        """Readable when something has come."""
        ...

    def read(self) -> Sequence[Heard]:
        """What has come to its end, without waiting; a bounded number of bytes at a time. Raises
        ReaderError where the reader is gone."""
        ...

    def silent(self) -> Sequence[Heard]:
        """Nothing has come for the form's `idle_ms`: what has come so far is all."""
        ...

    @property
    def waiting(self) -> bool:
        """Something has come and its end has not."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class Kind(Protocol):
    """One way in which readers are plugged in. Both methods may block: they are called on a
    thread."""

    def seen(self) -> Sequence[DeviceSeen]:
        """What is there now; nothing is touched. Never raises."""
        ...

    def open(self, path: str, source: SwipeSource) -> Feed:
        """Raises ReaderError("reader_unplugged" | "reader_access_denied" | "reader_busy" |
        "reader_driver_missing" | "reader_wrong_kind")."""
        ...


def heard_in(bursts: Sequence[Burst], form: Form) -> list[Heard]:
    """What came without a pause, as readings and refusals."""
    made: list[Heard] = []
    for burst in bursts:
        try:
            made.append(read_burst(burst, form))
        except SwipeError as error:
            made.append(error)
    return made
