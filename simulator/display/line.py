"""The serial line of the display: a pseudo terminal behind a link with a name that stays.

Pulled out, the terminal and the link are gone; back again, there is another terminal. Stalled, the
display holds its line busy: nothing is read from it."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path

FAULTS = ("ok", "unplugged", "stalled")


class PtyLine:
    """`on_bytes` gets what was written to the line. `link` is where the daemon looks for it."""

    def __init__(self, link: Path, on_bytes: Callable[[bytes], None]) -> None:
        self._link, self._on_bytes = link, on_bytes
        self._master: int | None = None
        self._slave: int | None = None
        self.fault = "ok"

    def plug_in(self) -> None:
        assert self._master is None
        self._master, self._slave = os.openpty()
        # Raw, and held open here as well: a terminal without anybody on it ends.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def pull_out(self) -> None:
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None

    def set_fault(self, fault: str) -> None:
        """Raises ValueError for a fault that it does not know."""
        if fault not in FAULTS:
            raise ValueError(f"{fault!r} is not one of {', '.join(FAULTS)}")
        self.fault = fault
        if fault == "unplugged":
            self.pull_out()
            return
        if self._master is None:
            self.plug_in()
        loop = asyncio.get_running_loop()
        assert self._master is not None
        if fault == "stalled":
            loop.remove_reader(self._master)
        else:
            loop.add_reader(self._master, self._readable)

    def _readable(self) -> None:
        assert self._master is not None
        try:
            received = os.read(self._master, 4096)
        except BlockingIOError:
            return
        self._on_bytes(received)
