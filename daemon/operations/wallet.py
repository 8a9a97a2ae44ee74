"""All that a member has with the shop besides money, on one page: points, passes, coupons, the
level and what the next one brings, the check-in, and the member's own code."""

from __future__ import annotations

from typing import Any

from daemon.core.loyalty.coupon_code import printed
from daemon.core.pricing.shop_time import moment
from daemon.core.pricing.standing import MemberStanding, PassHeld
from daemon.core.records import Member
from daemon.operations.branch_whole import member_in_chain
from daemon.operations.check_in import check_in_state
from daemon.operations.points import known_member, points_lots
from daemon.operations.sharing import friends_view
from daemon.operations.shop import Shop
from daemon.operations.standing import PASSES, has_benefits, member_standing
from daemon.ports.ledger import Books
from daemon.rules.membership import Rung


async def wallet(shop: Shop, member_id: str) -> dict[str, Any]:
    """Whose whole balance in a chain is asked for anew by that. Raises
    NotFound("member_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        member = known_member(books, member_id)
        now_ms = shop.clock.now_ms()
        day = moment(now_ms, shop.policy.utc_offset_min).day
        standing = member_standing(shop, books, member, now_ms)
        return {
            "member_id": member.member_id,
            "number": member.number,
            "valid_to": member.valid_to,
            "benefits": has_benefits(member, day.isoformat()),
            "points": {
                "available": standing.points,
                "lots": points_lots(shop, books, member_id, now_ms),
            },
            "passes": [_pass_view(shop, held) for held in standing.passes],
            "coupons": _coupons(shop, books, member, day.isoformat()),
            "level": _level_view(shop, member, standing),
            "check_in": check_in_state(books, member, shop.rules.check_in, day),
            "friends": friends_view(books, member),
            "chain": member_in_chain(books, member_id, now_ms),
        }

    found = await shop.ledger.read(look)
    shop.chain.look_up(member_id)
    return found


def _pass_view(shop: Shop, held: PassHeld) -> dict[str, Any]:
    code = held.pass_id.removeprefix(PASSES).partition("@")[0]
    found = shop.rules.codes.get(code)
    return {
        "pass_id": held.pass_id,
        "code": code,
        "name": found.name if found else code,
        "codes": sorted(held.codes),
        "left": held.left,
        "to_day": held.to_day.isoformat() if held.to_day else None,
    }


def _coupons(shop: Shop, books: Books, member: Member, day: str) -> list[dict[str, Any]]:
    """Usable today: issued, begun and not over."""
    shown = []
    for coupon in books.coupons_of(member.member_id, usable_on=day):
        campaign = shop.rules.campaigns.get(coupon.campaign)
        if campaign is None or (coupon.from_day is not None and coupon.from_day > day):
            continue
        shown.append(
            {
                "code": coupon.code,
                "printed": printed(coupon.code),
                "campaign": coupon.campaign,
                "name": campaign.name,
                "says": campaign.say or campaign.name,
                "minimum_fen": campaign.minimum_fen,
                "from_day": coupon.from_day,
                "to_day": coupon.to_day,
            }
        )
    return shown


def _level_view(shop: Shop, member: Member, standing: MemberStanding) -> dict[str, Any]:
    rules = shop.rules
    rungs = sorted(rules.levels.values(), key=lambda rung: rung.from_value)
    at = next((place for place, rung in enumerate(rungs) if rung.level == member.level), -1)
    following = rungs[at + 1] if at + 1 < len(rungs) else None
    return {
        "level": member.level,
        "name": rules.level_name(member.level),
        "measure": rules.book.ladder.measure.value,
        "window_days": rules.level_window_days,
        "demotes": rules.book.ladder.demotes,
        "progress": standing.progress,
        "now": _rung_view(rungs[at]) if at >= 0 else None,
        "next": (
            {
                **_rung_view(following),
                "missing": max(0, following.from_value - standing.progress),
            }
            if following
            else None
        ),
    }


def _rung_view(rung: Rung) -> dict[str, Any]:
    return {
        "level": rung.level,
        "name": rung.name,
        "from_value": rung.from_value,
        "points_bp": rung.points_bp,
        "discounts": [{"goods": row.goods, "rate_bp": row.rate_bp} for row in rung.discounts],
    }
