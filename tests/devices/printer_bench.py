"""A printer of ours as the daemon has it, with deadlines short enough for a test, and a spool."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from printer_process import MemoryQueue

from daemon.ports.printing import PrinterStatus, ReceiptPrinter
from daemon.printer.dialogue import Patience
from daemon.printer.port import Address, Deadlines, PrinterPort
from daemon.printer.printer import EscposPrinter, PrinterSettings
from daemon.printer.spool import Pace, Spool

QUICK = Deadlines(connect_s=2.0, write_s=2.0, linger_s=2.0)
PATIENCE = Patience(reply_s=0.5, paper_s=5.0)


@asynccontextmanager
async def started(
    address: Address,
    fonts: list[Path] | None = None,
    deadlines: Deadlines = QUICK,
    **settings: Any,
) -> Any:
    port = PrinterPort(address, deadlines)
    printer = EscposPrinter(port, PrinterSettings(patience=PATIENCE, **settings), fonts)
    await printer.start()
    try:
        yield printer
    finally:
        await printer.stop()


class Watch:
    """What the spool told."""

    def __init__(self) -> None:
        self.changes: list[tuple[PrinterStatus, int]] = []
        self.receipts: list[tuple[str, str]] = []

    def on_change(self, status: PrinterStatus, waiting: int) -> None:
        self.changes.append((status, waiting))

    def on_receipt(self, receipt_id: str, state: str) -> None:
        self.receipts.append((receipt_id, state))

    @property
    def states(self) -> list[str]:
        return [state for _, state in self.receipts]


@asynccontextmanager
async def spooling(queue: MemoryQueue, printer: ReceiptPrinter) -> Any:
    watch = Watch()
    pace = Pace(look_s=0.05, first_s=0.05, most_s=0.2)
    spool = Spool(queue, printer, watch.on_change, watch.on_receipt, pace)
    await spool.start()
    try:
        yield spool, watch
    finally:
        await spool.stop()


async def eventually(holds: Any, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)
