"""Over real lines: a card that is reported lost at one counter until another one refuses it, the
same news to a thousand devices, and what one exchange of a device takes, however many there are."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import aiohttp

from bench.chain_shop import CLOUD_KEY, Fleet, database, sell
from cloud.postgres_books import PostgresStore
from cloud.server import CloudServer
from daemon.sync.link import outward
from daemon.sync.link.messages import MEDIA_TYPE, open_orders
from simulator import postgres
from tests.chain.bindings import OutwardBinding, until
from tests.chain.branch import Branch, town_of
from tests.chain.counter import Counter
from tests.web.till import customer, desfire

SALES: Final = 20
WAIT_MS: Final = 50_000
EXCHANGES: Final = 200
LOOK_S: Final = 0.002


class AsShipped(OutwardBinding):
    """With the pauses of the product, not those of the tests."""

    held_ms = outward.HELD_MS
    pause_s = outward.PAUSE_S


async def lost_card(server: postgres.Server, times: int) -> list[float]:
    """Seconds from the moment at which counter A is told "lost" until counter B refuses the card:
    two whole counters, TLS, the cloud on PostgreSQL."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with database(server) as url:
            store = await PostgresStore.open(url)
            try:
                async with town_of(folder, store, by_hand=False) as town:
                    binding = AsShipped(town, folder)
                    await binding.open()
                    try:
                        branches = []
                        for name in ("a", "b"):
                            branches.append(await town.open(name))
                            await binding.join(branches[-1])
                            await until(lambda at=branches[-1]: at.link.online)
                        return [await _lose(*branches, number) for number in range(times)]
                    finally:
                        await binding.close()
            finally:
                await store.close()


async def _lose(a: Branch, b: Branch, number: int) -> float:
    buyer = await customer(a.counter, desfire(number + 1), fen=10_000, name=f"member {number}")
    await until(lambda: b.counter.ledger.read(lambda books: books.card(buyer.card_id)))
    # Whatever the making of the card said is over: this is a counter at rest.
    await asyncio.sleep(outward.PAUSE_S + 1.0)
    began = time.perf_counter()
    reply = await a.counter.ask("POST", f"/cards/{buyer.card_id}/status", {"status": "lost"})
    assert reply.status in (200, 204), reply
    while True:
        card = await b.counter.ledger.read(lambda books: books.card(buyer.card_id))
        if card is not None and card.status.value == "lost":
            break
        await asyncio.sleep(LOOK_S)
    sale = await b.counter.begin(100)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(sale)
    seconds = time.perf_counter() - began
    assert (refused["status"], refused["reason"]) == ("declined", "card_lost"), refused
    return seconds


async def news_to_all(fleet: Fleet, times: int) -> tuple[float, float]:
    """(median, last) seconds until devices that hold an exchange open have heard of a change that
    one of them sent; each a connection of its own, without TLS."""
    served = CloudServer(fleet.cloud, "127.0.0.1", 0)
    await served.start()
    url = f"http://127.0.0.1:{served.port}{outward.PATH}"
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            rounds = [await _tell_all(fleet, session, url, n) for n in range(times)]
    finally:
        await served.stop()
    middles, lasts = zip(*rounds, strict=True)
    return statistics.median(middles), statistics.median(lasts)


async def _tell_all(
    fleet: Fleet, session: aiohttp.ClientSession, url: str, number: int
) -> tuple[float, float]:
    teller, *others = fleet.devices

    async def post(counter: Counter, wait_ms: int) -> float:
        message = counter.message(wait_ms=wait_ms)
        async with session.post(url, data=message, headers={"Content-Type": MEDIA_TYPE}) as reply:
            body = await reply.read()
            heard = time.perf_counter()
            assert reply.status == 200, body
        counter.obey(body)
        return heard

    holding = [asyncio.create_task(post(each, WAIT_MS)) for each in others]
    await asyncio.sleep(1.0 + len(others) / 100)
    assert not any(each.done() for each in holding)
    teller.change("members", f"member-{number}", CLOUD_KEY)
    began = time.perf_counter()
    await post(teller, 0)
    heard = sorted(at - began for at in await asyncio.gather(*holding))
    return heard[len(heard) // 2], heard[-1]


async def exchange_cpu_ms(fleet: Fleet) -> float:
    """Processor time of this process for one exchange that brings a batch of twenty sales, to the
    effects and the receipt; PostgreSQL's own is beside it."""
    held = {each.name: await fleet.fund(2, each) for each in fleet.devices[:EXCHANGES]}
    talking = list(itertools.islice(itertools.cycle(fleet.devices), EXCHANGES))
    took: list[float] = []
    for counter in talking:
        keys = itertools.cycle(held[counter.name])
        for _ in range(SALES):
            sell(counter, next(keys))
        message = counter.message()
        began = time.process_time()
        answer = await fleet.cloud.exchange(message)
        took.append((time.process_time() - began) * 1000)
        orders = open_orders(answer, counter.cloud)
        assert orders.pull.after == counter.disk.position.bseq
        counter.disk.cursor = orders.pull.after
    return statistics.median(took)


async def idle_cpu_ms(fleet: Fleet) -> float:
    """The same for one that has nothing to say and is told nothing: what a device that only holds
    the line costs, each time that it asks again."""
    took: list[float] = []
    for counter in itertools.islice(itertools.cycle(fleet.devices), EXCHANGES):
        message = counter.message()
        began = time.process_time()
        answer = await fleet.cloud.exchange(message)
        took.append((time.process_time() - began) * 1000)
        assert not open_orders(answer, counter.cloud).grants
    return statistics.median(took)
