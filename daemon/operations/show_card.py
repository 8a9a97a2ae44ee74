"""Tap first, then charge: whose card lies there, without a sale."""

from __future__ import annotations

import logging
from typing import Any

from daemon.core.authorize import Decline, judge_card
from daemon.core.card import Assurance, Technology
from daemon.core.errors import CardError, ReaderError
from daemon.core.records import Card
from daemon.operations.sell import find_card, remember_alarm
from daemon.operations.shop import Shop
from daemon.operations.tap import prove
from daemon.operations.tapped import Declined, LostContact
from daemon.operations.views import member_view
from daemon.ports.cards import Presence
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)


async def show_card(shop: Shop, presence: Presence) -> dict[str, Any] | Decline | None:
    """The member's card as the page sees it, the reason why it cannot pay, or None where contact
    was lost before anything was known."""
    proof = await prove(shop, presence)
    if isinstance(proof, LostContact):
        return None
    if isinstance(proof, Declined):
        return proof.why

    def look(books: Books) -> dict[str, Any] | tuple[Decline, Card | None]:
        card = find_card(books, proof)
        if isinstance(card, Decline):
            return card, None
        refusal = judge_card(proof, card, shared=shop.chain.belongs)
        if refusal is not None:
            return refusal, card
        member = books.member(card.member_id)
        assert member is not None
        proves = shop.policy.profiles[card.technology].proves
        return {
            "member": member_view(books, member),
            "technology": card.technology.value,
            "weak": proves is Assurance.IDENTITY,
            "status": card.status.value,
        }

    shown = await shop.ledger.read(look)
    if not isinstance(shown, dict) and shown[0].reason == "card_unknown" and shop.chain.online:
        # A card that was issued at another counter a moment ago.
        wait_s = shop.rules.chain.debit_deadline_ms / 1000
        if await shop.chain.want(None, proof.face.uid, wait_s):
            shown = await shop.ledger.read(look)
    if isinstance(shown, dict):
        return {**shown, "on_card_fen": await _on_card(shop, presence, shown)}
    refusal, card = shown
    if card is not None and refusal.alarm:
        await shop.ledger.write(lambda books: remember_alarm(shop, books, card, refusal))
    return refusal


async def _on_card(shop: Shop, presence: Presence, shown: dict[str, Any]) -> int | None:
    """What the purse of the card says is on it; None where it has none, or did not say."""
    if shown["technology"] != Technology.PURSE.value:
        return None
    try:
        async with shop.readers.open(presence) as session:
            return None if session.purse is None else (await session.purse.read()).balance_fen
    except (CardError, ReaderError) as error:
        log.info("a purse did not say what is on it: %s", error)
        return None
