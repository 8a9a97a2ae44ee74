"""Money from a member's principal onto the purse of the card that lies there (圈存).

The money leaves the account with the durable intent, before the card is asked to credit: a tear can
never let it be spent twice. The purse wants its own PIN before each load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.authorize import Decline, judge_card
from daemon.core.card import Proof, Technology
from daemon.core.entry import Posting
from daemon.core.errors import (
    Conflict,
    NotAllowed,
    Refused,
)
from daemon.core.masking import mask_name, tail
from daemon.core.money import require_amount
from daemon.core.policy import SpendOrder
from daemon.core.purse import (
    DeedState,
    LoadTerms,
    PurseDeed,
    PurseDone,
    PurseNotDone,
    PurseUnknown,
    TransactionType,
)
from daemon.core.receipt_purse import LoadFacts, load_receipt
from daemon.core.records import Card, Operation, OpState
from daemon.core.spend import balance_of, plan_spend
from daemon.operations.branch_time import barred
from daemon.operations.once import client_key, earlier
from daemon.operations.purse_booking import Said, append_purse, errand, mark_unknown
from daemon.operations.purse_load_booking import load_done, load_not_done, loading_account
from daemon.operations.purse_sale import settle_card
from daemon.operations.sell import find_card
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.cards import Presence, PurseSession
from daemon.ports.ledger import Books

KIND: Final = "purse_load"
_REFUSED: Final = {
    "pin": "purse_pin_wrong",
    "pin_blocked": "purse_pin_blocked",
    "purse_full": "purse_full",
}


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """`pin` is the purse's own, never kept."""

    amount_fen: int
    pin: str

    def as_json(self) -> dict[str, Any]:
        return {"amount_fen": self.amount_fen}


async def known_load(shop: Shop, actor: Actor, order: LoadOrder, key: str) -> dict[str, Any] | None:
    """What this key began before. Raises Conflict("idempotency_key_reused")."""
    require_amount(order.amount_fen)
    whose = client_key(actor, key)

    def look(books: Books) -> dict[str, Any] | None:
        found = earlier(books, whose, KIND, order.as_json())
        return None if found is None else load_view(books, found)

    return await shop.ledger.read(look)


async def load(
    shop: Shop, actor: Actor, presence: Presence | None, order: LoadOrder, key: str
) -> dict[str, Any]:
    """In a turn of the counter. `status` of the answer is done, not_done or unknown; the last is
    settled like a debit, at the next tap or load of that card or by the office.

    Raises Refused("purse_not_there" | "purse_refused" | "purse_full" | "insufficient_funds" | what
    judges the card), NotAllowed("purse_pin_wrong" | "purse_pin_blocked"), Conflict
    ("purse_unsettled"), CardError and ReaderError where nothing was begun."""
    if presence is None:
        raise Refused("purse_not_there")
    async with shop.readers.open(presence) as session:
        if session.purse is None:
            raise Refused("purse_not_there")
        proof = await session.prove()
        card = await shop.ledger.read(lambda books: _card(shop, books, proof))
        if await settle_card(shop, card, session.purse, order.pin):
            raise Conflict("purse_unsettled")
        return await _load(shop, actor, card, session.purse, order, key)


def _error(why: Decline) -> Refused:
    return Refused(why.reason, **why.facts)


def _card(shop: Shop, books: Books, proof: Proof) -> Card:
    found = find_card(books, proof)
    if isinstance(found, Decline):
        raise _error(found)
    refusal = judge_card(proof, found, shared=shop.chain.belongs)
    if refusal is not None:
        raise _error(refusal)
    if found.technology is not Technology.PURSE:
        raise Refused("purse_not_there")
    member = books.member(found.member_id)
    assert member is not None
    if member.status != "active":
        raise Refused("member_frozen")
    return found


async def _load(
    shop: Shop, actor: Actor, card: Card, purse: PurseSession, order: LoadOrder, key: str
) -> dict[str, Any]:
    await shop.ledger.read(lambda books: _lots(shop, books, card, order.amount_fen))
    reading = await purse.read()
    begun = await purse.begin_load(errand(shop, reading.card, order.amount_fen), order.pin)
    if isinstance(begun, PurseNotDone):
        reason = _REFUSED.get(begun.why, "purse_refused")
        if begun.why.startswith("pin"):
            raise NotAllowed(reason)
        raise Refused(reason)
    terms = begun
    deed = await shop.ledger.write(
        lambda books: _intend(shop, books, actor, card, order, terms, client_key(actor, key))
    )
    assert isinstance(deed.terms, LoadTerms)
    told = await purse.credit(deed.terms)
    if isinstance(told, PurseUnknown):
        told = await purse.settle(deed.terms, order.pin)
    done = told

    def end(books: Books) -> dict[str, Any]:
        match done:
            case PurseDone(tac=tac):
                _spool(shop, books, actor, deed, card)
                load_done(shop, books, deed.deed_id, tac)
            case PurseNotDone(why):
                load_not_done(shop, books, deed.deed_id, why)
            case PurseUnknown(why):
                mark_unknown(books, deed.deed_id, why)
                books.change_operation(deed.op_id, OpState.UNKNOWN, reason="card_torn")
        operation = books.operation(deed.op_id)
        assert operation is not None
        return load_view(books, operation)

    view = await shop.ledger.write(end)
    if view["receipt_id"] is not None:
        shop.receipt_spooled(view["receipt_id"])
    return view


