"""The shop's time where the system's clock cannot be believed: what the page is told, and a
manager's yes to a clock that has jumped ahead."""

from __future__ import annotations

from typing import Any, Final

from daemon.core.entry import Draft, Kind
from daemon.core.errors import Conflict
from daemon.operations.shop import Actor, Shop
from daemon.ports.clock import Clock
from daemon.ports.ledger import Books

SEEN_MS: Final = 10 * 60_000
"""How long the time that a manager looked at may be confirmed."""


def clock_view(clock: Clock) -> dict[str, Any]:
    reading = clock.reading()
    return {"now_ms": reading.now_ms, "wall_ms": reading.wall_ms, "problem": reading.problem}


async def confirm_clock(shop: Shop, actor: Actor, wall_ms: int) -> dict[str, Any]:
    """From now on the system's clock counts, which showed about `wall_ms` when it was looked at.
    What ends by then ends for good: the books never go back.

    Raises Conflict("clock_not_ahead" | "clock_moved")."""
    before = shop.clock.reading()
    if before.problem != "clock_ahead":
        raise Conflict("clock_not_ahead")
    if not 0 <= before.wall_ms - wall_ms <= SEEN_MS:
        raise Conflict("clock_moved", wall_ms=before.wall_ms)
    at_ms = shop.clock.follow_wall()
    approved = {"approver": actor.approver} if actor.approver else {}

    def work(books: Books) -> None:
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.APPROVED,
                at_ms=at_ms,
                actor=actor.number,
                detail={"event": "confirm_clock", "was_ms": before.now_ms, **approved},
            )
        )

    await shop.ledger.write(work)
    view = clock_view(shop.clock)
    shop.events.publish("clock", view)
    return view
