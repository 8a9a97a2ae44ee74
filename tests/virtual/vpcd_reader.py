"""The reader's side of vpcd for tests: a listener that powers cards and exchanges APDUs."""

import socket
import struct
from types import TracebackType
from typing import Self

TIMEOUT_S = 10.0


class CardGone(Exception):
    """The card closed the connection."""


class VpcdReader:
    """One slot. `with VpcdReader() as reader:` listens on a port of the system's choice."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1)
        self._listener.settimeout(TIMEOUT_S)
        self._card: socket.socket | None = None

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()
        self._listener.close()

    def accept(self) -> Self:
        """Wait for a card and power it."""
        self._card, _ = self._listener.accept()
        self._card.settimeout(TIMEOUT_S)
        self._card.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.control(1)
        return self

    def drop(self) -> None:
        """Forget the card, as a reader that is switched off."""
        if self._card is not None:
            self._card.close()
            self._card = None

    def control(self, code: int) -> None:
        self._send(bytes([code]))

    def atr(self) -> bytes:
        self._send(b"\x04")
        return self._receive_frame()

    def transmit(self, apdu: bytes) -> bytes:
        """Raises CardGone."""
        self._send(apdu)
        return self._receive_frame()

    def is_mute(self, apdu: bytes, wait_s: float = 0.2) -> bool:
        """Whether nothing comes back for a while."""
        assert self._card is not None
        self._send(apdu)
        self._card.settimeout(wait_s)
        try:
            return self._card.recv(1) == b"?"
        except TimeoutError:
            return True
        finally:
            self._card.settimeout(TIMEOUT_S)

    def is_empty(self) -> bool:
        """Whether the card has left."""
        assert self._card is not None
        try:
            return self._card.recv(1) == b""
        except ConnectionError:
            return True

    def _send(self, frame: bytes) -> None:
        assert self._card is not None
        try:
            # In two writes, as libifdvpcd does it.
            self._card.sendall(struct.pack(">H", len(frame)))
            self._card.sendall(frame)
        except ConnectionError as error:
            raise CardGone from error

    def _receive_frame(self) -> bytes:
        (length,) = struct.unpack(">H", self._receive(2))
        return self._receive(length)

    def _receive(self, size: int) -> bytes:
        assert self._card is not None
        received = b""
        while len(received) < size:
            try:
                part = self._card.recv(size - len(received))
            except ConnectionError as error:
                raise CardGone from error
            if not part:
                raise CardGone
            received += part
        return received
