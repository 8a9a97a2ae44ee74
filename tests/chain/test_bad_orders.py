"""What a device does with orders that are not right, and with right ones in any order: each is
refused by name, nothing of it is kept, and the same books come of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.sqlite_books import SqliteStore
from daemon.core.entry import Account
from daemon.core.errors import SyncError
from daemon.operations.branch_grants import Total, release, take_totals
from daemon.ports.ledger import Books
from daemon.sync.envelope import SeedKey
from daemon.sync.envelope.canonical import encode
from daemon.sync.link.asking import Granted, Part
from daemon.sync.link.messages import (
    Delta,
    Grant,
    NewJournal,
    Orders,
    Pull,
    Recall,
    Row,
    open_report,
)
from tests.chain.branch import CLOUD_SEED, Branch, town_of

MEMBER = "01HMEMBER00000000000000001"
KEY = SeedKey(CLOUD_SEED)
LOT = 7 << 40 | 3
YEAR_MS = 365 * 86_400_000


@pytest.fixture
async def a(tmp_path: Path) -> AsyncIterator[Branch]:
    store = await SqliteStore.open(tmp_path / "cloud.db")
    try:
        async with town_of(tmp_path, store, by_hand=False) as town:
            yield await town.open("a")
    finally:
        await store.close()


async def orders_for(branch: Branch, **said: Any) -> Orders:
    """Orders that answer the device's next report, of the epoch it is in."""
    signer = branch.signer
    message = await branch.link.report()
    report = open_report(message, {signer.key_id: signer.public_key})
    now_ms = branch.counter.clock.now_ms()
    state = await branch.counter.ledger.read(lambda books: books.chain_state())
    assert state is not None
    plain = Orders(
        echo=report.nonce,
        device=branch.device,
        epoch=report.hello.identity.epoch,
        now_ms=now_ms,
        valid_until_ms=now_ms + 3_600_000,
        pull=Pull(state.pull_after, 1 << 20),
    )
    return replace(plain, **said)


async def here(branch: Branch, member_id: str = MEMBER) -> int:
    def look(books: Books) -> int:
        return sum(each.balance for each in books.holdings(f"member:{member_id}"))

    return await branch.counter.ledger.read(look)


def grant(gseq: int, total: int, lot: int = LOT) -> Grant:
    return Grant(gseq, MEMBER, "principal", lot, total, '{"given":"tier"}')


async def refusal(branch: Branch, orders: Orders, key: SeedKey = KEY) -> str:
    before = await branch.counter.ledger.read(lambda books: books.head())
    with pytest.raises(SyncError) as told:
        await branch.link.obey(orders.sealed_by(key))
    after = await branch.counter.ledger.read(lambda books: books.head())
    assert before == after
    return told.value.key


async def test_orders_that_are_not_for_us(a: Branch) -> None:
    good = await orders_for(a, grants=(grant(9, 500),))
    assert await refusal(a, good, SeedKey(bytes(32))) == "orders_key_unknown"
    broken = bytearray(good.sealed_by(KEY))
    broken[-1] ^= 1
    with pytest.raises(SyncError, match="orders_signature"):
        await a.link.obey(bytes(broken))
    with pytest.raises(SyncError, match="orders_malformed"):
        await a.link.obey(bytes(broken[:-70]))
    other = await orders_for(a, device="b", grants=(grant(9, 500),))
    assert await refusal(a, other) == "orders_device"
    dead = await orders_for(a, epoch=7, grants=(grant(9, 500),))
    assert await refusal(a, dead) == "orders_epoch"
    assert await here(a) == 0


async def test_orders_are_obeyed_once(a: Branch) -> None:
    orders = await orders_for(a, grants=(grant(1, 500),))
    await a.link.obey(orders.sealed_by(KEY))
    assert await here(a) == 500
    assert await refusal(a, orders) == "orders_replayed"
    forged = replace(orders, echo=bytes(16))
    assert await refusal(a, forged) == "orders_replayed"


async def test_a_delta_is_taken_whole_or_not_at_all(a: Branch) -> None:
    employee = {
        "number": "77",
        "name": "Li",
        "role": "cashier",
        "pin_hash": "x",
        "grade": "",
        "active": True,
        "language": "",
    }
    start = (await a.counter.ledger.read(lambda books: books.dataset_versions()))["staff"]

    async def obey(delta: Delta) -> tuple[str, ...]:
        told = await a.link.obey((await orders_for(a, deltas=(delta,))).sealed_by(KEY))
        return told.refused

    async def has(number: str) -> bool:
        found = await a.counter.ledger.read(lambda books: books.employee_by_number(number))
        return found is not None

    good = Row("01HEMPLOYEE000000000000001", encode(employee))
    bad = Row("01HEMPLOYEE000000000000002", encode({"number": "78"}))
    torn = Row("01HEMPLOYEE000000000000003", encode(employee)[:-3])
    assert await obey(Delta("staff", start, start + 2, False, (good, bad))) == ("row_malformed",)
    assert await obey(Delta("staff", start, start + 2, False, (good, torn))) == ("row_malformed",)
    assert await obey(Delta("staff", start + 1, start + 3, False, (good,))) == ("delta_gap",)
    assert await obey(Delta("weather", 0, 1, False, (good,))) == ("dataset_unknown",)
    assert not await has("77")
    assert await obey(Delta("staff", start, start + 5, False, (good,))) == ()
    assert await has("77")
    gone = Delta("staff", start, start + 4, False, (Row(good.key, None),))
    assert await obey(gone) == ("delta_behind",)
    assert await obey(replace(gone, end=start + 5)) == (), "the version that is here: no news"
    kept = await a.counter.ledger.read(lambda books: books.employee_by_number("77"))
    assert kept is not None and kept.active
    orphan = Row(
        "01HCARD0000000000000000001",
        encode(
            {
                "member_id": "01HNOBODY00000000000000001",
                "uid": "04a1b2c3",
                "technology": "uid",
                "status": "active",
                "key_version": None,
                "counter": None,
                "issued_ms": 0,
                "number": None,
                "valid_to": None,
                "replaces": None,
            }
        ),
    )
    assert await obey(Delta("cards", 0, 4, False, (orphan,))) == ("row_orphan",)


