"""A reader without PC/SC: a card program connects to a socket of ours and is thereby inserted.

This plays the reader's side of the protocol that vsmartcard's `vpcd` speaks with its cards, so that
the same virtual card serves a machine with pcscd and one without. Frames go both ways: two bytes of
length, most significant first, and the content. A content of one byte is a control: 00 power off,
01 power on, 02 reset, 04 answer with the ATR; only that last one is answered. Everything longer is
a command APDU and is answered. Connecting is insertion, closing is removal, one card at a time.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable

from daemon.core.errors import CardGarbled, CardGone, ReaderError
from daemon.readers.link import (
    CardInserted,
    CardRemoved,
    LinkEvent,
    ReaderFound,
    ReaderLost,
)

POWER_ON = b"\x01"
RESET = b"\x02"
GET_ATR = b"\x04"

ATR_WAIT_S = 2.0
"""A card that has not told its ATR by then is turned away, or it would hold the only place."""

BIND_RETRY_S = 1.0
MAX_FRAME_BYTES = 4096
"""The longest short APDU answer has 258 bytes."""

MAX_ATR_BYTES = 33
"""ISO/IEC 7816-3, clause 8.2."""


class _Card:
    """One connected card program and the thread that listens to it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: deque[queue.SimpleQueue[bytes | None]] = deque()
        self.gone = threading.Event()
        self.held_by: _VpcdChannel | None = None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def listen(self) -> None:
        """Gives each frame to whoever has waited longest, until the card leaves."""
        while (frame := self._read_frame()) is not None:
            with self._lock:
                # A frame that nobody asked for is a card's babble.
                asker = self._waiting.popleft() if self._waiting else None
            if asker is not None:
                asker.put(frame)
        self.leave()

    def leave(self) -> None:
        """Marks the card as gone and wakes whoever waits for an answer."""
        with contextlib.suppress(OSError):  # the other side may have closed it already
            self._connection.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self.gone.set()
            for asker in self._waiting:
                asker.put(None)
            self._waiting.clear()
        self._connection.close()

    def control(self, code: bytes) -> None:
        """Raises CardGone."""
        with self._lock:
            self._send(code)

    def ask(self, content: bytes, wait_s: float | None = None) -> bytes:
        """Sends and waits for the answer to this very frame, also where an earlier one is still
        waited for by somebody who was given up. Raises CardGone."""
        asker: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        with self._lock:
            self._send(content)
            self._waiting.append(asker)
        try:
            answer = asker.get(timeout=wait_s)
        except queue.Empty:
            raise CardGone("card_gone", why="no_answer") from None
        if answer is None:
            raise CardGone("card_gone", why="removed")
        return answer

    def _send(self, content: bytes) -> None:
        if self.gone.is_set():
            raise CardGone("card_gone", why="removed")
        try:
            # One write: two would wait for each other's acknowledgement (44 ms per APDU).
            self._connection.sendall(len(content).to_bytes(2, "big") + content)
        except OSError as error:
            raise CardGone("card_gone", why="removed") from error

    def _read_frame(self) -> bytes | None:
        head = self._read(2)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        return self._read(length) if length <= MAX_FRAME_BYTES else None

    def _read(self, length: int) -> bytes | None:
        content = bytearray()
        while len(content) < length:
            try:
                part = self._connection.recv(length - len(content))
            except OSError:
                return None
            if not part:
                return None
            content += part
        return bytes(content)


class _VpcdChannel:
    def __init__(self, card: _Card) -> None:
        self._card = card
        card.held_by = self

    def transmit(self, apdu: bytes) -> bytes:
        answer = self._card.ask(apdu)
        if len(answer) < 2:
            raise CardGarbled("card_garbled", why="short_answer")
        return answer

    def close(self, *, reset: bool) -> None:
        # A session that was given up is closed when its thread comes back, which may be in the
        # middle of the next one.
        if reset and self._card.held_by is self:
            with contextlib.suppress(CardGone):  # then it has no power anyway
                self._card.control(RESET)


class VpcdLink:
    """Listens on `host`:`port` (0: any; `port` says which after `start`) and is one reader."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, name: str = "Virtual reader"
    ) -> None:
        self.host = host
        self.port = port
        self.name = name
        self._tell: Callable[[LinkEvent], None] = _nobody
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._card: _Card | None = None
        self._thread = threading.Thread(target=self._serve, name=f"vpcd {name}", daemon=True)

    def start(self, tell: Callable[[LinkEvent], None]) -> None:
        self._tell = tell
        self._bind()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        listener, card = self._listener, self._card
        if listener is not None:
            with contextlib.suppress(OSError):  # not listening any more
                listener.shutdown(socket.SHUT_RDWR)
        if card is not None:
            card.leave()
        self._thread.join()

    def connect(self, reader: str) -> _VpcdChannel:
        if reader != self.name or self._listener is None:
            raise ReaderError("reader_absent")
        card = self._card
        if card is None or card.gone.is_set():
            raise CardGone("card_gone", why="no_card")
        card.control(RESET)
        return _VpcdChannel(card)

    def _bind(self) -> bool:
        try:
            self._listener = socket.create_server((self.host, self.port), backlog=1)
        except OSError:
            self._tell(ReaderLost(self.name, "reader_port_taken"))
            return False
        self.port = self._listener.getsockname()[1]
        self._tell(ReaderFound(self.name))
        return True

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if self._listener is None and not self._bind():
                self._stopping.wait(BIND_RETRY_S)
                continue
            self._accept()
        if self._listener is not None:
            self._listener.close()

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            if not self._stopping.is_set():
                self._listener.close()
                self._listener = None
                self._tell(ReaderLost(self.name, "reader_port_taken"))
            return
        card = _Card(connection)
        ears = threading.Thread(target=card.listen, name=f"vpcd card {self.name}", daemon=True)
        ears.start()
        atr = _power_up(card)
        if atr is not None:
            self._card = card
            # `stop` sends away the card that it sees; it may have looked before this one was there.
            if self._stopping.is_set():
                card.leave()
            self._tell(CardInserted(self.name, atr))
            card.gone.wait()
            self._card = None
            if not self._stopping.is_set():
                self._tell(CardRemoved(self.name))
        card.leave()
        ears.join()


def _power_up(card: _Card) -> bytes | None:
    """The card's ATR, or None where it does not tell one in time."""
    try:
        card.control(POWER_ON)
        atr = card.ask(GET_ATR, ATR_WAIT_S)
    except CardGone:
        return None
    return atr if 2 <= len(atr) <= MAX_ATR_BYTES else None


def _nobody(_: LinkEvent) -> None:
    """Before `start` nobody listens."""
