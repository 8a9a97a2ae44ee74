"""Cash that goes into the drawer or out of it without a sale, and the drawer opened for no sale
(E3). Each with a reason, on the journal and on a slip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, Conflict
from daemon.core.money import require_amount
from daemon.core.receipt_shift import DrawerSlip, drawer_receipt
from daemon.core.records import Operation
from daemon.core.shift_report import CASH, CASH_IN, CASH_OUT, DRAWER
from daemon.operations.deed import put_on_journal
from daemon.operations.shifts import moved, once
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

LONGEST_REASON: Final = 60
_WAYS: Final = {"in": CASH_IN, "out": CASH_OUT}


async def move_cash(
    shop: Shop, actor: Actor, way: str, amount_fen: int, reason: str, key: str
) -> dict[str, Any]:
    """Puts cash into the drawer of the open shift (`way` "in") or takes some out ("out").

    Raises BadRequest("amount_not_positive" | "amount_too_large" | "reason_missing"),
    Conflict("shift_not_open"). Whether there is so much is not said: whoever asks is to count it
    blind."""
    require_amount(amount_fen)
    told = _reason(reason)
    event, sign = _WAYS[way], 1 if way == "in" else -1
    request = {"way": way, "amount_fen": amount_fen, "reason": told}

    def deed(books: Books, operation: Operation) -> Mapping[str, Any]:
        shift = books.open_shift()
        if shift is None:
            raise Conflict("shift_not_open")
        postings = moved({CASH: -sign * amount_fen, DRAWER: sign * amount_fen})
        facts: dict[str, int | str] = {"shift": shift.number, "reason": told}
        put_on_journal(books, operation, Kind.SHIFT, actor, event, facts, postings=postings)
        receipt_id = _slip(shop, books, actor, operation, event, told, amount_fen)
        return {"way": way, "amount_fen": amount_fen, "reason": told, "receipt_id": receipt_id}

    answer = await once(shop, actor, key, event, request, deed)
    shop.receipt_spooled(answer["receipt_id"])
    return answer


async def open_drawer(shop: Shop, actor: Actor, reason: str, key: str) -> dict[str, Any]:
    """Opens the drawer for no sale, shift or not: change for a note, a look. Raises
    BadRequest("reason_missing")."""
    told = _reason(reason)

    def deed(books: Books, operation: Operation) -> Mapping[str, Any]:
        put_on_journal(books, operation, Kind.SHIFT, actor, "drawer_opened", {"reason": told})
        receipt_id = _slip(shop, books, actor, operation, "drawer", told, 0)
        return {"reason": told, "receipt_id": receipt_id}

    answer = await once(shop, actor, key, "drawer_opened", {"reason": told}, deed)
    shop.receipt_spooled(answer["receipt_id"])
    return answer


def _reason(reason: str) -> str:
    told = " ".join(reason.split())
    if not told or len(told) > LONGEST_REASON or not told.isprintable():
        raise BadRequest("reason_missing")
    return told


def _slip(
    shop: Shop,
    books: Books,
    actor: Actor,
    operation: Operation,
    kind: str,
    reason: str,
    amount_fen: int,
) -> str:
    slip = DrawerSlip(
        kind=kind,
        number=shop.receipt_number(books, operation.created_ms),
        at=shop.time_text(operation.created_ms),
        by=actor.number,
        reason=reason,
        amount_fen=amount_fen,
        approved_by=actor.approver,
    )
    receipt_id = shop.clock.new_id()
    receipt = drawer_receipt(receipt_id, shop.head, slip, shop.language)
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)
    return receipt_id
