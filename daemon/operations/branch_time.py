"""Whether what is held here may be spent now (docs/leases.md, "Clock")."""

from __future__ import annotations

from daemon.core.authorize import Decline
from daemon.core.lease.device import Clock, may_spend
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books


def barred(shop: Shop, books: Books, amount_fen: int) -> Decline | None:
    """Why nothing that is held here may be spent, or not so much; None if it may. `amount_fen` is
    what stored value pays (0: points or passes alone). A shop alone holds everything for ever."""
    if not shop.chain.belongs:
        return None
    state = books.chain_state()
    assert state is not None, "a device of a chain has joined it"
    now_ms = shop.clock.now_ms()
    clock = Clock(now_ms, now_ms, shop.chain.clock_synced, shop.chain.up_ms)
    spent_fen = shop.chain.unsynced_spent_fen
    return may_spend(amount_fen, state.valid_until_ms, clock, spent_fen, shop.rules.chain)
