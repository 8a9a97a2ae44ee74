"""One counter of the simulated chain: its disk outlives it, everything else dies with a crash."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.core.card import DEFAULT_PROFILES, Assurance, Proof, SpendPolicy, Technology
from daemon.core.errors import CounterError, SyncError
from daemon.core.ids import make_id
from daemon.core.lease.policy import ChainPolicy
from daemon.core.permissions import Permission
from daemon.core.policy import Policy
from daemon.core.receipt_text import ShopHead
from daemon.core.records import OpState
from daemon.core.takings import Offer
from daemon.keys.pins import Argon2Pins
from daemon.operations.basket import open_amount
from daemon.operations.recharge import RechargeOrder, recharge
from daemon.operations.recover import recover_sales
from daemon.operations.sell import KIND, Order, end_sale, open_sale
from daemon.operations.shop import Actor, Identity, Shop
from daemon.operations.tap import Approved, Declined, TapRequest, settle
from daemon.operations.void import void
from daemon.ports.clock import ClockReading
from daemon.rules.compile import compile as compile_rules
from daemon.sync import envelope
from daemon.sync.envelope import SeedKey
from daemon.sync.link.device import DeviceLink
from daemon.sync.link.personal import PersonalSeal
from daemon.sync.sealer import Sealer
from daemon.web.events import EventStream
from tests.fakes.card_readers import MemoryReaders, PlasticCard
from tests.fakes.receipt_printer import MemoryPrinter
from tests.simulation.disks import Disk, MemoryDisk

MERCHANT = "M-0001"
START_MS = 1_790_000_000_000
MEMBER_KEY = bytes(32)
UIDS = {
    **DEFAULT_PROFILES,
    Technology.UID: replace(
        DEFAULT_PROFILES[Technology.UID], spend=SpendPolicy(pin_above_fen=0, per_day_fen=None)
    ),
}
CASHIER = Actor("E1", "7", "cashier", "manager", permissions=frozenset(Permission))


class LoopClock:
    """Implements daemon.ports.clock.Clock on virtual time. `skew_ms` is how wrong this device's
    clock is; it never goes back."""

    def __init__(self, skew_ms: int = 0) -> None:
        self.skew_ms = skew_ms
        self._latest = 0

    def now_ms(self) -> int:
        loop_ms = int(asyncio.get_event_loop().time() * 1000)
        self._latest = max(self._latest, START_MS + loop_ms + self.skew_ms)
        return self._latest

    def reading(self) -> ClockReading:
        now_ms = self.now_ms()
        return ClockReading(now_ms, now_ms)

    def follow_wall(self) -> int:
        return self.now_ms()

    def new_id(self) -> str:
        return make_id(self.now_ms(), os.urandom(10))


@dataclass
class Shown:
    """A sale that the cashier was told is approved."""

    sale_id: str
    member_id: str
    amount_fen: int
    voided: bool = False


@dataclass
class SimDevice:
    """`carry` brings a report to the cloud and returns the orders that come back, none or some."""

    name: str
    store: str
    chance: random.Random
    cloud_key: bytes
    policy: ChainPolicy
    carry: Callable[[str, bytes], Any]
    note: Callable[[str], None]
    ledger: Disk = field(default_factory=MemoryDisk)
    clock: LoopClock = field(default_factory=LoopClock)
    shown: dict[str, Shown] = field(default_factory=dict)
    up: bool = False

    def __post_init__(self) -> None:
        self.key = SeedKey(self.name.encode().ljust(32, b"."))
        self.tasks: set[asyncio.Task[None]] = set()
        self.keys = 0
        self.till = asyncio.Lock()

    # -- its life --------------------------------------------------------------------------------

    async def boot(self) -> None:
        identity = Identity(self.name, self.store, MERCHANT)
        self.shop = Shop(
            identity=identity,
            base_head=ShopHead("店", self.store),
            base_policy=Policy(profiles=UIDS, most_sale_fen=10_000_000),
            base_language="en",
            ledger=self.ledger,
            clock=self.clock,
            events=EventStream(),
            pins=Argon2Pins(memory_kib=64, passes=1),
            readers=MemoryReaders(),
            printer=MemoryPrinter(),
        )
        compiled = compile_rules({}, self.shop.base_policy, self.shop.base_head)
        self.shop.rules_cell.put(replace(compiled, chain=self.policy))
        epoch = await self.ledger.read(lambda books: books.epoch())
        await self.ledger.write(lambda books: books.join_chain())
        who = envelope.Identity(MERCHANT, self.store, self.name, epoch)
        sealer = Sealer(self.ledger, self.key, who, self.clock)
        self.link = DeviceLink(
            self.shop,
            sealer,
            self.key,
            who,
            {envelope.key_id_of(self.cloud_key): self.cloud_key},
            PersonalSeal(MEMBER_KEY),
            monotonic=asyncio.get_running_loop().time,
        )
        self.shop = replace(self.shop, chain=self.link)
        self.link._shop = self.shop
        await recover_sales(self.shop)
        self.up = True
        self.start(self._keep_in_touch())

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.note(f"{self.name}: {task.exception()!r}")

    async def crash(self) -> None:
        """Whatever is under way stops where it waits; what was written is on the disk."""
        self.up = False
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.ledger.crashed()

    # -- the link --------------------------------------------------------------------------------

    async def _keep_in_touch(self) -> None:
        while True:
            await self.exchange()
            self.link.hurried.clear()
            try:
                news = self.link.online and await self.link.has_news()
                idle_s = self.chance.uniform(5, 120 if self.link.online else 20)
                pause_s = 0.05 if news else idle_s
                async with asyncio.timeout(pause_s):
                    await self.link.hurried.wait()
            except TimeoutError:
                continue

    async def exchange(self) -> None:
        """One round, as well as the network lets it."""
        report = await self.link.report()
        try:
            async with asyncio.timeout(20):
                answers = await self.carry(self.name, report)
        except TimeoutError:
            answers = []
        if not answers:
            self.link.lost()
        for orders in answers:
            try:
                await self.link.obey(orders)
            except SyncError as error:
                if error.key not in ("orders_replayed", "orders_epoch"):
                    self.note(f"{self.name}: {error}")

    # -- the counter -----------------------------------------------------------------------------

    def _next_key(self) -> str:
        self.keys += 1
        return f"{self.name}-{self.keys}"

    async def sell(self, card: PlasticCard, amount_fen: int) -> str:
        """The status that the cashier sees in the end, with its reason."""
        sale = await self.ledger.write(
            lambda books: open_sale(
                self.shop,
                books,
                CASHIER,
                Order(open_amount(amount_fen), amount_fen),
                self._next_key(),
            )
        )
        proof_key = card.uid.hex()
        request = TapRequest(sale, CASHIER, proof_key, True, lambda *_: False)
        outcome = await settle(self.shop, request, proof_of(card), None)
        if isinstance(outcome, Approved):
            member_id = str(outcome.answer["member_id"])
            self.shown[sale.op_id] = Shown(sale.op_id, member_id, amount_fen)
            return "approved"
        assert isinstance(outcome, Declined), outcome
        await self._decline(sale.op_id, outcome)
        return outcome.why.reason

    async def _decline(self, sale_id: str, outcome: Declined) -> None:
        def end(books: Any) -> None:
            sale = books.operation(sale_id)
            if sale is not None and not sale.state.final:
                end_sale(self.shop, books, sale_id, OpState.DECLINED, outcome.why)

        await self.ledger.write(end)

    async def recharge(self, member_id: str, amount_fen: int) -> bool:
        order = RechargeOrder(member_id, amount_fen, (Offer("cash"),))
        try:
            await recharge(self.shop, CASHIER, order, self._next_key())
        except CounterError:
            return False
        return True

    async def void_one(self) -> str | None:
        """Voids one of the sales that it has shown, if the rules let it."""
        left = [each for each in self.shown.values() if not each.voided]
        if not left:
            return None
        chosen = self.chance.choice(left)
        try:
            await void(self.shop, CASHIER, KIND, chosen.sale_id, self._next_key())
        except CounterError as error:
            return error.key
        chosen.voided = True
        return "voided"

    async def knows(self, card: PlasticCard) -> bool:
        return await self.ledger.read(lambda books: books.card_by_uid(card.uid)) is not None


def proof_of(card: PlasticCard) -> Proof:
    return Proof(card.face, Assurance.IDENTITY)