def _lots(shop: Shop, books: Books, card: Card, amount_fen: int) -> tuple[Posting, ...]:
    """What each lot of principal gives. Bonus stays in the account: it has conditions."""
    held = [h for h in books.holdings(owner_of(card.member_id)) if h.account.asset == "principal"]
    available = balance_of(held).total_fen
    bar = barred(shop, books, amount_fen)
    if bar is not None:
        raise _error(bar)
    if available < amount_fen:
        short = amount_fen - available
        raise Refused("insufficient_funds", short_fen=short, available_fen=available)
    plan = plan_spend(amount_fen, held, SpendOrder.PRINCIPAL_FIRST)
    return tuple(Posting(account, -fen) for account, fen in plan)


def _intend(
    shop: Shop,
    books: Books,
    actor: Actor,
    card: Card,
    order: LoadOrder,
    terms: LoadTerms,
    whose: str,
) -> PurseDeed:
    require_shift(shop, books)
    last = books.last_purse_deed(card.card_id)
    if last is not None and last.terms.card.factor != terms.card.factor:
        raise Refused("card_forged")
    if books.purse_done(card.card_id, TransactionType.LOAD, terms.card_sequence):
        raise Refused("card_rolled_back")
    lots = _lots(shop, books, card, order.amount_fen)
    now_ms = shop.clock.now_ms()
    operation = Operation(
        shop.clock.new_id(), KIND, OpState.OPEN, actor.number, now_ms, order.as_json(), whose
    )
    books.add_operation(operation)
    deed = PurseDeed(
        shop.clock.new_id(), card.card_id, operation.op_id, terms, DeedState.INTENT, now_ms
    )
    books.put_purse_deed(deed)
    said = Said(actor.number, "purse_loading", approver=actor.approver)
    into = Posting(loading_account(card.card_id), order.amount_fen)
    append_purse(shop, books, deed, said, (*lots, into))
    return deed


def _spool(shop: Shop, books: Books, actor: Actor, deed: PurseDeed, card: Card) -> None:
    assert isinstance(deed.terms, LoadTerms)
    now_ms = shop.clock.now_ms()
    member, personal = books.member(card.member_id), books.personal(card.member_id)
    assert member is not None
    number, receipt_id = shop.receipt_number(books, now_ms), shop.clock.new_id()
    facts = LoadFacts(
        number=number,
        at=shop.time_text(now_ms),
        cashier=actor.number,
        amount_fen=deed.terms.amount_fen,
        on_card_fen=deed.terms.balance_after_fen,
        balance=balance_of(books.holdings(owner_of(card.member_id))),
        member=mask_name(personal.name) if personal is not None else "",
        card_tail=tail(member.number),
        reference=deed.op_id,
        token=receipt_id,
    )
    receipt = load_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, deed.op_id, now_ms)
    operation = books.operation(deed.op_id)
    assert operation is not None
    answer: Mapping[str, Any] = {
        **operation.answer,
        "receipt_id": receipt_id,
        "receipt_number": number,
    }
    books.change_operation(deed.op_id, operation.state, answer=answer)


def load_view(books: Books, operation: Operation) -> dict[str, Any]:
    (deed,) = books.purse_deeds_of(operation.op_id)
    assert isinstance(deed.terms, LoadTerms)
    done = deed.state is DeedState.DONE
    return {
        "load_id": operation.op_id,
        "deed_id": deed.deed_id,
        "card_id": deed.card_id,
        "amount_fen": deed.terms.amount_fen,
        "status": "unknown" if deed.state.open else deed.state.value,
        "on_card_fen": deed.terms.balance_after_fen if done else None,
        "receipt_id": operation.answer.get("receipt_id"),
        "receipt_number": operation.answer.get("receipt_number"),
        "created_ms": operation.created_ms,
    }
