"""A shop's worth of drafts, keys and clocks for the tests of the ledger."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.ids import make_id
from daemon.core.records import Member, Operation, OpState, Personal
from daemon.ports.ledger import Books

KEY = bytes(range(32))
CASH = Account("tender:cash", "taken")
SALES = Account("shop", "sales")
GIVEN = Account("shop", "bonus_given")


class SeedSigner:
    """Ed25519 from a seed: the same key in every process of a test."""

    def __init__(self, seed: bytes = bytes(32)) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.public_key).digest()[:8]

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class TickClock:
    """Goes on by a millisecond at every look. Ids are in time order and the same for a seed."""

    def __init__(self, start_ms: int = 1_800_000_000_000, seed: int = 0) -> None:
        self._now_ms = start_ms
        self._random = random.Random(seed)

    def now_ms(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def new_id(self) -> str:
        return make_id(self.now_ms(), self._random.randbytes(10))


def member(clock: TickClock, number: str = "1001") -> Member:
    return Member(clock.new_id(), number, "gold", "active", clock.now_ms())


def owner_of(who: Member) -> str:
    return f"member:{who.member_id}"


def recharge(
    clock: TickClock, who: Member, principal_fen: int, bonus_fen: int = 0, op_id: str = ""
) -> Callable[[Books], Entry]:
    """Opens a lot of principal, and one of bonus where there is any."""
    owner = owner_of(who)
    principal, bonus = Account(owner, "principal"), Account(owner, "bonus")
    postings = [Posting(CASH, -principal_fen), Posting(principal, principal_fen)]
    rules = {principal: "rule-1"}
    if bonus_fen:
        postings += [Posting(GIVEN, -bonus_fen), Posting(bonus, bonus_fen)]
        rules[bonus] = "rule-1"
    draft = Draft(
        op_id or clock.new_id(),
        Kind.RECHARGE,
        clock.now_ms(),
        "employee:1",
        who.member_id,
        postings=tuple(postings),
    )
    return lambda books: books.append(draft, rules)


def sale(
    clock: TickClock, who: Member, amount_fen: int, op_id: str = "", **more: Any
) -> Callable[[Books], Entry]:
    """Takes from the oldest lots first. Whoever holds too little runs into the books' assertion."""
    blank = Draft(
        op_id or clock.new_id(), Kind.SALE, clock.now_ms(), "employee:1", who.member_id, **more
    )

    def work(books: Books) -> Entry:
        left, taken = amount_fen, {}
        for holding in books.holdings(owner_of(who)):
            taken[holding.account] = min(left, holding.balance)
            left -= taken[holding.account]
        if left:
            last = list(taken)[-1] if taken else Account(owner_of(who), "principal", 1)
            taken[last] = taken.get(last, 0) + left
        postings = tuple(Posting(account, -fen) for account, fen in taken.items() if fen)
        return books.append(replace(blank, postings=(*postings, Posting(SALES, amount_fen))), None)

    return work


def operation(clock: TickClock, state: OpState = OpState.OPEN, **more: Any) -> Operation:
    kind = more.pop("kind", "sale")
    return Operation(
        clock.new_id(), kind, state, "employee:1", clock.now_ms(), {"amount_fen": 5}, **more
    )


def person(name: str = "张三丰", phone: str = "13812341234") -> Personal:
    return Personal(name, phone)
