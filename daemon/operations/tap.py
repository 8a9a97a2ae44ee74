"""One tap under one sale: read, prove, decide, commit on the card, post. No state of its own.

The order of writes makes a torn tap harmless: the intent (c + 1) is durable before the card is
asked to commit, and the ledger posts only after the card's answer was checked."""

from __future__ import annotations

import logging
from functools import partial

from daemon.core.authorize import Approve, AskPin, Decline
from daemon.core.card import Proof, Technology
from daemon.core.errors import (
    CardForged,
    CardGarbled,
    CardGone,
    CardSilent,
    CardTorn,
    KeyMissing,
    ReaderError,
)
from daemon.core.records import Card
from daemon.operations.branch_sale import Attempt, with_chain
from daemon.operations.purse_sale import pay_with_purse, settle_earlier
from daemon.operations.sell import Evidence, decide, find_card, needs_commit, post_sale
from daemon.operations.shop import Shop
from daemon.operations.tapped import (
    Approved,
    Declined,
    DoubtfulRepeat,
    LostContact,
    Outcome,
    PinNeeded,
    TapRequest,
    Torn,
    pin_key,
)
from daemon.ports.cards import CardSession, Presence
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)


async def prove(shop: Shop, presence: Presence) -> Proof | Declined | LostContact:
    """Reads a card without a sale: tap first, then charge."""
    try:
        async with shop.readers.open(presence) as session:
            proof = await _prove(session)
            if session.purse is not None and not isinstance(proof, Declined):
                await settle_earlier(shop, proof, session.purse)
            return proof
    except KeyMissing as error:
        return Declined(Decline(error.key))
    except (CardGone, CardSilent, CardGarbled, ReaderError) as error:
        return LostContact(error.key)


async def _prove(session: CardSession) -> Proof | Declined:
    face = session.face
    if face.technology is Technology.DESFIRE and not face.personalised:
        return Declined(Decline("card_blank"))
    try:
        return await session.prove()
    except CardForged as error:
        # Nothing of the card is named: anyone can make one with somebody's number.
        log.warning("a card does not hold the keys it should: %s", error)
        return Declined(Decline(error.key, alarm=True))


async def tap(shop: Shop, presence: Presence, request: TapRequest) -> Outcome:
    """Carries the sale as far as this tap can. Raises only LedgerError."""
    try:
        async with shop.readers.open(presence) as session:
            proof = await _prove(session)
            if isinstance(proof, Declined):
                return proof
            if session.purse is not None:
                by_account = partial(_by_account, shop, request, proof)
                return await pay_with_purse(shop, request, proof, session.purse, by_account)
            return await settle(shop, request, proof, session)
    except KeyMissing as error:
        return Declined(Decline(error.key))
    except (CardGone, CardSilent, CardGarbled, ReaderError) as error:
        return LostContact(error.key)


async def settle(
    shop: Shop, request: TapRequest, proof: Proof, session: CardSession | None
) -> Outcome:
    """From a proof to the end. `session` None: a UID proof kept while the PIN was typed."""
    sale = request.sale
    evidence = Evidence(proof, pin_given=_pin_fits(proof, request))
    if proof.counter is None:
        return await _settle_at_once(shop, request, evidence)
    assert session is not None
    decision, card = await with_chain(
        shop,
        sale,
        Attempt(
            work=lambda books: _decide_or_ask(shop, request, books, evidence),
            refused=_why_not,
            declined=lambda outcome, why: (why, outcome[1]),
            kept=lambda outcome: isinstance(outcome[0], Approve),
            uid=proof.face.uid,
        ),
    )
    if not isinstance(decision, Approve):
        return _unapproved(decision, card, proof)
    assert card is not None
    if needs_commit(card, proof):
        try:
            await session.advance(proof.counter)
        except CardTorn:
            return Torn(card)
        except CardGarbled:
            # An answer to the commit that does not verify leaves the outcome open just as well.
            return Torn(card)
    posted = await shop.ledger.write(
        lambda books: post_sale(shop, books, sale, evidence, request.cashier)
    )
    return Declined(posted, card) if isinstance(posted, Decline) else Approved(posted)


async def _by_account(shop: Shop, request: TapRequest, proof: Proof, credit: bool) -> Outcome:
    """A card with a purse is a number towards the account."""
    evidence = Evidence(proof, pin_given=_pin_fits(proof, request))
    return await _settle_at_once(shop, request, evidence, credit=credit)


def _pin_fits(proof: Proof, request: TapRequest) -> bool:
    return request.pin_given_for == pin_key(proof)


class _Ask:
    """The books approve, but the cashier must confirm a repeat first."""


def _decide_or_ask(
    shop: Shop, request: TapRequest, books: Books, evidence: Evidence
) -> tuple[Approve | Decline | AskPin | _Ask, Card | None]:
    found = find_card(books, evidence.proof)
    if (
        isinstance(found, Card)
        and not request.confirmed
        and request.is_repeat(found.card_id, request.sale.request)
    ):
        return _Ask(), found
    return decide(shop, books, request.sale, evidence)


def _why_not(
    outcome: tuple[Approve | Decline | AskPin | _Ask, Card | None],
) -> tuple[Decline, str | None] | None:
    decision, card = outcome
    if not isinstance(decision, Decline):
        return None
    return decision, card.member_id if card is not None else None


def _unapproved(
    decision: Decline | AskPin | _Ask, card: Card | None, proof: Proof
) -> Declined | PinNeeded | DoubtfulRepeat:
    if isinstance(decision, Decline):
        return Declined(decision, card)
    assert card is not None
    return PinNeeded(proof, card) if isinstance(decision, AskPin) else DoubtfulRepeat(card)


async def _settle_at_once(
    shop: Shop, request: TapRequest, evidence: Evidence, *, credit: bool = True
) -> Outcome:
    """A card without a counter: decided and posted in one transaction."""

    def work(books: Books) -> Outcome:
        decision, card = _decide_or_ask(shop, request, books, evidence)
        if not isinstance(decision, Approve):
            return _unapproved(decision, card, evidence.proof)
        posted = post_sale(shop, books, request.sale, evidence, request.cashier)
        return Declined(posted, card) if isinstance(posted, Decline) else Approved(posted)

    return await with_chain(
        shop,
        request.sale,
        Attempt(
            work=work,
            refused=_refused,
            declined=lambda outcome, why: Declined(why, getattr(outcome, "card", None)),
            kept=lambda outcome: isinstance(outcome, Approved),
            uid=evidence.proof.face.uid,
            credit=credit,
        ),
    )


def _refused(outcome: Outcome) -> tuple[Decline, str | None] | None:
    if not isinstance(outcome, Declined):
        return None
    return outcome.why, outcome.card.member_id if outcome.card is not None else None
