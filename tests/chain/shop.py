"""A cloud with some counters, on a store that a test names."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloud.answer import Cloud
from cloud.books import CloudStore
from cloud.records import Device
from daemon.core.lease.policy import ChainPolicy
from daemon.sync.envelope import SeedKey
from daemon.sync.link.messages import Orders
from tests.chain.counter import MERCHANT, Counter, World

CLOUD_KEY = bytes(range(32))


@dataclass
class Chain:
    """`talk` is one exchange; `settle` goes on until nobody has anything to say."""

    store: CloudStore
    world: World = field(default_factory=World)
    policy: ChainPolicy = field(default_factory=ChainPolicy)
    counters: dict[str, Counter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = SeedKey(CLOUD_KEY)
        self.cloud = Cloud(self.store, key, MERCHANT, lambda: self.world.now_ms, self.policy)

    async def add(self, name: str, store: str | None = None) -> Counter:
        counter = Counter(self.world, name, store or f"S-{name}", CLOUD_KEY)
        async with self.store.transaction() as books:
            await books.devices.put_device(
                Device(name, MERCHANT, counter.store, counter.key.public_key)
            )
        self.counters[name] = counter
        await self.talk(counter)
        return counter

    async def talk(self, counter: Counter, **more: int) -> Orders:
        return counter.obey(await self.cloud.exchange(counter.message(**more)))

    async def settle(self, rounds: int = 6) -> None:
        for _ in range(rounds):
            for counter in self.counters.values():
                await self.talk(counter)

    async def require_sound(self) -> None:
        """I1 and D in SQL."""
        async with self.store.transaction() as books:
            assert await books.accounts.unsound() == []

    async def sums(self) -> dict[str, dict[str, int]]:
        async with self.store.transaction() as books:
            return await books.accounts.sums()

    async def found(self) -> list[str]:
        """The types of discrepancies that there are."""
        async with self.store.transaction() as books:
            return sorted(each.type for each in await books.office.discrepancies())