async def test_rules_that_cannot_be_read_are_not_put_in_force(a: Branch) -> None:
    edition = a.counter.shop.rules.edition
    row = Row("catalogue", encode({"content": {"nonsense": 1}, "note": ""}))
    orders = await orders_for(a, deltas=(Delta("rules", 0, 9, False, (row,)),))
    assert (await a.link.obey(orders.sealed_by(KEY))).refused == ("rules_refused",)
    assert a.counter.shop.rules.edition == edition
    assert await a.counter.ledger.read(lambda books: books.document("catalogue")) is None


async def test_a_cloud_whose_clock_is_a_year_off(a: Branch) -> None:
    """How long leases hold is counted from its own word to its own word."""
    for off_ms in (YEAR_MS, -YEAR_MS):
        now_ms = a.counter.clock.now_ms() + off_ms
        orders = await orders_for(a, now_ms=now_ms, valid_until_ms=now_ms + 60_000)
        before = await a.counter.ledger.read(lambda books: books.chain_state())
        await a.link.obey(orders.sealed_by(KEY))
        state = await a.counter.ledger.read(lambda books: books.chain_state())
        assert state is not None and before is not None
        here_ms = a.counter.clock.now_ms()
        if off_ms > 0:
            assert 0 < state.valid_until_ms - here_ms <= 60_000
        else:
            assert state == before, "an older word of the cloud takes nothing back"


async def test_nothing_is_granted_to_a_dead_epoch(a: Branch) -> None:
    await a.link.obey((await orders_for(a, grants=(grant(1, 500),))).sealed_by(KEY))
    late = await orders_for(a, grants=(grant(2, 900),))
    told = await orders_for(a, journal=NewJournal(2, 44), grants=(grant(3, 950),))
    await a.link.obey(told.sealed_by(KEY))
    assert await here(a) == 0
    assert await a.counter.ledger.read(lambda books: (books.epoch(), books.journal_number())) == (
        2,
        44,
    )
    assert await refusal(a, late) in ("orders_replayed", "orders_epoch")
    assert await here(a) == 0
    await a.link.obey((await orders_for(a, grants=(grant(1, 70),))).sealed_by(KEY))
    assert await here(a) == 70


async def test_a_granted_debit_that_nobody_waits_for_is_not_taken(a: Branch) -> None:
    answer = Granted("01HSALE0000000000000000001", (Part("principal", LOT, 500, "tier"),))
    await a.link.obey((await orders_for(a, answers=(answer,))).sealed_by(KEY))
    assert await here(a) == 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_order_of_totals_gives_the_same_books(a: Branch, data: st.DataObject) -> None:
    """Doubled, late and out of turn: grants are totals, so the greatest one is what counts."""
    rounds = next(_rounds)
    member_id = f"01HM{rounds:022d}"
    totals = [
        Total(gseq, member_id, "principal", 7 << 40 | lot, total, "tier")
        for gseq, (lot, total) in enumerate(
            data.draw(
                st.lists(
                    st.tuples(st.integers(1, 3), st.integers(1, 5_000)), min_size=1, max_size=6
                )
            ),
            start=1,
        )
    ]
    doubled = data.draw(st.permutations([*totals, *totals]))
    cut = data.draw(st.integers(0, len(doubled)))
    clock = a.counter.clock

    def work(books: Books) -> None:
        take_totals(books, clock, doubled[:cut])
        take_totals(books, clock, doubled[cut:])

    await a.counter.ledger.write(work)
    greatest: dict[int, int] = {}
    for each in totals:
        greatest[each.lot] = max(greatest.get(each.lot, 0), each.total)

    def look(books: Books) -> dict[int, int]:
        owner = f"member:{member_id}"
        for held in books.holdings(owner):
            assert books.counters(held.account).here == held.balance
        return {held.account.lot: held.balance for held in books.holdings(owner)}

    assert await a.counter.ledger.read(look) == greatest
    given_back = await a.counter.ledger.write(
        lambda books: release(books, clock, member_id, "principal")
    )
    assert given_back == sum(greatest.values())
    await a.counter.ledger.write(work)
    assert await here(a, member_id) == 0, "what was given back is not granted again by old totals"
    lot = Account(f"member:{member_id}", "principal", next(iter(greatest)))
    counters = await a.counter.ledger.read(lambda books: books.counters(lot))
    assert (counters.seen, counters.returned) == (greatest[lot.lot], greatest[lot.lot])


_rounds = itertools.count(1)


async def test_a_recall_is_obeyed_before_it_is_told(a: Branch) -> None:
    await a.link.obey((await orders_for(a, grants=(grant(1, 500),))).sealed_by(KEY))
    told = await a.link.obey(
        (await orders_for(a, recalls=(Recall(MEMBER, "principal"),))).sealed_by(KEY)
    )
    assert told.more, "it is told at once"
    assert await here(a) == 0
