"""Sharing (分享, C4): who brought whom, and thanks for it on the friend's first sale.

A member's own code is the member's number. Thanks are given once a friend, to the referrer up to
so many friends a month, and are taken back when that first sale is undone.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from daemon.core.entry import Draft, Kind
from daemon.core.errors import NotFound, Refused
from daemon.core.loyalty.held import Referral
from daemon.core.masking import mask_name
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member, Personal
from daemon.operations.messages import tell
from daemon.operations.points import (
    Movement,
    gather_points,
    giving,
    points_of,
    summed,
    taking,
)
from daemon.operations.shop import Shop
from daemon.operations.standing import has_benefits
from daemon.ports.ledger import Books

MOST_BROUGHT = 100
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)


def referrer_numbered(books: Books, number: str, newcomer: Personal) -> str:
    """The member id behind a code that a newcomer shows. Whoever has the newcomer's own phone is
    the newcomer.

    Raises NotFound("referrer_unknown"), Refused("referral_self" | "member_frozen")."""
    member_id = books.member_numbered(number.strip())
    referrer = books.member(member_id) if member_id is not None else None
    if referrer is None:
        raise NotFound("referrer_unknown")
    if referrer.status != "active":
        raise Refused("member_frozen")
    personal = books.personal(referrer.member_id)
    if personal is not None and newcomer.phone and personal.phone == newcomer.phone:
        raise Refused("referral_self")
    return referrer.member_id


def credit_first_sale(
    shop: Shop, books: Books, member: Member, op_id: str, now_ms: int, paid_fen: int
) -> dict[str, int] | None:
    """Thanks for bringing `member`, in the transaction of the member's sale `op_id` of `paid_fen`,
    after its visit was counted. What was given, or None where there is nothing to thank for: no
    referrer, not the first visit, thanked before, or a sale below what the shop asks for."""
    rule = shop.rules.sharing
    if rule is None or member.referrer is None or member.referrer == member.member_id:
        return None
    if books.standing(member.member_id).visits > 1 or books.referral_of(member.member_id):
        return None
    referrer = books.member(member.referrer)
    if referrer is None or paid_fen < rule.minimum_fen:
        return None
    thanks = 0
    if _may_be_thanked(shop, books, referrer, now_ms, rule.most_per_month):
        thanks = rule.referrer_points
    welcome = rule.friend_points
    moved: list[Movement] = []
    if thanks:
        moved.append(giving(shop, referrer.member_id, thanks, "sharing", now_ms))
    if welcome:
        moved.append(giving(shop, member.member_id, welcome, "shared", now_ms))
    movement = summed(moved)
    credit_id = shop.clock.new_id()
    books.append(
        Draft(
            op_id=credit_id,
            kind=Kind.POINTS,
            at_ms=now_ms,
            actor="device",
            member_id=referrer.member_id,
            postings=movement.postings,
            detail={
                "event": "thank_referrer",
                "friend": member.member_id,
                "sale": op_id,
                "points": thanks,
                "friend_points": welcome,
            },
        ),
        movement.opened,
    )
    books.add_referral(Referral(member.member_id, referrer.member_id, thanks, now_ms, credit_id))
    if thanks:
        tell(shop, books, referrer.member_id, "friend_came", {"points": thanks}, now_ms)
    if welcome:
        tell(shop, books, member.member_id, "welcome_points", {"points": welcome}, now_ms)
    for each in (referrer, member):
        gather_points(shop, books, each.member_id, now_ms)
    return {"referrer_points": thanks, "friend_points": welcome}


def undo_first_sale(shop: Shop, books: Books, member: Member, op_id: str, now_ms: int) -> None:
    """Takes the thanks back when the sale that brought them is undone whole: points as far as they
    are still there. The next sale is the first one then. Does nothing for another sale."""
    referral = books.referral_of(member.member_id)
    if referral is None:
        return
    credit = books.entry_of(referral.op_id)
    assert credit is not None, "thanks are on the journal"
    if credit.draft.detail.get("sale") != op_id:
        return
    books.drop_referral(member.member_id)
    given = {
        referral.referrer: referral.points,
        member.member_id: int(credit.draft.detail["friend_points"]),
    }
    moved, taken = [], 0
    for member_id, points in given.items():
        back = min(points, points_of(shop, books, member_id, now_ms))
        if back:
            moved.append(taking(shop, books, member_id, back, now_ms))
            taken += back
    movement = summed(moved)
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.POINTS,
            at_ms=now_ms,
            actor="device",
            member_id=referral.referrer,
            refers_to=referral.op_id,
            postings=movement.postings,
            detail={
                "event": "take_thanks_back",
                "friend": member.member_id,
                "points": taken,
                "short": sum(given.values()) - taken,
            },
        )
    )


def _may_be_thanked(
    shop: Shop, books: Books, referrer: Member, now_ms: int, most_per_month: int | None
) -> bool:
    day = shop.day(now_ms)
    if referrer.status != "active" or not has_benefits(referrer, day):
        return False
    if most_per_month is None:
        return True
    return books.referral_count(referrer.member_id, _month_began_ms(shop, now_ms)) < most_per_month


def _month_began_ms(shop: Shop, now_ms: int) -> int:
    offset_min = shop.policy.utc_offset_min
    first = moment(now_ms, offset_min).day.replace(day=1)
    return (first - _EPOCH).days * _DAY_MS - offset_min * 60_000


def friends_view(books: Books, member: Member) -> dict[str, Any]:
    """The member's code, who brought the member, and whom the member brought."""
    brought = books.brought_by(member.member_id, MOST_BROUGHT)
    return {
        "code": member.number,
        "brought_by": _person(books, member.referrer) if member.referrer else None,
        "brought": [_friend(books, friend) for friend in brought],
    }


def _friend(books: Books, member_id: str) -> dict[str, Any]:
    thanked = books.referral_of(member_id)
    return {
        **_person(books, member_id),
        "credited_ms": thanked.credited_ms if thanked else None,
        "points": thanked.points if thanked else 0,
    }


def _person(books: Books, member_id: str) -> dict[str, Any]:
    member = books.member(member_id)
    personal = books.personal(member_id)
    return {
        "member_id": member_id,
        "number": member.number if member else "",
        "name": mask_name(personal.name) if personal else "",
    }
