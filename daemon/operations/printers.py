"""A printer tried out by whoever set it up: a page past the queue, with the cut, the drawer and the
buzzer. It is on the log, since it opens the drawer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from daemon.core.entry import Draft, Kind
from daemon.core.errors import NotFound
from daemon.core.printer_model import Role
from daemon.core.receipt_roles import trial_page
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.ports.printing import Printed

log = logging.getLogger(__name__)

ANSWER_S: Final = 8.0
"""A picture on a slow line takes a minute, and whoever asked must be told something before."""


async def try_printer(shop: Shop, actor: Actor, role: str) -> dict[str, Any]:
    """Prints the test page at the printer of `role`; `outcome` is confirmed or unconfirmed, or
    under_way where it takes longer than `ANSWER_S`.

    Raises NotFound("printer_unknown") where that role has no printer, and PrinterError with what
    keeps it from printing."""
    found = [each for each in Role if each.value == role and each in shop.printers]
    if not found:
        raise NotFound("printer_unknown")
    placed = shop.printers[found[0]]
    page_id, now_ms = shop.clock.new_id(), shop.clock.now_ms()
    language = actor.language or shop.language
    page = trial_page(
        page_id, placed.name, placed.role, placed.model, shop.time_text(now_ms), language
    )

    def work(books: Books) -> None:
        detail = {"event": "printer_tested", "printer": role}
        if actor.approver:
            detail["approver"] = actor.approver
        books.append(Draft(page_id, Kind.SHIFT, now_ms, actor.number, detail=detail))

    await shop.ledger.write(work)
    printing = asyncio.ensure_future(placed.printer.print(page, beep=True))
    done, _ = await asyncio.wait({printing}, timeout=ANSWER_S)
    if not done:
        printing.add_done_callback(_ended)
        return {"role": role, "outcome": "under_way"}
    return {"role": role, "outcome": printing.result().value}


def _ended(printing: asyncio.Future[Printed]) -> None:
    """Nobody waits for it any more; the printer's status says what is wrong."""
    if not printing.cancelled() and (error := printing.exception()) is not None:
        log.warning("a test page was not printed: %s", error)
