"""Services on a card that exists (B4): a loss reported and lifted, locked and unlocked, prolonged,
returned with what it holds, given to another person. Those that bring a new card are in
`card_issue`; `card_quote` says beforehand what each would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final

from daemon.core.card import CardStatus
from daemon.core.card_life import NEEDS, Service, becomes, extended, service_towards
from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, Conflict, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.records import Card, Member, Operation, OpState
from daemon.core.spend import balance_of
from daemon.core.takings import Offer
from daemon.operations import balance_refund, card_transfer
from daemon.operations.balance_refund import Payout
from daemon.operations.card_fees import (
    Fee,
    Occasion,
    charge,
    fee_for,
    fee_voided,
    require_stored_value_pin,
    spool_fee_receipt,
    taken_for,
)
from daemon.operations.deed import do_once
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import card_view, member_view, owner_of
from daemon.ports.ledger import Books

KIND: Final = "card_service"
OF_A_CARD: Final = frozenset(Service) - {Service.ISSUE, Service.EXTEND, Service.TRANSFER}
"""Those that make no sense for a member alone."""


@dataclass(frozen=True, slots=True)
class ServiceOrder:
    """What is asked. A card, or for issue, extend and transfer a member, or for issue the
    `category` of an unnamed card, which is a new member nobody knows. `fee_fen`: what the quote
    said, so that nobody pays another fee than was shown; `reason` a short code for the journal;
    `number` as printed on the new card; `payout` how a returned card's balance is paid out."""

    service: Service
    card_id: str | None = None
    member_id: str | None = None
    to_member_id: str | None = None
    days: int = 0
    tenders: tuple[Offer, ...] = ()
    fee_fen: int | None = None
    reason: str = ""
    number: str = ""
    payout: Payout | None = None
    category: str = ""

    def as_json(self) -> dict[str, Any]:
        asked = {name: value for name, value in asdict(self).items() if value}
        asked["service"] = self.service.value
        asked["tenders"] = [offer.as_json() for offer in self.tenders]
        if self.fee_fen is not None:
            asked["fee_fen"] = self.fee_fen
        return asked


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a service is for, and the card as it is now."""

    member: Member
    card: Card | None = None


def subject_of(shop: Shop, books: Books, order: ServiceOrder) -> Subject:
    """Raises NotFound("card_unknown" | "member_unknown" | "member_category_unknown"),
    Refused("card_or_member" | "category_is_named")."""
    if order.card_id is not None:
        card = books.card(order.card_id) if is_id(order.card_id) else None
        if card is None:
            raise NotFound("card_unknown")
        member = books.member(card.member_id)
        assert member is not None, "a card on the books has a member"
        if order.member_id not in (None, card.member_id):
            raise Refused("card_or_member")
        return Subject(member, card)
    if order.member_id is None and order.service is Service.ISSUE and order.category:
        return Subject(_nobody(shop, order.category))
    if order.member_id is None or order.service in OF_A_CARD:
        raise Refused("card_or_member")
    found = books.member(order.member_id) if is_id(order.member_id) else None
    if found is None:
        raise NotFound("member_unknown")
    return Subject(found)


def _nobody(shop: Shop, category: str) -> Member:
    """The holder of an unnamed card, before there is one: without an id or a number."""
    found = shop.rules.member_categories.get(category)
    if found is None:
        raise NotFound("member_category_unknown")
    if found.named:
        raise Refused("category_is_named")
    return Member("", "", category, "active", 0, named=False)


async def do_service(
    shop: Shop, actor: Actor, order: ServiceOrder, key: str, pin: str | None = None
) -> dict[str, Any]:
    """Does one of the services that need no new card, with its fee, in one transaction.

    Raises NotAllowed("permission_needed"), NotFound, Conflict (what the card is, see
    `card_life.becomes`; "fee_changed" | "never_expires" | "balance_left" | "same_member" |
    "card_unsettled" | "idempotency_key_reused"), Refused for the fee, the PIN or the law."""
    assert order.service not in (Service.ISSUE, Service.REISSUE, Service.REPAIR)
    actor.require(NEEDS[order.service])
    member = (await shop.ledger.read(lambda books: subject_of(shop, books, order))).member
    await require_stored_value_pin(shop, member, order.tenders, pin)
    fresh: list[Operation] = []

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            fresh.append(operation)
            return _done(order, operation, carry_out(shop, books, operation, actor, order))

        answer = do_once(shop, books, actor, key, KIND, order.as_json(), deed)
        return service_view(books, answer)

    view = await shop.ledger.write(work)
    if fresh and view["receipt_id"] is not None:
        shop.receipt_spooled(view["receipt_id"])
    return view


def _done(order: ServiceOrder, operation: Operation, did: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "service_id": operation.op_id,
        "service": order.service.value,
        "status": "done",
        "reason": None,
        "created_ms": operation.created_ms,
        **did,
    }


def carry_out(
    shop: Shop, books: Books, operation: Operation, actor: Actor, order: ServiceOrder
) -> dict[str, Any]:
    subject = subject_of(shop, books, order)
    after = None
    if subject.card is not None:
        after = becomes(order.service, subject.card.status)
    fee = agreed_fee(shop, subject.member, order)
    occasion = Occasion(operation.op_id, operation.created_ms, actor, subject.member, order.card_id)
    if order.service is Service.EXTEND:
        return _extend(shop, books, occasion, order, fee)
    if order.service is Service.RETURN:
        assert subject.card is not None
        return _return(shop, books, operation, occasion, order, subject.card)
    if order.service is Service.TRANSFER:
        return _transfer(shop, books, occasion, order, subject, fee)
    assert subject.card is not None and after is not None
    changed = replace(subject.card, status=after)
    books.change_card(changed)
    note(shop, books, occasion, Kind.CARD_STATUS, order, {"status": after.value})
    return outcome(occasion, fee, card=changed)


def agreed_fee(shop: Shop, member: Member, order: ServiceOrder) -> Fee:
    """Raises Conflict("fee_changed") where the quote said something else."""
    fee = fee_for(shop, member, order.service, order.days)
    if order.fee_fen is not None and order.fee_fen != fee.fee_fen:
        raise Conflict("fee_changed", fee_fen=fee.fee_fen)
    return fee


def note(
    shop: Shop,
    books: Books,
    what: Occasion,
    kind: Kind,
    order: ServiceOrder,
    facts: Mapping[str, int | str],
) -> None:
    """The entry of the service itself, under the operation's id."""
    detail: dict[str, int | str] = {"event": f"{order.service.value}_card", **facts}
    if order.service in (Service.REPORT_LOST, Service.LIFT_LOSS):
        detail["event"] = order.service.value
    if order.reason:
        detail["reason"] = order.reason
    if what.actor.approver:
        detail["approver"] = what.actor.approver
    books.append(
        Draft(
            op_id=what.op_id,
            kind=kind,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=what.member.member_id,
            card_id=what.card_id,
            detail=detail,
        )
    )


