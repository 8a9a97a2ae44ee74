"""What a basket would cost, without side effects."""

from __future__ import annotations

from typing import Any

from daemon.core.permissions import Permission
from daemon.core.pricing.standing import NO_CARD
from daemon.operations.basket import Basket
from daemon.operations.cardless_sale import named_member
from daemon.operations.price_sale import price, rule_names, uses_account
from daemon.operations.sale_view import quote_view
from daemon.operations.sell import Order
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing, rises
from daemon.ports.ledger import Books


async def quote_basket(shop: Shop, actor: Actor, order: Order, shown: str | None) -> dict[str, Any]:
    """For the member named, else the one whose card lies there (`shown`), else nobody. Without
    tenders it is a preview: `short_fen` is what is due.

    Raises what a price raises, NotFound("member_unknown"), Refused("member_frozen"),
    NotAllowed("permission_needed")."""
    if order.basket.has_open_amount:
        actor.require(Permission.OPEN_AMOUNT)
    return await shop.ledger.read(lambda books: _look(shop, books, order.basket, shown))


def _look(shop: Shop, books: Books, basket: Basket, shown: str | None) -> dict[str, Any]:
    now_ms = shop.clock.now_ms()
    whose = basket.member_id or shown
    member = named_member(books, whose) if whose is not None else None
    standing = member_standing(shop, books, member, now_ms) if member is not None else NO_CARD
    found = price(shop, books, basket, standing, now_ms, as_asked=True)
    by_name = basket.member_id is not None and basket.member_id != shown
    needs = "nothing"
    if not found.settled or uses_account(books, found):
        with_pin = by_name and member is not None and member.pin_hash is not None
        needs = "pin" if with_pin and shop.rules.without_card.allowed else "card"
    elif by_name and not shop.rules.without_card.allowed:
        needs = "card"
    view = quote_view(found, rule_names(shop, books, found))
    if member is not None and not rises(shop, member.level, found.level):
        # A sale promotes; what the window of the ladder takes back is the daily round's.
        view["level"] = member.level
    return {**view, "needs": needs}
