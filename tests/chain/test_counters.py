"""The counters that a device keeps are the folds of its own postings, by the rule that the cloud
counts with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.sqlite_books import SqliteStore
from daemon.core.entry import parse_leaf
from daemon.core.lease.device import fold
from daemon.core.lease.moves import OWED
from daemon.ports.ledger import Books
from tests.chain.branch import Town, town_of
from tests.web.till import customer, desfire


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    store = await SqliteStore.open(tmp_path / "cloud.db")
    try:
        async with town_of(tmp_path, store) as made:
            yield made
    finally:
        await store.close()


def require_folds(books: Books) -> int:
    """Returns how many accounts were compared."""
    entries = [parse_leaf(leaf) for _, leaf, _ in books.leaves(1, 100_000)]
    compared = 0
    for key, counted in fold(entries).items():
        if key.asset == OWED:
            continue
        kept = books.counters(key.account())
        assert (kept.seen, kept.online, kept.topped_up) == (
            counted.seen,
            counted.online,
            counted.topped_up,
        )
        assert (kept.refunded, kept.spent, kept.returned) == (
            counted.refunded,
            counted.spent,
            counted.returned,
        )
        assert kept.here == counted.here == books.balance(key.account())
        compared += 1
    return compared


async def test_counters_are_folds(town: Town) -> None:
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await town.settle()
    async with a.listening():
        sale = await b.counter.begin(10_000)
        await b.counter.tap(buyer.card)
    assert (await b.counter.sale(sale))["status"] == "approved"
    path = f"/sales/{sale}/void"
    voided = await b.counter.ask("POST", path, {}, key=b.counter.new_key())
    assert voided.status == 200, voided
    await b.counter.recharge(buyer.member_id, 20_000)
    await town.settle()
    assert await a.counter.ledger.read(require_folds) >= 2
    assert await b.counter.ledger.read(require_folds) >= 3
    principal = (await town.sums())["principal"]
    assert (principal["funded"], principal["settled"]) == (70_000, 0)
    assert await town.found() == []
