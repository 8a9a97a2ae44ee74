"""What the chain's bench works on: devices that seal batches, members with money, a cloud on a
PostgreSQL of its own (fsync on, synchronous_commit on, as it comes)."""

from __future__ import annotations

import importlib
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from cloud.answer import Cloud
from cloud.books import CloudBooks
from cloud.postgres_books import PostgresStore
from cloud.records import Device, HeldLease
from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Home, Lease
from daemon.core.lot_number import lot_number
from daemon.sync.envelope import SeedKey
from daemon.sync.link.asking import Request
from daemon.sync.link.messages import Report
from simulator import postgres
from tests.chain.counter import MERCHANT, Counter, World

CLOUD_KEY: Final = bytes(range(32))
A_BATCH: Final = 50
SALE_FEN: Final = 1_850
FUNDED_FEN: Final = 1_000_000_000
LINES: Final = "1:1:1850"


@asynccontextmanager
async def database(server: postgres.Server) -> AsyncIterator[str]:
    """The address of a database of its own."""
    asyncpg = importlib.import_module("asyncpg")
    admin = await asyncpg.connect(server.url)
    name = f"b{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield server.url.replace("/postgres?", f"/{name}?")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


class Fleet:
    """A cloud and devices that have said hello to it."""

    def __init__(self, store: PostgresStore, devices: int) -> None:
        self.store = store
        self.world = World(now_ms=time.time_ns() // 1_000_000)
        key = SeedKey(CLOUD_KEY)
        self.cloud = Cloud(store, key, MERCHANT, lambda: self.world.now_ms)
        self.devices = [
            Counter(self.world, f"D{number:05}", f"S{number % 500:03}", CLOUD_KEY)
            for number in range(devices)
        ]
        self._members = 0

    async def open(self) -> None:
        """Each is known, has its journal and its number."""

        async def enrol(books: CloudBooks) -> None:
            for each in self.devices:
                await books.devices.put_device(
                    Device(each.name, MERCHANT, each.store, each.key.public_key)
                )

        await self.store.run(enrol)
        for each in self.devices:
            await self.talk(each)

    async def talk(self, counter: Counter) -> None:
        counter.obey(await self.cloud.exchange(counter.message()))

    async def known(self, counter: Counter) -> Device:
        async with self.store.transaction() as books:
            device = await books.devices.device(counter.name)
        assert device is not None
        return device

    async def fund(self, count: int, holder: Counter | None = None) -> list[AccountKey]:
        """New accounts: all of it free, or all of it held by one device."""
        keys: list[AccountKey] = []
        for _ in range(count):
            self._members += 1
            keys.append(AccountKey(f"m{self._members:09}", "principal", lot_number(1, 1)))

        async def put(books: CloudBooks) -> None:
            await books.accounts.hold(keys)
            held = holder is not None
            home = Home(funded=FUNDED_FEN, reserve=0 if held else FUNDED_FEN)
            await books.accounts.put(dict.fromkeys(keys, home))
            await books.accounts.put_rules(dict.fromkeys(keys, "tier"))
            if holder is not None:
                lease = Lease(granted=FUNDED_FEN, seen=FUNDED_FEN)
                await books.accounts.put_leases(
                    [HeldLease(key, holder.name, holder.disk.epoch, lease) for key in keys]
                )

        await self.store.run(put)
        return keys


def sell(counter: Counter, key: AccountKey) -> Entry:
    """A sale of one line out of one lot, as a device writes it."""
    draft = Draft(
        f"{counter.name}-{counter.world.new_id()}",
        Kind.SALE,
        counter.world.tick(37),
        "01JD8ZK3V7Q4M9T2X6R5W1C0BA",
        member_id=key.member,
        postings=(
            Posting(key.account(), -SALE_FEN, Funding.LEASE),
            Posting(Account("shop", "sales"), SALE_FEN),
        ),
        detail={"lines": LINES},
    )
    return counter.append_draft(Entry(len(counter.disk.entries) + 1, draft))


def batches_of(counter: Counter, most_bytes: int, most: int = 10_000) -> Report:
    """A report with the batches after the cloud's cursor, as many as `most_bytes` let through."""
    counter.seal(A_BATCH)
    size, count = 0, 0
    for batch in counter.disk.batches[counter.disk.cursor : counter.disk.cursor + most]:
        size += len(batch.message) + sum(map(len, batch.leaves))
        if count and size > most_bytes:
            break
        count += 1
    return counter.report(most=count)


def ask(counter: Counter, requests: Iterable[Request]) -> bytes:
    counter.requests = list(requests)
    return counter.message()


async def raw_pool(url: str, connections: int) -> Any:
    asyncpg = importlib.import_module("asyncpg")
    return await asyncpg.create_pool(url, min_size=connections, max_size=connections)
