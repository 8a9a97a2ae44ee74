"""Magnetic readers in HID mode, over the Linux kernel's hidraw nodes: each read() is one report
(Documentation/hid/hidraw.rst), and `daemon.core.hid_report` knows what is in it.

A node whose descriptor does not say that it is such a reader is not listed, so a keyboard that has
a hidraw node as well is not met twice. Nothing has to be grabbed: reports type into no page."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from daemon.core.errors import ReaderError, SwipeError
from daemon.core.hid_report import REPORT_BYTES, USAGE, USAGE_PAGE, read_descriptor, read_report
from daemon.readers.feed import DeviceSeen, Feed, Heard, SwipeSource
from daemon.readers.udev import names_in, told, told_bytes, udev_says

_PROBLEMS: Final = {
    errno.EACCES: "reader_access_denied",
    errno.EPERM: "reader_access_denied",
    errno.EBUSY: "reader_busy",
}
_LONGEST: Final = 4096
"""A longer report is cut by the kernel, and is none of ours."""


class HidFeed:
    """`Feed` over a file descriptor of which each read() is one report, not to be waited for. It is
    the feed's from now on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> Sequence[Heard]:
        try:
            report = os.read(self._descriptor, _LONGEST)
        except BlockingIOError:
            return ()
        except OSError as error:
            raise ReaderError("reader_unplugged") from error
        if not report:
            raise ReaderError("reader_unplugged")
        try:
            return (read_report(report),)
        except SwipeError as error:
            return (error,)

    def silent(self) -> Sequence[Heard]:
        return ()

    @property
    def waiting(self) -> bool:
        return False

    def close(self) -> None:
        os.close(self._descriptor)


class HidReaders:
    """`Kind`: the hidraw nodes of swipe readers. The folders are other ones in tests only."""

    def __init__(
        self,
        nodes: Path = Path("/dev"),
        kernel: Path = Path("/sys/class/hidraw"),
        udev: Path = Path("/run/udev/data"),
    ) -> None:
        self._nodes, self._kernel, self._udev = nodes, kernel, udev

    def seen(self) -> Sequence[DeviceSeen]:
        found = (self._look(name) for name in names_in(self._kernel, "hidraw"))
        return [each for each in found if each is not None]

    def _look(self, name: str) -> DeviceSeen | None:
        path, device = self._nodes / name, self._kernel / name / "device"
        said = read_descriptor(told_bytes(device / "report_descriptor"))
        if said is None or (said.usage_page, said.usage) != (USAGE_PAGE, USAGE):
            return None
        if said.input_bytes < REPORT_BYTES:
            return None
        properties = udev_says(self._udev, path)
        if properties is None:
            return None
        # HID_ID=0003:00000801:00000002, HID_NAME=...: the bus, the maker and the model.
        lines = (line.partition("=") for line in told(device / "uevent").splitlines())
        kernel = {key: value for key, equals, value in lines if equals}
        numbers = kernel.get("HID_ID", "").split(":")
        if len(numbers) == 3:
            properties.setdefault("ID_VENDOR_ID", numbers[1][-4:].lower())
            properties.setdefault("ID_MODEL_ID", numbers[2][-4:].lower())
        if kernel.get("HID_NAME"):
            properties.setdefault("NAME", kernel["HID_NAME"])
        return DeviceSeen(str(path), properties)

    def open(self, path: str, source: SwipeSource) -> Feed:
        said = read_descriptor(
            told_bytes(self._kernel / Path(path).name / "device/report_descriptor")
        )
        if said is not None and (said.input_bytes != REPORT_BYTES or said.numbered):
            # Longer fields: this head encrypts. A number before the report: another layout.
            raise ReaderError("reader_wrong_kind")
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ReaderError(_PROBLEMS.get(error.errno or 0, "reader_unplugged")) from error
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ReaderError("reader_wrong_kind")
        return HidFeed(descriptor)
