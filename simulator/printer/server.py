"""A network receipt printer: raw TCP as on port 9100, a receive buffer, sensors, faults.

What arrives goes three ways: real-time commands are answered at once, everything is queued in a
buffer of 64 KiB, and the head prints from the buffer while the printer is online. A full buffer
is not read on, so the sender feels TCP back-pressure. One connection is served at a time, others
wait their turn, as network printers do. A serial or USB cable beside the network is one more line.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulator.printer import fonts, status
from simulator.printer.archive import PaperArchive, Record
from simulator.printer.cable import Cable
from simulator.printer.faults import Fault
from simulator.printer.interpreter import Event, Interpreter
from simulator.printer.paper import Paper
from simulator.printer.profile import Profile
from simulator.printer.status import CLEAR_BUFFER, Condition, RealTimeScanner
from simulator.printer.tokens import Kind

BUFFER_BYTES = 64 * 1024
READ_BYTES = 4096
PRINT_BYTES = 512
"""Bytes interpreted between two looks at the sensors."""
SILENCE_S = 1.5
"""A paper without a cut ends after so long without data."""
TORN_COMMAND_S = 10.0
"""Patience with a command whose rest does not come, while its connection is open."""
SLOW_TICK_S = 0.05
MAX_UNKNOWN_KEPT = 200
GARBLED = b"\xff"
BABBLE = b"\xa5\xff" * 256
BABBLE_TICK_S = 0.005
MAX_UNHEARD_BYTES = 64 * 1024
"""Of babble: a sender that does not listen must not fill the printer's memory."""


@dataclass(frozen=True)
class UnknownCommand:
    """Bytes that are no command, and their place in the stream since the printer started."""

    hex: str
    offset: int


@dataclass(eq=False)
class _Line:
    """One connection, or the cable."""

    reader: asyncio.StreamReader
    reading: asyncio.BaseTransport
    writing: asyncio.WriteTransport
    scanner: RealTimeScanner
    automatic: bool = False
    open: bool = True


