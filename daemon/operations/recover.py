"""After a crash: which sales happened is on the books; what was open is ended or asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.authorize import Decline
from daemon.core.records import Operation, OpState
from daemon.operations.sell import KIND, end_sale
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

MOST_OPEN = 100
"""A counter has one current sale; more open ones can only come from crashes in a row."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """`torn`: the sale whose card must be tapped again. `sales`: the ids of all that were open."""

    torn: Operation | None = None
    sales: tuple[str, ...] = ()


async def recover_sales(shop: Shop) -> Recovered:
    """Sales that were open when the power went: those whose card may have committed become
    UNKNOWN, the rest certainly moved nothing and are declined as `restarted`. `torn` is the newest
    UNKNOWN sale: the counter asks for that card again. An older UNKNOWN one is cancelled: no money
    moved, and its card's intent stays pending, so that its next tap is not called a clone."""
    stale = await shop.ledger.operations(
        kinds=(KIND,), states=(OpState.OPEN, OpState.UNKNOWN), limit=MOST_OPEN
    )
    if not stale:
        return Recovered()
    torn = await shop.ledger.write(lambda books: _sort_out(shop, books, stale))
    return Recovered(torn, tuple(sale.op_id for sale in stale))


def _sort_out(shop: Shop, books: Books, stale: Sequence[Operation]) -> Operation | None:
    torn: Operation | None = None
    for sale in stale:
        card = books.card_pending_for(sale.op_id)
        if card is None:
            end_sale(shop, books, sale.op_id, OpState.DECLINED, Decline("restarted"))
        elif torn is not None:
            end_sale(shop, books, sale.op_id, OpState.CANCELLED, Decline("restarted"))
        else:
            if sale.state is OpState.OPEN:
                more = {"member_id": card.member_id, "technology": card.technology.value}
                end_sale(shop, books, sale.op_id, OpState.UNKNOWN, Decline("card_torn"), **more)
            torn = books.operation(sale.op_id)
    return torn
