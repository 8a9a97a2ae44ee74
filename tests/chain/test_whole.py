"""A member's whole balance, as the cloud last said: told with its time, kept, and never spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloud.books import CloudStore
from daemon.core.errors import SyncError
from tests.chain.branch import Branch, Town, town_of
from tests.fakes.clock import HandClock
from tests.web.test_events import listening
from tests.web.till import Counter, customer, desfire, living


@pytest.fixture
async def town(tmp_path: Path, store: CloudStore) -> AsyncIterator[Town]:
    async with town_of(tmp_path, store) as made:
        yield made


async def in_chain(branch: Branch, member_id: str) -> dict[str, Any]:
    """As the page is told at once; what the cloud says to it comes afterwards."""
    wallet = await branch.counter.get(f"/members/{member_id}/wallet")
    told: dict[str, Any] = wallet["chain"]
    return told


def held_fen(chain: dict[str, Any]) -> int:
    return int(chain["here"]["principal_fen"] + chain["here"]["bonus_fen"])


async def looked_up(branch: Branch, member_id: str) -> dict[str, Any]:
    """As it stands once the cloud has answered for who looks."""
    await in_chain(branch, member_id)
    await branch.settle()
    return await in_chain(branch, member_id)


async def test_the_whole_is_told_with_its_time(town: Town) -> None:
    """At b nothing is held and nothing was asked yet; then what a took in and sold is told."""
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await town.settle()
    nothing = {"principal_fen": 0, "bonus_fen": 0, "at_ms": 0}
    before = await in_chain(b, buyer.member_id)
    assert ({**before["here"], "at_ms": 0}, before["whole"]) == (nothing, None)
    town.clock.advance(60)
    first = await looked_up(b, buyer.member_id)
    assert {**first["here"], "at_ms": 0} == nothing
    assert {**first["whole"], "as_of_ms": 0} == {
        "principal_fen": 50_000,
        "bonus_fen": 5_000,
        "owed_fen": 0,
        "as_of_ms": 0,
    }
    sale = await a.counter.begin(11_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    assert (await looked_up(b, buyer.member_id))["whole"]["principal_fen"] == 50_000
    town.clock.advance(60)
    await town.settle()
    then = (await looked_up(b, buyer.member_id))["whole"]
    assert then["principal_fen"] + then["bonus_fen"] == 44_000
    assert then["as_of_ms"] >= first["whole"]["as_of_ms"] + 60_000
    assert (await looked_up(a, buyer.member_id))["whole"]["principal_fen"] == then["principal_fen"]


async def test_cut_off_the_last_word_stays_with_its_time(town: Town) -> None:
    """Also after a restart, and whatever is spent meanwhile from what is here."""
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    await looked_up(a, buyer.member_id)
    a.cut = True
    with pytest.raises(SyncError, match="link_failed"):
        await a.talk()
    before = await in_chain(a, buyer.member_id)
    assert before["whole"] is not None
    town.clock.advance(600)
    sale = await a.counter.begin(11_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    after = await in_chain(a, buyer.member_id)
    assert after["whole"] == before["whole"]
    assert held_fen(after) == held_fen(before) - 11_000
    await a.stop()
    await a.start()
    again = await in_chain(a, buyer.member_id)
    assert (again["whole"], held_fen(again)) == (after["whole"], held_fen(after))


async def test_who_is_granted_something_is_told_of_unasked(town: Town) -> None:
    """A branch that holds a lease knows the whole before anybody looks, for the day it is cut."""
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await town.settle()
    async with a.listening():
        sale = await b.counter.begin(1_100)
        await b.counter.tap(buyer.card)
    assert (await b.counter.sale(sale))["status"] == "approved"
    await town.settle()
    b.cut = True
    b.link.lost()
    whole = (await in_chain(b, buyer.member_id))["whole"]
    assert whole is not None
    assert whole["principal_fen"] + whole["bonus_fen"] in (55_000, 53_900)


async def test_the_page_that_looks_is_told(town: Town) -> None:
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    async with asyncio.timeout(60), listening(a.counter) as stream:
        told = await in_chain(a, buyer.member_id)
        event = await stream.until("whole")
    assert event.body["member_id"] == buyer.member_id
    assert held_fen(event.body["chain"]) == held_fen(told) == 55_000
    assert event.body["chain"]["whole"] == (await in_chain(a, buyer.member_id))["whole"]


async def test_a_shop_alone_has_no_chain_to_tell_of(tmp_path: Path) -> None:
    async with living(Counter(tmp_path, HandClock())) as counter:
        await counter.hire()
        await counter.sign_in()
        member = await counter.member()
        wallet = await counter.get(f"/members/{member['member_id']}/wallet")
        assert wallet["chain"] is None