class Printer:
    """`start`, then `set_fault` at will, then `stop`. `on_paper` is called after each paper is
    saved, `on_change` whenever what `condition`, `fault` or the counters say has changed."""

    def __init__(
        self,
        state: Path,
        profile: Profile | None = None,
        *,
        connections: int = 1,
        silence_s: float = SILENCE_S,
        cable: Path | None = None,
    ) -> None:
        """`cable`: the name under which a serial or USB cable can be opened."""
        self.cable = Cable(cable) if cable is not None else None
        self.profile = profile or Profile()
        self.archive = PaperArchive(state)
        self.fault = Fault()
        self.begun = True
        self.drawer_kicks = 0
        self.received_bytes = 0
        self.printed_bytes = 0
        self.unknown: deque[UnknownCommand] = deque(maxlen=MAX_UNKNOWN_KEPT)
        self.unknown_count = 0
        self.warnings = fonts.warnings()
        self.on_paper: list[Callable[[Record], None]] = []
        self.on_change: list[Callable[[], None]] = []
        self.address: tuple[str, int] = ("", 0)
        self.looks = itertools.count(1)
        self._silence_s = silence_s
        self._head = Interpreter(self.profile)
        self._queue: deque[tuple[_Line, bytes]] = deque()
        self._queued = 0
        self._since_fault = 0
        self._lines: set[_Line] = set()
        self._turn = asyncio.Semaphore(connections)
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._saving = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._pump_task: asyncio.Task[None] | None = None
        self._cable_tasks: set[asyncio.Task[None]] = set()
        self._babble_task: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------

    async def start(self, host: str, port: int) -> None:
        """Listens; port 0 takes a free one, `address` says which. Raises OSError."""
        await self._listen(host, port)
        await self._plug()
        self._pump_task = asyncio.create_task(self._pump(), name="printer head")

    async def wait(self) -> None:
        """Until the printer fails, for instance because its disk is full. Raises what it was."""
        assert self._pump_task is not None, "start comes first"
        await asyncio.shield(self._pump_task)

    async def stop(self) -> None:
        """Closes everything; paper in the head is torn off and saved."""
        await self._shut()
        tasks = (self._pump_task, self._babble_task, *self._cable_tasks)
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._end_paper("power off")

    async def _listen(self, host: str, port: int) -> None:
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=READ_BYTES, reuse_address=True
        )
        name = self._server.sockets[0].getsockname()
        self.address = (name[0], name[1])

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._break_connections()
        if server is not None:
            await server.wait_closed()

    async def _plug(self) -> None:
        if self.cable is None or self.cable.plugged:
            return
        await self.cable.plug()
        task = asyncio.create_task(self._serve_cable(self.cable), name="printer cable")
        self._cable_tasks.add(task)
        task.add_done_callback(self._cable_tasks.discard)

    def _break_connections(self) -> None:
        """As when the plug is pulled: the peer gets a reset, not an orderly end."""
        if self.cable is not None:
            self.cable.unplug()
        for line in list(self._lines):
            sock = line.writing.get_extra_info("socket")
            if sock is not None and not line.writing.is_closing():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if not line.writing.is_closing():
                line.writing.abort()

    # -- what a person sees and sets ----------------------------------------------------------

    @property
    def condition(self) -> Condition:
        """What the sensors say now."""
        return self.fault.condition if self.begun else Condition()

    @property
    def listening(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    @property
    def connections(self) -> int:
        """Open connections, those that wait included."""
        return len(self._lines)

    @property
    def buffered_bytes(self) -> int:
        """Received and not yet printed."""
        return self._queued

    async def set_fault(self, fault: Fault) -> None:
        """Replaces the present fault. Putting paper in begins a new piece of paper."""
        if self.condition.paper_out and not fault.condition.paper_out:
            await self._end_paper("paper out")
        self.fault, self._since_fault = fault, 0
        self.begun = fault.after_bytes == 0 and fault.name != "cut-connection"
        await self._apply()

    def _active(self, name: str) -> bool:
        return self.begun and self.fault.name == name

    async def _apply(self) -> None:
        """Makes listener and connections what the fault wants, and tells who listens."""
        if self._active("refuse"):
            await self._shut()
        elif self._server is None:
            await self._listen(*self.address)
        if not self._active("refuse"):
            await self._plug()
        if self._active("babble") and self._babble_task is None:
            self._babble_task = asyncio.create_task(self._babble(), name="printer babble")
        for line in self._lines:
            self._hold(line)
            if line.automatic:
                self._answer(line, status.automatic(self.condition))
        self._wake.set()
        self._room.set()
        self._changed()

    def _changed(self) -> None:
        for call in self.on_change:
            call()

    async def _count(self, count: int, *, printed: bool) -> None:
        """Begins a fault that waited for so many bytes."""
        if self.begun or self.fault.counts_printed is not printed:
            return
        self._since_fault += count
        if self._since_fault >= self.fault.after_bytes and self.fault.name != "cut-connection":
            self.begun = True
            await self._apply()

    def _until_fault(self, *, printed: bool) -> int:
        """Bytes that may pass before a waiting fault begins."""
        if self.begun or self.fault.counts_printed is not printed:
            return BUFFER_BYTES
        return max(1, self.fault.after_bytes - self._since_fault)

    # -- receiving ----------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(reader, writer.transport, writer.transport, RealTimeScanner())
        self._lines.add(line)
        self._hold(line)
        try:
            async with self._turn:
                await self._take(line)
        finally:
            self._gone(line)

    async def _serve_cable(self, cable: Cable) -> None:
        """Until it is pulled out; a cable takes nobody's turn."""
        line = _Line(cable.reader, cable.reading, cable.writing, RealTimeScanner())
        self._lines.add(line)
        self._hold(line)
        try:
            await self._take(line)
        finally:
            self._gone(line)

    async def _take(self, line: _Line) -> None:
        """A sender may go at any moment; what it sent is still printed."""
        with suppress(OSError, TimeoutError):
            while data := await self._receive(line):
                await self._accept(line, data)

    def _gone(self, line: _Line) -> None:
        line.open = False
        self._lines.discard(line)
        if not line.writing.is_closing():
            line.writing.abort()
        self._wake.set()
        self._changed()

    async def _babble(self) -> None:
        while self._active("babble"):
            for line in self._lines:
                if _room_to_say(line):
                    line.writing.write(BABBLE)
            await asyncio.sleep(BABBLE_TICK_S)
        self._babble_task = None

    def _hold(self, line: _Line) -> None:
        """`stall`: the line is not read, not even into asyncio's buffer."""
        transport = line.reading
        if isinstance(transport, asyncio.ReadTransport) and not transport.is_closing():
            if self._active("stall"):
                transport.pause_reading()
            else:
                transport.resume_reading()

    async def _receive(self, line: _Line) -> bytes:
        while self._queued >= BUFFER_BYTES or self._active("stall"):
            self._room.clear()
            await self._room.wait()
        room = min(READ_BYTES, BUFFER_BYTES - self._queued, self._until_fault(printed=False))
        return await line.reader.read(room)

    async def _accept(self, line: _Line, data: bytes) -> None:
        self.received_bytes += len(data)
        for command in line.scanner.feed(data):
            self._real_time(line, command)
        self._queue.append((line, data))
        self._queued += len(data)
        self._wake.set()
        await self._count(len(data), printed=False)
        if self.fault.name == "cut-connection" and self._since_fault >= self.fault.after_bytes:
            await self._cut_connection()

    async def _cut_connection(self) -> None:
        fault = self.fault
        self._break_connections()
        if fault.times > 1:
            left = Fault(fault.name, fault.after_bytes, fault.bytes_per_s, fault.times - 1)
            await self.set_fault(left)
        else:
            await self.set_fault(Fault())
        raise ConnectionAbortedError("cut by the fault")

    def _real_time(self, line: _Line, command: bytes) -> None:
        if command[1] == 0x04:
            self._answer(line, bytes((status.real_time(command[2], self.condition),)))
        elif command[1] == 0x14 and command[2] == 1:
            self._kicked()
        elif command == CLEAR_BUFFER or command[1:] == b"\x05\x02":
            self._queue.clear()
            self._queued = 0
            self._head.reset()
            self._room.set()

    def _answer(self, line: _Line, answer: bytes) -> None:
        if self._active("mute") or self._active("babble") or not _room_to_say(line):
            return
        line.writing.write(GARBLED * len(answer) if self._active("garble") else answer)

    def _kicked(self) -> None:
        self.drawer_kicks += 1
        self._changed()

    # -- printing -----------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            if self._queue and not self.condition.offline:
                await self._print_some()
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()
            except TimeoutError:
                await self._fall_silent()

    def _patience(self) -> float | None:
        if self._head.idle or self.condition.offline:
            return None
        return TORN_COMMAND_S if self._head.pending and self._lines else self._silence_s

    async def _fall_silent(self) -> None:
        for event in self._head.finish():
            self._note(event)
        await self._end_paper("silence")

    async def _print_some(self) -> None:
        slow = self._active("slow")
        size = min(PRINT_BYTES, self._until_fault(printed=True))
        if slow:
            size = min(size, max(1, round(self.fault.bytes_per_s * SLOW_TICK_S)))
        line, data = self._queue.popleft()
        if len(data) > size:
            self._queue.appendleft((line, data[size:]))
            data = data[:size]
        self._queued -= len(data)
        self._room.set()
        for event in self._head.feed(data):
            self._note(event)
            for paper in event.papers:
                await self._save(paper)
            self._obey(line, event)
        self.printed_bytes += len(data)
        await self._count(len(data), printed=True)
        if not self._queue:
            self._changed()
        # Room for the sender and the status questions between two pieces.
        await asyncio.sleep(len(data) / self.fault.bytes_per_s if slow else 0)

    def _note(self, event: Event) -> None:
        if event.kind in (Kind.UNKNOWN, Kind.INCOMPLETE):
            self.unknown_count += 1
            self.unknown.append(UnknownCommand(event.raw[:64].hex(" "), event.offset))

    def _obey(self, line: _Line, event: Event) -> None:
        """Commands that answer or act, in the order in which they are printed."""
        if event.name in ("GS r", "ESC v"):
            which = event.params[0] % 48 if event.params else 1
            if which == 1:
                self._answer(line, bytes((status.paper_sensor(self.condition),)))
            elif which == 2:
                self._answer(line, b"\x01")
        elif event.name == "GS I":
            number = event.params[0]
            self._answer(line, status.IDENTITY.get(number, status.IDENTITY.get(number - 48, b"")))
        elif event.name == "GS a":
            line.automatic = event.params[0] != 0
            if line.automatic:
                self._answer(line, status.automatic(self.condition))
        elif event.name == "ESC p" and event.kind is Kind.COMMAND:
            self._kicked()

    async def _end_paper(self, reason: str) -> None:
        paper = self._head.tear(reason)
        if paper is not None:
            await self._save(paper)

    async def _save(self, paper: Paper) -> None:
        """In a thread: drawing a long receipt takes tens of milliseconds."""
        async with self._saving:
            record = await asyncio.to_thread(self.archive.save, paper, datetime.now(UTC))
        for call in self.on_paper:
            call(record)
        self._changed()


def _room_to_say(line: _Line) -> bool:
    if not line.open or line.writing.is_closing():
        return False
    return line.writing.get_write_buffer_size() < MAX_UNHEARD_BYTES
