"""Serial readers as the kernel shows them: pseudo-terminals, under a name that comes and goes."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from pathlib import Path

from daemon.core.swipe import Form
from daemon.readers.feed import SwipeSource


class Line:
    """A serial line with a reader at its far end. The daemon's end is `path`, a link, as those
    below /dev/serial/by-id are."""

    def __init__(self, folder: Path, name: str = "reader0") -> None:
        self.path = folder / name
        self._far = self._near = -1

    @property
    def port(self) -> str:
        return str(self.path)

    def source(self, name: str = "line", *, idle_ms: int = 300, codes: bool = False) -> SwipeSource:
        return SwipeSource(name, form=Form(idle_ms=idle_ms, codes=codes), port=self.port)

    def plug(self) -> None:
        self._far, self._near = pty.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._far, False)
        self.path.symlink_to(os.ttyname(self._near))

    def pull_out(self) -> None:
        self.path.unlink(missing_ok=True)
        self.hang_up()

    def hang_up(self) -> None:
        """The far end is gone; the name is there still."""
        for end in (self._far, self._near):
            if end >= 0:
                os.close(end)
        self._far = self._near = -1

    async def send(self, raw: bytes) -> None:
        """As fast as the daemon takes it: a line that is full is tried again."""
        while raw:
            try:
                raw = raw[os.write(self._far, raw) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0)
