"""What the page may ask of sales, recharges and rules. Nothing here changes anything."""

from __future__ import annotations

from typing import Any, Final

from daemon.core.errors import NotFound
from daemon.core.records import OpState
from daemon.operations import recharge, sell
from daemon.operations.sale_view import sale_view
from daemon.operations.shop import Shop
from daemon.operations.till import Till
from daemon.operations.views import SALE_STATUS, recharge_view
from daemon.ports.ledger import Books

MOST_LISTED: Final = 100
_STATES: Final = {word: state for state, word in SALE_STATUS.items()} | {
    "awaiting_pin": OpState.OPEN
}


async def sale_by_id(shop: Shop, till: Till, sale_id: str) -> dict[str, Any]:
    """Raises NotFound("sale_unknown")."""
    status = _status_of(till, sale_id)
    return await shop.ledger.read(
        lambda books: sale_view(books, sell.require_sale(books, sale_id), status=status)
    )


async def list_sales(
    shop: Shop, till: Till, limit: int, status: str | None = None
) -> list[dict[str, Any]]:
    """Newest first; `status` as a sale shows it."""
    states = tuple(OpState) if status is None else (_STATES[status],)
    found = await shop.ledger.operations(
        kinds=(sell.KIND,), states=states, limit=min(limit, MOST_LISTED)
    )
    known = {sale.op_id: _status_of(till, sale.op_id) for sale in found}

    def look(books: Books) -> list[dict[str, Any]]:
        return [sale_view(books, sale, status=known[sale.op_id]) for sale in found]

    views = await shop.ledger.read(look)
    return [view for view in views if status is None or view["status"] == status]


def _status_of(till: Till, sale_id: str) -> str | None:
    """What the counter knows better than the books."""
    return "awaiting_pin" if till.awaits_pin_for(sale_id) else None


async def recharge_by_id(shop: Shop, recharge_id: str) -> dict[str, Any]:
    """Raises NotFound("recharge_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        found = books.operation(recharge_id)
        if found is None or found.kind != recharge.KIND:
            raise NotFound("recharge_unknown")
        return recharge_view(books, found)

    return await shop.ledger.read(look)


def recharge_rules(shop: Shop) -> dict[str, Any]:
    """What bonus an amount would bring, smallest amount first."""
    rules = shop.rules
    tiers = sorted(rules.recharge.tiers, key=lambda tier: tier.from_fen)
    return {
        "tiers": [
            {"from_fen": t.from_fen, "bonus_bp": t.bonus_bp, "bonus_fen": t.bonus_fen}
            for t in tiers
        ],
        "bonus_valid_days": rules.recharge.bonus_valid_days,
        "quick_fen": list(rules.documents.recharge.quick_fen),
    }
