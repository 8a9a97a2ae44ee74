"""Coupons (D4): issued by campaign, to members or as codes to print, each redeemed once.

What a coupon does is its campaign's, as the rules say when it is used; how long it lives is fixed
when it is issued. The sale redeems it (`Books.redeem_coupon`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, Conflict, NotFound, Refused
from daemon.core.loyalty.coupon_code import RANDOM_BITS, make_code, printed, read_code
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member, Operation
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.messages import tell
from daemon.operations.points import known_member
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing
from daemon.ports.ledger import Books
from daemon.rules.offers import Campaign

ISSUE, WITHDRAW, EXTEND = "coupon_issue", "coupon_withdraw", "coupon_extend"
MOST_ISSUED = 1_000
"""Coupons of one request: about as long as one sale takes to be written."""
_MOST_TRIES = 8
"""45 random bits meet a code that is taken once in millions of shops."""


async def issue_to_members(
    shop: Shop, actor: Actor, campaign: str, member_ids: Sequence[str], key: str
) -> dict[str, Any]:
    """One coupon each, and a message.

    Raises BadRequest("coupons_too_many"), NotFound("campaign_unknown" | "member_unknown"),
    Refused("campaign_off" | "campaign_over" | "campaign_used_up"),
    Conflict("idempotency_key_reused")."""
    wanted = list(dict.fromkeys(member_ids))
    if not 1 <= len(wanted) <= MOST_ISSUED:
        raise BadRequest("coupons_too_many", most=MOST_ISSUED)
    request = {"campaign": campaign, "member_ids": wanted}

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            members = [known_member(books, member_id) for member_id in wanted]
            found = open_campaign(shop, books, campaign, operation.created_ms, len(members))
            for member in members:
                at_ms = operation.created_ms
                coupon = issue_one(shop, books, found, member, operation.op_id, at_ms)
                announce(shop, books, found, coupon, at_ms)
            return _issued(books, operation, actor, found, members)

        return _with_codes(books, do_once(shop, books, actor, key, ISSUE, request, deed))

    return await shop.ledger.write(work)


async def issue_codes(
    shop: Shop, actor: Actor, campaign: str, count: int, key: str
) -> dict[str, Any]:
    """`count` codes to print, for whoever brings them. Raises as `issue_to_members`."""
    if not 1 <= count <= MOST_ISSUED:
        raise BadRequest("coupons_too_many", most=MOST_ISSUED)
    request = {"campaign": campaign, "count": count}

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            found = open_campaign(shop, books, campaign, operation.created_ms, count)
            for _ in range(count):
                issue_one(shop, books, found, None, operation.op_id, operation.created_ms)
            return _issued(books, operation, actor, found, [])

        return _with_codes(books, do_once(shop, books, actor, key, ISSUE, request, deed))

    return await shop.ledger.write(work)


def open_campaign(shop: Shop, books: Books, campaign: str, now_ms: int, count: int) -> Campaign:
    """The campaign, if it may issue `count` more coupons.

    Raises NotFound("campaign_unknown"), Refused("campaign_off" | "campaign_over" |
    "campaign_used_up")."""
    found = campaign_of(shop, campaign)
    if not found.active:
        raise Refused("campaign_off")
    today = moment(now_ms, shop.policy.utc_offset_min).day
    if found.to_day is not None and found.to_day < today:
        raise Refused("campaign_over")
    if found.most_issued is not None:
        issued = books.campaign_counts(campaign, today.isoformat()).issued
        if issued + count > found.most_issued:
            raise Refused("campaign_used_up", left=max(0, found.most_issued - issued))
    return found


def issue_one(
    shop: Shop,
    books: Books,
    campaign: Campaign,
    member: Member | None,
    op_id: str,
    now_ms: int,
) -> IssuedCoupon:
    """Puts one coupon on the books. The caller has asked `open_campaign`, and puts the operation
    `op_id` on the journal."""
    today = moment(now_ms, shop.policy.utc_offset_min).day
    ends = [campaign.to_day] if campaign.to_day else []
    if campaign.valid_days is not None:
        ends.append(today + timedelta(campaign.valid_days - 1))
    to_day = min(ends).isoformat() if ends else None
    identity = shop.identity
    issuer = f"{identity.merchant}/{identity.store}/{identity.device}"
    for _ in range(_MOST_TRIES):
        coupon = IssuedCoupon(
            code=make_code(issuer, secrets.randbits(RANDOM_BITS)),
            campaign=campaign.campaign,
            issued_ms=now_ms,
            issued_op=op_id,
            member_id=member.member_id if member else None,
            from_day=campaign.from_day.isoformat() if campaign.from_day else None,
            to_day=to_day,
        )
        if books.add_coupon(coupon):
            break
    else:
        raise AssertionError("the random source gives codes that are taken")
    return coupon


def announce(
    shop: Shop, books: Books, campaign: Campaign, coupon: IssuedCoupon, now_ms: int
) -> str:
    """Tells the member of a coupon; the message's id."""
    assert coupon.member_id is not None
    facts: dict[str, int | str] = {
        "campaign": campaign.campaign,
        "name": campaign.name,
        "code": coupon.code,
        "to_day": coupon.to_day or "",
    }
    return tell(shop, books, coupon.member_id, "coupon", facts, now_ms)


