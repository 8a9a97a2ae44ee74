"""Paper: a printer that may not be there, and a queue that survives a power cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from daemon.core.printer_model import Model, Role
from daemon.core.receipt import Receipt


class Paper(Enum):
    OK = "ok"
    NEAR_END = "near_end"
    OUT = "out"
    UNKNOWN = "unknown"


class Printed(Enum):
    """CONFIRMED: the printer answered after the cut that it is online with paper. UNCONFIRMED: the
    bytes were taken, but the printer says nothing of itself."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """What the printer last said of itself; None where it did not say."""

    reachable: bool | None
    online: bool | None = None
    cover_open: bool | None = None
    paper: Paper = Paper.UNKNOWN
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A receipt that waits for paper. `attempts` counts tries so far: above 0 it may already be on
    paper and is printed marked as possibly printed before."""

    job_id: int
    receipt: Receipt
    attempts: int


class PrintQueue(Protocol):
    """The durable spool. Every method is durable when it returns."""

    async def next_job(self) -> PrintJob | None: ...

    async def begin(self, job_id: int) -> None:
        """Counts an attempt, before the first byte goes out."""
        ...

    async def done(self, job_id: int, outcome: Printed) -> None: ...

    async def failed(self, job_id: int, problem: str) -> None: ...

    async def waiting(self) -> int: ...


class ReceiptPrinter(Protocol):
    async def print(
        self, receipt: Receipt, *, maybe_printed: bool = False, beep: bool = False
    ) -> Printed:
        """`beep`: and sounds its buzzer, where it has one.

        Raises PrinterError("printer_absent" | "printer_forbidden" | "printer_busy" |
        "printer_wrong_kind" | "printer_driver_missing" | "printer_silent" | "printer_paper_out" |
        "printer_cover_open" | "printer_offline" | "printer_cut_off" | "printer_stalled")."""
        ...

    async def open_drawer(self) -> None: ...

    async def refresh(self) -> PrinterStatus:
        """Asks the printer; never raises: what is not known is None or UNKNOWN."""
        ...

    def status(self) -> PrinterStatus: ...

    async def preview(self, receipt: Receipt) -> bytes:
        """The same picture as on the paper, as PNG."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PlacedPrinter:
    """A configured printer: what people call it, what it is for, and how it is plugged in
    (network, serial, usb_lp, usb)."""

    name: str
    role: Role
    connection: str
    model: Model
    printer: ReceiptPrinter
