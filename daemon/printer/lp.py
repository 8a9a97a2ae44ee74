"""A USB printer by the kernel's own driver (`/dev/usb/lp0`): a character device, opened so that no
call on it can wait for ever. Blocking up to its deadlines, for the printer's own thread.

python-escpos opens such a device for writing only and blocks in the kernel behind a printer that
takes nothing; so this one is spoken to directly. It raises what the system raises (OSError,
TimeoutError), and PrinterError("printer_wrong_kind") where the path is no device: a file of that
name stays behind where somebody wrote to it while the printer was unplugged, and would swallow
every receipt.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from typing import Final

from daemon.core.errors import PrinterError

READ_BYTES: Final = 64
AGAIN_S: Final = 0.02
"""usblp calls a printer without paper writable and then takes nothing: no busy loop for that."""
CLOSE_S: Final = 1.0
"""usblp drops what is on its way when it is closed."""
_SAYS_NOTHING: Final = (errno.EAGAIN, errno.EINVAL)
"""EINVAL: the cable goes one way only."""


class LpDevice:
    """`daemon.printer.port.Device` over a character device."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._untaken = False

    def open(self, connect_s: float) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        if not stat.S_ISCHR(os.fstat(fd).st_mode):
            os.close(fd)
            raise PrinterError("printer_wrong_kind")
        self._fd = fd

    def write(self, piece: bytes, write_s: float) -> None:
        """Raises TimeoutError when not all of it is taken in `write_s`."""
        deadline, left = time.monotonic() + write_s, memoryview(piece)
        while left:
            self._wait_writable(deadline)
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                time.sleep(AGAIN_S)

    def read(self, read_s: float) -> bytes | None:
        """None: the printer said nothing in `read_s`; also an empty packet, which some send."""
        ready, _, _ = select.select([self._fd], [], [], read_s)
        if not ready:
            return None
        try:
            told = os.read(self._fd, READ_BYTES)
        except OSError as error:
            if error.errno not in _SAYS_NOTHING:
                raise
            return None
        return told or None

    def finish(self, linger_s: float) -> None:
        """Waits until the last piece has gone over. Raises TimeoutError if it does not."""
        self._wait_writable(time.monotonic() + linger_s)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if not self._untaken:
            select.select([], [fd], [], CLOSE_S)
        os.close(fd)

    def _wait_writable(self, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        _, writable, _ = select.select([], [self._fd], [], max(0.0, left_s))
        if not writable or left_s <= 0:
            self._untaken = True
            raise TimeoutError("the printer takes no bytes")
