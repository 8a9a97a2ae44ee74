"""Members at the counter: add one, find one, report a card lost and lift that again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.core.card import CardStatus
from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, Conflict, NotFound
from daemon.core.records import Member, Personal
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import member_view
from daemon.ports.ledger import Books

MOST_FOUND = 50
LONGEST_NAME = 60
LONGEST_NUMBER = 20
MOST_NUMBERS_TRIED = 1000
"""Numbers that were given by hand and lie in the way of the running number."""
_STATUSES = {
    "active": CardStatus.ACTIVE,
    "lost": CardStatus.LOST,
    "locked": CardStatus.LOCKED,
}


async def add_member(
    shop: Shop, actor: Actor, *, name: str, phone: str, number: str | None
) -> dict[str, Any]:
    """Adds a member. Without `number` the next free one of this store is taken.

    Raises BadRequest("name_malformed" | "phone_malformed" | "number_malformed"),
    Conflict("member_number_taken")."""
    personal = Personal(_require_name(name), _require_phone(phone))
    if number is not None and not (number.isalnum() and len(number) <= LONGEST_NUMBER):
        raise BadRequest("number_malformed")

    def work(books: Books) -> dict[str, Any]:
        now_ms = shop.clock.now_ms()
        member_id = shop.clock.new_id()
        member = Member(member_id, number or "", "standard", "active", now_ms)
        if number is not None:
            books.add_member(member, personal)
        else:
            member = _add_numbered(shop, books, member, personal)
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.MEMBER_ADDED,
                at_ms=now_ms,
                actor=actor.number,
                member_id=member.member_id,
            )
        )
        return member_view(books, member)

    return await shop.ledger.write(work)


def _require_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= LONGEST_NAME or not clean.isprintable():
        raise BadRequest("name_malformed")
    return clean


def _require_phone(phone: str) -> str:
    digits = phone.replace(" ", "").replace("-", "").removeprefix("+86")
    if digits and not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
        raise BadRequest("phone_malformed")
    return digits


def _add_numbered(shop: Shop, books: Books, member: Member, personal: Personal) -> Member:
    """Adds the member under the next running number that nobody was given by hand."""
    for _ in range(MOST_NUMBERS_TRIED):
        numbered = replace(member, number=_next_number(shop, books))
        try:
            books.add_member(numbered, personal)
        except Conflict:
            continue
        return numbered
    raise Conflict("member_number_taken")


def _next_number(shop: Shop, books: Books) -> str:
    """Store number and a running number of this store: unique over the chain."""
    last = int(books.setting("last_member_number") or 0) + 1
    books.put_setting("last_member_number", str(last))
    return f"{shop.identity.store}{last:06d}"


async def find_members(shop: Shop, query: str, limit: int) -> list[dict[str, Any]]:
    """By number, name, phone or the phone's last four digits; masked."""
    found = await shop.ledger.search_members(query.strip(), min(limit, MOST_FOUND))
    return [await member_by_id(shop, member.member_id) for member in found]


async def member_by_id(shop: Shop, member_id: str) -> dict[str, Any]:
    """Raises NotFound("member_unknown")."""
    cards = await shop.ledger.cards_of(member_id)

    def look(books: Books) -> dict[str, Any]:
        member = books.member(member_id)
        if member is None:
            raise NotFound("member_unknown")
        return member_view(books, member, cards)

    return await shop.ledger.read(look)


async def set_card_status(
    shop: Shop, actor: Actor, card_id: str, status: str, reason: str | None = None
) -> dict[str, Any]:
    """Reports a card lost (挂失), locks it, or makes it active again (解挂); on the journal.
    `reason` is a short code for the journal, without personal data.

    Raises BadRequest("card_status_unknown"), NotFound("card_unknown"),
    Conflict("card_returned")."""
    if status not in _STATUSES:
        raise BadRequest("card_status_unknown")

    def work(books: Books) -> str:
        card = books.card(card_id)
        if card is None:
            raise NotFound("card_unknown")
        if card.status is CardStatus.RETURNED:
            raise Conflict("card_returned")
        books.change_card(replace(card, status=_STATUSES[status]))
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.CARD_STATUS,
                at_ms=shop.clock.now_ms(),
                actor=actor.number,
                member_id=card.member_id,
                card_id=card_id,
                detail={"status": status, **({"reason": reason} if reason else {})},
            )
        )
        return card.member_id

    return await member_by_id(shop, await shop.ledger.write(work))
