"""Gifts for points (C4), and the stock of codes that this store counts.

A gift is taken as a line of a basket; the sale takes the points and the piece. Stock is changed by
hand with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Operation
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.points import known_member, points_of
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import has_benefits
from daemon.ports.ledger import Books

KIND = "stock"
MOST_ON_HAND = 10_000_000
LOW = 5


async def gifts_for(shop: Shop, member_id: str) -> dict[str, Any]:
    """What a member may take for points today, cheapest first.

    Raises NotFound("member_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        member = known_member(books, member_id)
        now_ms = shop.clock.now_ms()
        day = moment(now_ms, shop.policy.utc_offset_min).day
        available = points_of(shop, books, member_id, now_ms)
        whose = member.category if has_benefits(member, day.isoformat()) else ""
        gifts = []
        for code in shop.rules.book.catalogue.codes.values():
            price = code.gift_points.get(whose, code.gift_points.get(""))
            if price is None or not code.on_sale(day):
                continue
            on_hand = books.stock(code.code)
            gifts.append(
                {
                    "code": code.code,
                    "name": code.name,
                    "category": code.category,
                    "points": price,
                    "on_hand": on_hand,
                    "uses": code.grants.count if code.grants else None,
                    "affordable": price <= available,
                    "there": on_hand is None or on_hand > 0,
                }
            )
        gifts.sort(key=lambda gift: (gift["points"], gift["code"]))
        return {"available": available, "gifts": gifts}

    return await shop.ledger.read(look)


async def stock_view(shop: Shop, low: int = LOW) -> list[dict[str, Any]]:
    """Codes that the rules count and those that have been counted; `low` marks so few or fewer."""

    def look(books: Books) -> list[dict[str, Any]]:
        held = dict(books.stocks())
        codes = shop.rules.codes
        counted = {code for code, row in codes.items() if row.stocked} | held.keys()
        return [
            {
                "code": code,
                "name": codes[code].name if code in codes else code,
                "on_hand": held.get(code),
                "low": code in held and held[code] <= low,
            }
            for code in sorted(counted)
        ]

    return await shop.ledger.read(look)


async def change_stock(
    shop: Shop,
    actor: Actor,
    code: str,
    *,
    on_hand: int | None,
    change: int | None,
    reason: str,
    key: str,
) -> dict[str, Any]:
    """Sets what was counted (`on_hand`) or moves it by `change`; one of the two. `reason` is a
    short code for the journal.

    Raises BadRequest("stock_malformed"), NotFound("code_unknown"),
    Refused("stock_short" | "stock_not_counted"), Conflict("idempotency_key_reused")."""
    if (on_hand is None) == (change is None):
        raise BadRequest("stock_malformed")
    request = {"code": code, "on_hand": on_hand, "change": change, "reason": reason}

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            if code not in shop.rules.book.catalogue.codes:
                raise NotFound("code_unknown", code=code)
            before = books.stock(code)
            after = _after(before, on_hand, change)
            books.put_stock(code, after)
            put_on_journal(
                books,
                operation,
                Kind.STOCK,
                actor,
                "count_stock" if change is None else "move_stock",
                {"code": code, "before": before or 0, "after": after, "reason": reason},
            )
            return {"stock_id": operation.op_id, "code": code, "before": before, "on_hand": after}

        return do_once(shop, books, actor, key, KIND, request, deed)

    return await shop.ledger.write(work)


def _after(before: int | None, on_hand: int | None, change: int | None) -> int:
    if on_hand is not None:
        after = on_hand
    else:
        assert change is not None
        if before is None:
            raise Refused("stock_not_counted")
        after = before + change
        if after < 0:
            raise Refused("stock_short", on_hand=before)
    if not 0 <= after <= MOST_ON_HAND:
        raise BadRequest("stock_malformed")
    return after
