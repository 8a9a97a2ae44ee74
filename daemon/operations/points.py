"""Points that no sale earned (C4): given, and adjusted by hand with a reason. An adjustment is
undone by its opposite, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import BadRequest, Conflict, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.lot_rule import LotRule, lot_rule
from daemon.core.loyalty.points import (
    POINTS,
    SHOP_POINTS,
    available,
    crowded,
    draw,
    gathered,
    last_day,
    lots_in_order,
)
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member, Operation
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

ADJUST = "points_adjust"
UNDO = "points_undo"
MOST_ADJUSTED = 10_000_000
MOST_GATHERED = 60
"""Lots that one entry puts together: it moves two accounts more, of 64."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Postings of an entry, and the rules of the lots that it opens."""

    postings: tuple[Posting, ...]
    opened: Mapping[Account, str] = field(default_factory=dict)


def giving(shop: Shop, member_id: str, points: int, given: str, now_ms: int) -> Movement:
    """Opens a lot of `points` that live as the shop's points do. `given` names the rule."""
    assert points > 0
    day = moment(now_ms, shop.policy.utc_offset_min).day
    account = Account(owner_of(member_id), POINTS)
    rule = LotRule(given, last_day(day, shop.rules.points_valid_days))
    return Movement(
        (Posting(SHOP_POINTS, -points), Posting(account, points)), {account: rule.as_text()}
    )


def taking(shop: Shop, books: Books, member_id: str, points: int, now_ms: int) -> Movement:
    """Takes what ends first. Raises Refused("points_short")."""
    day = shop.day(now_ms)
    holdings = books.holdings(owner_of(member_id))
    held = available(holdings, day)
    if held < points:
        raise Refused("points_short", short=points - held, available=held)
    return Movement(draw(holdings, points, day))


def points_of(shop: Shop, books: Books, member_id: str, now_ms: int) -> int:
    """What the member may spend now."""
    return available(books.holdings(owner_of(member_id)), shop.day(now_ms))


def points_lots(shop: Shop, books: Books, member_id: str, now_ms: int) -> list[dict[str, Any]]:
    """Lots that may be spent, what ends first first; `to_day` None is for ever."""
    held = lots_in_order(books.holdings(owner_of(member_id)), shop.day(now_ms))
    return [
        {
            "points": each.balance,
            "to_day": lot_rule(each.rule).to_day or None,
            "given": lot_rule(each.rule).given,
        }
        for each in held
    ]


def known_member(books: Books, member_id: str) -> Member:
    """Raises NotFound("member_unknown")."""
    member = books.member(member_id) if is_id(member_id) else None
    if member is None:
        raise NotFound("member_unknown")
    return member


async def adjust_points(
    shop: Shop,
    actor: Actor,
    member_id: str,
    points: int,
    *,
    reason: str,
    note: str,
    key: str,
) -> dict[str, Any]:
    """Adds `points` or, below zero, takes them. `reason` is a short code that goes on the journal;
    `note` stays with the request.

    Raises BadRequest("points_malformed"), NotFound("member_unknown"), Refused("points_short"),
    Conflict("idempotency_key_reused")."""
    if points == 0 or abs(points) > MOST_ADJUSTED:
        raise BadRequest("points_malformed")
    request = {"member_id": member_id, "points": points, "reason": reason, "note": note}

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            member = known_member(books, member_id)
            return _move(shop, books, operation, actor, member, points, reason)

        return do_once(shop, books, actor, key, ADJUST, request, deed)

    return await shop.ledger.write(work)


async def undo_adjustment(shop: Shop, actor: Actor, op_id: str, *, key: str) -> dict[str, Any]:
    """The opposite adjustment. What was given and spent since cannot be taken.

    Raises NotFound("adjustment_unknown"), Conflict("adjustment_undone"),
    Refused("points_short")."""

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            found = books.operation(op_id)
            if found is None or found.kind != ADJUST:
                raise NotFound("adjustment_unknown")
            if books.undone_by(op_id) is not None:
                raise Conflict("adjustment_undone")
            member = known_member(books, found.request["member_id"])
            points = -int(found.request["points"])
            return _move(shop, books, operation, actor, member, points, "undone", op_id)

        return do_once(shop, books, actor, key, UNDO, {"adjustment": op_id}, deed)

    return await shop.ledger.write(work)


def _move(
    shop: Shop,
    books: Books,
    operation: Operation,
    actor: Actor,
    member: Member,
    points: int,
    reason: str,
    refers_to: str | None = None,
) -> Mapping[str, Any]:
    now_ms = operation.created_ms
    if points > 0:
        movement = giving(shop, member.member_id, points, "adjusted", now_ms)
    else:
        movement = taking(shop, books, member.member_id, -points, now_ms)
    put_on_journal(
        books,
        operation,
        Kind.POINTS,
        actor,
        "undo_points" if refers_to else "adjust_points",
        {"reason": reason, "points": points},
        member_id=member.member_id,
        refers_to=refers_to,
        postings=movement.postings,
        opened=movement.opened,
    )
    gather_points(shop, books, member.member_id, now_ms)
    return {
        "adjustment_id": operation.op_id,
        "member_id": member.member_id,
        "points": points,
        "reason": reason,
        "available": points_of(shop, books, member.member_id, now_ms),
        "undoes": refers_to,
    }


def gather_points(shop: Shop, books: Books, member_id: str, now_ms: int) -> bool:
    """Puts lots that end in the same month together where a member has very many: an entry could
    not move them all at once. Returns whether it did anything."""
    owner = owner_of(member_id)
    moved = False
    while crowded(holdings := books.holdings(owner)):
        found = gathered(holdings, shop.day(now_ms), MOST_GATHERED)
        if found is None:
            break
        lots, rule = found
        account = Account(owner, POINTS)
        drawn = [Posting(each.account, -each.balance) for each in lots]
        whole = sum(each.balance for each in lots)
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.POINTS,
                at_ms=now_ms,
                actor="device",
                member_id=member_id,
                postings=(*drawn, Posting(account, whole)),
                detail={"event": "gather_points", "lots": len(lots)},
            ),
            {account: rule.as_text()},
        )
        moved = True
    return moved


async def member_points(shop: Shop, member_id: str) -> dict[str, Any]:
    """Raises NotFound("member_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        known_member(books, member_id)
        now_ms = shop.clock.now_ms()
        return {
            "available": points_of(shop, books, member_id, now_ms),
            "lots": points_lots(shop, books, member_id, now_ms),
        }

    return await shop.ledger.read(look)


def summed(movements: Sequence[Movement]) -> Movement:
    """Several movements of different members as one: the shop's side is one posting."""
    shops = 0
    postings: list[Posting] = []
    opened: dict[Account, str] = {}
    for movement in movements:
        for posting in movement.postings:
            if posting.account == SHOP_POINTS:
                shops += posting.amount
            else:
                postings.append(posting)
        opened.update(movement.opened)
    if shops:
        postings.append(Posting(SHOP_POINTS, shops))
    return Movement(tuple(postings), opened)
