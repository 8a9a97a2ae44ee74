"""A sale for which not enough is here: the rest of the merchant is asked (docs/leases.md, "A sale
in a chain").

A sale with enough here never comes to this module and never waits for a network. What is asked is
an intent on the books before it is sent; what was answered is on the journal together with what it
was for, or it is given back: an intent whose sale has ended otherwise is reversed by the link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from daemon.core.authorize import Decline
from daemon.core.errors import Refused
from daemon.core.lease.order import (
    AskCloud,
    Credit,
    Held,
    Insufficient,
    Link,
    Split,
    Step,
    next_step,
)
from daemon.core.records import Operation
from daemon.operations.branch_credit import agreed_fen, allow, credit_so_far
from daemon.operations.branch_epoch import settle_debit
from daemon.operations.branch_grants import take_debit
from daemon.operations.shop import Shop
from daemon.ports.branch_books import DebitIntent, DebitState, HeldThere
from daemon.ports.chain import Answer, Given, Part, Refusal
from daemon.ports.ledger import Books

T = TypeVar("T")

ASK_AGAIN_S: Final = 0.15
"""While the holders are asked to give up what they hold."""
SHORT: Final = "insufficient_funds"
_UNITS: Final = {"points_short": "points"}
_UNKNOWN: Final = "card_unknown"
_ASKABLE: Final = (SHORT, _UNKNOWN, *_UNITS)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """One write that settles a sale or says why not. `refused` tells from an outcome why it was
    declined, and whose account is meant (None: not known here); `declined` is the outcome for
    another reason; `kept` says whether a debit may be taken for that outcome. `credit` False: no
    offline credit yet, the card has a purse."""

    work: Callable[[Books], T]
    refused: Callable[[T], tuple[Decline, str | None] | None]
    declined: Callable[[T, Decline], T]
    kept: Callable[[T], bool]
    uid: bytes | None = None
    credit: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """What was found for a sale: parts of an online debit, credit, or only news that is on the
    books."""

    sale_id: str
    member_id: str | None = None
    parts: tuple[Part, ...] = ()
    credit_fen: int = 0

    def take(self, shop: Shop, books: Books) -> None:
        """On the journal, in the transaction of what it is for."""
        if self.credit_fen:
            allow(books, self.sale_id, self.credit_fen)
            return
        intent = books.debit(self.sale_id)
        if self.member_id is None or intent is None or intent.state is not DebitState.ASKED:
            return
        take_debit(books, shop.clock, self.member_id, self.parts, self.sale_id)
        settle_debit(books, shop.clock, self.sale_id, DebitState.GRANTED)


class _NotAfterAll(Refused):
    """Undoes what was taken for a sale that is not to be (yet)."""


async def with_chain(shop: Shop, sale: Operation, attempt: Attempt[T]) -> T:
    """What the attempt comes to, with what the merchant's other counters hold where there is not
    enough here. Raises what `attempt.work` raises."""
    outcome = await shop.ledger.write(attempt.work)
    tried: set[str] = set()
    while True:
        found = attempt.refused(outcome)
        if found is None or not shop.chain.belongs:
            return outcome
        why, member_id = found
        if why.reason not in _ASKABLE or why.reason in tried:
            return outcome
        # A card that is fetched first may then be short of money: each is asked for once.
        tried.add(why.reason)
        cover = await _find_cover(shop, sale, member_id, why, attempt.uid, attempt.credit)
        if isinstance(cover, Decline):
            return outcome if cover is why else attempt.declined(outcome, cover)
        outcome = await _with_cover(shop, attempt, cover)


async def _with_cover(shop: Shop, attempt: Attempt[T], cover: Cover) -> T:
    """The attempt again, in one transaction with what was found for it; that is undone where the
    sale is not to be (yet)."""
    again: list[T] = []

    def covered(books: Books) -> T:
        cover.take(shop, books)
        again.append(attempt.work(books))
        if (cover.parts or cover.credit_fen) and not attempt.kept(again[-1]):
            raise _NotAfterAll("not_after_all")
        return again[-1]

    try:
        return await shop.ledger.write(covered)
    except _NotAfterAll:
        return again[-1]


async def _find_cover(
    shop: Shop,
    sale: Operation,
    member_id: str | None,
    why: Decline,
    uid: bytes | None,
    credit: bool,
) -> Cover | Decline:
    wait_s = shop.rules.chain.debit_deadline_ms / 1000
    if why.reason == _UNKNOWN:
        # A card that was issued or first seen elsewhere a moment ago.
        known = uid is not None and await shop.chain.want(None, uid, wait_s)
        return Cover(sale.op_id) if known else why
    if member_id is None:
        return why
    if why.reason in _UNITS:
        units = ((_UNITS[why.reason], why.facts["short"]),)
        answer = await _ask(shop, sale, member_id, 0, units, wait_s) if shop.chain.online else None
        return Cover(sale.op_id, member_id, answer.parts) if isinstance(answer, Given) else why
    return await _Search(shop, sale, member_id, why, credit=credit).run()


class _Search:
    """For the money of one sale, until the cashier has waited long enough."""

    def __init__(
        self, shop: Shop, sale: Operation, member_id: str, why: Decline, *, credit: bool
    ) -> None:
        self._credit = credit
        self._shop, self._sale, self._member_id = shop, sale, member_id
        self._here_fen = why.facts["available_fen"]
        self._amount_fen = self._here_fen + why.facts["short_fen"]
        self._policy = shop.rules.chain
        self._began_s = asyncio.get_running_loop().time()

    def _waited_ms(self) -> int:
        return int((asyncio.get_running_loop().time() - self._began_s) * 1000)

    async def run(self) -> Cover | Decline:
        link = Link.ONLINE if self._shop.chain.online else Link.OFFLINE
        told: Insufficient | None = None
        while True:
            so_far = None
            if link is not Link.ONLINE and self._credit:
                so_far = await self._shop.ledger.read(
                    lambda books: credit_so_far(self._shop, books, self._member_id)
                )
            step = next_step(
                self._amount_fen, self._here_fen, link, self._policy, told=told, so_far=so_far
            )
            if isinstance(step, Credit):
                if step.needs_manager and step.credit_fen > agreed_fen(self._sale):
                    return self._credit_unconfirmed(step)
                return Cover(self._sale.op_id, self._member_id, (), step.credit_fen)
            if not isinstance(step, AskCloud):
                return self._ended(step, link)
            if step.again:
                await asyncio.sleep(ASK_AGAIN_S)
            left_s = (self._policy.debit_deadline_ms - self._waited_ms()) / 1000
            short_fen = step.shortage_fen
            if left_s <= 0:
                if told is None or told.available_fen >= short_fen:
                    link = Link.SILENT
                else:
                    told = replace(told, waited_ms=self._policy.debit_deadline_ms)
                continue
            answer = await _ask(self._shop, self._sale, self._member_id, short_fen, (), left_s)
            match answer:
                case Given(parts):
                    return Cover(self._sale.op_id, self._member_id, parts)
                case Refusal(key, facts):
                    return Decline(key, facts)
                case None:
                    link = Link.SILENT
                case _:
                    told = Insufficient(
                        answer.available_fen,
                        tuple(_held(each) for each in answer.held),
                        self._waited_ms(),
                    )

    def _credit_unconfirmed(self, step: Credit) -> Decline:
        """What is here can pay its part nevertheless, beside another tender."""
        facts = {
            "credit_fen": step.credit_fen,
            "usable_here_fen": self._here_fen,
            "available_fen": self._here_fen,
            "short_fen": self._amount_fen - self._here_fen,
        }
        return Decline("credit_needs_manager", facts)

    def _ended(self, step: Step, link: Link) -> Decline:
        if isinstance(step, Split):
            key = "held_elsewhere" if step.held else "needs_network"
            if link is Link.ONLINE and not step.held:
                key = SHORT
            facts = {
                "usable_here_fen": step.here_fen,
                "online_fen": step.online_fen,
                "short_fen": step.rest_fen,
                "available_fen": step.usable_fen,
            }
            return Decline(key, facts)
        assert isinstance(step, Decline), step
        return replace(step, facts={"usable_here_fen": self._here_fen, **step.facts})


async def _ask(
    shop: Shop,
    sale: Operation,
    member_id: str,
    amount_fen: int,
    units: tuple[tuple[str, int], ...],
    wait_s: float,
) -> Answer | None:
    """The intent is durable before it is sent. One that may have been made already is asked for
    again as it was: only its own answer is right."""

    def intend(books: Books) -> DebitIntent:
        known = books.debit(sale.op_id)
        if known is not None and known.state is not DebitState.REFUSED:
            return known
        intent = DebitIntent(
            txid=sale.op_id,
            member_id=member_id,
            amount_fen=amount_fen,
            spending=shop.policy.spend_order.value,
            state=DebitState.ASKED,
            asked_ms=shop.clock.now_ms(),
            units=units,
        )
        books.put_debit(intent)
        return intent

    intent = await shop.ledger.write(intend)
    if intent.state is not DebitState.ASKED or intent.member_id != member_id:
        # This sale's debit was given up, taken, or made for another member's card.
        return None
    answer = await shop.chain.debit(intent, wait_s)
    if answer is not None and not isinstance(answer, Given):
        await shop.ledger.write(lambda books: _not_made(shop, books, sale.op_id, answer))
    return answer


def _not_made(shop: Shop, books: Books, txid: str, answer: Answer) -> None:
    intent = books.debit(txid)
    if intent is None or intent.state is not DebitState.ASKED:
        return
    settle_debit(books, shop.clock, txid, DebitState.REFUSED)
    if not isinstance(answer, Given | Refusal):
        books.put_held_elsewhere(intent.member_id, answer.held)


def _held(there: HeldThere) -> Held:
    return Held(there.store, there.amount_fen, there.out_of_reach_ms)