def outcome(what: Occasion, fee: Fee, **did: Any) -> dict[str, Any]:
    """What is kept of a service: facts and ids, never a person's."""
    card = did.pop("card", None)
    return {
        "member_id": what.member.member_id,
        "card": card_view(card) if card is not None else None,
        "new_card": None,
        "fee_fen": fee.fee_fen,
        "waived": fee.waived or None,
        "tenders": [],
        "change_fen": 0,
        "valid_to": None,
        "refund": None,
        "moved": None,
        "receipt_id": None,
        **did,
    }


def service_view(books: Books, answer: Mapping[str, Any]) -> dict[str, Any]:
    """`member` is None while an unnamed card is not made yet."""
    view = {name: value for name, value in answer.items() if name != "member_id"}
    voided = bool(answer["fee_fen"]) and fee_voided(books, answer["service_id"])
    return {**view, "member": holder_view(books, answer["member_id"]), "fee_voided": voided}


def holder_view(books: Books, member_id: str) -> dict[str, Any] | None:
    member = books.member(member_id)
    if member is None:
        return None
    return member_view(books, member, books.cards_of(member_id))


def _extend(
    shop: Shop, books: Books, what: Occasion, order: ServiceOrder, fee: Fee
) -> dict[str, Any]:
    member = what.member
    today = date.fromisoformat(shop.day(what.at_ms))
    valid_to = extended(member.valid_to, today, order.days)
    taken = taken_for(fee, order.tenders)
    books.change_member(replace(member, valid_to=valid_to))
    for card in books.cards_of(member.member_id):
        if not card.status.ended:
            books.change_card(replace(card, valid_to=valid_to))
    facts: dict[str, int | str] = {"days": order.days, "valid_to": valid_to}
    note(shop, books, what, Kind.CARD_STATUS, order, facts)
    charge(shop, books, what, fee, taken)
    did: dict[str, Any] = {"valid_to": valid_to}
    if fee.fee_fen:
        did["receipt_id"] = spool_fee_receipt(shop, books, what, fee, taken, valid_to=valid_to)
    return outcome(what, fee, tenders=taken.as_json(), change_fen=taken.change_fen, **did)


