"""One writer thread: shared commits, callers that give up, bugs in an operation, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.core.card import CardStatus, Technology
from daemon.core.errors import LedgerError, Refused
from daemon.core.records import Card
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from daemon.ledger.writer import MOST_TOGETHER
from daemon.ports.ledger import Books
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, owner_of, recharge, sale


async def commits_of(ledger: SqlLedger) -> list[str]:
    """Every statement that ends a transaction on the write connection, after this one's."""
    seen: list[str] = []

    def trace(statement: str) -> None:
        if statement in ("COMMIT", "ROLLBACK"):
            seen.append(statement)

    await ledger.write(
        lambda books: books._connection.set_trace_callback(trace)  # type: ignore[attr-defined]
    )
    seen.clear()
    return seen


def hold(ledger: SqlLedger) -> tuple[Callable[[], None], asyncio.Task[None]]:
    """Keeps the writer busy until the returned function is called."""
    gate = threading.Event()

    def work(books: Books) -> None:
        assert gate.wait(30)

    return gate.set, asyncio.ensure_future(ledger.write(work))


async def test_writers_that_wait_share_a_commit(sql: SqlLedger, clock: TickClock) -> None:
    who = member(clock)
    await sql.write(recharge(clock, who, 100_000))
    seen = await commits_of(sql)
    release, held = hold(sql)
    await asyncio.sleep(0.05)
    waiting = [asyncio.ensure_future(sql.write(sale(clock, who, 10))) for _ in range(40)]
    await asyncio.sleep(0.05)
    release()
    entries = await asyncio.gather(*waiting)
    await held
    assert [entry.dseq for entry in entries] == list(range(2, 42))
    shared = -(-40 // MOST_TOGETHER)
    assert seen.count("COMMIT") == 1 + shared


async def test_a_lone_writer_commits_for_itself(sql: SqlLedger, clock: TickClock) -> None:
    who = member(clock)
    await sql.write(recharge(clock, who, 1_000))
    seen = await commits_of(sql)
    for _ in range(5):
        await sql.write(sale(clock, who, 10))
    assert seen == ["COMMIT"] * 5


async def test_one_that_fails_does_not_harm_its_companions(
    sql: SqlLedger, clock: TickClock
) -> None:
    rich, poor = member(clock, "1"), member(clock, "2")
    await sql.write(recharge(clock, rich, 1_000))
    await sql.write(recharge(clock, poor, 5))

    def refused(books: Books) -> None:
        books.put_setting("never", "kept")
        raise Refused("insufficient_funds")

    def broken(books: Books) -> None:
        sale(clock, rich, 10)(books)
        raise KeyError("a bug")

    seen = await commits_of(sql)
    release, held = hold(sql)
    await asyncio.sleep(0.05)
    works = [sale(clock, rich, 10), refused, sale(clock, poor, 6), broken, sale(clock, rich, 20)]
    waiting = [asyncio.ensure_future(sql.write(work)) for work in works]
    await asyncio.sleep(0.05)
    release()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await held
    assert seen == ["COMMIT", "COMMIT"]
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Entry",
        "Refused",
        "AssertionError",
        "KeyError",
        "Entry",
    ]
    assert sql.stopped is None
    assert await sql.read(lambda books: books.setting("never")) is None
    holdings = await sql.read(lambda books: books.holdings(owner_of(rich)))
    assert [holding.balance for holding in holdings] == [970]
    assert (await sql.read(lambda books: books.head())).dseq == 4


async def test_a_constraint_is_a_bug_and_not_the_end(sql: SqlLedger, clock: TickClock) -> None:
    for wrong in (
        lambda books: books.add_card(_card_of_nobody(clock)),
        lambda books: books._change("SELECT nonsense FROM nowhere"),
        lambda books: books._change("INSERT INTO setting VALUES (?, ?)", "a", object()),
    ):
        with pytest.raises(AssertionError):
            await sql.write(wrong)
    assert sql.stopped is None


