"""The only door to python-escpos: a line to a printer, opened, written, read, closed. Blocking.

Only its classes for the cables are used: the library's own text, status and cut calls guess (its
`paper_status()` reads silence as "adequate", and its Chinese text loses every string without a
hanzi). Every wait is finite. Whatever the driver raises leaves here as PrinterError:
`printer_absent` (cannot be opened), `printer_forbidden` (may not be opened), `printer_busy`
(another program has it), `printer_wrong_kind` (something else has that name),
`printer_driver_missing`, `printer_stalled` (takes no bytes), `printer_cut_off` (the line broke).
"""

from __future__ import annotations

import array
import errno
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
from daemon.printer.lp import LpDevice

_log = logging.getLogger(__name__)

PIECE_BYTES: Final = 4096
"""The write deadline runs anew for each piece: a slow printer is not a stalled one."""
SEND_BUFFER_BYTES: Final = 16 * 1024
"""The system takes no more than this on trust: else a whole receipt "goes out" to a stalled
printer."""
READ_BYTES: Final = 64
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
    """A printer on a serial line. `flow`: "none", "rts_cts", or "xon_xoff", which takes nothing
    away from what it says: no status byte is 11 or 13 (hex)."""

    path: str
    baud: int = 9600
    flow: str = "none"

    def device(self) -> Device:
        return _Serial(self)


@dataclass(frozen=True, slots=True)
class LpAddress:
    """A USB printer by the kernel's own driver: /dev/usb/lp0."""

    path: str

    def device(self) -> Device:
        return LpDevice(self.path)


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A USB printer (class 7) by vendor and product id and its bulk end points; of two of a kind
    the one with this `serial` number. Needs pyusb and libusb."""

    vendor: int
    product: int
    serial: str = ""
    in_endpoint: int = 0x82
    out_endpoint: int = 0x01

    def device(self) -> Device:
        return _Usb(self)


Address = NetworkAddress | SerialAddress | LpAddress | UsbAddress


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

    def drain(self) -> bool:
        """Forgets replies that came too late for the question they answer. False: it goes on
        talking, and whatever it says answers nothing.

        Raises PrinterError("printer_cut_off")."""
        return any(self.read(0.0) is None for _ in range(MOST_DRAINED))


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
        if otherwise == "printer_absent":
            raise PrinterError(_kept_out(error)) from error
        raise PrinterError("printer_stalled" if _names_timeout(error) else otherwise) from error
    except (RuntimeError, ImportError) as error:
        # python-escpos says so when pyusb or pyserial is not installed.
        raise PrinterError("printer_driver_missing") from error
    except ValueError as error:
        # pyusb: no libusb on this machine, or a serial number that may not be read.
        missing = type(error).__name__ == "NoBackendError"
        raise PrinterError("printer_driver_missing" if missing else otherwise) from error


_BY_ERRNO: Final = {
    errno.EACCES: "printer_forbidden",
    errno.EPERM: "printer_forbidden",
    errno.EBUSY: "printer_busy",
    errno.ENOTTY: "printer_wrong_kind",
    errno.EISDIR: "printer_wrong_kind",
}


def _kept_out(error: BaseException | None) -> str:
    """Why it could not be opened: python-escpos keeps the system's word behind its own."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number is None and isinstance(error, termios.error) and error.args:
            number = error.args[0]
        if number in _BY_ERRNO:
            return _BY_ERRNO[number]
        error = error.__cause__ or error.__context__
    return "printer_absent"


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
        deadline = time.monotonic() + linger_s
        while (left_s := deadline - time.monotonic()) > 0 and self.read(left_s):
            pass
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
            xonxoff=address.flow == "xon_xoff",
            dsrdtr=False,
        )
        self._rts_cts = address.flow == "rts_cts"

    def open(self, connect_s: float) -> None:
        self._printer.open()
        try:
            self._printer.device.rtscts = self._rts_cts
        except OSError:
            self._printer.device.close()
            raise

    def write(self, piece: bytes, write_s: float) -> None:
        # 4 KiB take 4.3 s at 9600 baud: the deadline is on top of the time on the wire.
        self._printer.device.write_timeout = write_s + self._wire_s(len(piece))
        self._printer._raw(piece)

    def read(self, read_s: float) -> bytes | None:
        # Not python-escpos' _read(): it waits for 16 bytes or the deadline, and replies are single
        # bytes.
        wire = self._printer.device
        wire.timeout = read_s
        told: bytes = wire.read(max(1, min(READ_BYTES, wire.in_waiting)))
        return told or None

    def finish(self, linger_s: float) -> None:
        """Raises TimeoutError if bytes stay behind."""
        self._let_go(linger_s)
        if self._printer.device.out_waiting:
            raise TimeoutError("the printer left bytes untaken")

    def close(self) -> None:
        # Not python-escpos' close(): it waits for ever behind a printer that holds its line busy,
        # as the system itself does for half a minute when bytes are left.
        try:
            self._let_go(0.2)
            if self._printer.device.out_waiting:
                self._printer.device.reset_output_buffer()
        finally:
            self._printer.device.close()

    def _let_go(self, patience_s: float) -> None:
        wire = self._printer.device
        deadline = time.monotonic() + patience_s + self._wire_s(wire.out_waiting)
        while wire.out_waiting and time.monotonic() < deadline:
            time.sleep(0.02)

    def _wire_s(self, count: int) -> float:
        """How long so many bytes take: eight bits, a start and a stop."""
        return count * 10 / float(self._printer.baudrate)


class _Usb:
    def __init__(self, address: UsbAddress) -> None:
        # First: without it python-escpos fails again, aloud, when the object is collected.
        import usb.core  # noqa: F401
        from escpos.printer import Usb

        self._printer: Any = Usb(
            address.vendor,
            address.product,
            {"serial_number": address.serial} if address.serial else {},
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
