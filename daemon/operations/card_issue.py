"""A new card for a member: the first one, one after a loss, one for a damaged card. Checked when it
is asked for, and booked when the card is made: the card's row, the old card's end, the fee and its
receipt are one transaction. Until then nothing has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from daemon.core.card import CardStatus, Proof, Technology
from daemon.core.card_life import NumberRange, Service, becomes, first_valid_to
from daemon.core.entry import Draft, Kind
from daemon.core.errors import Conflict, Refused
from daemon.core.records import Card, Member, Operation, OpState, Personal
from daemon.core.takings import STORED, Taken
from daemon.operations.card_fees import (
    Fee,
    Occasion,
    charge,
    check_stored,
    spool_fee_receipt,
    taken_for,
)
from daemon.operations.card_service import (
    KIND,
    ServiceOrder,
    agreed_fee,
    outcome,
    subject_of,
)
from daemon.operations.members import add_numbered, append_event
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import card_view
from daemon.ports.ledger import Books
from daemon.rules.membership import CardDesign

BRING_A_CARD: Final = frozenset({Service.ISSUE, Service.REISSUE, Service.REPAIR})
MOST_NUMBERS_TRIED: Final = 1_000


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that is to be made. `fee` is what was agreed when it was asked for."""

    order: ServiceOrder
    member: Member
    fee: Fee
    taken: Taken
    number: str | None


def plan_card(shop: Shop, books: Books, order: ServiceOrder, now_ms: int) -> NewCard:
    """Raises NotFound, Conflict and Refused as the booking would."""
    assert order.service in BRING_A_CARD
    subject = subject_of(shop, books, order)
    if subject.card is not None:
        becomes(order.service, subject.card.status)
    if subject.member.status != "active":
        raise Refused("member_frozen")
    fee = agreed_fee(shop, subject.member, order)
    taken = taken_for(fee, order.tenders)
    if taken.of(STORED):
        check_stored(shop, books, subject.member, taken.of(STORED), now_ms)
    number = number_for(shop, books, subject.member, order.number)
    return NewCard(order, subject.member, fee, taken, number)


def design_of(shop: Shop, member: Member) -> CardDesign:
    return shop.rules.member_category(member.category).card


def require_technology(shop: Shop, member: Member, technology: Technology) -> None:
    """Raises Refused("card_of_other_kind")."""
    wanted = design_of(shop, member).technology
    if wanted is not None and wanted != technology.value:
        raise Refused("card_of_other_kind", wanted=wanted)


def number_for(shop: Shop, books: Books, member: Member, asked: str) -> str | None:
    """The number that is printed on the card: as asked, or the next of the category's range; None
    where the category has none.

    Raises Refused("number_out_of_range" | "numbers_used_up"), Conflict("card_number_taken")."""
    design = design_of(shop, member)
    numbers = NumberRange(design.number_from, design.number_to) if design.number_from else None
    if asked:
        if numbers is not None and asked not in numbers:
            raise Refused("number_out_of_range", first=numbers.first, last=numbers.last)
        if books.card_numbered(asked) is not None:
            raise Conflict("card_number_taken")
        return asked
    if numbers is None:
        return None
    number = numbers.after(books.setting(_last_number(member)))
    for _ in range(MOST_NUMBERS_TRIED):
        if number is None:
            break
        if books.card_numbered(number) is None:
            return number
        number = numbers.after(number)
    raise Refused("numbers_used_up", last=numbers.last)


def _last_number(member: Member) -> str:
    return f"last_card_number:{member.category}"


