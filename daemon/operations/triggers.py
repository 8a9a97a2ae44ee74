"""Standing triggers (D1): on a birthday, a first visit, an absence, a promotion, an end that comes
near, a member gets a coupon, points, a message. Each occasion fires once.

A first visit and a promotion fire in the transaction of what brought them (`fire_first_visit`,
`fire_promoted`), the others in the daily round (`daemon.operations.nightly`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal, NamedTuple

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Draft, Kind
from daemon.core.errors import NotFound, Refused
from daemon.core.lot_rule import lot_rule, usable
from daemon.core.loyalty.occasions import absent_occasion, birthday_occasion, ending
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member
from daemon.operations.coupons import announce, issue_one, open_campaign
from daemon.operations.messages import tell
from daemon.operations.points import Movement, gather_points, giving
from daemon.operations.shop import Shop
from daemon.operations.standing import birthday_of, has_benefits
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books
from daemon.rules.loyalty import Trigger

NOTICE = "validity"
"""The occasion of the usual notice that a membership ends, in `fired`."""
NOTICE_DAYS = 14

On = Literal["birthday", "first_visit", "absent", "promoted", "expiring"]


class Occasion(NamedTuple):
    """`name` is unique for a trigger and a member. `facts` go with the message. What is about to
    end is announced; only the end of a membership brings a gift, or each gift that ends would bring
    the next one."""

    trigger: Trigger
    name: str
    facts: Mapping[str, int | str]
    brings: bool = True


def fire_first_visit(shop: Shop, books: Books, member: Member, now_ms: int) -> None:
    """In the transaction of the member's first sale, after its visit was counted."""
    if books.standing(member.member_id).visits > 1:
        return
    for trigger in _triggers(shop, "first_visit"):
        fire(shop, books, member, Occasion(trigger, "first_visit", {}), now_ms)


def fire_promoted(shop: Shop, books: Books, member: Member, level: str, now_ms: int) -> None:
    """Once a level and year: whoever falls and rises again soon is not given twice."""
    year = moment(now_ms, shop.policy.utc_offset_min).day.year
    facts = {"level": shop.rules.level_name(level)}
    for trigger in _triggers(shop, "promoted"):
        fire(shop, books, member, Occasion(trigger, f"promoted:{level}:{year}", facts), now_ms)


def occasions(shop: Shop, books: Books, member: Member, now_ms: int) -> Iterator[Occasion]:
    """What is open for a member today and is found by looking every day, also where it has fired.
    Each of them does something."""
    if member.status != "active":
        return
    today = moment(now_ms, shop.policy.utc_offset_min).day
    if not has_benefits(member, today.isoformat()):
        return
    for trigger in shop.rules.triggers:
        if trigger.on == "birthday":
            personal = books.personal(member.member_id)
            birthday = birthday_of(personal.birthday) if personal else None
            name = birthday_occasion(birthday, trigger.days, today)
            if name is not None:
                yield Occasion(trigger, name, {})
        elif trigger.on == "absent":
            last = books.standing(member.member_id).last_day
            name = absent_occasion(last, trigger.days, today)
            if name is not None:
                yield Occasion(trigger, name, {"days": trigger.days})
        elif trigger.on == "expiring":
            yield from _endings(books, member, trigger, today)


def _endings(books: Books, member: Member, trigger: Trigger, today: date) -> Iterator[Occasion]:
    if ending(member.valid_to, trigger.days, today):
        facts = {"what": "membership", "to_day": member.valid_to or ""}
        yield Occasion(trigger, f"membership:{member.valid_to}", facts)
    if trigger.message_kind is None:
        return
    day = today.isoformat()
    sums: dict[tuple[str, str], int] = {}
    for held in usable(books.holdings(owner_of(member.member_id)), day):
        to_day = lot_rule(held.rule).to_day
        if held.account.asset != "principal" and ending(to_day, trigger.days, today):
            key = (held.account.asset, to_day)
            sums[key] = sums.get(key, 0) + held.balance
    for (asset, to_day), amount in sorted(sums.items()):
        facts_of: dict[str, int | str] = {"what": asset, "amount": amount, "to_day": to_day}
        yield Occasion(trigger, f"{asset}:{to_day}", facts_of, brings=False)
    for coupon in books.coupons_of(member.member_id, usable_on=day):
        if ending(coupon.to_day, trigger.days, today):
            facts = {"what": "coupon", "code": coupon.code, "to_day": coupon.to_day or ""}
            yield Occasion(trigger, f"coupon:{coupon.code}", facts, brings=False)


