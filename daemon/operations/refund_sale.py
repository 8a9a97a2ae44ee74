"""Bringing goods back (C7): a sale refunded whole or by line and quantity, from the quote that it
was sold under.

Money goes back to where it came from, points and uses of passes to their lots; what the sale gave
is taken back as far as it is there, and what is not is shown as a debt and kept with the refund.
Commission, habits, level, coupons and stock are undone in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.entry import Account, Draft, Entry, Kind
from daemon.core.errors import Conflict, NotFound
from daemon.core.loyalty.points import available
from daemon.core.permissions import Permission
from daemon.core.pricing.kept import quote_from_json, refund_as_json
from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.refund import BalancesNow, Refund, left_to_refund
from daemon.core.pricing.refund import refund as refund_of
from daemon.core.records import Holding, Member, Operation, OpState
from daemon.core.sale_entry import back_from, pass_asset, refund_moves
from daemon.operations.once import client_key, earlier
from daemon.operations.purse_booking import back_to_account, with_purse_in_account
from daemon.operations.reversal import reverse
from daemon.operations.sale_receipt import spool_refund_receipt
from daemon.operations.sale_view import refund_view, refunds_of, sale_view
from daemon.operations.sell import KIND as SALE
from daemon.operations.settle_sale import lots_of_points
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

KIND = "refund"


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale that may still be brought back, with what was brought back before."""

    sale: Operation
    entry: Entry
    quote: Quote
    earlier: tuple[Refund, ...]
    member: Member | None
    holdings: tuple[Holding, ...]
    lot: int
    """The number of the lots that the sale opened."""

    @property
    def owner(self) -> str:
        return owner_of(self.member.member_id) if self.member is not None else ""


async def refund(
    shop: Shop, actor: Actor, sale_id: str, lines: Mapping[str, int] | None, key: str
) -> dict[str, Any]:
    """Refunds `lines` (line id -> quantity), or all that is left, and returns the refund as the
    page sees it.

    Raises NotFound("sale_unknown" | "line_unknown"), Conflict("not_refundable" | "already_voided" |
    "nothing_to_refund"), Refused("refund_above_sold"), NotAllowed("permission_needed")."""
    actor.require(Permission.REFUND)
    request = {"refunds": sale_id, "lines": dict(lines) if lines is not None else None}

    def work(books: Books) -> tuple[dict[str, Any], dict[str, Any], bool]:
        whose = client_key(actor, key)
        found = earlier(books, whose, KIND, request)
        fresh = found is None
        if found is None:
            found = _post(shop, books, actor, sale_id, lines, request, whose)
        sale = books.operation(sale_id)
        assert sale is not None
        view = dict(found.answer["view"])
        return {**view, "sale": sale_view(books, sale)}, sale_view(books, sale), fresh

    view, sale, fresh = await shop.ledger.write(work)
    if fresh:
        shop.receipt_spooled(view["receipt_id"])
        shop.events.publish(SALE, sale)
    return view


async def preview(shop: Shop, sale_id: str, lines: Mapping[str, int] | None) -> dict[str, Any]:
    """What a refund would give back, without doing it. Raises as `refund`."""

    def look(books: Books) -> dict[str, Any]:
        sold = require_sold(books, sale_id)
        planned = plan(shop, sold, lines, shop.clock.now_ms())
        planned = with_purse_in_account(planned)
        return refund_view(planned, sold.quote, sold.sale.answer.get("names", {}))

    return await shop.ledger.read(look)


def require_sold(books: Books, sale_id: str) -> Sold:
    """Raises NotFound("sale_unknown"), Conflict("not_refundable" | "already_voided")."""
    sale = books.operation(sale_id)
    if sale is None or sale.kind != SALE:
        raise NotFound("sale_unknown")
    if sale.state is not OpState.APPROVED or "quote" not in sale.answer:
        raise Conflict("not_refundable", status=sale.state.value)
    if books.voided_by(sale_id) is not None:
        raise Conflict("already_voided")
    entry = books.entry_of(sale_id)
    assert entry is not None, "an approved operation has its entry"
    quote = quote_from_json(sale.answer["quote"])
    member = books.member(quote.member_id) if quote.member_id is not None else None
    holdings = books.holdings(owner_of(member.member_id)) if member is not None else ()
    earlier_ones = tuple(each for _, each in refunds_of(books, sale))
    return Sold(sale, entry, quote, earlier_ones, member, tuple(holdings), books.lot_of(entry.dseq))