def book_card(
    shop: Shop,
    books: Books,
    actor: Actor,
    planned: NewCard,
    *,
    op_id: str,
    card_id: str,
    proof: Proof,
    client_key: str | None,
) -> Card:
    """The card is made: everything that follows from it. What was agreed is charged; what has
    changed since (another card reported, money spent) refuses it.

    Raises as `plan_card`."""
    now_ms, order = shop.clock.now_ms(), planned.order
    subject = subject_of(shop, books, order)
    member = subject.member
    require_technology(shop, member, proof.face.technology)
    if not member.member_id:
        member = _add_holder(shop, books, actor, member, now_ms)
    operation = Operation(
        op_id, KIND, OpState.OPEN, actor.number, now_ms, order.as_json(), client_key
    )
    books.add_operation(operation)
    number = number_for(shop, books, member, planned.number or "")
    if number is not None and not order.number:
        books.put_setting(_last_number(member), number)
    member = _begin_validity(shop, books, member, now_ms)
    card = Card(
        card_id=card_id,
        member_id=member.member_id,
        uid=proof.face.uid,
        technology=proof.face.technology,
        status=CardStatus.ACTIVE,
        key_version=proof.face.key_version,
        counter=proof.counter,
        issued_ms=now_ms,
        number=number,
        valid_to=member.valid_to,
        replaces=order.card_id,
    )
    books.add_card(card)
    what = Occasion(op_id, now_ms, actor, member, card_id)
    entry = _note(books, what, order, card)
    if subject.card is not None:
        _end_old_card(shop, books, what, order, subject.card)
    charge(shop, books, what, planned.fee, planned.taken)
    answer = _answer(shop, books, what, planned, card)
    books.change_operation(op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=entry)
    return card


def _add_holder(shop: Shop, books: Books, actor: Actor, nobody: Member, now_ms: int) -> Member:
    """An unnamed card's holder: a member without personal data."""
    member = replace(nobody, member_id=shop.clock.new_id(), created_ms=now_ms)
    member = add_numbered(shop, books, member, Personal(""))
    detail: dict[str, int | str] = {"event": "add_member", "category": member.category, "named": 0}
    append_event(shop, books, actor, Kind.MEMBER_ADDED, member.member_id, detail, now_ms)
    return member


def _begin_validity(shop: Shop, books: Books, member: Member, now_ms: int) -> Member:
    """The first card of a member whose category ends begins the validity, where adding the member
    did not."""
    days = shop.rules.member_category(member.category).valid_days
    if member.valid_to is not None or days is None or books.cards_of(member.member_id):
        return member
    begun = replace(member, valid_to=first_valid_to(date.fromisoformat(shop.day(now_ms)), days))
    books.change_member(begun)
    return begun


def _note(books: Books, what: Occasion, order: ServiceOrder, card: Card) -> int:
    detail: dict[str, int | str] = {
        "event": f"{order.service.value}_card",
        "technology": card.technology.value,
    }
    if order.card_id is not None:
        detail["replaces"] = order.card_id
    if order.reason:
        detail["reason"] = order.reason
    if what.actor.approver:
        detail["approver"] = what.actor.approver
    entry = books.append(
        Draft(
            op_id=what.op_id,
            kind=Kind.CARD_ISSUED,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=what.member.member_id,
            card_id=card.card_id,
            detail=detail,
        )
    )
    return entry.dseq


def _end_old_card(shop: Shop, books: Books, what: Occasion, order: ServiceOrder, old: Card) -> None:
    after = becomes(order.service, old.status)
    books.change_card(replace(old, status=after))
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.CARD_STATUS,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=old.member_id,
            card_id=old.card_id,
            detail={"event": "replace_card", "status": after.value, "operation": what.op_id},
        )
    )


def _answer(
    shop: Shop, books: Books, what: Occasion, planned: NewCard, card: Card
) -> Mapping[str, Any]:
    receipt_id = None
    if planned.fee.fee_fen:
        receipt_id = spool_fee_receipt(
            shop, books, what, planned.fee, planned.taken, card_number=card.number or ""
        )
    order = planned.order
    old = books.card(order.card_id) if order.card_id is not None else None
    return {
        "service_id": what.op_id,
        "service": order.service.value,
        "status": "done",
        "reason": None,
        "created_ms": what.at_ms,
        **outcome(
            what,
            planned.fee,
            card=old,
            new_card=card_view(card),
            tenders=planned.taken.as_json(),
            change_fen=planned.taken.change_fen,
            valid_to=what.member.valid_to,
            receipt_id=receipt_id,
        ),
    }
