"""A printer in memory, behind daemon.ports.printing: keeps its papers, draws a plain picture, and
runs out of paper when it is told to."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

from PIL import Image, ImageDraw

from daemon.core.errors import PrinterError
from daemon.core.receipt import Pair, Receipt, Text
from daemon.ports.printing import Paper, Printed, PrinterStatus

WELL = PrinterStatus(reachable=True, online=True, cover_open=False, paper=Paper.OK)


@dataclass(slots=True)
class MemoryPrinter:
    """Implements daemon.ports.printing.ReceiptPrinter."""

    papers: list[Receipt] = field(default_factory=list)
    drawer_opened: int = 0
    beeps: int = 0
    _status: PrinterStatus = WELL

    async def print(
        self, receipt: Receipt, *, maybe_printed: bool = False, beep: bool = False
    ) -> Printed:
        if self._status.problem is not None:
            raise PrinterError(self._status.problem)
        self.papers.append(replace(receipt, late=maybe_printed))
        if receipt.open_drawer:
            await self.open_drawer()
        self.beeps += beep
        return Printed.CONFIRMED

    async def open_drawer(self) -> None:
        self.drawer_opened += 1

    async def refresh(self) -> PrinterStatus:
        return self._status

    def status(self) -> PrinterStatus:
        return self._status

    async def preview(self, receipt: Receipt) -> bytes:
        lines = [
            block.text if isinstance(block, Text) else f"{block.left} {block.right}"
            for block in receipt.blocks
            if isinstance(block, Text | Pair)
        ]
        picture = Image.new("L", (384, 24 * (len(lines) + 1)), 255)
        draw = ImageDraw.Draw(picture)
        for number, line in enumerate(lines):
            draw.text((4, 24 * number), line.encode("ascii", "replace").decode(), fill=0)
        kept = io.BytesIO()
        picture.save(kept, "PNG")
        return kept.getvalue()

    async def start(self) -> None:
        self._status = replace(self._status, reachable=True)

    async def stop(self) -> None:
        self._status = replace(self._status, reachable=False)

    def run_out_of_paper(self) -> None:
        self._status = replace(WELL, paper=Paper.OUT, online=False, problem="printer_paper_out")

    def refill(self) -> None:
        self._status = WELL
