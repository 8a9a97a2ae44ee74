"""Undoing a sale or a recharge (C7): a new entry that mirrors the first to the fen and the lot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.core.entry import Draft, Entry, Kind, Posting
from daemon.core.errors import Conflict, NotAllowed, NotFound, Refused
from daemon.core.masking import mask_name, tail
from daemon.core.money import Purse
from daemon.core.permissions import Permission
from daemon.core.pricing.kept import quote_from_json
from daemon.core.pricing.refund import whole_of
from daemon.core.receipt_text import VoidFacts, void_receipt
from daemon.core.records import Operation, OpState
from daemon.core.sale_entry import back_from
from daemon.core.spend import balance_of
from daemon.operations import recharge, sell
from daemon.operations.once import client_key, earlier
from daemon.operations.purse_booking import back_to_account, with_purse_in_account
from daemon.operations.reversal import reverse
from daemon.operations.sale_receipt import spool_refund_receipt
from daemon.operations.sale_view import sale_view
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of, recharge_view
from daemon.ports.ledger import Books

KIND = "void"
_KINDS = {sell.KIND: Kind.VOID_SALE, recharge.KIND: Kind.VOID_RECHARGE}


async def void(shop: Shop, actor: Actor, kind: str, op_id: str, key: str) -> dict[str, Any]:
    """Voids the `kind` (sale or recharge) `op_id` and returns it as the page sees it. A cashier
    may void her own within the policy's window, a manager any.

    Raises NotFound, Conflict("already_voided" | "not_voidable"), NotAllowed("void_not_allowed"),
    Refused("recharge_spent") where money of that recharge was spent since."""
    request = {"voids": op_id}

    def work(books: Books) -> tuple[dict[str, Any], bool]:
        whose = client_key(actor, key)
        found = earlier(books, whose, KIND, request)
        fresh = found is None
        if fresh:
            _post(shop, books, actor, _voidable(shop, books, actor, kind, op_id), whose)
        voided = books.operation(op_id)
        assert voided is not None
        view = sale_view if kind == sell.KIND else recharge_view
        return view(books, voided), fresh

    view, fresh = await shop.ledger.write(work)
    if fresh:
        shop.poke_spool()
        shop.events.publish(kind, view)
    return view


def _voidable(shop: Shop, books: Books, actor: Actor, kind: str, op_id: str) -> Operation:
    operation = books.operation(op_id)
    if operation is None or operation.kind != kind:
        raise NotFound(f"{kind}_unknown")
    if operation.state is not OpState.APPROVED:
        raise Conflict("not_voidable", status=operation.state.value)
    if books.voided_by(op_id) is not None:
        raise Conflict("already_voided")
    if books.refunds_of(op_id):
        raise Conflict("sale_refunded")
    require_may_void(shop, actor, operation)
    return operation


def require_may_void(shop: Shop, actor: Actor, operation: Operation) -> None:
    """One's own within the policy's window, or any. Raises NotAllowed("void_not_allowed")."""
    assert operation.settled_ms is not None
    age_ms = shop.clock.now_ms() - operation.settled_ms
    own = operation.actor == actor.number and age_ms <= shop.policy.void_window_ms
    needed = Permission.VOID_OWN if own else Permission.VOID_ANY
    if not (actor.may(needed) or actor.may(Permission.VOID_ANY)):
        raise NotAllowed("void_not_allowed", permission=needed.value)


def _post(shop: Shop, books: Books, actor: Actor, voided: Operation, whose: str) -> None:
    now_ms = shop.clock.now_ms()
    require_shift(shop, books)
    entry = books.entry_of(voided.op_id)
    assert entry is not None, "an approved operation has its entry"
    request = {"voids": voided.op_id}
    operation = Operation(
        shop.clock.new_id(), KIND, OpState.OPEN, actor.number, now_ms, request, whose
    )
    books.add_operation(operation)
    mirrored, back_fen = back_from(mirror(books, entry, voided.kind), entry.draft.card_id)
    made = books.append(
        Draft(
            op_id=operation.op_id,
            kind=_KINDS[voided.kind],
            at_ms=now_ms,
            actor=actor.number,
            member_id=entry.draft.member_id,
            card_id=entry.draft.card_id,
            refers_to=voided.op_id,
            postings=mirrored,
            detail=_detail(actor, voided, shop.day(now_ms)),
        )
    )
    if back_fen:
        card_id = entry.draft.card_id
        back_to_account(shop, books, actor.number, card_id, operation.op_id, back_fen)
    answer: Mapping[str, Any]
    if voided.kind == sell.KIND and "quote" in voided.answer:
        answer = _undo_basket(shop, books, actor, operation, voided, entry)
    else:
        answer = _undo_amount(shop, books, actor, operation, voided, entry, made)
    books.change_operation(
        operation.op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=made.dseq
    )


def _detail(actor: Actor, voided: Operation, day: str) -> Mapping[str, int | str]:
    said: dict[str, int | str] = {"event": f"void_{voided.kind}", "day": day}
    if actor.approver:
        said["approver"] = actor.approver
    return said


def _undo_basket(
    shop: Shop, books: Books, actor: Actor, operation: Operation, voided: Operation, entry: Entry
) -> Mapping[str, Any]:
    """What followed from the sale is undone with it; the paper says so line by line."""
    sold = quote_from_json(voided.answer["quote"])
    back = whole_of(sold)
    stock = reverse(shop, books, operation, voided, entry, sold, back)
    member = books.member(sold.member_id) if sold.member_id is not None else None
    names, shown = voided.answer.get("names", {}), with_purse_in_account(back)
    paper = spool_refund_receipt(
        shop, books, operation, voided, sold, shown, member, actor, names, of_void=True
    )
    return {
        "receipt_id": paper.receipt_id,
        "receipt_number": paper.number,
        "stock": [list(each) for each in stock],
    }


def _undo_amount(
    shop: Shop,
    books: Books,
    actor: Actor,
    operation: Operation,
    voided: Operation,
    entry: Entry,
    made: Entry,
) -> Mapping[str, Any]:
    """A recharge, or a sale of an earlier release."""
    if entry.draft.card_id is not None and voided.kind == sell.KIND:
        day = shop.day_of(entry.draft)
        books.add_spent(entry.draft.card_id, day, -voided.request["amount_fen"])
    if voided.kind == recharge.KIND:
        recharge.take_back(shop, books, voided, entry)
    return _receipt(shop, books, actor, operation, voided, made)


def mirror(books: Books, entry: Entry, kind: str) -> tuple[Posting, ...]:
    """The opposite of each posting. Raises Refused("recharge_spent" | "sale_gains_spent") where a
    lot no longer holds what it was given."""
    mirrored = tuple(
        Posting(posting.account, -posting.amount, posting.funding)
        for posting in entry.draft.postings
    )
    for posting in mirrored:
        account = posting.account
        short = books.balance(account) + posting.amount < 0
        if short and not account.may_be_negative:
            raise Refused("recharge_spent" if kind == recharge.KIND else "sale_gains_spent")
    return mirrored


def _tenders_of(voided: Operation) -> tuple[tuple[str, int], ...]:
    """How a recharge was paid; one of an earlier release names one tender."""
    parts = voided.answer.get("tenders")
    if parts:
        return tuple((part["kind"], part["amount_fen"]) for part in parts)
    tender = voided.answer.get("tender") or voided.request.get("tender", "")
    return ((tender, voided.request["amount_fen"]),) if tender else ()


def _receipt(
    shop: Shop, books: Books, actor: Actor, operation: Operation, voided: Operation, entry: Entry
) -> Mapping[str, Any]:
    draft = entry.draft
    assert draft.member_id is not None
    owner = owner_of(draft.member_id)
    member, personal = books.member(draft.member_id), books.personal(draft.member_id)
    assert member is not None
    moved = [posting for posting in draft.postings if posting.account.owner == owner]

    def total(asset: str) -> int:
        return abs(sum(posting.amount for posting in moved if posting.account.asset == asset))

    number = shop.receipt_number(books, operation.created_ms)
    receipt_id = shop.clock.new_id()
    of_recharge = voided.kind == recharge.KIND
    assert voided.settled_ms is not None
    receipt = void_receipt(
        receipt_id,
        shop.head,
        VoidFacts(
            number=number,
            at=shop.time_text(operation.created_ms),
            cashier=actor.number,
            voided_number=voided.answer["receipt_number"],
            voided_at=shop.time_text(voided.settled_ms),
            returned=Purse(total("principal"), total("bonus")),
            balance=balance_of(books.holdings(owner)),
            member=mask_name(personal.name) if personal else "",
            card_tail=tail(member.number),
            reference=operation.op_id,
            of="recharge" if of_recharge else "sale",
            handed_back_fen=voided.request["amount_fen"] if of_recharge else 0,
            tenders=_tenders_of(voided) if of_recharge else (),
            approved_by=actor.approver or (actor.number if actor.number != voided.actor else ""),
        ),
        shop.language,
    )
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)
    return {"receipt_id": receipt_id, "receipt_number": number}
