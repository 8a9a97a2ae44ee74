"""An online debit in one statement is kept whole if nothing has moved, and not at all otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random

import pytest

from cloud.books import CloudBooks, CloudStore
from cloud.desks.at_once import MOST_ACCOUNTS
from cloud.epochs import end_epoch
from cloud.records import DebitPart, Device, SaleDebit
from cloud.requests import Asker, answer_request
from daemon.core.errors import SyncError
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.policy import ChainPolicy
from daemon.core.lease.values import Debit as OneDebit
from daemon.core.lease.values import Home
from daemon.sync.envelope import SeedKey
from daemon.sync.link.asking import Answer, Debit, Granted, Insufficient, Refused, Reverse, Reversed
from tests.chain.counter import MERCHANT

KEY = SeedKey(b"D1".ljust(32, b"."))
DEVICE = Device("D1", MERCHANT, "S1", KEY.public_key, enrolled_ms=1)
ASKER = Asker(DEVICE, 1, ChainPolicy(), 1_000)
CASH, GIFT = AccountKey("m1", "principal", 5), AccountKey("m1", "bonus", 5)
LATER, WASH = AccountKey("m1", "principal", 9), AccountKey("m1", "pass:wash", 5)
OWED = AccountKey("m1", "owed", 0)


async def begin(store: CloudStore, homes: dict[AccountKey, Home]) -> None:
    async with store.transaction() as books:
        await books.devices.put_device(DEVICE)
        await books.journals.open_journal("D1", 1, "S1", 7)
        await books.accounts.hold(homes)
        await books.accounts.put(homes)
        await books.accounts.put_rules({key: f"of {key.asset}" for key in homes})


@pytest.fixture
async def store(
    open_store: Callable[[str], AbstractAsyncContextManager[CloudStore]],
) -> AsyncIterator[CloudStore]:
    async with open_store("postgres") as opened:
        assert opened.at_once
        yield opened


def full(amount: int) -> Home:
    return Home(funded=amount, reserve=amount)


def one(txid: str, amount: int, home: Home) -> tuple[SaleDebit, Home, DebitPart]:
    """A debit of the only account, as it is decided from a look."""
    after = replace(home, reserve=home.reserve - amount, in_debit=home.in_debit + amount)
    part = DebitPart(CASH, txid, OneDebit("D1", 1, amount))
    return SaleDebit(txid, "m1", "D1", 1, False, 5), after, part


async def ask(store: CloudStore, txid: str, fen: int, *units: tuple[str, int]) -> Answer:
    return await answer_request(
        store, ASKER, Debit(txid, "m1", fen, "principal_first", tuple(units))
    )


async def standing(store: CloudStore) -> dict[AccountKey, Home]:
    async with store.look() as books:
        assert await books.accounts.unsound() == []
        return await books.accounts.look(["m1"])


async def test_it_is_kept_whole(store: CloudStore) -> None:
    await begin(store, {CASH: full(100)})
    claim, after, part = one("t1", 30, full(100))
    async with store.look() as books:
        before = await books.accounts.look(["m1"])
        assert await books.accounts.debit_if_unchanged(claim, before, {CASH: after}, [part])
        assert await books.accounts.debit("t1") == claim
        assert await books.accounts.parts(["t1"]) == [part]
    assert await standing(store) == {CASH: after}


@pytest.mark.parametrize("letter", ["funded", "reserve", "settled", "overspent", "at_risk"])
async def test_an_account_that_moved_keeps_everything_as_it_is(
    store: CloudStore, letter: str
) -> None:
    await begin(store, {CASH: full(100), GIFT: full(5)})
    seen = await standing(store)
    moved = replace(seen[GIFT], **{letter: getattr(seen[GIFT], letter) + 1})
    async with store.transaction() as books:
        await books.accounts.put({GIFT: moved})
    claim, after, part = one("t1", 30, seen[CASH])
    async with store.look() as books:
        wanted = {**seen, CASH: after}
        assert not await books.accounts.debit_if_unchanged(claim, seen, wanted, [part])
        assert await books.accounts.look(["m1"]) == {CASH: full(100), GIFT: moved}
        assert await books.accounts.parts(["t1"]) == []


async def test_a_journal_that_is_closed_and_a_sale_that_is_claimed(store: CloudStore) -> None:
    await begin(store, {CASH: full(100)})
    claim, after, part = one("t1", 30, full(100))
    async with store.transaction() as books:
        assert await books.accounts.claim_debit(replace(claim, reversed=True)) is None
    async with store.look() as books:
        wanted = ({CASH: full(100)}, {CASH: after}, [part])
        assert not await books.accounts.debit_if_unchanged(claim, *wanted)
        fresh = replace(claim, txid="t2", epoch=7)
        assert not await books.accounts.debit_if_unchanged(fresh, *wanted)
        assert await books.accounts.debit("t2") is None
    assert await standing(store) == {CASH: full(100)}


async def test_what_would_be_half_a_debit_is_undone(store: CloudStore) -> None:
    await begin(store, {CASH: full(100)})
    claim, after, part = one("t1", 30, full(100))
    async with store.transaction() as books:
        await books.accounts.put_parts([part])
    with pytest.raises(SyncError):
        async with store.look() as books:
            await books.accounts.debit_if_unchanged(claim, {CASH: full(100)}, {CASH: after}, [part])
    async with store.look() as books:
        assert await books.accounts.look(["m1"]) == {CASH: full(100)}
        assert await books.accounts.debit("t1") is None


async def test_a_member_with_many_lots_is_served_in_turns(store: CloudStore) -> None:
    lots = [AccountKey("m1", "principal", lot) for lot in range(1, MOST_ACCOUNTS + 2)]
    await begin(store, dict.fromkeys(lots, full(10)))
    assert isinstance(await ask(store, "t1", 95), Granted)
    homes = await standing(store)
    assert sum(home.in_debit for home in homes.values()) == 95


async def test_it_waits_for_who_holds_the_account_and_then_sees_it(store: CloudStore) -> None:
    await begin(store, {CASH: full(100)})
    holding, let_go = asyncio.Event(), asyncio.Event()

    async def other(books: CloudBooks) -> None:
        await books.accounts.hold([CASH])
        holding.set()
        await let_go.wait()
        await books.accounts.put({CASH: Home(funded=100, reserve=20, settled=80)})

    taking = asyncio.create_task(store.run(other))
    await holding.wait()
    asking = asyncio.create_task(ask(store, "t1", 30))
    await asyncio.sleep(0.2)
    assert not asking.done()
    let_go.set()
    await taking
    assert await asking == Insufficient("t1", 20, ())
    assert await ask(store, "t1", 20) == await ask(store, "t1", 20)
    assert (await standing(store))[CASH].in_debit == 20


async def test_many_at_one_account_take_no_more_than_there_is(store: CloudStore) -> None:
    await begin(store, {CASH: full(100), GIFT: full(55)})
    told = await asyncio.gather(*(ask(store, f"t{n}", 10) for n in range(30)))
    granted = [each for each in told if isinstance(each, Granted)]
    assert len(granted) == 15 and all(isinstance(e, Granted | Insufficient) for e in told)
    homes = await standing(store)
    assert homes[CASH].reserve + homes[GIFT].reserve == 5
    assert homes[CASH].in_debit + homes[GIFT].in_debit == 150


async def test_one_sale_asked_at_once_by_many_is_one_debit(store: CloudStore) -> None:
    await begin(store, {CASH: full(100)})
    told = await asyncio.gather(*(ask(store, "t1", 60) for _ in range(8)))
    assert all(each == told[0] and isinstance(each, Granted) for each in told)
    assert (await standing(store))[CASH].in_debit == 60


async def test_a_debit_and_its_reversal_at_once(store: CloudStore) -> None:
    await begin(store, {CASH: full(1_000)})

    async def both(n: int) -> tuple[Answer, Answer]:
        reverse = answer_request(store, ASKER, Reverse(f"t{n}"))
        debit, gone = await asyncio.gather(ask(store, f"t{n}", 10), reverse)
        return debit, gone

    told = await asyncio.gather(*(both(n) for n in range(12)))
    assert all(isinstance(gone, Reversed) for _, gone in told)
    assert (await standing(store))[CASH] == full(1_000)


async def test_debits_while_the_epoch_ends(store: CloudStore) -> None:
    await begin(store, {CASH: full(1_000)})

    async def end(books: CloudBooks) -> None:
        journal = await books.journals.journal("D1", 1)
        assert journal is not None
        await end_epoch(books, DEVICE, journal, "lost", 2_000)

    asked = [ask(store, f"t{n}", 10) for n in range(20)]
    told = await asyncio.gather(*asked[:10], store.run(end), *asked[10:])
    assert await ask(store, "late", 10) == Refused("late", "lease_closed")
    granted = [each for each in told if isinstance(each, Granted)]
    home = (await standing(store))[CASH]
    assert home.in_debit == 0 and home.at_risk == 10 * len(granted) and home.reserve == 1_000


@pytest.mark.parametrize("seed", range(6))
async def test_it_answers_as_turns_do(
    open_store: Callable[[str], AbstractAsyncContextManager[CloudStore]], seed: int
) -> None:
    """postgres at once, sqlite in turns: the same answers and the same books."""
    draw = Random(seed)
    homes = {key: full(draw.randrange(60)) for key in (CASH, GIFT, LATER, WASH)}
    owes = draw.choice((0, draw.randrange(40)))
    homes[OWED] = Home(settled=owes, overspent=owes)
    wanted = [
        (f"t{draw.randrange(9)}", draw.randrange(30), draw.choice((0, 0, draw.randrange(9))))
        for _ in range(14)
    ]

    async def all_of(kind: str) -> tuple[list[Answer], dict[AccountKey, Home]]:
        async with open_store(kind) as store:
            await begin(store, homes)
            told = []
            for txid, fen, times in wanted:
                told.append(await ask(store, txid, fen, *([("pass:wash", times)] if times else [])))
            return told, await standing(store)

    told, books = await all_of("postgres")
    assert (told, books) == await all_of("sqlite")
    assert any(isinstance(each, Granted) for each in told)
