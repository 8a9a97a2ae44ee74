"""The only door to python-escpos: a line to a printer, opened, written, read, closed. Blocking.

Only `_raw` and `_read` are used: the library's own text, status and cut calls guess (its
`paper_status()` reads silence as "adequate", and its Chinese text loses every string without a
hanzi). Every wait is finite. Whatever the driver raises leaves here as PrinterError:
`printer_absent` (cannot be opened), `printer_driver_missing`, `printer_stalled` (takes no bytes),
`printer_cut_off` (the line broke).
"""

from __future__ import annotations

import array
import fcntl
import logging
import socket
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol

from daemon.core.errors import PrinterError

_log = logging.getLogger(__name__)

PIECE_BYTES: Final = 4096
"""The write deadline runs anew for each piece: a slow printer is not a stalled one."""
SEND_BUFFER_BYTES: Final = 16 * 1024
"""The system takes no more than this on trust: else a whole receipt "goes out" to a stalled
printer."""
MOST_DRAINED: Final = 256
"""Reads before a printer that never stops talking is no longer listened to."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `connect_s` to open, `write_s` for each 4 KiB to be taken, `linger_s` to let a
    printer that said nothing finish reading before the line is closed."""

    connect_s: float = 3.0
    write_s: float = 8.0
    linger_s: float = 2.0


