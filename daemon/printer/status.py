"""What a printer says of itself: replies to DLE EOT 1..4 and GS r 1 -> `PrinterStatus`. Pure.

The bits are those of the ESC/POS real-time status (DLE EOT n). In every valid reply bits 0 and 7
are 0, bits 1 and 4 are 1: (b & 0x93) == 0x12. Anything else is unknown and is shown as unknown: a
printer that says nothing is never taken for one that has paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.ports.printing import Paper, PrinterStatus

DLE_EOT: Final = b"\x10\x04"
GS_R_PAPER: Final = b"\x1dr\x01"

PRINTER, OFFLINE_CAUSE, ERROR_CAUSE, PAPER_SENSOR = 1, 2, 3, 4
ASKED: Final = (PRINTER, PAPER_SENSOR, OFFLINE_CAUSE, ERROR_CAUSE)
"""In this order: should a slow printer answer only the first ones, they tell the most."""

_OFFLINE: Final = 0x08  # n=1 bit 3
_COVER_OPEN: Final = 0x04  # n=2 bit 2
_STOPPED_BY_PAPER_END: Final = 0x20  # n=2 bit 5
_ERROR: Final = 0x40  # n=2 bit 6
_CUTTER: Final = 0x08  # n=3 bit 3
_UNRECOVERABLE: Final = 0x20  # n=3 bit 5
_OVERHEATED: Final = 0x40  # n=3 bit 6, recovers by itself
_NEAR_END: Final = 0x0C  # n=4 bits 2 and 3
_PAPER_END: Final = 0x60  # n=4 bits 5 and 6


def ask(n: int) -> bytes:
    """DLE EOT n: the printer answers at once, even with a full buffer or offline."""
    assert n in ASKED
    return DLE_EOT + bytes([n])


def valid(reply: int | None) -> bool:
    """Whether `reply` can be an answer to DLE EOT."""
    return reply is not None and (reply & 0x93) == 0x12


def says_offline(reply: int) -> bool:
    """Of a valid answer to DLE EOT 1."""
    return bool(reply & _OFFLINE)


def valid_paper_reply(reply: int) -> bool:
    """Whether `reply` can be an answer to GS r 1: bits 4 and 7 are 0."""
    return (reply & 0x90) == 0


def combine(replies: Mapping[int, int | None]) -> PrinterStatus:
    """The status behind `replies` (n of DLE EOT n -> byte, or None for silence) of a printer that
    could be reached. `problem` is the key of the gravest thing it said, None if there is none."""
    told = {n: reply for n, reply in replies.items() if reply is not None and valid(reply)}
    printer, offline, error = (told.get(n) for n in (PRINTER, OFFLINE_CAUSE, ERROR_CAUSE))
    online = None if printer is None else not printer & _OFFLINE
    cover_open = None if offline is None else bool(offline & _COVER_OPEN)
    paper = _paper(told.get(PAPER_SENSOR), offline)
    return PrinterStatus(
        reachable=True,
        online=online,
        cover_open=cover_open,
        paper=paper,
        problem=_problem(online, cover_open, paper, offline, error),
    )


def unreachable(problem: str) -> PrinterStatus:
    """Nobody answered the door: nothing else is known."""
    return PrinterStatus(reachable=False, problem=problem)


def unknown(problem: str) -> PrinterStatus:
    """It was reached, and nothing that it says is known to be true."""
    return PrinterStatus(reachable=True, problem=problem)


def blocking_problem(status: PrinterStatus) -> str | None:
    """The key of what keeps this printer from printing, None if nothing is known to. A printer that
    says nothing of itself is printed to: many cheap ones never answer."""
    if status.reachable is False:
        return status.problem or "printer_absent"
    if status.cover_open:
        return "printer_cover_open"
    if status.paper is Paper.OUT:
        return "printer_paper_out"
    if status.online is False:
        return "printer_offline"
    return None


def _paper(sensor: int | None, offline: int | None) -> Paper:
    if sensor is not None and sensor & _PAPER_END:
        return Paper.OUT
    if offline is not None and offline & _STOPPED_BY_PAPER_END:
        return Paper.OUT
    if sensor is None:
        return Paper.UNKNOWN
    return Paper.NEAR_END if sensor & _NEAR_END else Paper.OK


def _problem(
    online: bool | None,
    cover_open: bool | None,
    paper: Paper,
    offline: int | None,
    error: int | None,
) -> str | None:
    if cover_open:
        return "printer_cover_open"
    if paper is Paper.OUT:
        return "printer_paper_out"
    if error is not None and error & _CUTTER:
        return "printer_cutter_jammed"
    if error is not None and error & _OVERHEATED:
        return "printer_overheated"
    if (error is not None and error & _UNRECOVERABLE) or (offline is not None and offline & _ERROR):
        return "printer_error"
    if online is False:
        return "printer_offline"
    return "printer_mute" if online is None else None
