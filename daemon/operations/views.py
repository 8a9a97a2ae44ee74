"""The books as the page sees them: JSON-ready, members masked, no card's UID."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.core.masking import mask_name, mask_phone
from daemon.core.money import Purse
from daemon.core.records import Card, Member, Operation, OpState, Personal
from daemon.core.spend import balance_of
from daemon.ports.cards import ReaderStatus
from daemon.ports.ledger import Books

SALE_STATUS = {
    OpState.OPEN: "awaiting_card",
    OpState.PARKED: "parked",
    OpState.UNKNOWN: "unknown",
    OpState.APPROVED: "approved",
    OpState.DECLINED: "declined",
    OpState.CANCELLED: "cancelled",
}


def owner_of(member_id: str) -> str:
    """The ledger's owner string of a member."""
    return f"member:{member_id}"


def member_view(
    books: Books,
    member: Member,
    cards: Sequence[Card] = (),
    personal: Personal | None = None,
    balance: Purse | None = None,
) -> dict[str, Any]:
    """`personal` and `balance`: where they were read already."""
    personal = personal or books.personal(member.member_id) or Personal("")
    if balance is None:
        balance = balance_of(books.holdings(owner_of(member.member_id)))
    return {
        "member_id": member.member_id,
        "number": member.number,
        "name": mask_name(personal.name),
        "phone": mask_phone(personal.phone),
        "category": member.category,
        "status": member.status,
        "balance": balance.as_json(),
        "has_pin": member.pin_hash is not None,
        "cards": [card_view(card) for card in cards],
    }


def reader_view(status: ReaderStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "state": status.state.value,
        "card_present": status.card_present,
        "problem": status.problem,
    }


def card_view(card: Card) -> dict[str, Any]:
    return {
        "card_id": card.card_id,
        "technology": card.technology.value,
        "status": card.status.value,
        "issued_ms": card.issued_ms,
        "number": card.number,
        "valid_to": card.valid_to,
        "replaces": card.replaces,
    }


def recharge_view(books: Books, recharge: Operation) -> dict[str, Any]:
    answer, request = recharge.answer, recharge.request
    member = books.member(request["member_id"])
    assert member is not None
    return {
        "recharge_id": recharge.op_id,
        "member": member_view(books, member),
        "amount_fen": request["amount_fen"],
        "bonus_fen": answer["bonus_fen"],
        "tender": answer.get("tender") or request["tender"],
        "tenders": answer.get("tenders")
        or [{"kind": request["tender"], "amount_fen": request["amount_fen"]}],
        "change_fen": answer.get("change_fen", 0),
        "rule": answer.get("rule", ""),
        "bonus_to_day": answer.get("bonus_to_day"),
        "balance": answer["balance"],
        "receipt_id": answer["receipt_id"],
        "created_ms": recharge.created_ms,
        "voided": books.voided_by(recharge.op_id) is not None,
    }
