"""What a service on a card would do, cost and need, and what stands against it; nothing is written.
And a card as the office sees it, with what can be done to it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from daemon.core.card_life import NEEDS, Service, becomes, extended
from daemon.core.errors import Conflict, CounterError, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.records import Card, Member
from daemon.core.spend import balance_of
from daemon.operations import balance_refund, card_transfer
from daemon.operations.card_fees import Fee, fee_for
from daemon.operations.card_issue import BRING_A_CARD, number_for
from daemon.operations.card_service import (
    OF_A_CARD,
    ServiceOrder,
    Subject,
    holder_view,
    subject_of,
)
from daemon.operations.recharge import refusal_of
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import card_view, member_view, owner_of
from daemon.ports.ledger import Books

T = TypeVar("T")


class _Against:
    """Collects what stands against a service instead of stopping at the first."""

    def __init__(self) -> None:
        self.found: list[CounterError] = []

    def ask(self, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except (Refused, Conflict) as error:
            self.found.append(error)
            return None

    def as_json(self) -> list[dict[str, Any]]:
        return [{"reason": error.key, "facts": dict(error.facts)} for error in self.found]


async def quote_service(shop: Shop, actor: Actor, order: ServiceOrder) -> dict[str, Any]:
    """Raises NotFound("card_unknown" | "member_unknown"), BadRequest; all else is in the answer."""

    def look(books: Books) -> dict[str, Any]:
        return _quoted(shop, books, actor, order)

    return await shop.ledger.read(look)


def _quoted(shop: Shop, books: Books, actor: Actor, order: ServiceOrder) -> dict[str, Any]:
    subject, against = subject_of(shop, books, order), _Against()
    member, card, service = subject.member, subject.card, order.service
    after = None
    if card is not None:
        status = card.status
        after = against.ask(lambda: becomes(service, status))
    fee = against.ask(lambda: fee_for(shop, member, service, order.days)) or Fee(service)
    told: dict[str, Any] = {"valid_to": member.valid_to, "number": None}
    told |= {"refund": None, "moved": None}
    if service is Service.EXTEND:
        today = date.fromisoformat(shop.day(shop.clock.now_ms()))
        told["valid_to"] = against.ask(lambda: extended(member.valid_to, today, order.days))
    elif service in BRING_A_CARD:
        told["number"] = against.ask(lambda: number_for(shop, books, member, order.number))
    elif service is Service.RETURN:
        told["refund"] = _refund(shop, books, order, subject, against)
    elif service is Service.TRANSFER:
        told["moved"] = _moved(shop, books, order, member, against)
    return {
        "service": service.value,
        "member": holder_view(books, member.member_id),
        "card": card_view(card) if card is not None else None,
        "becomes": after.value if after is not None else None,
        "fee_fen": fee.fee_fen,
        "listed_fen": fee.listed_fen,
        "waived": fee.waived or None,
        **told,
        "permission": NEEDS[service].value,
        "permitted": actor.may(NEEDS[service]),
        "refusals": against.as_json(),
    }


def _refund(
    shop: Shop, books: Books, order: ServiceOrder, subject: Subject, against: _Against
) -> dict[str, Any] | None:
    held = balance_of(books.holdings(owner_of(subject.member.member_id))).total_fen
    if order.payout is None:
        others = [
            each
            for each in books.cards_of(subject.member.member_id)
            if not each.status.ended and each != subject.card
        ]
        if held and not others:
            against.found.append(Conflict("balance_left", balance_fen=held))
        return None
    payout = replace(order.payout, member_id=subject.member.member_id)
    planned = against.ask(lambda: balance_refund.plan(shop, books, payout, shop.clock.now_ms()))
    if planned is None:
        return None
    against.found += balance_refund.refusals(planned)
    return balance_refund.refund_view(books, planned)


def _moved(
    shop: Shop, books: Books, order: ServiceOrder, member: Member, against: _Against
) -> dict[str, Any] | None:
    planned = against.ask(
        lambda: card_transfer.plan_transfer(shop, books, member, order.to_member_id)
    )
    if planned is None:
        return None
    moved, breaches = planned
    against.found += [refusal_of(breach) for breach in breaches]
    return moved.as_json()


async def card_by_id(shop: Shop, actor: Actor, card_id: str) -> dict[str, Any]:
    """A card, whose it is, and each service with its fee and what stands against it now.

    Raises NotFound("card_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        card = books.card(card_id) if is_id(card_id) else None
        if card is None:
            raise NotFound("card_unknown")
        member = books.member(card.member_id)
        assert member is not None
        return {
            **card_view(card),
            "member": member_view(books, member, books.cards_of(member.member_id)),
            "replaced_by": _replaced_by(books, card),
            "services": [
                _able(shop, actor, member, card, service)
                for service in Service
                if service in OF_A_CARD or service in (Service.EXTEND, Service.TRANSFER)
            ],
        }

    return await shop.ledger.read(look)


def _replaced_by(books: Books, card: Card) -> str | None:
    for other in books.cards_of(card.member_id):
        if other.replaces == card.card_id:
            return other.card_id
    return None


def _able(shop: Shop, actor: Actor, member: Member, card: Card, service: Service) -> dict[str, Any]:
    against = _Against()
    against.ask(lambda: becomes(service, card.status))
    fees: list[dict[str, int]] = []
    if service is Service.EXTEND:
        if member.valid_to is None:
            against.found.append(Conflict("never_expires"))
        offered = shop.rules.member_category(member.category).fees.extend
        fees = [
            {"days": row.days, "fee_fen": fee_for(shop, member, service, row.days).fee_fen}
            for row in offered
        ]
    fee = Fee(service) if service is Service.EXTEND else fee_for(shop, member, service)
    return {
        "service": service.value,
        "permission": NEEDS[service].value,
        "permitted": actor.may(NEEDS[service]),
        "fee_fen": fee.fee_fen,
        "extensions": fees,
        "refusals": against.as_json(),
    }
