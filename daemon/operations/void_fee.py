"""Undoing the fee of a service on a card (C7): what was paid goes back the way it came, the service
itself stays done. An entry of the same kind with the opposite of each posting, that names it."""

from __future__ import annotations

from typing import Any, Final

from daemon.core.entry import Entry, Kind
from daemon.core.errors import Conflict, NotFound
from daemon.core.masking import mask_name, tail
from daemon.core.money import Purse
from daemon.core.receipt_text import VoidFacts, void_receipt
from daemon.core.records import Operation, OpState
from daemon.core.spend import balance_of
from daemon.operations.card_fees import fee_entry
from daemon.operations.card_service import KIND as SERVICE
from daemon.operations.card_service import service_view
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.operations.void import mirror, require_may_void
from daemon.ports.ledger import Books

KIND: Final = "void_fee"


async def void_fee(shop: Shop, actor: Actor, service_id: str, key: str) -> dict[str, Any]:
    """Voids the fee of the service and returns the service as the page sees it. A cashier may void
    her own within the policy's window, a manager any.

    Raises NotFound("service_unknown"), Conflict("already_voided" | "not_voidable"),
    NotAllowed("void_not_allowed"), Refused("shift_not_open")."""
    fresh: list[str] = []

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> dict[str, Any]:
            voided = _voidable(shop, books, actor, service_id)
            answer = _post(shop, books, actor, operation, voided)
            fresh.append(answer["receipt_id"])
            return answer

        do_once(shop, books, actor, key, KIND, {"voids": service_id}, deed)
        done = books.operation(service_id)
        assert done is not None
        return service_view(books, done.answer)

    view = await shop.ledger.write(work)
    for receipt_id in fresh:
        shop.receipt_spooled(receipt_id)
    return view


def _voidable(shop: Shop, books: Books, actor: Actor, service_id: str) -> tuple[Operation, Entry]:
    service = books.operation(service_id)
    if service is None or service.kind != SERVICE:
        raise NotFound("service_unknown")
    fee = fee_entry(books, service_id) if service.state is OpState.APPROVED else None
    if fee is None:
        raise Conflict("not_voidable", status=service.state.value)
    if books.voided_by(fee.draft.op_id) is not None:
        raise Conflict("already_voided")
    require_may_void(shop, actor, service)
    require_shift(shop, books)
    return service, fee


def _post(
    shop: Shop, books: Books, actor: Actor, operation: Operation, voided: tuple[Operation, Entry]
) -> dict[str, Any]:
    service, fee = voided
    put_on_journal(
        books,
        operation,
        Kind.FEE,
        actor,
        KIND,
        {"service": str(service.answer["service"]), "operation": service.op_id},
        member_id=fee.draft.member_id,
        refers_to=fee.draft.op_id,
        postings=mirror(books, fee, SERVICE),
    )
    return _receipt(shop, books, actor, operation, service, fee)


def _receipt(
    shop: Shop, books: Books, actor: Actor, operation: Operation, service: Operation, fee: Entry
) -> dict[str, Any]:
    member_id = fee.draft.member_id
    assert member_id is not None, "a fee is a member's"
    member, personal = books.member(member_id), books.personal(member_id)
    assert member is not None
    owner, parts = owner_of(member_id), service.answer["tenders"]

    def given_back(asset: str) -> int:
        moved = (each for each in fee.draft.postings if each.account.owner == owner)
        return -sum(posting.amount for posting in moved if posting.account.asset == asset)

    number = shop.receipt_number(books, operation.created_ms)
    receipt_id = shop.clock.new_id()
    facts = VoidFacts(
        number=number,
        at=shop.time_text(operation.created_ms),
        cashier=actor.number,
        voided_number=_number_of(books, service),
        voided_at=shop.time_text(fee.draft.at_ms),
        returned=Purse(given_back("principal"), given_back("bonus")),
        balance=balance_of(books.holdings(owner)),
        member=mask_name(personal.name) if personal else "",
        card_tail=tail(member.number),
        reference=operation.op_id,
        of="fee",
        handed_back_fen=service.answer["fee_fen"],
        tenders=tuple((part["kind"], part["amount_fen"]) for part in parts),
        approved_by=actor.approver or (actor.number if actor.number != service.actor else ""),
    )
    books.spool_receipt(
        void_receipt(receipt_id, shop.head, facts, shop.language),
        operation.op_id,
        operation.created_ms,
    )
    return {"receipt_id": receipt_id, "receipt_number": number}


def _number_of(books: Books, service: Operation) -> str:
    """As the fee's paper said."""
    paper = books.receipts(limit=1, op_id=service.op_id)
    return paper[0].number if paper else ""
