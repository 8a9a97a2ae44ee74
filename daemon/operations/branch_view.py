"""Where this device stands in its chain, for the office (docs/leases.md)."""

from __future__ import annotations

from typing import Any, Final

from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

_MONEY: Final = ("principal", "bonus")


async def chain_standing(shop: Shop, cloud: str) -> dict[str, Any]:
    """`belongs` False, and nothing else that tells, for a shop without a cloud. `cloud`: what this
    device dials."""
    status, identity = shop.chain.status(), shop.identity
    view: dict[str, Any] = {
        "belongs": status.belongs,
        "device": identity.device,
        "store": identity.store,
        "merchant": identity.merchant,
        "cloud": cloud,
        "online": status.online,
        "since_ms": status.since_ms,
        "contact_ms": status.contact_ms,
        "waiting": status.waiting,
        "journal": None,
        "valid_until_ms": None,
        "held": None,
    }
    if status.belongs:
        view |= await shop.ledger.read(_on_the_books)
    return view


def _on_the_books(books: Books) -> dict[str, Any]:
    state = books.chain_state()
    assert state is not None, "a device of a chain has joined it"
    sums = books.held_sums()
    return {
        "contact_ms": state.contact_ms or None,
        "valid_until_ms": state.valid_until_ms or None,
        "journal": {"epoch": books.epoch(), "number": books.journal_number()},
        "held": {
            "members": books.held_count(),
            **{f"{asset}_fen": sums.get(asset, 0) for asset in _MONEY},
            "points": sums.get("points", 0),
            "uses": sum(units for asset, units in sums.items() if asset.startswith("pass:")),
        },
    }