class Device(Protocol):
    """A printer as python-escpos sees it, with the deadlines that each kind sets its own way."""

    def open(self, connect_s: float) -> None: ...

    def write(self, piece: bytes, write_s: float) -> None: ...

    def read(self, read_s: float) -> bytes | None:
        """None: the printer said nothing in `read_s`. Empty: the line is closed."""
        ...

    def finish(self, linger_s: float) -> None:
        """Before `close`: lets bytes that were sent arrive."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """A printer on the LAN (IPv4 or a name that has one)."""

    host: str
    port: int = 9100

    def device(self) -> Device:
        return _Network(self)


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A printer on a serial line. `hardware_flow` is RTS/CTS."""

    path: str
    baud: int = 9600
    hardware_flow: bool = False

    def device(self) -> Device:
        return _Serial(self)


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A USB printer (class 7) by vendor and product id and its bulk end points. Needs pyusb."""

    vendor: int
    product: int
    in_endpoint: int = 0x82
    out_endpoint: int = 0x01

    def device(self) -> Device:
        return _Usb(self)


Address = NetworkAddress | SerialAddress | UsbAddress


class Wire:
    """An open line to a printer."""

    def __init__(self, device: Device, deadlines: Deadlines) -> None:
        self._device = device
        self._deadlines = deadlines

    def write(self, sent: bytes) -> None:
        """Raises PrinterError("printer_stalled" | "printer_cut_off")."""
        for start in range(0, len(sent), PIECE_BYTES):
            with _translated("printer_cut_off"):
                self._device.write(sent[start : start + PIECE_BYTES], self._deadlines.write_s)

    def read(self, read_s: float) -> bytes | None:
        """What the printer said within `read_s` (some bytes), None if nothing.

        Raises PrinterError("printer_cut_off") if the line is closed.
        """
        with _translated("printer_cut_off"):
            told = self._device.read(read_s)
        if told == b"":
            raise PrinterError("printer_cut_off")
        return told

    def finish(self) -> None:
        """Lets a printer that did not confirm its job take the rest of it before the line closes.

        Raises PrinterError("printer_cut_off" | "printer_stalled").
        """
        with _translated("printer_cut_off"):
            self._device.finish(self._deadlines.linger_s)

    def drain(self) -> None:
        """Forgets replies that came too late for the question they answer."""
        for _ in range(MOST_DRAINED):
            if self.read(0.0) is None:
                return
        raise PrinterError("printer_cut_off")


class PrinterPort:
    """A reference to a printer, not an open printer: `with port as wire:` opens it and closes it.

    One thread at a time. Network printers serve one client at a time, so the line is not kept open.
    """

    def __init__(self, address: Address, deadlines: Deadlines | None = None) -> None:
        self.address = address
        self._deadlines = deadlines or Deadlines()
        self._device: Device | None = None

    def __enter__(self) -> Wire:
        """Raises PrinterError("printer_absent" | "printer_driver_missing")."""
        assert self._device is None, "one line at a time"
        with _translated("printer_absent"):
            device = self.address.device()
            device.open(self._deadlines.connect_s)
        self._device = device
        return Wire(device, self._deadlines)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        device, self._device = self._device, None
        assert device is not None
        try:
            with _translated("printer_cut_off"):
                device.close()
        except PrinterError as closing:
            # What matters has been said already: the outcome of the job is known by now.
            _log.debug("closing the printer: %s", closing)


@contextmanager
def _translated(otherwise: str) -> Iterator[None]:
    """Turns what drivers raise into PrinterError; `otherwise` for errors of the line itself."""
    from escpos.exceptions import Error as EscposError

    try:
        yield
    except PrinterError:
        raise
    except TimeoutError as error:
        key = "printer_stalled" if otherwise == "printer_cut_off" else otherwise
        raise PrinterError(key) from error
    except (OSError, EscposError, termios.error) as error:
        # pyserial's and pyusb's errors are OSErrors, except what pyserial lets through of termios.
        timed_out = _names_timeout(error) and otherwise == "printer_cut_off"
        raise PrinterError("printer_stalled" if timed_out else otherwise) from error
    except (RuntimeError, ImportError) as error:
        # python-escpos says so when pyusb or pyserial is not installed.
        raise PrinterError("printer_driver_missing") from error


def _names_timeout(error: BaseException) -> bool:
    """USBTimeoutError and SerialTimeoutException are OSErrors but no TimeoutError."""
    return "Timeout" in type(error).__name__


class _Network:
    def __init__(self, address: NetworkAddress) -> None:
        from escpos.printer import Network

        self._printer: Any = Network(address.host, port=address.port)

    def open(self, connect_s: float) -> None:
        self._printer.timeout = connect_s
        self._printer.open()
        wire = self._printer.device
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, piece: bytes, write_s: float) -> None:
        self._printer.device.settimeout(write_s)
        self._printer._raw(piece)

    def read(self, read_s: float) -> bytes | None:
        self._printer.device.settimeout(read_s)
        try:
            told: bytes = self._printer._read()
        except (TimeoutError, BlockingIOError):
            return None
        return told

    def finish(self, linger_s: float) -> None:
        """Closing a socket with unread replies resets it, and a slow printer would lose the end of
        its job: say that we are done, then listen until the printer has read everything."""
        self._printer.device.shutdown(socket.SHUT_WR)
        for _ in range(MOST_DRAINED):
            if not self.read(linger_s):
                break
        if self._unsent():
            raise TimeoutError("the printer left bytes untaken")

    def _unsent(self) -> int:
        """SIOCOUTQ: bytes that the far side has not acknowledged."""
        count = array.array("i", [0])
        fcntl.ioctl(self._printer.device, termios.TIOCOUTQ, count)
        return int(count[0])

    def close(self) -> None:
        self._printer.close()


class _Serial:
    def __init__(self, address: SerialAddress) -> None:
        from escpos.printer import Serial

        self._printer: Any = Serial(
            devfile=address.path,
            baudrate=address.baud,
            dsrdtr=False,
        )
        self._hardware_flow = address.hardware_flow

    def open(self, connect_s: float) -> None:
        self._printer.open()
        self._printer.device.rtscts = self._hardware_flow

    def write(self, piece: bytes, write_s: float) -> None:
        # 4 KiB take 4.3 s at 9600 baud: the deadline is on top of the time on the wire.
        self._printer.device.write_timeout = write_s + len(piece) * 10 / self._printer.baudrate
        self._printer._raw(piece)

    def read(self, read_s: float) -> bytes | None:
        self._printer.device.timeout = read_s
        waiting: int = self._printer.device.in_waiting
        if waiting > 1:
            told: bytes = self._printer._read()
        else:
            # _read() waits for 16 bytes or the deadline; replies are single bytes.
            told = self._printer.device.read(1)
        return told or None

    def finish(self, linger_s: float) -> None:
        # flush() would wait for ever behind a printer that holds its line busy.
        deadline = time.monotonic() + linger_s
        while self._printer.device.out_waiting and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        # Not python-escpos' close(): it flushes.
        if self._printer.device.out_waiting:
            self._printer.device.reset_output_buffer()
        self._printer.device.close()


class _Usb:
    def __init__(self, address: UsbAddress) -> None:
        from escpos.printer import Usb

        self._printer: Any = Usb(
            address.vendor,
            address.product,
            timeout=1000,
            in_ep=address.in_endpoint,
            out_ep=address.out_endpoint,
        )

    def open(self, connect_s: float) -> None:
        self._printer.open()

    def write(self, piece: bytes, write_s: float) -> None:
        self._printer.timeout = max(1, int(write_s * 1000))  # 0 waits for ever
        self._printer._raw(piece)

    def read(self, read_s: float) -> bytes | None:
        self._printer.device.default_timeout = max(1, int(read_s * 1000))
        try:
            told = bytes(self._printer._read())
        except OSError as error:
            if not _names_timeout(error):
                raise
            return None
        return told or None

    def finish(self, linger_s: float) -> None:
        """USB has nothing in flight once a transfer is done."""

    def close(self) -> None:
        self._printer.close()
