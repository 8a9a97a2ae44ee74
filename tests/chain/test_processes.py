"""Several stateless processes on one PostgreSQL, asked at the same moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from cloud.answer import Cloud
from cloud.effects import catch_up_all
from cloud.postgres_books import PostgresStore
from daemon.sync.envelope import SeedKey
from simulator import postgres
from tests.chain.conftest import database
from tests.chain.counter import MERCHANT, Counter
from tests.chain.shop import CLOUD_KEY, Chain
from tests.chain.test_any_weather import require_true
from tests.chain.weather import Weather


@pytest.fixture
async def clouds(server: postgres.Server) -> AsyncIterator[list[Cloud]]:
    """Two processes' worth, the first with a chain of its own."""
    async with database(server) as url:
        stores = [await PostgresStore.open(url) for _ in range(2)]
        chain = Chain(stores[0])
        key = SeedKey(CLOUD_KEY)
        yield [
            chain.cloud,
            Cloud(stores[1], key, MERCHANT, lambda: chain.world.now_ms, chain.policy),
        ]
        for store in stores:
            await store.close()


class Busy(Weather):
    """Every counter talks all the time, to either process, and what comes back may be lost."""

    def __init__(self, chain: Chain, dice: random.Random, clouds: list[Cloud]) -> None:
        super().__init__(chain, dice)
        self.clouds = clouds

    async def live(self, counter: Counter, steps: int) -> None:
        for _ in range(steps):
            member = self.dice.choice(["m1", "m2"])
            deed = self.dice.choices([self.recharge, self.sell, self.ask], weights=[1, 5, 4])[0]
            deed(counter, member)
            if self.dice.random() < 0.1:
                self.give_up(counter)
            message = counter.message()
            cloud = self.dice.choice(self.clouds)
            answers = await asyncio.gather(
                cloud.exchange(message),
                *(each.exchange(message) for each in self.clouds if self.dice.random() < 0.3),
            )
            if self.dice.random() < 0.85:
                self.obey(counter, answers[0])


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_process_answers_any_exchange(clouds: list[Cloud], seed: int) -> None:
    chain = Chain(clouds[0].store)
    chain.cloud = clouds[0]
    world = chain.world
    for cloud in clouds:
        cloud.now_ms = lambda: world.now_ms
    busy = Busy(chain, random.Random(seed), clouds)
    counters = [await chain.add(name) for name in ("A", "B", "C", "D")]

    async def sweep() -> None:
        """As a process does beside its answers."""
        while True:
            await catch_up_all(clouds[1].store, world.now_ms)
            await asyncio.sleep(0.01)

    sweeping = asyncio.create_task(sweep())
    try:
        await asyncio.gather(*(busy.live(counter, 25) for counter in counters))
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
    await busy.clear()
    await require_true(chain, busy)