def _issued(
    books: Books, operation: Operation, actor: Actor, campaign: Campaign, members: Sequence[Member]
) -> Mapping[str, Any]:
    codes = books.coupons_issued_by(operation.op_id, campaign.campaign, operation.created_ms)
    put_on_journal(
        books,
        operation,
        Kind.COUPON,
        actor,
        "issue_coupons",
        {"campaign": campaign.campaign, "count": len(codes)},
        member_id=members[0].member_id if len(members) == 1 else None,
    )
    return {
        "issue_id": operation.op_id,
        "campaign": campaign.campaign,
        "issued_ms": operation.created_ms,
        "count": len(codes),
        "coupons": [[each.code, each.member_id, each.from_day, each.to_day] for each in codes],
    }


def _with_codes(books: Books, issued: dict[str, Any]) -> dict[str, Any]:
    """As they are now: the kept answer says how they were issued, so that the books can be made
    again from it."""
    found = books.coupons_issued_by(issued["issue_id"], issued["campaign"], issued["issued_ms"])
    return {**issued, "coupons": [coupon_view(coupon) for coupon in found]}


async def withdraw(shop: Shop, actor: Actor, code: str, reason: str, key: str) -> dict[str, Any]:
    """`reason` is a short code for the journal. Raises NotFound("coupon_unknown"),
    Conflict("coupon_used" | "coupon_withdrawn" | "idempotency_key_reused")."""
    kept = _readable(code)

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            coupon = _issued_still(books, kept)
            assert books.withdraw_coupon(kept)
            _journal_one(books, operation, actor, "withdraw_coupon", coupon, {"reason": reason})
            return {"code": kept}

        request = {"code": kept, "reason": reason}
        do_once(shop, books, actor, key, WITHDRAW, request, deed)
        return coupon_view(_known(books, kept))

    return await shop.ledger.write(work)


async def extend(shop: Shop, actor: Actor, code: str, to_day: date, key: str) -> dict[str, Any]:
    """Moves the last day. Raises as `withdraw`, and Refused("day_is_over")."""
    kept = _readable(code)

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            coupon = _issued_still(books, kept)
            if to_day.isoformat() < shop.day(operation.created_ms):
                raise Refused("day_is_over")
            assert books.extend_coupon(kept, to_day.isoformat())
            _journal_one(
                books, operation, actor, "extend_coupon", coupon, {"to_day": to_day.isoformat()}
            )
            return {"code": kept}

        request = {"code": kept, "to_day": to_day.isoformat()}
        do_once(shop, books, actor, key, EXTEND, request, deed)
        return coupon_view(_known(books, kept))

    return await shop.ledger.write(work)


def _journal_one(
    books: Books,
    operation: Operation,
    actor: Actor,
    event: str,
    coupon: IssuedCoupon,
    facts: Mapping[str, int | str],
) -> None:
    whole = {"campaign": coupon.campaign, "code": coupon.code, **facts}
    put_on_journal(books, operation, Kind.COUPON, actor, event, whole, member_id=coupon.member_id)


def _readable(code: str) -> str:
    kept = read_code(code)
    if kept is None:
        raise NotFound("coupon_unknown")
    return kept


def _known(books: Books, code: str) -> IssuedCoupon:
    coupon = books.coupon(code)
    if coupon is None:
        raise NotFound("coupon_unknown")
    return coupon


