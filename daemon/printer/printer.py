"""One ESC/POS receipt printer behind the `ReceiptPrinter` port.

Two threads of its own: one speaks to the printer (and may wait seconds for it), one draws (so that
a preview never waits for a stuck printer). The event loop only waits for their results.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from daemon.core.errors import PrinterError
from daemon.core.printer_model import Answers, Buzzer, Model
from daemon.core.receipt import Receipt
from daemon.core.receipt_text import marked
from daemon.ports.printing import Paper, Printed, PrinterStatus
from daemon.printer import dialogue
from daemon.printer.commands import MOST_BAND_ROWS, beep
from daemon.printer.gb18030 import Encoding, native_job
from daemon.printer.layout import Line, TextLine, lay_out
from daemon.printer.port import PrinterPort, Wire
from daemon.printer.raster import Rasterizer, find_fonts
from daemon.printer.status import blocking_problem, unreachable

_log = logging.getLogger(__name__)
NOT_OPENED: Final = (
    "printer_absent",
    "printer_forbidden",
    "printer_busy",
    "printer_wrong_kind",
    "printer_driver_missing",
)
_Result = TypeVar("_Result")

DOTS_BY_WIDTH_MM: Final = {58: 384, 80: 576}
FRESH_S: Final = 1.5
"""Silence this young is not asked for again: a mute printer costs a second each time."""


@dataclass(frozen=True, slots=True)
class PrinterSettings:
    """What differs between printers. `width_mm` 58 or 80; `dots` of a line, 0: what that width
    has; `band_rows` how many rows of a picture it takes at once; `drawer_pin` 2 or 5, 0: there is
    no drawer; `beeps`: with every paper, for people who look elsewhere."""

    width_mm: int = 80
    encoding: Encoding = Encoding.RASTER
    band_rows: int = MOST_BAND_ROWS
    drawer_pin: int = 2
    dots: int = 0
    cutter: bool = True
    buzzer: Buzzer = Buzzer.NONE
    answers: Answers = Answers.UNKNOWN
    beeps: bool = False
    patience: dialogue.Patience = field(default_factory=dialogue.Patience)

    @property
    def columns(self) -> int:
        """Even, so that a row of a picture is whole bytes."""
        return (self.dots or DOTS_BY_WIDTH_MM[self.width_mm]) // 24 * 2


def settings_of(model: Model, *, beeps: bool = False) -> PrinterSettings:
    return PrinterSettings(
        width_mm=model.width_mm,
        encoding=Encoding(model.encoding),
        band_rows=model.band_rows,
        drawer_pin=model.drawer_pin,
        dots=model.dots,
        cutter=model.cutter,
        buzzer=model.buzzer,
        answers=model.answers,
        beeps=beeps,
    )


class EscposPrinter:
    """`ReceiptPrinter` over a `PrinterPort`. `fonts`: for tests; None looks on this machine. `logo`
    is asked for each paper: the shop's logo as PNG, or empty."""

    def __init__(
        self,
        port: PrinterPort,
        settings: PrinterSettings | None = None,
        fonts: Sequence[Path] | None = None,
        logo: Callable[[], bytes] = bytes,
    ) -> None:
        self._port = port
        self._settings = settings or PrinterSettings()
        self._fonts = fonts
        self._logo = logo
        self._rasterizer: Rasterizer | None = None
        self._status = PrinterStatus(reachable=None)
        self._asked_at: float | None = None
        self._speaking = ThreadPoolExecutor(1, thread_name_prefix="printer")
        self._drawing = ThreadPoolExecutor(1, thread_name_prefix="receipt-drawing")

    async def start(self) -> None:
        """Loads the font and draws our own words. Without a Chinese font receipts go out as
        GB18030 text and the status says `printer_no_font`; it does not ask the printer."""
        await self._in(self._drawing, self._load)

    async def stop(self) -> None:
        """A job that is on the line ends by its own deadlines; nothing new begins."""
        self._speaking.shutdown(wait=False, cancel_futures=True)
        self._drawing.shutdown(wait=False, cancel_futures=True)

    async def print(
        self, receipt: Receipt, *, maybe_printed: bool = False, beep: bool = False
    ) -> Printed:
        """See the port. The drawer is kicked for the first print only, and before anything that can
        fail for lack of paper: a paper-out must not lock the cash in."""
        job = await self._in(self._drawing, lambda: self._job(receipt, maybe_printed))
        first = not (maybe_printed or receipt.copy or receipt.late)
        kick = receipt.open_drawer and first
        loud = beep or self._settings.beeps
        return await self._in(self._speaking, lambda: self._print(job, kick, loud))

    async def open_drawer(self) -> None:
        """Raises PrinterError as `print`."""
        await self._in(self._speaking, self._open_drawer)

    async def refresh(self) -> PrinterStatus:
        return await self._in(self._speaking, self._refresh)

    def status(self) -> PrinterStatus:
        if self._rasterizer is None and self._status.problem in (None, "printer_mute"):
            return replace(self._status, problem="printer_no_font")
        return self._status

    async def preview(self, receipt: Receipt) -> bytes:
        """Raises PrinterError("printer_no_font") where nothing can be drawn."""
        return await self._in(self._drawing, lambda: self._preview(receipt))

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _load(self) -> None:
        try:
            fonts = self._fonts if self._fonts is not None else find_fonts()
            rasterizer = Rasterizer(self._settings.columns, fonts)
            rasterizer.warm()
        except PrinterError as error:
            _log.warning("%s: receipts are printed as GB18030 text, without previews", error)
            return
        self._rasterizer = rasterizer

    def _lines(self, receipt: Receipt, maybe_printed: bool) -> tuple[Line, ...]:
        paper = marked(receipt, maybe_printed=maybe_printed)
        return lay_out(paper, self._settings.columns, self._logo())

    def _job(self, receipt: Receipt, maybe_printed: bool) -> list[bytes]:
        lines = self._lines(receipt, maybe_printed)
        rasterizer, rows = self._rasterizer, self._settings.band_rows
        columns, cutter = self._settings.columns, self._settings.cutter
        if rasterizer is None:
            spoken = self._settings.encoding
            plain = Encoding.GB18030 if spoken is Encoding.RASTER else spoken
            return native_job(lines, columns, plain, None, cutter=cutter)
        if self._settings.encoding is Encoding.RASTER:
            return rasterizer.job(lines, rows, cutter=cutter)

        def picture(line: TextLine) -> list[bytes]:
            return rasterizer.bands([line], rows)

        return native_job(lines, columns, self._settings.encoding, picture, cutter=cutter)

    def _preview(self, receipt: Receipt) -> bytes:
        if self._rasterizer is None:
            raise PrinterError("printer_no_font")
        return self._rasterizer.png(self._lines(receipt, False))

    def _print(self, job: Sequence[bytes], kick: bool, loud: bool) -> Printed:
        settings = self._settings
        try:
            with self._port as wire:
                before = self._fresh() or self._ask(wire)
                if kick and settings.drawer_pin:
                    dialogue.kick(wire, before, settings.drawer_pin)
                problem = blocking_problem(before)
                if problem is not None:
                    raise PrinterError(problem)
                dialogue.send(wire, job, settings.patience)
                if loud and settings.buzzer is not Buzzer.NONE:
                    wire.write(beep(settings.buzzer))
                if settings.answers is Answers.NO:
                    outcome = Printed.UNCONFIRMED
                else:
                    outcome, after = dialogue.confirm(wire, before, settings.patience)
                    self._heard(after)
                if outcome is Printed.UNCONFIRMED:
                    wire.finish()
                return outcome
        except PrinterError as error:
            self._failed(error)
            raise

    def _open_drawer(self) -> None:
        try:
            with self._port as wire:
                told = self._ask(wire)
                if self._settings.drawer_pin:
                    dialogue.kick(wire, told, self._settings.drawer_pin)
        except PrinterError as error:
            self._failed(error)
            raise

    def _refresh(self) -> PrinterStatus:
        try:
            with self._port as wire:
                self._ask(wire)
        except PrinterError as error:
            self._failed(error)
        return self.status()

    def _ask(self, wire: Wire) -> PrinterStatus:
        """Where silence means absence, a silent printer is unreachable, though its line is not."""
        if self._settings.answers is Answers.NO:
            return self._heard(PrinterStatus(reachable=True))
        told = dialogue.ask_status(wire, self._settings.patience)
        if self._settings.answers is Answers.YES and told.problem == "printer_mute":
            told = unreachable("printer_silent")
        return self._heard(told)

    def _fresh(self) -> PrinterStatus | None:
        young = self._asked_at is not None and time.monotonic() - self._asked_at < FRESH_S
        mute = self._status.reachable and self._status.online is None
        return self._status if young and mute else None

    def _heard(self, told: PrinterStatus) -> PrinterStatus:
        self._status, self._asked_at = told, time.monotonic()
        return told

    def _failed(self, error: PrinterError) -> None:
        """Keeps what the printer said where it spoke; after a broken line nothing is known."""
        self._asked_at = None
        if error.key in NOT_OPENED:
            self._status = unreachable(error.key)
        elif error.key in ("printer_cut_off", "printer_stalled"):
            self._status = PrinterStatus(reachable=True, problem=error.key)
        elif blocking_problem(self._status) != error.key:
            self._status = _stopped(error.key)


def _stopped(problem: str) -> PrinterStatus:
    """The printer stopped in the middle of a job and said why."""
    paper = Paper.OUT if problem == "printer_paper_out" else Paper.UNKNOWN
    cover_open = True if problem == "printer_cover_open" else None
    return PrinterStatus(True, online=False, cover_open=cover_open, paper=paper, problem=problem)
