"""Sales without a card: posted at once where nothing of a member's account is needed, else paid
with the member's PIN alone where the shop allows that (A13)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.errors import CounterError, LedgerError, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.standing import NO_CARD
from daemon.core.records import Member, Operation, OpState
from daemon.operations.basket import Basket, basket_from_json
from daemon.operations.branch_credit import allowed, with_credit
from daemon.operations.branch_sale import Attempt, with_chain
from daemon.operations.price_sale import price, uses_account
from daemon.operations.sell import declined, end_sale
from daemon.operations.settle_sale import Buyer, settle, stored_fen
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing
from daemon.ports.ledger import Books


class Wait(Enum):
    """What a sale that cannot be posted at once waits for."""

    CARD = "card"
    PIN = "pin"


def named_member(books: Books, member_id: str) -> Member:
    """Raises NotFound("member_unknown"), Refused("member_frozen")."""
    member = books.member(member_id) if is_id(member_id) else None
    if member is None:
        raise NotFound("member_unknown")
    if member.status != "active":
        raise Refused("member_frozen")
    return member


def at_once(
    shop: Shop, books: Books, sale: Operation, actor: Actor, shown: str | None
) -> Mapping[str, Any] | Wait:
    """Posts a sale that needs nothing of an account, and returns its answer; else what it waits
    for. `shown` is the member whose card lies there.

    Raises what a price raises, Refused("coupon_used" | "stock_short")."""
    basket = basket_from_json(sale.request)
    by_name = basket.member_id is not None and basket.member_id != shown
    if basket.member_id is not None:
        member: Member | None = named_member(books, basket.member_id)
    else:
        member = books.member(shown) if shown is not None else None
        if member is not None and member.status != "active":
            return Wait.CARD
    if by_name and not shop.rules.without_card.allowed:
        return Wait.CARD
    if member is None and basket.uses_account(shop.rules.book.catalogue):
        return Wait.CARD
    quote = _price(shop, books, basket, member)
    if quote is None or not quote.settled or uses_account(books, quote):
        return Wait.PIN if by_name and member is not None and member.pin_hash else Wait.CARD
    posted = settle(shop, books, sale, quote, Buyer(member), actor)
    if isinstance(posted, Decline):
        raise Refused(posted.reason, **posted.facts)
    return posted


def _price(shop: Shop, books: Books, basket: Basket, member: Member | None) -> Quote | None:
    """None where the member's account does not hold what is asked of it: the card or the PIN come
    first, and then the reason is told."""
    now_ms = shop.clock.now_ms()
    if member is None:
        return price(shop, books, basket, NO_CARD, now_ms)
    standing = member_standing(shop, books, member, now_ms)
    try:
        return price(shop, books, basket, standing, now_ms)
    except Refused as error:
        if error.key in ("insufficient_funds", "points_short", "pass_short"):
            return None
        raise


def pay_with_pin(
    shop: Shop, books: Books, sale: Operation, cashier: Actor
) -> Mapping[str, Any] | Decline:
    """The member was found without a card and gave the right PIN. Ends the sale either way."""
    posted = _pay_with_pin(shop, books, sale, cashier)
    if isinstance(posted, Decline):
        end_sale(shop, books, sale.op_id, OpState.DECLINED, posted)
    return posted


async def settle_with_pin(
    shop: Shop, sale: Operation, cashier: Actor
) -> Mapping[str, Any] | Decline:
    """As `pay_with_pin`, with what other counters of the merchant hold."""
    member_id = basket_from_json(sale.request).member_id
    attempt: Attempt[Mapping[str, Any] | Decline] = Attempt(
        work=lambda books: _pay_with_pin(shop, books, sale, cashier),
        refused=lambda posted: (posted, member_id) if isinstance(posted, Decline) else None,
        declined=lambda _, why: why,
        kept=lambda posted: not isinstance(posted, Decline),
    )
    posted = await with_chain(shop, sale, attempt)
    if isinstance(posted, Decline):
        await shop.ledger.write(
            lambda books: end_sale(shop, books, sale.op_id, OpState.DECLINED, posted)
        )
    return posted


def _pay_with_pin(
    shop: Shop, books: Books, sale: Operation, cashier: Actor
) -> Mapping[str, Any] | Decline:
    basket = basket_from_json(sale.request)
    assert basket.member_id is not None
    now_ms = shop.clock.now_ms()
    try:
        member = named_member(books, basket.member_id)
        standing = member_standing(shop, books, member, now_ms)
        standing = with_credit(standing, allowed(books, sale))
        quote = price(shop, books, basket, standing, now_ms)
    except LedgerError:
        raise
    except CounterError as error:
        return declined(error)
    limits, buyer = shop.rules.without_card, Buyer(member, None, weak=True)
    if not limits.allowed:
        return Decline("card_needed")
    assert buyer.spends_as is not None
    spent = books.spent_on_day(buyer.spends_as, shop.day(now_ms))
    if limits.per_day_fen is not None and spent + stored_fen(quote) > limits.per_day_fen:
        left = max(0, limits.per_day_fen - spent)
        return Decline("day_limit", {"limit_fen": limits.per_day_fen, "left_fen": left})
    return settle(shop, books, sale, quote, buyer, cashier)
