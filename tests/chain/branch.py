"""A branch as it is: the real ledger, operations, web server and link of a counter, and the real
`answer()` of a cloud behind a line that a test can cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cloud.answer import Cloud
from cloud.books import CloudStore
from cloud.records import Device
from daemon.core.errors import SyncError
from daemon.core.lease.policy import ChainPolicy
from daemon.keys.files import KeyFolder, SigningKey
from daemon.operations.branch_join import join
from daemon.operations.shop import Identity, Shop
from daemon.sync import envelope
from daemon.sync.envelope import SeedKey
from daemon.sync.link.device import DeviceLink, Obeyed
from daemon.sync.link.personal import PersonalSeal
from daemon.sync.sealer import Sealer
from tests.fakes.clock import HandClock
from tests.web.till import MANAGER, Counter

MERCHANT = "m1"
CLOUD_SEED = bytes(range(32))
MEMBER_KEY = bytes(range(32, 64))


@dataclass
class Branch:
    """`counter.start()` makes the link. `cut` stands for a cable that is out."""

    counter: Counter
    cloud: Cloud
    policy: ChainPolicy
    cut: bool = False
    lose_answers: bool = False
    synced: bool = True
    by_hand: bool = True
    """Whether this class stands in for a binding while somebody waits."""
    link: DeviceLink = field(init=False)
    keys: KeyFolder = field(init=False)
    signer: SigningKey = field(init=False)
    sealer: Sealer = field(init=False)
    identity: envelope.Identity = field(init=False)
    _push: asyncio.Task[None] | None = None

    @property
    def device(self) -> str:
        return self.counter.identity.device

    async def make_link(self, shop: Shop, keys: KeyFolder) -> DeviceLink:
        epoch = await join(shop.ledger)
        self.keys, self.signer = keys, keys.signer()
        signer = self.signer
        who = envelope.Identity(MERCHANT, shop.identity.store, shop.identity.device, epoch)
        async with self.cloud.store.transaction() as books:
            if await books.devices.device(who.device) is None:
                await books.devices.put_device(
                    Device(who.device, MERCHANT, who.store, signer.public_key)
                )
        key = SeedKey(CLOUD_SEED)
        self.identity = who
        self.sealer = Sealer(shop.ledger, signer, who, shop.clock)
        self.link = DeviceLink(
            shop,
            self.sealer,
            signer,
            who,
            {key.key_id: key.public_key},
            PersonalSeal(MEMBER_KEY),
            version="test",
            synced=lambda: self.synced,
        )
        return self.link

    async def talk(self) -> Obeyed:
        """One exchange. Raises SyncError("link_failed") where the cable is out."""
        message = await self.link.report()
        if self.cut:
            self.link.lost()
            raise SyncError("link_failed")
        answer = await self.cloud.exchange(message, device=self.device)
        if self.cut or self.lose_answers:
            raise SyncError("link_failed")
        return await self.link.obey(answer)

    async def settle(self) -> None:
        """Until nobody has anything to say."""
        for _ in range(20):
            if not (await self.talk()).more and not await self.link.has_news():
                return
        raise AssertionError("there is always something to say")

    async def push(self) -> None:
        """What a binding does while the shop is open: somebody waits, so it goes at once."""
        while True:
            await self.link.hurried.wait()
            self.link.hurried.clear()
            try:
                await self.talk()
            except SyncError:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """As the held exchange: what the cloud has to say is heard at once."""

        async def listen() -> None:
            while True:
                await asyncio.sleep(0.05)
                if not self.cut:
                    await self.talk()

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def start(self) -> None:
        await self.counter.start()
        rules = replace(self.counter.shop.rules, chain=self.policy)
        self.counter.shop.rules_cell.put(rules)
        if self.by_hand:
            self._push = asyncio.create_task(self.push())

    async def stop(self) -> None:
        if self._push is not None:
            self._push.cancel()
            await asyncio.gather(self._push, return_exceptions=True)
        await self.counter.stop()


@dataclass
class Town:
    """A merchant with a cloud and branches that share one clock."""

    folder: Path
    store: CloudStore
    policy: ChainPolicy = field(default_factory=lambda: ChainPolicy(debit_deadline_ms=20_000))
    clock: HandClock = field(default_factory=HandClock)
    branches: dict[str, Branch] = field(default_factory=dict)
    by_hand: bool = True

    def __post_init__(self) -> None:
        key = SeedKey(CLOUD_SEED)
        self.cloud = Cloud(self.store, key, MERCHANT, self.clock.now_ms, self.policy)

    async def open(self, name: str) -> Branch:
        """A branch whose first words with the cloud have been said."""
        folder = self.folder / name
        folder.mkdir()
        counter = Counter(folder, self.clock, identity=Identity(name, f"S-{name}", MERCHANT))
        branch = Branch(counter, self.cloud, self.policy, by_hand=self.by_hand)
        counter.join = branch.make_link
        self.branches[name] = branch
        await branch.start()
        if len(self.branches) == 1:
            await counter.hire()
        await branch.settle()
        counter.token = None
        await counter.sign_in(MANAGER)
        return branch

    async def settle(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            for branch in self.branches.values():
                if not branch.cut:
                    await branch.settle()

    async def sums(self) -> dict[str, dict[str, int]]:
        async with self.store.transaction() as books:
            assert await books.accounts.unsound() == []
            return await books.accounts.sums()

    async def found(self) -> list[str]:
        async with self.store.transaction() as books:
            return sorted(each.type for each in await books.office.discrepancies())

    async def close(self) -> None:
        for branch in self.branches.values():
            await branch.stop()


@asynccontextmanager
async def town_of(folder: Path, store: CloudStore, *, by_hand: bool = True) -> AsyncIterator[Town]:
    town = Town(folder, store, by_hand=by_hand)
    try:
        yield town
    finally:
        await town.close()