def notice_due(shop: Shop, member: Member, now_ms: int) -> str | None:
    """The last day of a membership that ends soon, where the shop has no trigger of its own that
    would say so."""
    today = moment(now_ms, shop.policy.utc_offset_min).day
    told = any(each.on == "expiring" and each.message_kind for each in shop.rules.triggers)
    if told or member.status != "active" or not ending(member.valid_to, NOTICE_DAYS, today):
        return None
    return member.valid_to


def send_notice(shop: Shop, books: Books, member: Member, to_day: str, now_ms: int) -> bool:
    """Once for each last day."""
    if not books.add_fired(NOTICE, member.member_id, to_day, now_ms):
        return False
    tell(shop, books, member.member_id, "membership_ends", {"to_day": to_day}, now_ms)
    return True


def fire(shop: Shop, books: Books, member: Member, occasion: Occasion, now_ms: int) -> bool:
    """Does what the trigger says, unless it has for this occasion. A campaign that issues no more
    leaves the rest of it to be done."""
    trigger = occasion.trigger
    if not books.add_fired(trigger.trigger_id, member.member_id, occasion.name, now_ms):
        return False
    facts: dict[str, int | str] = {"trigger": trigger.trigger_id, "occasion": occasion.name}
    movement = Movement(())
    op_id = shop.clock.new_id()
    if occasion.brings and trigger.points:
        given = f"trigger:{trigger.trigger_id}"
        movement = giving(shop, member.member_id, trigger.points, given, now_ms)
        facts["points"] = trigger.points
    if occasion.brings and trigger.campaign is not None:
        coupon = _coupon(shop, books, member, trigger.campaign, op_id, now_ms)
        facts["coupon"] = "none"
        if coupon is not None:
            facts |= {"coupon": coupon.code, "campaign": coupon.campaign, "issued_ms": now_ms}
            facts |= {"from_day": coupon.from_day} if coupon.from_day else {}
            facts |= {"to_day": coupon.to_day} if coupon.to_day else {}
    books.append(
        Draft(
            op_id=op_id,
            kind=_kind(movement, facts),
            at_ms=now_ms,
            actor="device",
            member_id=member.member_id,
            postings=movement.postings,
            detail={"event": "fire_trigger", **facts},
        ),
        movement.opened,
    )
    if movement.postings:
        gather_points(shop, books, member.member_id, now_ms)
    if trigger.message_kind is not None:
        told = {"trigger": trigger.name, **occasion.facts}
        if movement.postings:
            told["points"] = trigger.points
        tell(shop, books, member.member_id, trigger.message_kind, told, now_ms)
    return True


def _kind(movement: Movement, facts: Mapping[str, int | str]) -> Kind:
    """What the entry is mostly about; a message alone is a matter of the member."""
    if movement.postings:
        return Kind.POINTS
    return Kind.COUPON if "coupon" in facts else Kind.MEMBER_CHANGED


def _coupon(
    shop: Shop, books: Books, member: Member, campaign: str, op_id: str, now_ms: int
) -> IssuedCoupon | None:
    try:
        found = open_campaign(shop, books, campaign, now_ms, 1)
    except (NotFound, Refused):
        # Over, off or used up: that is the shop's own rule, and no reason to fail the sale.
        return None
    coupon = issue_one(shop, books, found, member, op_id, now_ms)
    announce(shop, books, found, coupon, now_ms)
    return coupon


def _triggers(shop: Shop, on: On) -> list[Trigger]:
    return [trigger for trigger in shop.rules.triggers if trigger.on == on]
