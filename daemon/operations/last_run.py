"""What the stop before this start left behind: sales that were open, receipts without paper."""

from __future__ import annotations

from typing import Any

from daemon.core.records import Operation
from daemon.operations.recover import Recovered, recover_sales
from daemon.operations.sale_view import sale_view
from daemon.operations.sell import require_sale
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

MOST_SPOOLED = 100
"""How far back a start looks for receipts that wait for paper."""


class LastRun:
    """Told from `take_up` until `forget`."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._recovered = Recovered()
        self._receipts_left = 0

    async def take_up(self) -> Operation | None:
        """Ends or keeps what was open; returns the sale whose card must be tapped again."""
        kept = await self._shop.ledger.receipts(limit=MOST_SPOOLED)
        self._receipts_left = sum(one.state in ("waiting", "printing", "failed") for one in kept)
        self._recovered = await recover_sales(self._shop)
        return self._recovered.torn

    def forget(self) -> None:
        """The next sale was begun."""
        self._recovered, self._receipts_left = Recovered(), 0

    async def view(self) -> dict[str, Any] | None:
        """The sales that were open, as they stand now, and how many receipts waited for paper."""
        left, receipts = self._recovered.sales, self._receipts_left
        if not left and not receipts:
            return None

        def look(books: Books) -> list[dict[str, Any]]:
            return [sale_view(books, require_sale(books, sale_id)) for sale_id in left]

        return {"sales": await self._shop.ledger.read(look), "receipts_waiting": receipts}
