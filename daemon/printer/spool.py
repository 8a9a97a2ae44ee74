"""The task that turns waiting receipts into paper, one at a time, and watches the printer between.

A job is begun (durably counted) only when the printer does not say that it cannot print: paper-out
leaves it untouched. A job that was begun before may be on paper already, so it prints marked as
such: never twice without saying so. A job that keeps breaking for no reason that the printer names
is given up as unconfirmed after `MOST_TRIES`, so that it cannot hold up the others or print for
ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.errors import PrinterError
from daemon.ports.printing import Printed, PrinterStatus, PrintJob, PrintQueue, ReceiptPrinter
from daemon.printer.status import blocking_problem

_log = logging.getLogger(__name__)

MOST_TRIES: Final = 5
_WAITED_OUT: Final = frozenset(
    (
        "printer_absent",
        "printer_forbidden",
        "printer_busy",
        "printer_wrong_kind",
        "printer_silent",
        "printer_driver_missing",
        "printer_paper_out",
        "printer_cover_open",
        "printer_offline",
    )
)
"""Someone has to do something at the printer: waiting loses nothing, and no try is counted out."""

OnChange = Callable[[PrinterStatus, int], None]
OnReceipt = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two looks at an idle or blocked printer, after the first failure (doubling),
    and at most."""

    look_s: float = 3.0
    first_s: float = 1.0
    most_s: float = 30.0


class Spool:
    """Drains `queue` through `printer`.

    `on_change(status, waiting)` is called when either changed; `on_receipt(receipt_id, state)` with
    printing, printed, unconfirmed or failed (failed: it is tried again). Both on the event loop.
    """

    def __init__(
        self,
        queue: PrintQueue,
        printer: ReceiptPrinter,
        on_change: OnChange,
        on_receipt: OnReceipt,
        pace: Pace | None = None,
    ) -> None:
        self._queue = queue
        self._printer = printer
        self._on_change = on_change
        self._on_receipt = on_receipt
        self._pace = pace or Pace()
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._kicked: int | None = None
        self._shown: tuple[PrinterStatus, int] | None = None

    @property
    def waiting(self) -> int:
        """How many receipts wait, as last seen."""
        return self._shown[1] if self._shown else 0

    async def start(self) -> None:
        assert self._task is None
        self._task = asyncio.create_task(self._run(), name="spool")

    def poke(self) -> None:
        """A receipt was queued, or somebody did something at the printer: look now."""
        self._woken.set()

    async def stop(self, grace_s: float = 10.0) -> None:
        """Lets the receipt on the line finish for `grace_s`; the rest stays in the queue."""
        self._stopping = True
        self._woken.set()
        task, self._task = self._task, None
        if task is None:
            return
        await asyncio.wait({task}, timeout=grace_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                pause_s = await self._turn()
                self._failures = 0
            except PrinterError as error:
                _log.warning("receipt not printed: %s", error)
                pause_s = self._back_off()
            except Exception:  # noqa: BLE001
                # The supervising task: whatever went wrong, receipts are tried again. A failed
                # write to the queue stops the counter by itself, not by this task's end.
                _log.exception("the spool stumbled")
                pause_s = self._back_off()
            if pause_s and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()

    async def _turn(self) -> float:
        """One look at the printer and at most one receipt; returns how long to wait after it."""
        status = await self._printer.refresh()
        job = await self._queue.next_job()
        await self._show(status)
        if job is None:
            return self._pace.look_s
        if blocking_problem(status) is not None:
            await self._open_drawer_once(job)
            return self._pace.look_s
        await self._print(job)
        return 0.0

    async def _print(self, job: PrintJob) -> None:
        receipt_id = job.receipt.receipt_id
        receipt = job.receipt
        if self._kicked == job.job_id:
            receipt = replace(receipt, open_drawer=False)
        await self._queue.begin(job.job_id)
        self._on_receipt(receipt_id, "printing")
        try:
            outcome = await self._printer.print(receipt, maybe_printed=job.attempts > 0)
        except PrinterError as error:
            await self._broke(job, error.key)
            raise
        except Exception:
            # A receipt that cannot be drawn is our own mistake; it must not block the others.
            await self._broke(job, "printer_error")
            raise
        await self._end(job, outcome)

    async def _end(self, job: PrintJob, outcome: Printed) -> None:
        await self._queue.done(job.job_id, outcome)
        state = "printed" if outcome is Printed.CONFIRMED else "unconfirmed"
        self._on_receipt(job.receipt.receipt_id, state)
        await self._show(self._printer.status())

    async def _broke(self, job: PrintJob, problem: str) -> None:
        if problem not in _WAITED_OUT and job.attempts + 1 >= MOST_TRIES:
            _log.error("receipt %s given up after %d tries", job.receipt.number, MOST_TRIES)
            await self._end(job, Printed.UNCONFIRMED)
            return
        await self._queue.failed(job.job_id, problem)
        self._on_receipt(job.receipt.receipt_id, "failed")
        await self._show(self._printer.status())

    async def _open_drawer_once(self, job: PrintJob) -> None:
        """Cash has been taken; that the printer has no paper must not keep it out of the drawer."""
        receipt = job.receipt
        wanted = receipt.open_drawer and not (receipt.copy or receipt.late or job.attempts)
        if not wanted or self._kicked == job.job_id:
            return
        self._kicked = job.job_id
        await self._printer.open_drawer()

    async def _show(self, status: PrinterStatus) -> None:
        shown = (status, await self._queue.waiting())
        if shown != self._shown:
            self._shown = shown
            self._on_change(*shown)

    def _back_off(self) -> float:
        self._failures += 1
        return min(self._pace.most_s, self._pace.first_s * (1 << min(self._failures - 1, 10)))