def _return(
    shop: Shop,
    books: Books,
    operation: Operation,
    what: Occasion,
    order: ServiceOrder,
    card: Card,
) -> dict[str, Any]:
    """The card ends, and its balance is paid out with it. Without a payout only where there is
    nothing to pay out or another card still spends it."""
    returned = replace(card, status=CardStatus.RETURNED)
    books.change_card(returned)
    note(shop, books, what, Kind.CARD_STATUS, order, {"status": returned.status.value})
    fee = Fee(Service.RETURN)
    held = balance_of(books.holdings(owner_of(card.member_id))).total_fen
    if order.payout is None:
        others = [each for each in books.cards_of(card.member_id) if not each.status.ended]
        if held and not others:
            raise Conflict("balance_left", balance_fen=held)
        return outcome(what, fee, card=returned)
    payout = replace(order.payout, member_id=card.member_id)
    planned = balance_refund.plan(shop, books, payout, what.at_ms)
    refund = balance_refund.pay_out(shop, books, operation, what.actor, planned)
    return outcome(what, fee, card=returned, refund=refund, receipt_id=refund["receipt_id"])


def _transfer(
    shop: Shop, books: Books, what: Occasion, order: ServiceOrder, subject: Subject, fee: Fee
) -> dict[str, Any]:
    taken = taken_for(fee, order.tenders)
    charge(shop, books, what, fee, taken)
    moved = card_transfer.transfer(shop, books, what, order.to_member_id, subject.card)
    receipt_id = card_transfer.spool_receipt(shop, books, what, moved, fee)
    card = books.card(subject.card.card_id) if subject.card is not None else None
    return outcome(
        what,
        fee,
        card=card,
        tenders=taken.as_json(),
        change_fen=taken.change_fen,
        moved=moved.as_json(),
        receipt_id=receipt_id,
    )


async def change_status(
    shop: Shop, actor: Actor, card_id: str, wanted: str, reason: str | None
) -> dict[str, Any]:
    """Makes a card active, lost or locked by the service that leads there; nothing where it is so
    already. Returns the member. Raises as `do_service`, BadRequest("card_status_unknown")."""
    statuses = {each.value: each for each in CardStatus if not each.ended}
    if wanted not in statuses:
        raise BadRequest("card_status_unknown")

    def work(books: Books) -> dict[str, Any]:
        asked = ServiceOrder(Service.LOCK, card_id)
        subject = subject_of(shop, books, asked)
        assert subject.card is not None
        service = service_towards(subject.card.status, statuses[wanted])
        if service is not None:
            actor.require(NEEDS[service])
            order = ServiceOrder(service, card_id, reason=reason or "")
            operation = Operation(
                shop.clock.new_id(), KIND, OpState.OPEN, actor.number, shop.clock.now_ms(), {}
            )
            carry_out(shop, books, operation, actor, order)
        member = subject.member
        return member_view(books, member, books.cards_of(member.member_id))

    return await shop.ledger.write(work)
