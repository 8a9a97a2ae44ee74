"""Tap first, then charge: whose card lies there, without a sale."""

from __future__ import annotations

from typing import Any

from daemon.core.authorize import Decline, judge_card
from daemon.core.card import Assurance
from daemon.core.records import Card
from daemon.operations.sell import find_card, remember_alarm
from daemon.operations.shop import Shop
from daemon.operations.tap import prove
from daemon.operations.tapped import Declined, LostContact
from daemon.operations.views import member_view
from daemon.ports.cards import Presence
from daemon.ports.ledger import Books


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
        return shown
    refusal, card = shown
    if card is not None and refusal.alarm:
        await shop.ledger.write(lambda books: remember_alarm(shop, books, card, refusal))
    return refusal
