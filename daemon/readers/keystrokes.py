"""Keyboards as swipe readers need them: the port before the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stroke:
    """One change of a key: `code` of linux/input-event-codes.h, `value` 0 up, 1 down, 2 repeat.
    `lost`: the kernel had to drop what came before."""

    code: int
    value: int
    at_ms: int
    lost: bool = False


@dataclass(frozen=True, slots=True)
class KeyboardSeen:
    """A device node that may be a keyboard. `properties` are udev's, and where udev says nothing
    ID_VENDOR_ID, ID_MODEL_ID (four hex digits each) and NAME as the kernel has them."""

    path: str
    properties: Mapping[str, str]


class Keyboard(Protocol):
    """One keyboard that nobody else hears any more."""

    def fileno(self) -> int:
        """Readable when there are strokes."""
        ...

    def read(self) -> Sequence[Stroke]:
        """What has come, without waiting, a bounded number at a time. Raises ReaderError."""
        ...

    def close(self) -> None:
        """Lets it go. Never raises."""
        ...


class Keyboards(Protocol):
    """Both methods may block: they are called on a thread."""

    def seen(self) -> Sequence[KeyboardSeen]:
        """All device nodes of now; none of them is touched. Never raises."""
        ...

    def take(self, path: str) -> Keyboard:
        """Opens it and takes hold of it alone. Raises ReaderError("reader_unplugged" |
        "reader_access_denied" | "reader_busy" | "reader_driver_missing")."""
        ...
