"""Device nodes in the process: sockets that carry the kernel's `struct input_event`, behind the
port of daemon.readers.keystrokes. A node can be plugged in, typed on, pulled out, held by another
program, or forbidden."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import TypeVar

from daemon.core.errors import ReaderError
from daemon.core.us_keys import strokes
from daemon.ports.cards import CardReaders, ReaderEvent
from daemon.readers.keystrokes import KeyboardSeen, Stroke

E = TypeVar("E")
EVENT = struct.Struct("llHHi")
EV_SYN, EV_KEY, SYN_DROPPED = 0, 1, 3
AT_ONCE = 64

MAGTEK: Mapping[str, str] = {
    "ID_VENDOR_ID": "0801",
    "ID_MODEL_ID": "0001",
    "ID_SERIAL": "Mag-Tek_USB_Swipe_Reader",
}


class NodeKeyboard:
    """The daemon's end. Implements daemon.readers.keystrokes.Keyboard."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()

    def read(self) -> Sequence[Stroke]:
        try:
            raw = os.read(self.fileno(), EVENT.size * AT_ONCE)
        except BlockingIOError:
            return ()
        if not raw:
            raise ReaderError("reader_unplugged")
        made: list[Stroke] = []
        for second, micro, kind, code, value in EVENT.iter_unpack(raw):
            if kind == EV_KEY:
                made.append(Stroke(code, value, second * 1000 + micro // 1000))
            elif (kind, code) == (EV_SYN, SYN_DROPPED):
                made.append(Stroke(0, 0, 0, lost=True))
        return made

    def close(self) -> None:
        self._end.close()


class Nodes:
    """Implements daemon.readers.keystrokes.Keyboards."""

    def __init__(self) -> None:
        self._seen: dict[str, KeyboardSeen] = {}
        self._ends: dict[str, socket.socket] = {}
        self._numbers = itertools.count()
        self.problem: str | None = None
        self.taken = 0
        self.now_ms = 1_000_000

    def seen(self) -> Sequence[KeyboardSeen]:
        return tuple(self._seen.values())

    def take(self, path: str) -> NodeKeyboard:
        if self.problem is not None:
            raise ReaderError(self.problem)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.setblocking(False)
        self._ends[path] = ours
        self.taken += 1
        return NodeKeyboard(theirs)

    # -- what people do with it -------------------------------------------------------------------

    def plug(self, properties: Mapping[str, str] = MAGTEK) -> str:
        path = f"node/event{next(self._numbers)}"
        self._seen[path] = KeyboardSeen(path, dict(properties))
        return path

    def pull_out(self, path: str) -> None:
        del self._seen[path]
        end = self._ends.pop(path, None)
        if end is not None:
            end.close()

    def clear(self) -> None:
        for path in list(self._seen):
            self.pull_out(path)

    def is_held(self, path: str) -> bool:
        return path in self._ends

    async def type(self, path: str, text: str, *, gap_ms: int = 2) -> None:
        """As fast as the daemon takes it; the keys' own times are `gap_ms` apart."""
        for code, value in strokes(text):
            self.now_ms += gap_ms if value == 1 else 0
            await self._send(path, EV_KEY, code, value)
            await self._send(path, EV_SYN, 0, 0)

    async def drop(self, path: str) -> None:
        await self._send(path, EV_SYN, SYN_DROPPED, 0)

    async def send(self, path: str, raw: bytes) -> None:
        self._ends[path].sendall(raw)
        await asyncio.sleep(0)

    async def _send(self, path: str, kind: int, code: int, value: int) -> None:
        seconds, ms = divmod(self.now_ms, 1000)
        await self.send(path, EVENT.pack(seconds, ms * 1000, kind, code, value))


class Heard:
    """Everything that readers tell."""

    def __init__(self, readers: CardReaders) -> None:
        self.readers = readers
        self._waiting: asyncio.Queue[ReaderEvent] = asyncio.Queue()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self.readers.events():
            self._waiting.put_nowait(event)

    async def next(self, kind: type[E]) -> E:
        while True:
            async with asyncio.timeout(20):
                event = await self._waiting.get()
            if isinstance(event, kind):
                return event

    def close(self) -> None:
        self._task.cancel()
