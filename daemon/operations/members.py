"""Members at the counter: add one, find some, report a card lost and lift that again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.core.entry import Draft, Kind
from daemon.core.errors import Conflict, NotFound
from daemon.core.money import Purse
from daemon.core.records import Member, Personal
from daemon.operations.member_form import Form, new_member
from daemon.operations.sharing import referrer_numbered
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import member_view
from daemon.ports.ledger import Books

MOST_FOUND = 50
MOST_NUMBERS_TRIED = 1000
"""Looks past numbers that were given by hand and lie in the way of the running number."""


async def add_member(
    shop: Shop,
    actor: Actor,
    *,
    name: str = "",
    phone: str = "",
    number: str | None = None,
    form: Form | None = None,
    referrer: str | None = None,
    phone_may_repeat: bool = False,
) -> dict[str, Any]:
    """Adds a member, from `form` or from name, phone and number. Without a number the next free
    one of this store is taken. `referrer` is the code (the number) of who brought them.

    Raises BadRequest for what does not fit, Conflict("member_number_taken" | "phone_taken"),
    NotFound("referrer_unknown"), Refused("referral_self" | "member_frozen")."""
    rules = shop.rules
    given = form or Form(number=number, name=name, phone=phone)

    def work(books: Books) -> dict[str, Any]:
        now_ms = shop.clock.now_ms()
        member, personal = new_member(rules, given, shop.clock.new_id(), now_ms, shop.day(now_ms))
        if personal.phone and not phone_may_repeat:
            require_new_phone(books, personal.phone)
        if referrer:
            member = replace(member, referrer=referrer_numbered(books, referrer, personal))
        if member.number:
            books.add_member(member, personal)
        else:
            member = add_numbered(shop, books, member, personal)
        detail: dict[str, int | str] = {"event": "add_member", "category": member.category}
        if member.referrer is not None:
            detail["referrer"] = member.referrer
        append_event(shop, books, actor, Kind.MEMBER_ADDED, member.member_id, detail, now_ms)
        return member_view(books, member)

    return await shop.ledger.write(work)


def append_event(
    shop: Shop,
    books: Books,
    actor: Actor,
    kind: Kind,
    member_id: str | None,
    detail: dict[str, int | str],
    now_ms: int,
) -> None:
    """One entry that moves no money, with the approver's name where somebody said yes."""
    if actor.approver:
        detail = {**detail, "approver": actor.approver}
    op_id = shop.clock.new_id()
    books.append(Draft(op_id, kind, now_ms, actor.number, member_id=member_id, detail=detail))


def require_new_phone(books: Books, phone: str, own: str | None = None) -> None:
    """Raises Conflict("phone_taken", number=...) where another member has this phone."""
    for member_id in books.phoned([phone]).get(phone, ()):
        other = books.member(member_id)
        if other is not None and member_id != own:
            raise Conflict("phone_taken", number=other.number)


def add_numbered(shop: Shop, books: Books, member: Member, personal: Personal) -> Member:
    """Adds the member under the next running number that nobody was given by hand."""
    numbered = replace(member, number=next_numbers(shop, books, 1)[0])
    books.add_member(numbered, personal)
    return numbered


def next_numbers(shop: Shop, books: Books, count: int) -> list[str]:
    """That many free numbers: store number and a running number of this store, unique over the
    chain. Raises Conflict("member_number_taken")."""
    last = int(books.setting("last_member_number") or 0)
    free: list[str] = []
    for _ in range(MOST_NUMBERS_TRIED):
        wanted = count - len(free)
        if not wanted:
            books.put_setting("last_member_number", str(last))
            return free
        tried = [f"{shop.identity.store}{last + step:06d}" for step in range(1, wanted + 1)]
        taken = books.numbered(tried)
        free += [number for number in tried if number not in taken]
        last += wanted
    raise Conflict("member_number_taken")


async def find_members(
    shop: Shop, query: str, limit: int, before: str | None = None
) -> dict[str, Any]:
    """By number, printed card number, name, pinyin, phone or its last four digits; masked. `next`
    is the `before` of the page that follows, None at the end."""
    most = min(limit, MOST_FOUND)

    def look(books: Books) -> dict[str, Any]:
        found = books.found_members(query.strip(), most, before)
        listed = books.listed(found.member_ids)
        money = books.money_of(found.member_ids)
        views = [
            member_view(
                books,
                each.member,
                each.cards,
                each.personal or Personal(""),
                money.get(each.member.member_id, Purse(0, 0)),
            )
            for each in listed
        ]
        return {"members": views, "next": found.after}

    return await shop.ledger.read(look)


async def member_by_id(shop: Shop, member_id: str) -> dict[str, Any]:
    """Raises NotFound("member_unknown")."""
    cards = await shop.ledger.cards_of(member_id)

    def look(books: Books) -> dict[str, Any]:
        member = books.member(member_id)
        if member is None:
            raise NotFound("member_unknown")
        return member_view(books, member, cards)

    return await shop.ledger.read(look)
