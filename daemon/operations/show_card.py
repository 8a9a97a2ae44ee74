"""Tap first, then charge: whose card lies there, without a sale."""

from __future__ import annotations

from typing import Any

from daemon.core.authorize import Decline, judge_card
from daemon.core.card import Assurance
from daemon.operations.sell import find_card
from daemon.operations.shop import Shop
from daemon.operations.tap import Declined, LostContact, prove
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

    def look(books: Books) -> dict[str, Any] | Decline:
        card = find_card(books, proof)
        if isinstance(card, Decline):
            return card
        refusal = judge_card(proof, card)
        if refusal is not None:
            return refusal
        member = books.member(card.member_id)
        assert member is not None
        proves = shop.policy.profiles[card.technology].proves
        return {
            "member": member_view(books, member),
            "technology": card.technology.value,
            "weak": proves is Assurance.IDENTITY,
            "status": card.status.value,
            "reason": None,
        }

    return await shop.ledger.read(look)
