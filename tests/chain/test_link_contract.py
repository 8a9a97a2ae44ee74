"""What holds between a counter and its cloud on every binding: `outward` (the device dials) and
`inward` (the cloud comes), each over real TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.sqlite_books import SqliteStore
from daemon.operations.shop import Shop
from daemon.sync.receipts import progress
from tests.chain.bindings import BINDINGS, Binding, bound, until
from tests.chain.branch import Branch, Town, town_of
from tests.web.till import customer, desfire


@dataclass
class Joined:
    town: Town
    binding: Binding

    async def open(self, name: str) -> Branch:
        branch = await self.town.open(name)
        await self.binding.join(branch)
        await until(lambda: branch.link.online)
        return branch


@pytest.fixture(params=list(BINDINGS))
async def joined(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Joined]:
    store = await SqliteStore.open(tmp_path / "cloud.db")
    try:
        async with (
            town_of(tmp_path, store, by_hand=False) as town,
            bound(request.param, town, tmp_path) as binding,
        ):
            yield Joined(town, binding)
    finally:
        await store.close()


async def all_received(shop: Shop) -> bool:
    """Whether the cloud has said that it keeps everything that is on the journal."""

    def look(books: object) -> int:
        last = books.last_batch()  # type: ignore[attr-defined]
        return 0 if last is None else int(books.head().dseq - last.last_dseq)  # type: ignore[attr-defined]

    unsealed = await shop.ledger.read(look)
    now = await progress(shop.ledger)
    return unsealed == 0 and now.sealed > 0 and now.sealed == now.receipted


async def test_a_sale_goes_up_by_itself_and_is_receipted(joined: Joined) -> None:
    a = await joined.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    sale = await a.counter.begin(1_850)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    await until(lambda: all_received(a.counter.shop))
    principal = (await joined.town.sums())["principal"]
    assert (principal["funded"], principal["settled"]) == (50_000, 1_850)


async def test_money_is_called_in_while_the_member_waits(joined: Joined) -> None:
    a, b = await joined.open("a"), await joined.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await until(lambda: b.counter.ledger.read(lambda books: books.card(buyer.card_id)))
    await until(lambda: all_received(a.counter.shop))
    sale = await b.counter.begin(30_000)
    await b.counter.tap(buyer.card)
    sold = await b.counter.sale(sale)
    assert sold["status"] == "approved", sold
    await until(lambda: all_received(b.counter.shop))
    principal = (await joined.town.sums())["principal"]
    assert principal["settled"] == 30_000
    assert principal["overspent"] == principal["in_debit"] == 0
    assert await joined.town.found() == []


async def test_a_lost_card_is_refused_at_the_other_counter(joined: Joined) -> None:
    a, b = await joined.open("a"), await joined.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await until(lambda: b.counter.ledger.read(lambda books: books.card(buyer.card_id)))
    reply = await a.counter.ask("POST", f"/cards/{buyer.card_id}/status", {"status": "lost"})
    assert reply.status in (200, 204), reply

    async def lost_at_b() -> bool:
        card = await b.counter.ledger.read(lambda books: books.card(buyer.card_id))
        return card is not None and card.status.value == "lost"

    await until(lost_at_b)
    sale = await b.counter.begin(1_000)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(sale)
    assert (refused["status"], refused["reason"]) == ("declined", "card_lost")


async def test_a_line_that_was_cut_is_taken_up_again(joined: Joined) -> None:
    a = await joined.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await until(lambda: all_received(a.counter.shop))
    await joined.binding.part(a)
    a.link.lost()
    assert not a.link.status().online
    sale = await a.counter.begin(1_850)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    await joined.binding.join(a)

    async def back() -> bool:
        return a.link.status().online and await all_received(a.counter.shop)

    await until(back)
    assert (await joined.town.sums())["principal"]["settled"] == 1_850
