"""A sale paid by the purse on the card, where the member's account cannot pay it.

Spending order: what is here, what the cloud gives, the purse, credit. One of them pays all that is
not paid otherwise; nobody is asked for a PIN for a purse, which has none for purchases. In this
order, so that a tear is harmless wherever it falls:

1. whatever an earlier tap left open is settled with the card, before anything else is said to it;
2. the card agrees to the terms (INITIALIZE), and nothing changes on it;
3. the intent is durable: the terms, this till's number, the price;
4. DEBIT. From here on only a cryptogram says what happened;
5. the sale is posted, with the TAC in its leaf, and the deed ends, in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from daemon.core.authorize import Decline, judge_card
from daemon.core.card import Proof, Technology
from daemon.core.errors import CardForged, CardGone, CounterError, LedgerError
from daemon.core.pricing.basket import Tender, TenderKind
from daemon.core.pricing.quoted import Quote, Source
from daemon.core.purse import (
    LoadTerms,
    PurchaseTerms,
    PurseDeed,
    PurseDone,
    PurseNotDone,
    PurseOutcome,
    PurseUnknown,
)
from daemon.core.records import Card, Operation
from daemon.operations.basket import basket_from_json
from daemon.operations.price_sale import price
from daemon.operations.purse_booking import (
    book_done,
    book_not_done,
    errand,
    mark_unknown,
    write_intent,
)
from daemon.operations.purse_load_booking import load_done, load_not_done
from daemon.operations.sell import declined, find_card
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing
from daemon.operations.tapped import (
    Approved,
    Declined,
    LostContact,
    Outcome,
    PinNeeded,
    TapRequest,
    Torn,
    pin_key,
)
from daemon.ports.cards import PurseSession
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)

SHORT: Final = "insufficient_funds"
ACCOUNT_CANNOT: Final = frozenset(
    {
        SHORT,
        "needs_network",
        "held_elsewhere",
        "lease_expired",
        "clock_unsynced_long",
        "clock_unsynced_much",
        "day_limit",
        "pin_required_but_unset",
    }
)
"""Why an account does not pay that leaves the purse free to."""
LOST: Final = frozenset({"card_gone", "card_silent", "card_garbled", "card_torn"})
"""Ways in which a card was not heard: it may be laid on again."""
HARMLESS: Final = frozenset({"moved_on", "pin", "card_key_missing"})
"""Unknown for good as far as this till goes, and no reason to take no new debit: the card has gone
on since, or it is a load. The office decides."""
UNSETTLED: Final = "purse_unsettled"

ByAccount = Callable[[bool], Awaitable[Outcome]]
"""Pays from the account, with or without offline credit."""


async def settle_earlier(shop: Shop, proof: Proof, purse: PurseSession) -> None:
    """What earlier taps left open, when a card is shown and no sale waits for it. What cannot be
    found out now stays as it is; a sale that waits for its card is settled with that."""
    card = await _card_of(shop, proof)
    if card is not None:
        await _settle_open(shop, card, purse, None)


async def settle_card(shop: Shop, card: Card, purse: PurseSession, pin: str) -> bool:
    """Before a load, with the purse's PIN. Whether anything of this card is unknown still that
    another load would bury. Raises CardGone where the card was not heard."""
    if isinstance(await _settle_open(shop, card, purse, None, pin), LostContact):
        raise CardGone("card_gone")
    deeds = await shop.ledger.read(lambda books: books.purse_deeds_to_ask(card.card_id))
    return any(deed.state.open and isinstance(deed.terms, LoadTerms) for deed in deeds)


async def pay_with_purse(
    shop: Shop, request: TapRequest, proof: Proof, purse: PurseSession, by_account: ByAccount
) -> Outcome:
    """Raises what the session and the ledger raise."""
    card = await _card_of(shop, proof)
    if card is None:
        return await by_account(True)
    settled = await _settle_open(shop, card, purse, request)
    if isinstance(settled, Approved | Declined | LostContact):
        return settled
    paid = await by_account(False)
    if not isinstance(paid, Declined) or paid.why.reason not in ACCOUNT_CANNOT:
        return paid
    if settled:
        return Declined(Decline(UNSETTLED), card)
    by_purse = await _pay(shop, request, proof, card, purse, paid)
    short = isinstance(by_purse, Declined) and by_purse.why.reason in ACCOUNT_CANNOT
    if short and shop.chain.belongs:
        by_credit = await by_account(True)
        return by_purse if isinstance(by_credit, Declined) else by_credit
    return by_purse


async def _card_of(shop: Shop, proof: Proof) -> Card | None:
    """None for a card whose purse the books do not know."""
    card = await shop.ledger.read(lambda books: find_card(books, proof))
    if isinstance(card, Decline) or card.technology is not Technology.PURSE:
        return None
    return card


async def _settle_open(
    shop: Shop,
    card: Card,
    purse: PurseSession,
    request: TapRequest | None,
    pin: str | None = None,
) -> Outcome | bool:
    """Asks the card about everything that is open. The outcome of this very sale where that was
    settled; LostContact where the card was not heard; else whether the purse must not pay now."""
    deeds = await shop.ledger.read(lambda books: _to_ask(books, card, request))
    unsettled = False
    for deed in deeds:
        told = await purse.settle(deed.terms, pin)
        match told:
            case PurseDone():
                mine = request is not None and request.sale.op_id == deed.op_id
                cashier = request.cashier if mine and request is not None else None
                posted = await _done(shop, deed, told, cashier)
                if mine:
                    return posted if posted is not None else Declined(Decline(UNSETTLED), card)
            case PurseNotDone(why):
                await _not_done(shop, deed, why)
            case PurseUnknown(why):
                log.info("a purse's %s is still unknown: %s", deed.kind.name.lower(), why)
                if why in LOST or why.startswith("reader"):
                    return LostContact(why)
                unsettled = unsettled or why not in HARMLESS
    return unsettled


def _to_ask(books: Books, card: Card, request: TapRequest | None) -> tuple[PurseDeed, ...]:
    """Without a request, a sale that still waits for its card is left to it."""
    found = []
    for deed in books.purse_deeds_to_ask(card.card_id):
        sale = books.operation(deed.op_id)
        waits = sale is not None and not sale.state.final and isinstance(deed.terms, PurchaseTerms)
        if request is not None or not waits:
            found.append(deed)
    return tuple(found)


async def _done(
    shop: Shop, deed: PurseDeed, told: PurseDone, cashier: Actor | None
) -> Approved | Declined | None:
    if isinstance(deed.terms, LoadTerms):
        await shop.ledger.write(lambda books: load_done(shop, books, deed.deed_id, told.tac))
        return None
    posted = await shop.ledger.write(
        lambda books: book_done(shop, books, deed.deed_id, told.tac, cashier)
    )
    if posted is None:
        return None
    return Declined(posted) if isinstance(posted, Decline) else Approved(posted)


async def _not_done(shop: Shop, deed: PurseDeed, why: str) -> None:
    book = load_not_done if isinstance(deed.terms, LoadTerms) else book_not_done
    await shop.ledger.write(lambda books: book(shop, books, deed.deed_id, why))


async def _pay(
    shop: Shop,
    request: TapRequest,
    proof: Proof,
    card: Card,
    purse: PurseSession,
    account: Declined,
) -> Outcome:
    """`account` says why the account did not pay: that is the answer where the purse does not."""
    quote = await shop.ledger.read(lambda books: _price(shop, books, request.sale, card, proof))
    if isinstance(quote, Decline):
        return Declined(quote, card)
    due_fen = quote.payments().get(Source(TenderKind.PURSE), 0)
    if due_fen == 0 or not quote.settled:
        return account
    if (quote.points_used or quote.passes()) and request.pin_given_for != pin_key(proof):
        return await _ask_pin(shop, proof, card)
    try:
        reading = await purse.read()
    except CardForged as error:
        return Declined(Decline(error.key), card)
    if reading.balance_fen < due_fen:
        return Declined(_short(account.why, due_fen, reading.balance_fen), card)
    begun = await purse.begin_purchase(errand(shop, reading.card, due_fen))
    if isinstance(begun, PurseNotDone):
        log.warning("a purse began no purchase: %s", begun.why)
        return Declined(Decline("purse_refused"), card)
    terms = begun
    deed = await shop.ledger.write(
        lambda books: write_intent(shop, books, request.sale, card, quote, terms)
    )
    if isinstance(deed, Decline):
        return Declined(deed, card)
    return await _debit(shop, request, card, purse, deed)


async def _debit(
    shop: Shop, request: TapRequest, card: Card, purse: PurseSession, deed: PurseDeed
) -> Outcome:
    assert isinstance(deed.terms, PurchaseTerms)
    told: PurseOutcome = await purse.debit(deed.terms)
    if isinstance(told, PurseUnknown):
        # The card may still lie there, and only its answer was spoilt.
        told = await purse.settle(deed.terms)
    match told:
        case PurseUnknown(why):
            await shop.ledger.write(lambda books: mark_unknown(books, deed.deed_id, why))
            return Torn(card)
        case PurseNotDone(why):
            await _not_done(shop, deed, why)
            return LostContact("card_gone")
    posted = await _done(shop, deed, told, request.cashier)
    assert posted is not None, "an intent of this very tap"
    return posted


def _price(shop: Shop, books: Books, sale: Operation, card: Card, proof: Proof) -> Quote | Decline:
    """The price with the purse for all that no other tender pays."""
    refusal = judge_card(proof, card, shared=shop.chain.belongs)
    if refusal is not None:
        return refusal
    member = books.member(card.member_id)
    assert member is not None, "a card on the books has a member"
    if member.status != "active":
        return Decline("member_frozen")
    if sale.request.get("member_id", card.member_id) != card.member_id:
        return Decline("card_of_other_member")
    basket = basket_from_json(sale.request)
    others = tuple(each for each in basket.tenders if each.kind is not TenderKind.STORED)
    basket = replace(basket, tenders=(*others, Tender(TenderKind.PURSE)))
    now_ms = shop.clock.now_ms()
    standing = member_standing(shop, books, member, now_ms)
    try:
        return price(shop, books, basket, standing, now_ms, as_asked=True)
    except LedgerError:
        raise
    except CounterError as error:
        return declined(error)


async def _ask_pin(shop: Shop, proof: Proof, card: Card) -> Outcome:
    """Points and passes are spent with a number, so the member's PIN is needed as ever."""
    member = await shop.ledger.read(lambda books: books.member(card.member_id))
    assert member is not None
    if member.pin_hash is None:
        return Declined(Decline("pin_required_but_unset"), card)
    return PinNeeded(proof, card)


def _short(account: Decline, due_fen: int, purse_fen: int) -> Decline:
    """Neither has enough: what each of them has."""
    facts: Mapping[str, int] = {
        "short_fen": due_fen - purse_fen,
        **account.facts,
        "purse_fen": purse_fen,
    }
    return replace(account, facts=facts)
