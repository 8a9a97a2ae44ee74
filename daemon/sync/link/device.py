"""The device's end of the link: makes reports, obeys orders, and asks for a sale that waits.

The same for every binding (docs/leases.md, "The exchange"). A binding carries the bytes: it takes
`report()`, brings them to the cloud, and hands what came back to `obey()`. Nothing here knows of
HTTP. What is obeyed is on the ledger before anything is told of it, and obeying the same orders
again changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from daemon.core.errors import Conflict, CounterError, SyncError
from daemon.operations.branch_datasets import DATASETS, TakenDelta, take_delta
from daemon.operations.branch_epoch import begin_journal, settle_debit
from daemon.operations.branch_grants import Total, release, take_totals
from daemon.operations.branch_whole import member_in_chain, take_whole
from daemon.operations.rules import load_rules
from daemon.operations.shop import Shop
from daemon.ports.branch_books import (
    ChainState,
    DebitIntent,
    DebitState,
    HeldThere,
    WholeBalance,
)
from daemon.ports.chain import (
    Answer,
    ChainStatus,
    Given,
    Part,
    RefundAsked,
    Refusal,
    Short,
)
from daemon.ports.keys import Signer
from daemon.ports.ledger import Books
from daemon.sync.envelope import Identity, open_receipt
from daemon.sync.link import asking
from daemon.sync.link.facts import (
    Speaker,
    batches_of,
    facts_of,
    given_up,
    has_news,
    is_forgotten,
    more_to_send,
    row_in,
)
from daemon.sync.link.messages import (
    NONCE_BYTES,
    Delta,
    Orders,
    Report,
    open_orders,
)
from daemon.sync.link.personal import PersonalSeal
from daemon.sync.receipts import progress, take_receipt
from daemon.sync.sealer import Sealer

log = logging.getLogger(__name__)

MOST_NONCES: Final = 32
"""Reports whose orders may still come; those of an older one are refused as replayed."""
MOST_LOOKED: Final = 32
"""Members whom somebody looks at and the cloud has not answered for."""
OFFLINE_AFTER_S: Final = 40.0
"""Longer than an answer may be held back: nothing heard for so long is no line."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """`more`: a report is due at once. `refused` holds what was not taken, by its reason."""

    more: bool
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class _Asked:
    request: asking.Request
    answer: asyncio.Future[asking.Answer]


class DeviceLink:
    """Implements `daemon.ports.chain.Chain`. `cloud_keys` are the public keys whose orders and
    receipts count, by key id. `on_change` is called where the page should look anew, `on_epoch`
    when a new epoch has begun, `not_before` with the newest time that the cloud has signed."""

    belongs = True

    def __init__(
        self,
        shop: Shop,
        sealer: Sealer,
        signer: Signer,
        identity: Identity,
        cloud_keys: Mapping[bytes, bytes],
        seal: PersonalSeal,
        *,
        version: str = "",
        synced: Callable[[], bool] = lambda: True,
        on_change: Callable[[], None] = lambda: None,
        on_epoch: Callable[[Identity], None] = lambda identity: None,
        not_before: Callable[[int], None] = lambda now_ms: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shop = shop
        self._ledger = shop.ledger
        self._sealer = sealer
        self._signer = signer
        self._identity = identity
        self._cloud_keys = dict(cloud_keys)
        self._seal = seal
        self._version = version
        self._synced = synced
        self._on_change = on_change
        self._on_epoch = on_epoch
        self._not_before = not_before
        self._monotonic = monotonic
        self._boot = os.urandom(8).hex()
        self._began_s = monotonic()
        self._heard_s: float | None = None
        self._online = False
        self._since_ms: int | None = None
        self._contact_ms: int | None = None
        self._waiting = 0
        self.unsynced_spent_fen = 0
        self._nonces: OrderedDict[bytes, None] = OrderedDict()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._looked: dict[str, None] = {}
        self._opened: tuple[str, ...] = ()
        self._one_at_a_time = asyncio.Lock()
        self._obeyed = asyncio.Condition()
        self._obeyed_count = 0
        self.poked = asyncio.Event()
        """Set when something should go up after a pause in which more may come."""
        self.hurried = asyncio.Event()
        """Set when it should go at once: somebody waits."""

    # -- what a binding uses ---------------------------------------------------------------------

    async def report(self, wait_ms: int = 0, *, least: bool = False) -> bytes:
        """The signed report of now, with every request that waits. `least`: without batches and
        changes, for an answer that may be held back. Raises LedgerError."""
        if not least:
            await self._sealer.seal_all()
        nonce = os.urandom(NONCE_BYTES)
        requests = await self._requests()
        facts = await self._ledger.read(lambda books: self._facts(books, least=least))
        report = replace(facts, nonce=nonce, requests=requests, wait_ms=wait_ms)
        report = replace(report, receipted=(await progress(self._ledger)).receipted)
        self._nonces[nonce] = None
        while len(self._nonces) > MOST_NONCES:
            self._nonces.popitem(last=False)
        return report.sealed_by(self._signer)

    async def obey(self, message: bytes) -> Obeyed:
        """Raises SyncError("orders_malformed" | "orders_key_unknown" | "orders_signature" |
        "orders_replayed" | "orders_device" | "orders_epoch"): then nothing was changed."""
        orders = open_orders(message, self._cloud_keys)
        async with self._one_at_a_time:
            if self._nonces.pop(orders.echo, _NOT_THERE) is _NOT_THERE:
                raise SyncError("orders_replayed")
            if orders.device != self._identity.device:
                raise SyncError("orders_device", device=orders.device)
            if orders.epoch != self._identity.epoch:
                raise SyncError("orders_epoch", epoch=orders.epoch)
            obeyed = await asyncio.shield(self.carry_out(orders))
        self._not_before(orders.now_ms)
        self.heard()
        async with self._obeyed:
            self._obeyed_count += 1
            self._obeyed.notify_all()
        return obeyed

    def heard(self) -> None:
        """The cloud answered."""
        self._heard_s = self._monotonic()
        self._contact_ms = self._shop.clock.now_ms()
        self._turn(online=True)

    def lost(self) -> None:
        """The line failed: no sale waits for the cloud until it was heard again."""
        self._turn(online=False)

    def _turn(self, *, online: bool) -> None:
        if online != self._online or self._since_ms is None:
            self._online = online
            self._since_ms = self._shop.clock.now_ms()
            log.info("the cloud is %s", "there" if online else "out of reach")
            self._on_change()

    # -- Chain -----------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        if self._heard_s is not None and self._monotonic() - self._heard_s > OFFLINE_AFTER_S:
            self._turn(online=False)
        return self._online

    @property
    def clock_synced(self) -> bool:
        return self._contact_ms is not None or self._synced()

    def spent(self, amount_fen: int) -> None:
        if not self.clock_synced:
            self.unsynced_spent_fen += amount_fen

    @property
    def up_ms(self) -> int:
        return int((self._monotonic() - self._began_s) * 1000)

    async def debit(self, intent: DebitIntent, timeout_s: float) -> Answer | None:
        request = asking.Debit(
            intent.txid, intent.member_id, intent.amount_fen, intent.spending, intent.units
        )
        answer = await self._ask(intent.txid, request, timeout_s)
        match answer:
            case asking.Granted(_, parts):
                return Given(tuple(Part(p.asset, p.lot, p.amount, p.rule) for p in parts))
            case asking.Insufficient(_, available_fen, held):
                now_ms = (await self._state()).cloud_ms
                return Short(
                    available_fen,
                    tuple(
                        HeldThere(h.store, h.device, h.amount_fen, h.seen_ms, now_ms) for h in held
                    ),
                )
            case asking.Refused(_, key, facts):
                return Refusal(key, facts)
            case asking.Reversed():
                await self._settled(intent.txid, DebitState.REVERSED)
                return Refusal("debit_reversed")
            case _:
                return None

    async def may_refund(self, asked: RefundAsked, timeout_s: float) -> Refusal | bool | None:
        request = asking.Refund(
            asked.rid, asked.sale_id, asked.line_id, asked.quantity, asked.amount_fen
        )
        answer = await self._ask(asked.rid, request, timeout_s)
        match answer:
            case asking.Done():
                return True
            case asking.Refused(_, key, facts):
                return Refusal(key, facts)
            case _:
                return None

    async def want(self, member_id: str | None, uid: bytes | None, timeout_s: float) -> bool:
        rid = self._shop.clock.new_id()
        began_s = self._monotonic()
        answer = await self._ask(rid, asking.Want(rid, member_id, uid), timeout_s)
        if not isinstance(answer, asking.Done):
            return False
        # What can be known and held comes with the orders after that.
        seen = self._obeyed_count
        self.poke(soon=True)
        left_s = timeout_s - (self._monotonic() - began_s)
        try:
            async with asyncio.timeout(max(0.0, left_s)), self._obeyed:
                await self._obeyed.wait_for(lambda: self._obeyed_count > seen)
        except TimeoutError:
            return True
        return True

    def look_up(self, member_id: str) -> None:
        if self.online and len(self._looked) < MOST_LOOKED:
            self._looked[member_id] = None
            self.poke(soon=True)

    def poke(self, *, soon: bool = False) -> None:
        self.poked.set()
        if soon:
            self.hurried.set()

    def status(self) -> ChainStatus:
        return ChainStatus(True, self.online, self._since_ms, self._contact_ms, self._waiting)

    async def _ask(
        self, rid: str, request: asking.Request, timeout_s: float
    ) -> asking.Answer | None:
        if not self.online:
            return None
        asked = _Asked(request, asyncio.get_running_loop().create_future())
        self._asked[rid] = asked
        self.poke(soon=True)
        try:
            async with asyncio.timeout(timeout_s):
                return await asked.answer
        except TimeoutError:
            return None
        finally:
            if self._asked.get(rid) is asked:
                del self._asked[rid]

    async def _state(self) -> ChainState:
        state = await self._ledger.read(lambda books: books.chain_state())
        assert state is not None, "this device belongs to a chain"
        return state

    # -- reporting -------------------------------------------------------------------------------

    async def _requests(self) -> tuple[asking.Request, ...]:
        """What a sale waits for, and the debits that were given up: each is durable as such before
        the cloud hears of it."""
        given_up = await self._ledger.read(lambda books: self._given_up(books))
        if any(intent.state is DebitState.ASKED for intent in given_up):
            given_up = await self._ledger.write(self._give_up)
        forgotten = await self._ledger.read(self._forgotten) if self._opened else ()
        txids = dict.fromkeys((*(intent.txid for intent in given_up), *forgotten))
        reverses = [asking.Reverse(txid) for txid in txids]
        wholes = [asking.Whole(member_id, member_id) for member_id in self._looked]
        return (*reverses, *(asked.request for asked in self._asked.values()), *wholes)

    def _forgotten(self, books: Books) -> tuple[str, ...]:
        """Debits that the cloud holds open and nobody here will take: a copy of the question came
        after its answer was no, or the disk that asked was put back."""
        return tuple(txid for txid in self._opened if is_forgotten(books, txid))

    def _given_up(self, books: Books) -> list[DebitIntent]:
        return given_up(books, self._asked.keys())

    def _give_up(self, books: Books) -> list[DebitIntent]:
        found = self._given_up(books)
        for intent in found:
            if intent.state is DebitState.ASKED:
                settle_debit(books, self._shop.clock, intent.txid, DebitState.REVERSING)
        return found

    def _facts(self, books: Books, *, least: bool) -> Report:
        speaker = Speaker(
            self._identity,
            self._boot,
            self._shop.clock.now_ms(),
            self._synced(),
            self._version,
        )
        report, self._waiting = facts_of(books, speaker, self._seal, self._batches, least=least)
        return report

    def _batches(self, books: Books, state: ChainState) -> tuple[bytes, ...]:
        return batches_of(books, state)

    # -- obeying ---------------------------------------------------------------------------------

    async def carry_out(self, orders: Orders) -> Obeyed:
        """Datasets first, each in a transaction of its own, so that who is granted something is
        known; then everything else in one. The answers come last, when what they rest on is
        durable."""
        refused: list[str] = []
        fresh_rules = False
        if not self._begins_epoch(orders):
            for delta in sorted(orders.deltas, key=lambda each: _place(each.dataset)):
                try:
                    news = await self._take_delta(delta)
                    fresh_rules |= news and delta.dataset == "rules"
                except (SyncError, Conflict, CounterError) as error:
                    refused.append(self._not_taken(delta.dataset, error))
        if fresh_rules:
            await load_rules(self._shop)
        if orders.receipt is not None:
            await self._take_receipt(orders.receipt, refused)
        released, epoch = await self._ledger.write(lambda books: self._obey(books, orders))
        if epoch:
            self._identity = replace(self._identity, epoch=epoch)
            self._sealer.begin(self._identity)
            self._on_epoch(self._identity)
            self._nonces.clear()
        self._opened = orders.debits
        self._answer(orders)
        await self._tell_wholes(orders)
        more = released or bool(epoch) or await self._ledger.read(more_to_send)
        if more:
            self.poke(soon=True)
        self._on_change()
        return Obeyed(more, tuple(refused))

    def _begins_epoch(self, orders: Orders) -> bool:
        return orders.journal is not None and orders.journal.epoch > self._identity.epoch

    def _not_taken(self, what: str, error: CounterError) -> str:
        log.error("%s from the cloud were refused: %s", what, error)
        return error.key

    async def _take_delta(self, delta: Delta) -> bool:
        rows = tuple(
            (row.key, row_in(self._seal, delta.dataset, row.key, row.value)) for row in delta.rows
        )
        taken = TakenDelta(delta.dataset, delta.start, delta.end, delta.whole, rows)
        return await self._ledger.write(lambda books: take_delta(self._shop, books, taken))

    async def _take_receipt(self, message: bytes, refused: list[str]) -> None:
        try:
            receipt = open_receipt(message, self._cloud_keys)
            now_ms = self._shop.clock.now_ms()
            await take_receipt(self._ledger, self._identity, receipt, now_ms)
        except (SyncError, Conflict) as error:
            refused.append(self._not_taken("receipts", error))

    def _obey(self, books: Books, orders: Orders) -> tuple[bool, int]:
        """(whether something was given back, the epoch that was begun or 0)."""
        clock = self._shop.clock
        if orders.journal is not None and begin_journal(
            books, clock, orders.journal.epoch, orders.journal.number
        ):
            return False, orders.journal.epoch
        totals = [
            Total(g.gseq, g.member_id, g.asset, g.lot, g.total, g.rule) for g in orders.grants
        ]
        take_totals(books, clock, totals)
        given_back = 0
        for recall in orders.recalls:
            given_back += release(books, clock, recall.member_id, recall.asset)
        books.forget_outgoing(orders.changes_upto)
        for answer in orders.answers:
            self._settle(books, answer)
        state = books.chain_state()
        assert state is not None
        if orders.now_ms >= state.cloud_ms:
            # How long leases hold is counted on this device's own clock: the two may differ.
            now_ms = clock.now_ms()
            state = replace(
                state,
                pull_after=orders.pull.after,
                credit_bytes=orders.pull.credit,
                valid_until_ms=now_ms + orders.valid_until_ms - orders.now_ms,
                contact_ms=now_ms,
                cloud_ms=orders.now_ms,
            )
        for each in orders.wholes:
            told = WholeBalance(each.principal_fen, each.bonus_fen, each.owed_fen, orders.now_ms)
            take_whole(books, each.member_id, told)
        upto = max((grant.gseq for grant in orders.grants), default=0)
        books.put_chain_state(replace(state, grants_upto=max(state.grants_upto, upto)))
        return given_back > 0, 0

    def _settle(self, books: Books, answer: asking.Answer) -> None:
        """Answers that nobody at the counter waits for."""
        if not isinstance(answer, asking.Reversed | asking.Granted):
            return
        intent = books.debit(answer.txid)
        if intent is None or intent.state is not DebitState.REVERSING:
            return
        if isinstance(answer, asking.Reversed):
            settle_debit(books, self._shop.clock, answer.txid, DebitState.REVERSED)

    async def _settled(self, txid: str, state: DebitState) -> None:
        def work(books: Books) -> None:
            intent = books.debit(txid)
            if intent is not None and intent.state is DebitState.ASKED:
                settle_debit(books, self._shop.clock, txid, state)

        await self._ledger.write(work)

    def _answer(self, orders: Orders) -> None:
        for answer in orders.answers:
            asked = self._asked.get(_id_of(answer))
            if asked is None or asked.answer.done():
                continue
            if isinstance(answer, asking.Reversed) and not isinstance(asked.request, asking.Debit):
                continue
            asked.answer.set_result(answer)

    async def _tell_wholes(self, orders: Orders) -> None:
        """To the page that looks at the member."""
        for member_id in (each.member_id for each in orders.wholes):
            if member_id in self._looked:
                del self._looked[member_id]
                now_ms = self._shop.clock.now_ms()
                look = partial(member_in_chain, member_id=member_id, now_ms=now_ms)
                told = {"member_id": member_id, "chain": await self._ledger.read(look)}
                self._shop.events.publish("whole", told)

    async def has_news(self) -> bool:
        """Whether anything is on the books that the cloud has not got."""

        return await self._ledger.read(has_news)


_NOT_THERE: Final = object()


def _place(dataset: str) -> int:
    return DATASETS.index(dataset) if dataset in DATASETS else len(DATASETS)


def _id_of(answer: asking.Answer) -> str:
    return answer.rid if isinstance(answer, asking.Done | asking.Refused) else answer.txid