def _issued_still(books: Books, code: str) -> IssuedCoupon:
    coupon = _known(books, code)
    if coupon.state != "issued":
        raise Conflict("coupon_used" if coupon.state == "redeemed" else "coupon_withdrawn")
    return coupon


def campaign_of(shop: Shop, campaign: str) -> Campaign:
    """Raises NotFound("campaign_unknown")."""
    found = shop.rules.campaigns.get(campaign)
    if found is None:
        raise NotFound("campaign_unknown")
    return found


async def check(shop: Shop, code: str, member_id: str | None) -> dict[str, Any]:
    """What a code would do for whom, and why it would not: `reason` is None or the first that
    stands in its way. What a basket makes of it, a quote tells.

    Raises NotFound("coupon_unknown" | "member_unknown")."""
    kept = _readable(code)

    def look(books: Books) -> dict[str, Any]:
        coupon = _known(books, kept)
        now_ms = shop.clock.now_ms()
        campaign = shop.rules.campaigns.get(coupon.campaign)
        member = known_member(books, member_id) if member_id is not None else None
        reason = _why_not(shop, books, coupon, campaign, member, now_ms)
        return {
            **coupon_view(coupon),
            "name": campaign.name if campaign else coupon.campaign,
            "says": (campaign.say or campaign.name) if campaign else "",
            "minimum_fen": campaign.minimum_fen if campaign else 0,
            "effect": campaign.effect.kind if campaign else None,
            "usable": reason is None,
            "reason": reason,
        }

    return await shop.ledger.read(look)


def _why_not(
    shop: Shop,
    books: Books,
    coupon: IssuedCoupon,
    campaign: Campaign | None,
    member: Member | None,
    now_ms: int,
) -> str | None:
    today = shop.day(now_ms)
    if coupon.state != "issued":
        return "used" if coupon.state == "redeemed" else "withdrawn"
    if coupon.from_day is not None and today < coupon.from_day:
        return "not_yet"
    if coupon.to_day is not None and coupon.to_day < today:
        return "over"
    if coupon.member_id is not None and (member is None or member.member_id != coupon.member_id):
        return "other_member"
    if campaign is None:
        return "campaign_gone"
    if member is None:
        return None
    standing = member_standing(shop, books, member, now_ms)
    at = moment(now_ms, shop.policy.utc_offset_min)
    found = campaign.conditions.value().why_not(standing, shop.identity.store, at)
    return found.value if found else None


async def list_coupons(
    shop: Shop, campaign: str, *, state: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A campaign's coupons in order of issue, and how many there are of each state."""

    def look(books: Books) -> dict[str, Any]:
        counts = books.campaign_counts(campaign, shop.day(shop.clock.now_ms()))
        found = books.coupons_of_campaign(campaign, state=state, after=after, limit=limit)
        return {
            "campaign": campaign,
            "counts": counts._asdict(),
            "coupons": [coupon_view(coupon) for coupon in found],
        }

    return await shop.ledger.read(look)


async def campaigns_view(shop: Shop) -> list[dict[str, Any]]:
    """Every campaign of the rules with its counts."""

    def look(books: Books) -> list[dict[str, Any]]:
        today = shop.day(shop.clock.now_ms())
        return [
            {
                "campaign": each.campaign,
                "name": each.name,
                "active": each.active,
                "most_issued": each.most_issued,
                "counts": books.campaign_counts(each.campaign, today)._asdict(),
            }
            for each in shop.rules.campaigns.values()
        ]

    return await shop.ledger.read(look)


async def member_coupons(shop: Shop, member_id: str) -> list[dict[str, Any]]:
    """All of a member's coupons, newest first. Raises NotFound("member_unknown")."""

    def look(books: Books) -> list[dict[str, Any]]:
        known_member(books, member_id)
        return [coupon_view(coupon) for coupon in books.coupons_of(member_id)]

    return await shop.ledger.read(look)


def coupon_view(coupon: IssuedCoupon) -> dict[str, Any]:
    return {
        "code": coupon.code,
        "printed": printed(coupon.code),
        "campaign": coupon.campaign,
        "member_id": coupon.member_id,
        "issued_ms": coupon.issued_ms,
        "from_day": coupon.from_day,
        "to_day": coupon.to_day,
        "state": coupon.state,
        "used_op": coupon.used_op,
    }
