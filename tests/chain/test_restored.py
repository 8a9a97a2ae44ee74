"""A disk that was restored from a backup, on the real ledger: its epoch is dead, what it held is
void, and it goes on in a new one with nothing to spend until it is granted something."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.sqlite_books import SqliteStore
from daemon.core.entry import Kind, parse_leaf
from daemon.keys.files import KeyFolder
from daemon.ledger.verify import verify
from daemon.ports.ledger import Books
from daemon.sync.receipts import progress
from tests.chain.branch import Branch, Town, town_of
from tests.web.till import customer, desfire


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    store = await SqliteStore.open(tmp_path / "cloud.db")
    try:
        async with town_of(tmp_path, store) as made:
            yield made
    finally:
        await store.close()


async def reborn(branch: Branch) -> None:
    await branch.start()
    branch.counter.token = None
    await branch.counter.sign_in(("9", "987654"))


def kinds(books: Books) -> list[Kind]:
    return [parse_leaf(leaf).draft.kind for _, leaf, _ in books.leaves(1, 10_000)]


async def test_a_restored_disk_begins_a_new_epoch(town: Town, tmp_path: Path) -> None:
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    await a.stop()
    image = tmp_path / "image"
    shutil.copytree(a.counter.folder, image)
    await reborn(a)
    sale = await a.counter.begin(10_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    await a.settle()
    await a.stop()
    shutil.rmtree(a.counter.folder)
    shutil.copytree(image, a.counter.folder)
    await reborn(a)
    # Sold again from what was spent already, before the cloud was heard.
    other = await a.counter.begin(2_000)
    a.cut = True
    await a.counter.tap(buyer.card)
    again = await a.counter.sale(other)
    a.cut = False
    await a.settle()
    assert await a.counter.ledger.read(lambda books: books.epoch()) == 2
    assert a.identity.epoch == 1 and a.link.status().online
    found = await a.counter.ledger.read(kinds)
    assert Kind.EPOCH in found
    assert found.index(Kind.LEASE_VOIDED) < found.index(Kind.EPOCH)
    now = await progress(a.counter.ledger)
    assert now.sealed == now.receipted > 0
    assert "ROLLBACK" in await town.found() or "FORK" in await town.found()
    principal = (await town.sums())["principal"]
    spent = 10_000 + (2_000 if again["status"] == "approved" else 0)
    assert principal["settled"] == spent
    await a.stop()
    keys = KeyFolder(a.counter.folder / "keys")
    report = verify(a.counter.folder / "ledger.db", keys.ledger_key(), keys.signer().public_key)
    assert report.ok, str(report)
    await reborn(a)
    await a.settle()
    third = await a.counter.begin(1_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(third))["status"] == "approved"


async def test_a_power_cut_keeps_the_epoch(town: Town) -> None:
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    await a.stop()
    await reborn(a)
    sale = await a.counter.begin(10_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    await a.settle()
    assert await a.counter.ledger.read(lambda books: books.epoch()) == 1
    assert await town.found() == []