def _card_of_nobody(clock: TickClock) -> Card:
    return Card(clock.new_id(), "nobody", b"1234", Technology.UID, CardStatus.ACTIVE)


async def test_the_journal_cannot_be_changed_or_shortened(sql: SqlLedger, clock: TickClock) -> None:
    await sql.write(recharge(clock, member(clock), 100))
    await sql.close()
    for statement in (
        "UPDATE journal SET at_ms = 1",
        "DELETE FROM journal",
        "REPLACE INTO journal SELECT * FROM journal",
        "UPDATE posting SET amount = 1",
        "DELETE FROM posting",
        "UPDATE account SET owner = 'member:x'",
        "DELETE FROM account",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET dseq = 9",
    ):
        again = await SqlLedger.open(sql._path, KEY, SeedSigner(), clock, device="device-1")
        with pytest.raises(AssertionError):
            await again.write(lambda books, s=statement: books._change(s))  # type: ignore
        await again.close()
    assert verify(sql._path, KEY, SeedSigner().public_key).ok


async def test_giving_up_the_wait_does_not_stop_the_write(sql: SqlLedger, clock: TickClock) -> None:
    who = member(clock)
    entry = await sql.write(recharge(clock, who, 1_000))
    op_id = clock.new_id()
    release, held = hold(sql)
    await asyncio.sleep(0.05)
    waiting = asyncio.ensure_future(sql.write(sale(clock, who, 10, op_id=op_id)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release()
    await held
    await sql.write(lambda books: None)
    found = await sql.read(lambda books: books.entry_of(op_id))
    assert found is not None and found.dseq == entry.dseq + 1


async def test_a_cancelled_read_leaves_the_reader_usable(sql: SqlLedger) -> None:
    started, gate = threading.Event(), threading.Event()

    def slow(books: Books) -> None:
        started.set()
        assert gate.wait(30)

    waiting = asyncio.ensure_future(sql.read(slow))
    await asyncio.to_thread(started.wait, 30)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    assert await sql.read(lambda books: books.epoch()) == 1


async def test_a_reader_sees_one_snapshot(sql: SqlLedger, clock: TickClock) -> None:
    who = member(clock)
    await sql.write(recharge(clock, who, 1_000))
    started, gate = threading.Event(), threading.Event()

    def twice(books: Books) -> tuple[int, int]:
        before = books.head().dseq
        started.set()
        assert gate.wait(30)
        return before, books.head().dseq

    looking = asyncio.ensure_future(sql.read(twice))
    await asyncio.to_thread(started.wait, 30)
    await sql.write(sale(clock, who, 10))
    gate.set()
    assert await looking == (1, 1)
    assert (await sql.read(lambda books: books.head())).dseq == 2


async def test_closing_finishes_what_was_asked(path: Path, clock: TickClock) -> None:
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    who = member(clock)
    await ledger.write(recharge(clock, who, 1_000))
    waiting = [asyncio.ensure_future(ledger.write(sale(clock, who, 1))) for _ in range(50)]
    await asyncio.sleep(0)
    await ledger.close()
    assert [entry.dseq for entry in await asyncio.gather(*waiting)] == list(range(2, 52))
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(lambda books: None)
    await ledger.close()
    report = verify(path, KEY, SeedSigner().public_key)
    assert report.ok and report.entries == 51 and report.checkpoints == 1


async def test_caches_stay_small(sql: SqlLedger) -> None:
    """All page caches together under 24 MB (a 64 MB cache on each connection was seen to hurt)."""

    def kib(books: Books) -> int:
        return -int(books._one("PRAGMA cache_size")[0])  # type: ignore[attr-defined]

    assert await sql.write(kib) + await sql.read(kib) <= 24 * 1024


async def test_durability_settings_are_in_force(sql: SqlLedger) -> None:
    def pragmas(books: Books) -> dict[str, object]:
        return {
            name: books._one(f"PRAGMA {name}")[0]  # type: ignore[attr-defined]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert await sql.write(pragmas) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
