"""Whatever order people press, lay, lift and pull the plug in: money moves once or not at all, the
counter is never wedged, and a genuine card is never called a clone. Seeded walks over the desk."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from daemon.core.counter import State
from daemon.core.entry import Kind, parse_leaf
from daemon.core.errors import CounterError
from daemon.core.permissions import ALL
from daemon.core.policy import Policy
from daemon.core.records import OpState
from daemon.core.takings import Offer
from daemon.operations import recharge as recharging
from daemon.operations.basket import open_amount
from daemon.operations.card_service import change_status
from daemon.operations.issue_desk import AskedCard, first_card
from daemon.operations.member_pin import set_pin
from daemon.operations.members import add_member
from daemon.operations.recharge import RechargeOrder
from daemon.operations.sell import Order
from daemon.operations.shop import Actor
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books
from tests.budget import NIGHTLY
from tests.fakes.card_readers import Fault, PlasticCard
from tests.fakes.clock import HandClock

from .till import READER, SECOND_READER, Counter, desfire, uid_card

SEEDS = range(300 if NIGHTLY else 12)
STEPS = 60
PIN = "2468"
FAULTS = [*Fault, None, None, None, None, None, None, None, None, None]
AT_REST = set(State) - {State.AUTHENTICATING, State.DECIDING, State.COMMITTED}


@dataclass
class Walk:
    """A counter, three members, and what the walk knows of the money."""

    seed: int
    counter: Counter
    actor: Actor = field(
        default_factory=lambda: Actor("E1", "1", "cashier", "manager", permissions=ALL)
    )
    cards: dict[str, PlasticCard] = field(default_factory=dict)
    card_ids: list[str] = field(default_factory=list)
    paid_in: dict[str, int] = field(default_factory=dict)
    sales: list[str] = field(default_factory=list)
    restarts: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def key(self) -> str:
        return f"{self.seed}-{self.chance.random()}"

    async def prepare(self) -> None:
        shop, desk = self.counter.shop, self.counter.desk
        for name, card in (("A", desfire(1)), ("B", desfire(2)), ("C", uid_card(3))):
            member = await add_member(shop, self.actor, name=name, phone="", number=None)
            member_id = member["member_id"]
            await set_pin(shop, self.actor, member_id, PIN)
            order = RechargeOrder(member_id, 150_000, (Offer("cash"),))
            await recharging.recharge(shop, self.actor, order, self.key())
            await desk.begin_issue(AskedCard(self.actor, first_card(member_id)))
            await self.counter.tap(card)
            self.cards[member_id] = card
            self.paid_in[member_id] = 150_000 + 22_500
        self.card_ids = [card.card_id for card in self.cards.values() if card.card_id is not None]

    async def step(self) -> None:
        actions = [self.begin, self.begin, self.lay, self.lay, self.lay, self.lift, self.lift]
        actions += [self.pin, self.confirm, self.cancel, self.park, self.resume, self.void]
        actions += [self.wait, self.report, self.plug]
        try:
            await self._might_freeze(self.chance.choice(actions)())
        except CounterError as error:
            # Refused is an answer. What must not come here is a bug.
            assert error.key

    async def _might_freeze(self, action: Coroutine[Any, Any, None]) -> None:
        """A card may go silent for ever in the middle of its commit: then the plug is pulled."""
        work = asyncio.create_task(action)
        frozen = asyncio.create_task(self.counter.readers.frozen.wait())
        await asyncio.wait({work, frozen}, return_when=asyncio.FIRST_COMPLETED)
        frozen.cancel()
        if work.done():
            return work.result()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return await self.plug()

    def some_sale(self) -> str:
        current = self.counter.desk.till.current
        if current is not None and self.chance.random() < 0.8:
            return current.sale.op_id
        return self.chance.choice(self.sales or ["01JD8ZK3V7Q4M9T2X6R5W1C0BA"])

    async def begin(self) -> None:
        amount_fen = self.chance.choice((100, 100, 2_500, 60_000, 400_000))
        order = Order(open_amount(amount_fen), amount_fen)
        sale = await self.counter.desk.begin(self.actor, order, self.key())
        self.sales.append(sale["sale_id"])

    async def lay(self) -> None:
        taken = {
            reader for reader in (READER, SECOND_READER) if reader in self.counter.readers.occupied
        }
        free = [reader for reader in (READER, SECOND_READER) if reader not in taken]
        lying = self.counter.readers.occupied.values()
        cards = [card for card in self.cards.values() if all(card is not other for other in lying)]
        if not free or not cards:
            return
        card = self.chance.choice(cards)
        card.fault = self.chance.choice(FAULTS)
        await self.counter.lay(card, self.chance.choice(free))

    async def lift(self) -> None:
        occupied = list(self.counter.readers.occupied)
        if occupied:
            await self.counter.lift(self.chance.choice(occupied))

    async def pin(self) -> None:
        typed = self.chance.choice((PIN, PIN, PIN, "0000"))
        await self.counter.desk.give_pin(self.some_sale(), typed)

    async def confirm(self) -> None:
        await self.counter.desk.confirm(self.some_sale())

    async def cancel(self) -> None:
        await self.counter.desk.cancel(self.some_sale())

    async def park(self) -> None:
        await self.counter.desk.park(self.some_sale())

    async def resume(self) -> None:
        parked = [
            one.op_id
            for one in await self.counter.ledger.operations(
                kinds=("sale",), states=(OpState.PARKED,), limit=10
            )
        ]
        if parked:
            await self.counter.desk.resume(self.actor, self.chance.choice(parked))

    async def void(self) -> None:
        await self.counter.desk.void(self.actor, self.some_sale(), self.key())

    async def wait(self) -> None:
        self.counter.clock.advance(self.chance.choice((1, 15, 400)))

    async def report(self) -> None:
        status = self.chance.choice(("active", "active", "active", "lost"))
        await change_status(
            self.counter.shop, self.actor, self.chance.choice(self.card_ids), status, None
        )

    async def plug(self) -> None:
        self.restarts += 1
        await self.counter.stop()
        self.counter = self.counter.reborn()
        for card in self.cards.values():
            card.fault = None
        await self.counter.start()

    async def check(self) -> None:
        """The till is at rest, and the books agree with what the sales say of themselves."""
        till = self.counter.desk.till
        assert till.state in AT_REST, till.state
        if till.busy:
            assert till.current is not None
        sales = await self.counter.ledger.operations(kinds=("sale",), states=(), limit=1000)

        def look(books: Books) -> dict[str, int]:
            spent = dict.fromkeys(self.cards, 0)
            for sale in sales:
                posted = books.entry_of(sale.op_id)
                assert (posted is not None) == (sale.state is OpState.APPROVED), sale
                if posted is not None and books.voided_by(sale.op_id) is None:
                    spent[sale.answer["member_id"]] += sale.request["amount_fen"]
            held = {
                member_id: sum(one.balance for one in books.holdings(owner_of(member_id)))
                for member_id in self.cards
            }
            return {member_id: held[member_id] + spent[member_id] for member_id in self.cards}

        assert await self.counter.ledger.read(look) == self.paid_in
        open_sales = [one for one in sales if one.state in (OpState.OPEN, OpState.UNKNOWN)]
        assert len(open_sales) <= 1
        if open_sales:
            assert till.is_current(open_sales[0].op_id) and till.busy
        alarms = await self.counter.ledger.read(_alarms)
        assert not alarms, "a genuine card was taken for a clone"


def _alarms(books: Books) -> list[object]:
    entries = [parse_leaf(leaf) for _, leaf, _ in books.leaves(1, 10_000)]
    return [entry for entry in entries if entry.draft.kind is Kind.CARD_ALARM]


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_order(tmp_path: Path, seed: int) -> None:
    policy = Policy(card_wait_ms=60_000, pin_wait_ms=60_000)
    walk = Walk(seed, Counter(tmp_path, HandClock(), policy))
    await walk.counter.start()
    try:
        await walk.prepare()
        for _ in range(STEPS):
            await walk.step()
            await walk.check()
    finally:
        await walk.counter.stop()
