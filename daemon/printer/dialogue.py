"""What is said to a printer on an open line: ask how it is, send a job, ask whether it came out.

Blocking, for the printer's own thread. A TCP printer accepts bytes that it never prints: so after
the cut GS r 1 is asked, which the printer answers only when it has worked off everything before it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.errors import PrinterError
from daemon.ports.printing import Paper, Printed, PrinterStatus
from daemon.printer import status
from daemon.printer.commands import dle_pulse, esc_pulse
from daemon.printer.port import Wire

MOST_REPLY_BYTES: Final = 8
"""A reply is one byte, and four come unasked from a printer that somebody set to tell of changes:
what says more at once is no answer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for the answer to DLE EOT, for the paper to come out, and between pieces of a job
    (some USB printers lose data without a pause)."""

    reply_s: float = 1.0
    paper_s: float = 12.0
    pause_s: float = 0.0


def ask_status(wire: Wire, patience: Patience) -> PrinterStatus:
    """DLE EOT 1, 4, 2, 3. After the first silence the rest is not asked: it stays unknown, as
    everything does of a printer that talks without being asked.

    Raises PrinterError("printer_stalled" | "printer_cut_off").
    """
    replies: dict[int, int | None] = {}
    for n in status.ASKED:
        if not wire.drain():
            return status.unknown("printer_babbles")
        wire.write(status.ask(n))
        told = wire.read(patience.reply_s)
        if told is None:
            break
        if len(told) > MOST_REPLY_BYTES:
            return status.unknown("printer_babbles")
        replies[n] = told[-1]
    return status.combine(replies)


def kick(wire: Wire, told: PrinterStatus, pin: int) -> None:
    """Opens the drawer, in real time if the printer, as `told`, would hold the command back.

    Raises PrinterError("printer_stalled" | "printer_cut_off")."""
    wire.write(dle_pulse(pin) if told.online is False else esc_pulse(pin))


def send(wire: Wire, job: Sequence[bytes], patience: Patience) -> None:
    """Raises PrinterError("printer_stalled" | "printer_cut_off")."""
    for piece in job:
        wire.write(piece)
        if patience.pause_s:
            time.sleep(patience.pause_s)


def confirm(wire: Wire, before: PrinterStatus, patience: Patience) -> tuple[Printed, PrinterStatus]:
    """CONFIRMED if the printer says after the cut that it is online with paper. What said nothing
    `before` is asked once more, but not waited for.

    Raises PrinterError("printer_paper_out" | "printer_cover_open" | "printer_offline") if it says
    that it stopped on the way, "printer_cut_off" if the line broke.
    """
    if before.online is None or not wire.drain():
        told = ask_status(wire, patience)
        return (_outcome(told), told)
    wire.write(status.GS_R_PAPER)
    deadline = time.monotonic() + patience.paper_s
    while time.monotonic() < deadline and not _worked_off(wire, patience):
        pass
    told = ask_status(wire, patience)
    _stop_on(told)
    return (_outcome(told), told)


def _worked_off(wire: Wire, patience: Patience) -> bool:
    """Waits for the answer to GS r 1. In silence asks DLE EOT 1, which a printer answers also when
    it has stopped in the middle; then there is nothing to wait for.

    Raises PrinterError as `confirm`.
    """
    told = wire.read(patience.reply_s)
    if told is None:
        wire.write(status.ask(status.PRINTER))
        return False
    if len(told) > MOST_REPLY_BYTES or any(map(status.valid_paper_reply, told)):
        return True
    if any(status.valid(reply) and status.says_offline(reply) for reply in told):
        _stop_on(ask_status(wire, patience))
    return False


def _outcome(told: PrinterStatus) -> Printed:
    with_paper = told.paper in (Paper.OK, Paper.NEAR_END)
    return Printed.CONFIRMED if told.online and with_paper else Printed.UNCONFIRMED


def _stop_on(told: PrinterStatus) -> None:
    problem = status.blocking_problem(told)
    if problem is not None:
        raise PrinterError(problem)
