"""Magnetic readers and scanners on a serial line: RS-232, USB to serial, USB CDC. The only door to
pyserial among the readers.

Characters are framed as a keyboard's are: by sentinels, by CR, LF, ETX or EOT, and by silence.
Lines are found by the path that the configuration names, or like keyboards by what udev and sysfs
say of them; one that nobody named is never opened."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from daemon.core.errors import ReaderError
from daemon.core.swipe import NOISE, Form, Framing
from daemon.core.us_keys import ENTER
from daemon.readers.feed import DeviceSeen, Feed, Heard, SwipeSource, heard_in
from daemon.readers.udev import names_in, told, udev_says, usb_says

AT_ONCE: Final = 4096
"""Bytes of one read: a line that floods leaves the event loop its turns."""
_PROBLEMS: Final = {
    errno.EACCES: "reader_access_denied",
    errno.EPERM: "reader_access_denied",
    errno.EBUSY: "reader_busy",
    errno.EAGAIN: "reader_busy",
}
_ENDS: Final = frozenset("\r\n\x03\x04")
_SILENT: Final = frozenset("\x00\x01\x02\x11\x13")
"""NUL, SOH, STX, XON, XOFF: frames around what counts."""


def _serial() -> ModuleType:
    """Raises ReaderError where pyserial is not installed."""
    try:
        import serial
    except ImportError as error:
        raise ReaderError("reader_driver_missing") from error
    module: ModuleType = serial
    return module


def _letter(byte: int) -> str:
    return chr(byte) if byte < 0x80 else NOISE


class SerialFeed:
    """`Feed` over an open line."""

    def __init__(self, port: Any, form: Form) -> None:
        self._port = port
        self._form = form
        self._framing = Framing(form)

    def fileno(self) -> int:
        return int(self._port.fileno())

    def read(self) -> Sequence[Heard]:
        try:
            raw = os.read(self.fileno(), AT_ONCE)
        except BlockingIOError:
            return ()
        except OSError as error:
            raise ReaderError("reader_unplugged") from error
        if not raw:
            # A line that was hung up is readable for ever and has nothing.
            raise ReaderError("reader_unplugged")
        # A serial line tells no times: what comes in one piece came at once.
        now_ms = time.monotonic_ns() // 1_000_000
        made: list[Heard] = []
        for letter in map(_letter, raw):
            if letter in _SILENT:
                continue
            pressed = ENTER if letter in _ENDS else letter
            made += heard_in(self._framing.press(pressed, now_ms), self._form)
        return made

    def silent(self) -> Sequence[Heard]:
        return heard_in(self._framing.finish(), self._form)

    @property
    def waiting(self) -> bool:
        return self._framing.waiting

    def close(self) -> None:
        self._port.close()


class SerialReaders:
    """`Kind`: the lines that `sources` name, and every line of a USB device. The folders are other
    ones in tests only."""

    def __init__(
        self,
        sources: Sequence[SwipeSource],
        nodes: Path = Path("/dev"),
        kernel: Path = Path("/sys/class/tty"),
        udev: Path = Path("/run/udev/data"),
    ) -> None:
        self._named = tuple(dict.fromkeys(source.port for source in sources if source.port))
        self._nodes, self._kernel, self._udev = nodes, kernel, udev

    def seen(self) -> Sequence[DeviceSeen]:
        named = [DeviceSeen(path, {}) for path in self._named if os.path.exists(path)]
        taken = {os.path.realpath(each.path) for each in named}
        names = names_in(self._kernel, "ttyUSB", "ttyACM")
        found = (self._look(name) for name in names)
        return named + [each for each in found if each and os.path.realpath(each.path) not in taken]

    def _look(self, name: str) -> DeviceSeen | None:
        path, device = self._nodes / name, self._kernel / name / "device"
        properties = udev_says(self._udev, path)
        if properties is None:
            return None
        for known, value in usb_says(device).items():
            properties.setdefault(known, value)
        label = told(device / "interface").strip()
        if label:
            properties.setdefault("NAME", label)
        return DeviceSeen(str(path), properties)

    def open(self, path: str, source: SwipeSource) -> Feed:
        serial = _serial()
        line = source.line
        try:
            port = serial.Serial(
                path,
                source.baud,
                bytesize=int(line[0]),
                parity=line[1],
                stopbits=int(line[2]),
                timeout=0,
                exclusive=True,
            )
        except OSError as error:  # SerialException is one.
            raise ReaderError(_PROBLEMS.get(error.errno or 0, "reader_unplugged")) from error
        except ValueError as error:
            raise ReaderError("reader_wrong_kind") from error
        return SerialFeed(port, source.form)
