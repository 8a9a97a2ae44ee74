"""What the cloud does for its devices, against the least that PostgreSQL can do of it: the same
database, the same durability, the same number of connections, the two in turns."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bench.chain_shop import (
    A_BATCH,
    SALE_FEN,
    Fleet,
    batches_of,
    database,
    raw_pool,
    sell,
)
from cloud.answer import CREDIT_BYTES
from cloud.books import CloudBooks
from cloud.effects import catch_up_all
from cloud.grants import give
from cloud.ingest import ingest
from cloud.postgres_books import CONNECTIONS, PostgresStore
from cloud.records import Device
from cloud.requests import Asker, answer_request
from daemon.core.entry import Entry
from daemon.core.lease.moves import AccountKey
from daemon.sync.envelope import Position, Verified, encode_batch, open_batch
from daemon.sync.link.asking import Debit, Granted
from simulator import postgres
from tests.chain.counter import START_MS, Counter, World

BARE: Final = """
CREATE TABLE bare_leaf (
    device TEXT COLLATE "C" NOT NULL, epoch BIGINT NOT NULL, dseq BIGINT NOT NULL,
    kind BIGINT NOT NULL, at_ms BIGINT NOT NULL, leaf BYTEA NOT NULL,
    PRIMARY KEY (device, epoch, dseq));
CREATE TABLE bare_account (
    member TEXT COLLATE "C" NOT NULL, asset TEXT COLLATE "C" NOT NULL, lot BIGINT NOT NULL,
    reserve BIGINT NOT NULL CHECK (reserve >= 0), PRIMARY KEY (member, asset, lot));
