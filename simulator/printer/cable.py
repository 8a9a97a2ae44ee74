"""A serial or USB cable to the printer: a pty with a name of its own, plugged in and pulled out.

The near end is what a program opens, like /dev/ttyUSB0 or /dev/usb/lp0. Pulled out, the name is
gone and whoever has the line open gets an error, as with the real ones; plugged in again it is
another pty under the same name.
"""

from __future__ import annotations

import asyncio
import os
import tty
from pathlib import Path


class Cable:
    """`plug` before use; `reader`, `reading` and `writing` are of the plug that is in."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.reader: asyncio.StreamReader
        self.reading: asyncio.ReadTransport
        self.writing: asyncio.WriteTransport
        self._near: int | None = None

    @property
    def plugged(self) -> bool:
        """Whether its name can be opened."""
        return self._near is not None

    async def plug(self) -> None:
        """Raises OSError."""
        assert self._near is None, "it is in"
        far, near = os.openpty()
        tty.setraw(near)
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader()
        reader = self.reader
        self.reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(far), "rb", 0)
        )
        self.writing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(far, "wb", 0)
        )
        # Kept open: without it the far end fails whenever nobody has the line open.
        self._near = near
        aside = self.name.with_name(f".{self.name.name}.new")
        aside.unlink(missing_ok=True)
        aside.symlink_to(os.ttyname(near))
        aside.replace(self.name)

    def unplug(self) -> None:
        """Harmless when it is out."""
        near, self._near = self._near, None
        if near is None:
            return
        self.name.unlink(missing_ok=True)
        self.reading.close()
        self.writing.abort()
        os.close(near)
