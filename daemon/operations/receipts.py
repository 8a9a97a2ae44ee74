"""Receipts that were kept: listed, drawn again, and reprinted as copies that say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.core.errors import NotFound
from daemon.core.permissions import Permission
from daemon.core.receipt import Receipt, receipt_from_json
from daemon.core.records import StoredReceipt
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

MOST_LISTED = 100
_BLIND = frozenset({"shift_x"})
"""Papers that tell what the drawer should hold before it is counted."""


async def list_receipts(shop: Shop, limit: int) -> list[dict[str, Any]]:
    """Newest first."""
    kept = await shop.ledger.receipts(limit=min(limit, MOST_LISTED))
    return await shop.ledger.read(lambda books: [receipt_view(books, one) for one in kept])


def receipt_view(books: Books, stored: StoredReceipt) -> dict[str, Any]:
    """`kind` is sale, recharge or void; a void's receipt names what was voided."""
    operation = books.operation(stored.op_id)
    assert operation is not None, "a receipt is of an operation"
    about = operation
    for word in ("voids", "refunds"):
        if word in operation.request:
            undone = books.operation(operation.request[word])
            assert undone is not None, "a void or refund is of an operation"
            about = undone
    return {
        "receipt_id": stored.receipt_id,
        "number": stored.number,
        "created_ms": stored.created_ms,
        "state": stored.state,
        "prints": stored.prints,
        "kind": operation.kind,
        "sale_id": about.op_id if about.kind == "sale" else None,
        "recharge_id": about.op_id if about.kind == "recharge" else None,
        "service_id": about.op_id if about.kind == "card_service" else None,
    }


async def _kept(shop: Shop, actor: Actor, receipt_id: str) -> tuple[StoredReceipt, Receipt]:
    stored = await shop.ledger.receipt(receipt_id)
    if stored is None:
        raise NotFound("receipt_unknown")
    op_id = stored.op_id
    operation = await shop.ledger.read(lambda books: books.operation(op_id))
    if operation is not None and operation.kind in _BLIND:
        actor.require(Permission.SHIFT_ANY)
    return stored, receipt_from_json(stored.document)


async def draw_receipt(shop: Shop, actor: Actor, receipt_id: str) -> bytes:
    """PNG, the same picture as on the paper. Raises NotFound("receipt_unknown")."""
    _, receipt = await _kept(shop, actor, receipt_id)
    return await shop.printer.preview(receipt)


async def reprint(shop: Shop, actor: Actor, receipt_id: str) -> dict[str, Any]:
    """Queues a copy, numbered and marked. Raises NotFound("receipt_unknown")."""
    _, receipt = await _kept(shop, actor, receipt_id)

    def work(books: Books) -> None:
        number = books.count_copy(receipt_id)
        copy = replace(receipt, copy=number, open_drawer=False)
        books.respool(receipt_id, copy, shop.clock.now_ms())

    await shop.ledger.write(work)
    shop.receipt_spooled(receipt_id)
    queued, _ = await _kept(shop, actor, receipt_id)
    return await shop.ledger.read(lambda books: receipt_view(books, queued))
