"""The panel's only door to pyserial: a line to a display, opened, written, looked after. Blocking.

Every wait is finite. What the driver raises leaves here as PanelError: `panel_absent`,
`panel_access_denied`, `panel_busy` (another program has it), `panel_driver_missing`,
`panel_stalled` (takes no bytes), `panel_cut_off` (the line broke)."""

from __future__ import annotations

import errno
import os
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from daemon.core.errors import PanelError

WRITE_S: Final = 2.0
"""On top of the time that the bytes take on the wire."""
DRAIN_S: Final = 0.3
"""How long a close waits for the last line to go out: 50 bytes take 0.05 s at 9600 baud."""
_PROBLEMS: Final = {
    errno.EACCES: "panel_access_denied",
    errno.EPERM: "panel_access_denied",
    errno.EBUSY: "panel_busy",
    # flock() by another program that opened the line exclusively.
    errno.EAGAIN: "panel_busy",
}


class Line(Protocol):
    """Everything raises PanelError."""

    def write(self, sent: bytes) -> None: ...

    def read(self) -> bytes:
        """What came so far, without waiting."""
        ...

    def check(self) -> None:
        """Raises PanelError("panel_cut_off") where the line has gone."""
        ...

    def close(self) -> None: ...


class Lines(Protocol):
    def open(self, path: str, baud: int) -> Line: ...


class SerialLines:
    """`Lines` of this machine: serial ports and USB adapters, by the path of their node."""

    def __init__(self, write_s: float = WRITE_S) -> None:
        self._write_s = write_s

    def open(self, path: str, baud: int) -> Line:
        with _translated("panel_absent"):
            import serial

            port = serial.Serial(
                path,
                baudrate=baud,
                timeout=0,
                write_timeout=self._write_s,
                dsrdtr=False,
                exclusive=True,
            )
        return _SerialLine(port, path, self._write_s)


class _SerialLine:
    def __init__(self, port: Any, path: str, write_s: float) -> None:
        self._port, self._path, self._write_s = port, path, write_s
        self._number = os.fstat(port.fileno()).st_rdev

    def write(self, sent: bytes) -> None:
        with _translated("panel_cut_off"):
            self._port.write_timeout = self._write_s + len(sent) * 10 / self._port.baudrate
            self._port.write(sent)

    def read(self) -> bytes:
        with _translated("panel_cut_off"):
            return bytes(self._port.read(4096))

    def check(self) -> None:
        with _translated("panel_cut_off"):
            # An adapter that was pulled out answers no ioctl; one that is back is another node.
            waiting: int = self._port.in_waiting
            if waiting < 0 or os.stat(self._path).st_rdev != self._number:
                raise PanelError("panel_cut_off")

    def close(self) -> None:
        with _translated("panel_cut_off"):
            until_s = time.monotonic() + DRAIN_S
            while self._port.out_waiting and time.monotonic() < until_s:
                time.sleep(0.01)
            if self._port.out_waiting:
                # The system's close() would wait for a display that takes nothing.
                self._port.reset_output_buffer()
            self._port.close()


@contextmanager
def _translated(otherwise: str) -> Iterator[None]:
    try:
        yield
    except PanelError:
        raise
    except ImportError as error:
        raise PanelError("panel_driver_missing") from error
    except (OSError, termios.error) as error:
        # pyserial's errors are OSErrors.
        if "Timeout" in type(error).__name__:
            raise PanelError("panel_stalled") from error
        number = error.errno if isinstance(error, OSError) else None
        raise PanelError(_PROBLEMS.get(number or 0, otherwise)) from error
