"""The receipt of a load of the purse on a card: what went from the account onto the card, and what
is in both now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from daemon.core.money import Purse, yuan
from daemon.core.receipt import Block, Pair, Receipt
from daemon.core.receipt_text import (
    ShopHead,
    Words,
    document,
    member_lines,
    priced,
    tail_lines,
    top_lines,
    who_lines,
)

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "load": ("圈存小票", "LOAD RECEIPT"),
    "from_account": ("由账户本金转出", "From the account"),
    "onto_card": ("存入卡内电子钱包", "ONTO THE CARD"),
    "on_card": ("电子钱包余额", "On the card"),
}


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """`on_card_fen` is what is on the card now, `balance` what is left in the account."""

    number: str
    at: str
    cashier: str
    amount_fen: int
    on_card_fen: int
    balance: Purse
    member: str
    card_tail: str
    reference: str
    token: str = ""


def load_receipt(
    receipt_id: str, head: ShopHead, facts: LoadFacts, language: str = "zh-CN"
) -> Receipt:
    """An unknown `language` reads as zh-CN."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "load", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    blocks.append(Pair(say("from_account"), yuan(facts.amount_fen)))
    blocks.append(Pair(say("onto_card"), priced(facts.amount_fen), size=2, bold=True))
    blocks.append(Pair(say("on_card"), yuan(facts.on_card_fen), bold=True))
    blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
    blocks += tail_lines(head, facts.reference, facts.token, say)
    return document(receipt_id, facts.number, facts.at, blocks, say)
