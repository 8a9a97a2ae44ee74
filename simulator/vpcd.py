"""The card side of vpcd, the virtual reader of the vsmartcard project.

The card connects to the reader's TCP port: connecting is inserting, closing is pulling out. Each
frame is a length (two bytes, big endian) and that many bytes. A frame of one byte from the reader
is a control: 00 power off, 01 power on, 02 reset, 04 tell the ATR (the only one that is answered).
Anything longer is a command APDU, answered by a response APDU.
"""

import contextlib
import socket
import struct
import threading
from enum import IntEnum
from typing import Final, Protocol

CONNECT_TIMEOUT_S: Final = 2.0
RECONNECT_PAUSE_S: Final = 0.2


class Control(IntEnum):
    """Frames of one byte."""

    POWER_OFF = 0x00
    POWER_ON = 0x01
    RESET = 0x02
    GET_ATR = 0x04


class CardPulled(Exception):
    """Raised by a chip that leaves the reader in the middle of an exchange."""


class NoAnswer(Exception):
    """Raised by a chip that swallows a command and stays mute."""


class Chip(Protocol):
    """What lies on the reader."""

    @property
    def atr(self) -> bytes:
        """Answer to reset."""

    def reset(self) -> None:
        """The field came, went, or was toggled: everything volatile is lost."""

    def transmit(self, apdu: bytes) -> bytes:
        """One exchange. Raises CardPulled or NoAnswer for a chip that misbehaves on purpose."""


class ReaderGone(ConnectionError):
    """The reader closed the connection, or was never there."""


class InsertedCard:
    """A chip on a reader, served by a thread of its own until it is pulled.

    When the reader goes away (pcscd was restarted) the card stays where it lies: the thread goes
    on trying to reach the reader until `pull`.
    """

    def __init__(self, chip: Chip, host: str, port: int) -> None:
        """Insert `chip`. Raises ReaderGone where nothing listens at `host`:`port`."""
        self._chip = chip
        self._address = (host, port)
        self._pulled = threading.Event()
        self._connection = self._connect()
        self._thread = threading.Thread(target=self._serve, name="vpcd-card", daemon=True)
        self._thread.start()

    @property
    def inserted(self) -> bool:
        """Whether the card is still on the reader."""
        return not self._pulled.is_set()

    def pull(self, join_timeout_s: float = 2.0) -> None:
        """Take the card out; returns when its thread has ended. Harmless when repeated."""
        self._pulled.set()
        self._hang_up()
        if self._thread is not threading.current_thread():
            self._thread.join(join_timeout_s)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the card has left the reader."""
        return self._pulled.wait(timeout_s)

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection(self._address, CONNECT_TIMEOUT_S)
        except OSError as error:
            raise ReaderGone(f"no reader at {self._address[0]}:{self._address[1]}") from error
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _hang_up(self) -> None:
        # A connection that is already dead refuses to be shut down; it is closed either way.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _serve(self) -> None:
        try:
            while not self._pulled.is_set():
                self._chip.reset()
                try:
                    self._converse()
                except CardPulled:
                    self._pulled.set()
                except OSError:
                    self._hang_up()
                    self._reach_reader()
        finally:
            self._pulled.set()
            self._hang_up()
            self._chip.reset()

    def _reach_reader(self) -> None:
        while not self._pulled.wait(RECONNECT_PAUSE_S):
            try:
                connection = self._connect()
            except ReaderGone:
                continue
            self._connection = connection
            if self._pulled.is_set():
                self._hang_up()
            return

    def _converse(self) -> None:
        while True:
            (length,) = struct.unpack(">H", self._receive(2))
            frame = self._receive(length)
            if length == 1:
                self._control(frame[0])
            elif length > 1:
                with contextlib.suppress(NoAnswer):
                    self._send(self._chip.transmit(frame))

    def _control(self, code: int) -> None:
        if code == Control.GET_ATR:
            self._send(self._chip.atr)
        elif code in (Control.POWER_OFF, Control.POWER_ON, Control.RESET):
            self._chip.reset()

    def _send(self, frame: bytes) -> None:
        self._connection.sendall(struct.pack(">H", len(frame)) + frame)

    def _receive(self, size: int) -> bytes:
        frame = b""
        while len(frame) < size:
            # The driver writes length and body apart: without this each exchange would wait 44 ms
            # for a delayed acknowledgement. The option does not stick, so it is set each time.
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self._connection.recv(size - len(frame))
            if not part:
                raise ReaderGone("the reader closed the connection")
            frame += part
        return frame
