"""Receipts that were kept: listed, drawn again, and reprinted as copies that say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.core.errors import NotFound
from daemon.core.receipt import Receipt, receipt_from_json
from daemon.core.records import StoredReceipt
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

MOST_LISTED = 100


async def list_receipts(shop: Shop, limit: int) -> list[dict[str, Any]]:
    """Newest first."""
    kept = await shop.ledger.receipts(limit=min(limit, MOST_LISTED))
    return [receipt_view(stored) for stored in kept]


def receipt_view(stored: StoredReceipt) -> dict[str, Any]:
    return {
        "receipt_id": stored.receipt_id,
        "number": stored.number,
        "op_id": stored.op_id,
        "created_ms": stored.created_ms,
        "state": stored.state,
        "prints": stored.prints,
    }


async def _kept(shop: Shop, receipt_id: str) -> tuple[StoredReceipt, Receipt]:
    stored = await shop.ledger.receipt(receipt_id)
    if stored is None:
        raise NotFound("receipt_unknown")
    return stored, receipt_from_json(stored.document)


async def draw_receipt(shop: Shop, receipt_id: str) -> bytes:
    """PNG, the same picture as on the paper. Raises NotFound("receipt_unknown")."""
    _, receipt = await _kept(shop, receipt_id)
    return await shop.printer.preview(receipt)


async def reprint(shop: Shop, receipt_id: str) -> dict[str, Any]:
    """Queues a copy, numbered and marked. Raises NotFound("receipt_unknown")."""
    stored, receipt = await _kept(shop, receipt_id)

    def work(books: Books) -> None:
        number = books.count_copy(receipt_id)
        copy = replace(receipt, copy=number, open_drawer=False)
        books.respool(receipt_id, copy, shop.clock.now_ms())

    await shop.ledger.write(work)
    shop.poke_spool()
    return receipt_view(stored)