"""
UPDATE: Final = (
    "UPDATE bare_account SET reserve = reserve - $1"
    " WHERE member = $2 AND asset = $3 AND lot = $4 AND reserve >= $1"
)
COLUMNS: Final = ("device", "epoch", "dseq", "kind", "at_ms", "leaf")
AT_ONCE: Final = 16
WEEK: Final = 50_000
MOST_TALKING: Final = 100
"""Devices that send something in one round; the others are there."""
Row = tuple[Any, ...]
Jobs = Sequence[Callable[[], Awaitable[object]]]


@asynccontextmanager
async def fleet_of(server: postgres.Server, devices: int) -> AsyncIterator[tuple[Fleet, Any]]:
    """A fleet, and a pool of the same size on the same database."""
    async with database(server) as url:
        store = await PostgresStore.open(url, connections=CONNECTIONS)
        pool = await raw_pool(url, CONNECTIONS)
        await pool.execute(BARE)
        try:
            fleet = Fleet(store, devices)
            await fleet.open()
            yield fleet, pool
        finally:
            await pool.close()
            await store.close()


async def in_turn(jobs: Jobs, at_once: int) -> float:
    """Seconds that all of them took, `at_once` at a time."""
    left = iter(jobs)

    async def work() -> None:
        for job in left:
            await job()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return time.perf_counter() - began


@dataclass
class Two:
    """Rounds of us and of the bare thing, in turns; `units` in each. `cpu_s` is what this process
    took of the processor for ours."""

    units: int
    ours_s: list[float]
    bare_s: list[float]
    cpu_s: list[float]
    bare_cpu_s: list[float]

    async def round(self, ours: Jobs, bare: Jobs, at_once: int) -> None:
        turns = [(self.ours_s, self.cpu_s, ours), (self.bare_s, self.bare_cpu_s, bare)]
        for seconds, cpu_s, jobs in turns if len(self.ours_s) % 2 else reversed(turns):
            began = time.process_time()
            seconds.append(await in_turn(jobs, at_once))
            cpu_s.append(time.process_time() - began)

    @property
    def over(self) -> float:
        pairs = zip(self.ours_s, self.bare_s, strict=True)
        return statistics.median(ours / bare for ours, bare in pairs)

    @property
    def per_s(self) -> float:
        return self.units / statistics.median(self.ours_s)

    @property
    def per_s_core(self) -> float:
        """Of this process' processor time; the database's is beside it."""
        return self.units / statistics.median(self.cpu_s)

    @property
    def bare_per_s(self) -> float:
        return self.units / statistics.median(self.bare_s)


# -- ingest ----------------------------------------------------------------------------------------


async def ingest_rows(fleet: Fleet, pool: Any, batches: int, rounds: int) -> Two:
    """Stage 1, of reports of `batches` batches of 50 sales from every device: verified, and
    committed to journal and outbox. Bare: COPY of the leaves, one commit a report."""
    keys = await fleet.fund(200)
    known = {each.name: await fleet.known(each) for each in fleet.devices}
    talking = fleet.devices[:MOST_TALKING]
    two = Two(len(talking) * batches * A_BATCH, [], [], [], [])
    for _ in range(rounds):
        reports = [_report(each, keys, batches) for each in talking]
        rows = [_rows(each, batches) for each in talking]

        def ours(report: tuple[Counter, tuple[bytes, ...]]) -> Callable[[], Awaitable[object]]:
            counter, content = report
            return lambda: _take(fleet, known[counter.name], content)

        def bare(some: list[Row]) -> Callable[[], Awaitable[object]]:
            return lambda: _copy(pool, some)

        await two.round(
            [ours(each) for each in reports], [bare(each) for each in rows], CONNECTIONS
        )
        for each in talking:
            each.disk.cursor = each.disk.position.bseq
    return two


async def kept_rows(fleet: Fleet, pool: Any, batches: int, rounds: int) -> Two:
    """What of that is the database's: batches that were verified before, put into journal and
    outbox as ingest does. Bare: the same COPY."""
    keys = await fleet.fund(200)
    two = Two(10 * batches * A_BATCH, [], [], [], [])
    positions = {each.name: each.disk.position for each in fleet.devices[:10]}
    for _ in range(rounds):
        ours: list[Callable[[], Awaitable[object]]] = []
        bare: list[Callable[[], Awaitable[object]]] = []
        for counter in fleet.devices:
            _report(counter, keys, batches)
            trusted = {counter.key.key_id: counter.key.public_key}
            good = []
            for batch in counter.disk.batches[counter.disk.cursor :]:
                at = positions[counter.name]
                good.append(open_batch(batch.message, batch.leaves, trusted, at))
                positions[counter.name] = good[-1].position
            ours.append(partial(fleet.store.run, partial(_keep, name=counter.name, good=good)))
            bare.append(partial(_copy, pool, _rows(counter, batches)))
            counter.disk.cursor = counter.disk.position.bseq
        await two.round(ours, bare, CONNECTIONS)
    return two


async def _keep(books: CloudBooks, *, name: str, good: Sequence[Verified]) -> None:
    journal = await books.journals.journal(name, 1, hold=True)
    assert journal is not None
    await books.journals.add_batches(journal, good, START_MS)


def _report(
    counter: Counter, keys: Sequence[AccountKey], batches: int
) -> tuple[Counter, tuple[bytes, ...]]:
    turns = itertools.cycle(keys)
    for _ in range(batches * A_BATCH):
        sell(counter, next(turns))
    counter.seal(A_BATCH)
    sent = counter.disk.batches[counter.disk.cursor :]
    return counter, tuple(encode_batch(each.message, each.leaves) for each in sent)


def _rows(counter: Counter, batches: int) -> list[Row]:
    leaves = [leaf for each in counter.disk.batches[-batches:] for leaf in each.leaves]
    entries = counter.disk.entries[-len(leaves) :]
    return [
        (counter.name, 1, entry.dseq, int(entry.draft.kind), entry.draft.at_ms, leaf)
        for entry, leaf in zip(entries, leaves, strict=True)
    ]


async def _take(fleet: Fleet, device: Device, content: tuple[bytes, ...]) -> None:
    done = await ingest(fleet.store, device, 1, content, fleet.world.now_ms)
    assert done.new == len(content) and done.refusal is None, done


async def _copy(pool: Any, rows: list[Row]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.copy_records_to_table("bare_leaf", records=rows, columns=COLUMNS)


# -- debits ----------------------------------------------------------------------------------------


async def online_debits(fleet: Fleet, pool: Any, rounds: int, count: int) -> Two:
    """An online debit, sixteen cashiers at once, each of another member. Bare: one conditional
    UPDATE of one row, committed."""
    keys = await fleet.fund(count)
    await pool.copy_records_to_table(
        "bare_account", records=[(k.member, k.asset, k.lot, 1 << 40) for k in keys]
    )
    known = [await fleet.known(each) for each in fleet.devices]
    askers = [Asker(each, 1, fleet.cloud.policy, fleet.world.now_ms) for each in known]
    two = Two(count, [], [], [], [])
    for number in range(rounds):
        pairs = list(zip(itertools.cycle(askers), keys, strict=False))

        def ours(asker: Asker, key: AccountKey, n: int) -> Callable[[], Awaitable[object]]:
            ask = Debit(f"t{n}-{key.member}", key.member, SALE_FEN, "principal_first")
            return lambda: _debit(fleet, asker, ask)

        def bare(key: AccountKey) -> Callable[[], Awaitable[object]]:
            return lambda: pool.execute(UPDATE, SALE_FEN, key.member, key.asset, key.lot)

        jobs = [ours(asker, key, number) for asker, key in pairs]
        await two.round(jobs, [bare(key) for key in keys], AT_ONCE)
    return two


async def _debit(fleet: Fleet, asker: Asker, ask: Debit) -> None:
    answer = await answer_request(fleet.store, asker, ask)
    assert isinstance(answer, Granted), answer


# -- grants ----------------------------------------------------------------------------------------


async def grants(fleet: Fleet, members: int) -> float:
    """Grants a second: members who were served at one device each, and wait for their share."""
    keys = await fleet.fund(members)
    day = fleet.world.now_ms // 86_400_000
    visits = {
        (key.member, counter.name, day): 1
        for key, counter in zip(keys, itertools.cycle(fleet.devices), strict=False)
    }
    async with fleet.store.transaction() as books:
        await books.office.add_visits(visits)
        await books.accounts.to_grant([key.member for key in keys], fleet.world.now_ms)
    before = await _leases(fleet)
    began, done = time.perf_counter(), 0
    while some := await give(fleet.store, fleet.cloud.policy, fleet.world.now_ms):
        done += some
    seconds = time.perf_counter() - began
    assert await _leases(fleet) - before == members == done
    return members / seconds


async def _leases(fleet: Fleet) -> int:
    async with fleet.store.transaction() as books:
        return sum(row[4] for row in await books.accounts.held_by_device())


# -- a week away -----------------------------------------------------------------------------------


async def backlog(server: postgres.Server, sales: int) -> dict[str, float]:
    """Seconds, and this process' seconds of the processor, from the first report of a device that
    was away for a week to the last of its effects, as its link would bring it: signed reports, the
    batches of each within the credit."""
    async with fleet_of(server, 1) as (fleet, _):
        (counter,) = fleet.devices
        keys = await fleet.fund(2_000, holder=counter)
        for key in itertools.islice(itertools.cycle(keys), sales):
            sell(counter, key)
        counter.seal(A_BATCH)
        seconds, cpu_s, exchanges = 0.0, 0.0, 0
        while counter.disk.cursor < counter.disk.position.bseq:
            message = batches_of(counter, CREDIT_BYTES).sealed_by(counter.key)
            began, cpu = time.perf_counter(), time.process_time()
            answer = await fleet.cloud.exchange(message)
            seconds += time.perf_counter() - began
            cpu_s += time.process_time() - cpu
            exchanges += 1
            counter.obey(answer)
        began = time.perf_counter()
        await catch_up_all(fleet.store, fleet.world.now_ms)
        seconds += time.perf_counter() - began
        async with fleet.store.transaction() as books:
            assert (await books.accounts.sums())["principal"]["settled"] == sales * SALE_FEN
            assert await books.accounts.unsound() == []
        return {"backlog_s": seconds, "backlog_cpu_s": cpu_s, "backlog_exchanges": exchanges}


# -- without a database ----------------------------------------------------------------------------


def batch_figures(rounds: int) -> dict[str, float]:
    """The size of a batch against the same entries as JSON, and what verifying takes of a core."""
    counter = Counter(World(), "D1", "S1", bytes(32))
    keys = [AccountKey(f"01JD8ZK3V7Q4M9T2X6R5W1C{n:03}", "principal", 1 << 40) for n in range(200)]
    _, sealed = _report(counter, keys, 20)
    told = len(json.dumps([_as_json(each) for each in counter.disk.entries]).encode())
    trusted = {counter.key.key_id: counter.key.public_key}
    took = []
    for _ in range(rounds):
        position = Position(counter.identity(1))
        began = time.process_time()
        for batch in counter.disk.batches:
            position = open_batch(batch.message, batch.leaves, trusted, position).position
        took.append(time.process_time() - began)
    sales = len(counter.disk.entries)
    return {
        "batch_bytes_over_json": sum(map(len, sealed)) / told,
        "batch_bytes_per_sale": sum(map(len, sealed)) / sales,
        "verify_tx_per_s_core": sales / statistics.median(took),
    }


def _as_json(entry: Entry) -> dict[str, Any]:
    """What a plain JSON interface would say of it."""
    draft = entry.draft
    return {
        "dseq": entry.dseq,
        "op_id": draft.op_id,
        "kind": draft.kind.name.lower(),
        "at_ms": draft.at_ms,
        "actor": draft.actor,
        "member_id": draft.member_id,
        "postings": [
            {
                "owner": p.account.owner,
                "asset": p.account.asset,
                "lot": p.account.lot,
                "amount": p.amount,
                "funding": p.funding.name.lower(),
            }
            for p in draft.postings
        ],
        "detail": dict(draft.detail),
    }
