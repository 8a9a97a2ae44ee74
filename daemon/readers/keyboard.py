"""Keyboards of the Linux kernel's input layer. The only door to python-evdev.

Devices are listed from sysfs and udev's own records, which needs neither the driver nor a right to
the node: a keyboard that is not ours is never opened. One that is ours is grabbed (EVIOCGRAB), so
that a swipe never types into the page."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from daemon.core.errors import ReaderError
from daemon.readers.keystrokes import Keyboard, KeyboardSeen, Stroke
from daemon.readers.udev import names_in, told, udev_says

_EV_SYN, _EV_KEY = 0, 1
_SYN_DROPPED = 3
_PROBLEMS = {
    errno.EACCES: "reader_access_denied",
    errno.EPERM: "reader_access_denied",
    errno.EBUSY: "reader_busy",
}


def _evdev() -> ModuleType:
    """Raises ReaderError where python-evdev is not installed."""
    try:
        import evdev
    except ImportError as error:
        raise ReaderError("reader_driver_missing") from error
    module: ModuleType = evdev
    return module


def _translate(error: OSError) -> ReaderError:
    return ReaderError(_PROBLEMS.get(error.errno or 0, "reader_unplugged"))


class EvdevKeyboard:
    """`Keyboard` over one grabbed device."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def fileno(self) -> int:
        return int(self._device.fd)

    def read(self) -> Sequence[Stroke]:
        try:
            return list(self._strokes())
        except BlockingIOError:
            return ()
        except OSError as error:
            raise _translate(error) from error

    def _strokes(self) -> Iterator[Stroke]:
        # The driver reads 64 events at a time.
        for event in self._device.read():
            at_ms = event.sec * 1000 + event.usec // 1000
            if event.type == _EV_KEY:
                yield Stroke(event.code, event.value, at_ms)
            elif event.type == _EV_SYN and event.code == _SYN_DROPPED:
                yield Stroke(0, 0, at_ms, lost=True)

    def close(self) -> None:
        # Closing ends the grab as well.
        self._device.close()


class EvdevKeyboards:
    """`Keyboards` of this machine. The folders are other ones in tests only."""

    def __init__(
        self,
        nodes: Path = Path("/dev/input"),
        kernel: Path = Path("/sys/class/input"),
        udev: Path = Path("/run/udev/data"),
    ) -> None:
        self._nodes, self._kernel, self._udev = nodes, kernel, udev

    def seen(self) -> Sequence[KeyboardSeen]:
        names = names_in(self._nodes, "event")
        return [found for name in names if (found := self._look(name)) is not None]

    def _look(self, name: str) -> KeyboardSeen | None:
        path = self._nodes / name
        properties = udev_says(self._udev, path)
        if properties is None:
            return None
        if properties and not {"ID_INPUT_KEYBOARD", "ID_INPUT_KEY"} & properties.keys():
            return None
        device = self._kernel / name / "device"
        for known, file in (
            ("ID_VENDOR_ID", "id/vendor"),
            ("ID_MODEL_ID", "id/product"),
            ("NAME", "name"),
        ):
            value = told(device / file).strip()
            if value:
                properties.setdefault(known, value)
        return KeyboardSeen(str(path), properties)

    def take(self, path: str) -> Keyboard:
        evdev = _evdev()
        try:
            device = evdev.InputDevice(path)
        except OSError as error:
            raise _translate(error) from error
        try:
            device.grab()
        except OSError as error:
            device.close()
            raise _translate(error) from error
        return EvdevKeyboard(device)