def plan(shop: Shop, sold: Sold, lines: Mapping[str, int] | None, now_ms: int) -> Refund:
    """Raises Conflict("nothing_to_refund") and what daemon.core.pricing.refund raises."""
    left = left_to_refund(sold.quote, sold.earlier)
    if not any(left.values()):
        raise Conflict("nothing_to_refund")
    wanted = {line: count for line, count in left.items() if count} if lines is None else lines
    if not wanted:
        raise Conflict("nothing_to_refund")
    there = {held.account: held.balance for held in sold.holdings}
    granted = {
        line.line.line_id: there.get(Account(sold.owner, pass_asset(line), sold.lot), 0)
        for line in sold.quote.lines
        if line.grants
    }
    balances = BalancesNow(available(sold.holdings, shop.day(now_ms)), granted)
    return refund_of(
        sold.quote,
        sold.earlier,
        wanted,
        balances=balances,
        offset=shop.rules.book.points_offset,
    )


def _post(
    shop: Shop,
    books: Books,
    actor: Actor,
    sale_id: str,
    lines: Mapping[str, int] | None,
    request: Mapping[str, Any],
    whose: str,
) -> Operation:
    now_ms = shop.clock.now_ms()
    require_shift(shop, books)
    sold = require_sold(books, sale_id)
    planned = plan(shop, sold, lines, now_ms)
    operation = Operation(
        shop.clock.new_id(), KIND, OpState.OPEN, actor.number, now_ms, request, whose
    )
    books.add_operation(operation)
    entry = _append(shop, books, operation, sold, planned, actor)
    stock = reverse(shop, books, operation, sold.sale, sold.entry, sold.quote, planned)
    names, shown = sold.sale.answer.get("names", {}), with_purse_in_account(planned)
    member = books.member(sold.member.member_id) if sold.member is not None else None
    paper = spool_refund_receipt(
        shop, books, operation, sold.sale, sold.quote, shown, member, actor, names
    )
    view = {
        "refund_id": operation.op_id,
        "sale_id": sale_id,
        **refund_view(shown, sold.quote, names),
        "balance": paper.balance.as_json() if paper.balance is not None else None,
        "points_left": paper.points_left,
        "receipt_id": paper.receipt_id,
        "receipt_number": paper.number,
        "created_ms": now_ms,
    }
    answer = {
        "refund": refund_as_json(planned),
        "stock": [list(each) for each in stock],
        "view": view,
        "receipt_id": paper.receipt_id,
        "receipt_number": paper.number,
    }
    books.change_operation(
        operation.op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=entry.dseq
    )
    return replace(operation, state=OpState.APPROVED, answer=answer)


def _append(
    shop: Shop, books: Books, operation: Operation, sold: Sold, planned: Refund, actor: Actor
) -> Entry:
    answer, draft = sold.sale.answer, sold.entry.draft
    detail: dict[str, int | str] = {"event": "refund", "day": shop.day(operation.created_ms)}
    if planned.debts:
        detail["debt_fen"] = planned.debt_worth_fen
    if planned.coupons:
        detail["coupons"] = " ".join(planned.coupons)
    if actor.approver:
        detail["approver"] = actor.approver
    postings, back_fen = back_from(
        refund_moves(
            planned,
            sold.quote,
            sold.owner,
            sold.holdings,
            sale_lot=sold.lot,
            drawn=lots_of_points(answer),
            points_lot=answer.get("points_lot", 0),
            points_back_before=sum(each.points_back for each in sold.earlier),
        ),
        draft.card_id,
    )
    entry = books.append(
        Draft(
            op_id=operation.op_id,
            kind=Kind.REFUND,
            at_ms=operation.created_ms,
            actor=actor.number,
            member_id=draft.member_id,
            card_id=draft.card_id,
            refers_to=sold.sale.op_id,
            postings=postings,
            detail=detail,
        )
    )
    if back_fen:
        back_to_account(shop, books, actor.number, draft.card_id, operation.op_id, back_fen)
    return entry
