"""What was tampered with is found, by name. The tamperer holds the key and knows the schema."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.core.entry import chain_hash
from daemon.core.errors import LedgerCorrupt, LedgerError, LedgerWrongKey
from daemon.core.records import StoredBatch
from daemon.ledger.checkpoint import head_path, keep_head, kept_head, sign_checkpoint
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import Flaw, Report, verify
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, person, recharge, sale

PUBLIC = SeedSigner().public_key


@pytest.fixture
async def books(path: Path, clock: TickClock) -> AsyncIterator[Path]:
    """A closed ledger of 30 entries, two batches and one checkpoint."""
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person()))
    await ledger.write(recharge(clock, who, 10_000, 1_000))
    for amount_fen in range(1, 30):
        await ledger.write(sale(clock, who, amount_fen))
    leaves = await ledger.read(lambda books: books.leaves(1, 30))
    head = bytes(32)
    for bseq, first, last in ((1, 1, 10), (2, 11, 20)):
        manifest = b"signed:" + head + leaves[last - 1][2]
        batch = StoredBatch(bseq, first, last, sha256(manifest).digest(), manifest, 5)
        await ledger.write(lambda books, b=batch: books.add_batch(b))  # type: ignore[misc]
        head = batch.head
    await ledger.close()
    yield path


def tamper(path: Path, *statements: str) -> None:
    """Changes rows behind the ledger's back: no triggers, no foreign keys."""
    connection = open_writer(path, KEY)
    connection.execute("PRAGMA foreign_keys = OFF")
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def found(path: Path) -> set[tuple[str, int | None]]:
    report = verify(path, KEY, PUBLIC)
    assert not report.ok and report.to_json()["ok"] is False
    return {(problem.flaw.value, problem.dseq) for problem in report.problems}


async def opening(path: Path) -> str:
    with pytest.raises(LedgerCorrupt) as caught:
        await SqlLedger.open(path, KEY, SeedSigner(), TickClock(), device="device-1")
    return caught.value.key


async def test_a_whole_ledger_is_whole(books: Path) -> None:
    report = verify(books, KEY, PUBLIC)
    assert report.ok, str(report)
    assert report.to_json() == {
        "ok": True,
        "entries": 30,
        "postings": 4 + 29 * 2,
        "accounts": 5,
        "projected": 1,
        "batches": 2,
        "checkpoints": 1,
        "head": {"dseq": 30, "chain": report.head_chain.hex()},
        "problems": [],
    }
    assert str(report).endswith("the ledger is whole")


async def test_verifying_changes_nothing(books: Path) -> None:
    before = {each.name: each.read_bytes() for each in books.parent.iterdir()}
    verify(books, KEY, PUBLIC)
    after = {each.name: each.read_bytes() for each in books.parent.iterdir()}
    assert {name: after.get(name) for name in before} == before


async def test_a_live_ledger_can_be_verified(sql: SqlLedger, path: Path, clock: TickClock) -> None:
    who = member(clock)
    await sql.write(recharge(clock, who, 10_000))
    await sql.write(sale(clock, who, 5))
    report = verify(path, KEY, PUBLIC)
    assert report.ok and report.entries == 2
    await sql.write(sale(clock, who, 5))


async def test_a_changed_row(books: Path) -> None:
    tamper(
        books, "UPDATE journal SET leaf = CAST(replace(hex(leaf), 'zz', '') AS BLOB) WHERE dseq = 7"
    )
    assert ("row_changed", 7) in found(books)
    assert ("leaf_malformed", 7) in found(books)
    assert not any(dseq not in (7, None) for _, dseq in found(books))


async def test_a_changed_link(books: Path) -> None:
    tamper(books, "UPDATE journal SET chain = zeroblob(32) WHERE dseq = 7")
    assert found(books) == {("row_changed", 7), ("row_changed", 8)}


@pytest.mark.parametrize(
    "column", ["kind = 9", "at_ms = at_ms + 1", "op_id = 'x'", "card_id = 'c'"]
)
async def test_a_changed_column(books: Path, column: str) -> None:
    tamper(books, f"UPDATE journal SET {column} WHERE dseq = 9")
    assert ("columns_differ", 9) in found(books)


async def test_a_removed_row(books: Path) -> None:
    tamper(books, "DELETE FROM journal WHERE dseq = 12")
    assert found(books) == {
        ("row_missing", 12),
        ("postings_stray", 12),
    } | found_balances(books)


def found_balances(path: Path) -> set[tuple[str, int | None]]:
    """Postings of a missing row do not count, so balances differ as well."""
    return {each for each in found(path) if each[0] == "balance_differs"}


async def test_a_swapped_pair(books: Path) -> None:
    tamper(
        books,
        "UPDATE journal SET dseq = 500 WHERE dseq = 5",
        "UPDATE journal SET dseq = 5 WHERE dseq = 6",
        "UPDATE journal SET dseq = 6 WHERE dseq = 500",
    )
    assert {("row_misplaced", 5), ("row_misplaced", 6)} <= found(books)


async def test_a_tail_cut_off(books: Path) -> None:
    tamper(
        books,
        "DELETE FROM checkpoint",
        "DELETE FROM posting WHERE dseq > 25",
        "DELETE FROM journal WHERE dseq > 25",
        "UPDATE account SET balance = (SELECT sum(amount) FROM posting WHERE account = id)",
    )
    assert found(books) == {("tail_cut", 30)}
    assert await opening(books) == "ledger_tail_cut"


async def test_an_old_copy_of_the_database(path: Path, clock: TickClock, tmp_path: Path) -> None:
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    who = member(clock)
    await ledger.write(recharge(clock, who, 10_000))
    await ledger.close()
    shutil.copy(path, tmp_path / "copy.db")
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    await ledger.write(sale(clock, who, 9_000))
    await ledger.close()
    shutil.copy(tmp_path / "copy.db", path)
    assert found(path) == {("tail_cut", 2)}
    assert await opening(path) == "ledger_tail_cut"


async def test_a_database_that_is_gone(books: Path) -> None:
    books.unlink()
    assert await opening(books) == "ledger_missing"
    with pytest.raises(LedgerError):
        verify(books, KEY, PUBLIC)


async def test_a_chain_that_was_forged_whole(books: Path) -> None:
    """Somebody with the ledger key, but not the signing key, takes an entry out and computes every
    later link and balance anew: only the signed checkpoint tells."""
    tamper(books, "DELETE FROM posting WHERE dseq = 30", "DELETE FROM journal WHERE dseq = 30")
    connection = open_writer(books, KEY)
    last = connection.execute("SELECT leaf, chain FROM journal WHERE dseq = 29").fetchone()
    leaf = bytes(last[0]).replace(b"employee:1", b"employee:2")
    before = connection.execute("SELECT chain FROM journal WHERE dseq = 28").fetchone()[0]
    connection.execute(
        "UPDATE journal SET leaf = ?, chain = ? WHERE dseq = 29", (leaf, chain_hash(before, leaf))
    )
    rebalance(connection)
    connection.close()
    kept = kept_head(books)
    assert kept is not None
    forged = sign_checkpoint(
        SeedSigner(b"\x01" * 32), dseq=29, epoch=1, chain=kept.chain, at_ms=1, device="device-1"
    )
    assert found(books) == {("tail_cut", 30)}
    keep_head(books, forged)
    assert ("checkpoint_forged", 29) in found(books)
    assert await opening(books) in ("ledger_checkpoint_forged", "ledger_tail_cut")


def rebalance(connection: Connection) -> None:
    connection.execute(
        "UPDATE account SET balance = (SELECT sum(amount) FROM posting WHERE account = id)"
    )


async def test_the_whole_chain_is_verified_beside_the_sales(books: Path) -> None:
    """A start looks from the last checkpoint on; the task finds what was changed before it."""
    ledger = await SqlLedger.open(books, KEY, SeedSigner(), TickClock(), device="device-1")
    assert await ledger.verify_chain(0) == 30
    await ledger.close()
    tamper(books, "UPDATE journal SET leaf = zeroblob(200) WHERE dseq = 7")
    ledger = await SqlLedger.open(books, KEY, SeedSigner(), TickClock(), device="device-1")
    with pytest.raises(LedgerCorrupt, match="ledger_rewritten") as caught:
        await ledger.verify_chain(0)
    assert caught.value.facts == {"dseq": 7}
    assert ledger.stopped == "ledger_rewritten"
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(lambda books: books.put_setting("a", "b"))
    await ledger.close()


async def test_a_checkpoint_of_another_history(books: Path) -> None:
    keep_head(
        books,
        sign_checkpoint(
            SeedSigner(), dseq=20, epoch=1, chain=b"\x05" * 32, at_ms=1, device="device-1"
        ),
    )
    assert found(books) == {("checkpoint_differs", 20)}
    assert await opening(books) == "ledger_rewritten"


async def test_a_head_that_is_gone_or_garbled(books: Path) -> None:
    head = head_path(books)
    whole = head.read_bytes()
    for garbled in (
        b"",
        b"{}",
        b"[]",
        b"null",
        whole[:-9],
        whole.replace(b'"dseq": 30', b'"dseq": -1'),
    ):
        head.write_bytes(garbled)
        assert found(books) == {("head_malformed", None)}, garbled
        assert await opening(books) == "ledger_head_malformed"
    head.unlink()
    assert found(books) == {("head_missing", 30)}
    assert await opening(books) == "ledger_head_missing"


async def test_changed_money(books: Path) -> None:
    tamper(books, "UPDATE account SET balance = balance + 100 WHERE asset = 'principal'")
    assert found(books) == {("balance_differs", 1)}
    tamper(books, "UPDATE posting SET amount = amount - 100 WHERE dseq = 1 AND amount < 0")
    assert ("postings_differ", 1) in found(books)


async def test_a_member_below_zero(books: Path) -> None:
    tamper(
        books,
        "PRAGMA ignore_check_constraints = ON",
        "UPDATE account SET balance = -1 WHERE asset = 'principal'",
    )
    assert {("balance_differs", 1), ("member_below_zero", 1)} <= found(books)


async def test_a_lot_that_is_hidden(books: Path) -> None:
    tamper(books, "UPDATE account SET held = 0 WHERE asset = 'principal'")
    assert found(books) == {("held_mark_wrong", 1)}


async def test_batches_that_do_not_follow(books: Path) -> None:
    tamper(books, "UPDATE batch SET manifest = CAST(manifest || 'x' AS BLOB) WHERE bseq = 2")
    assert found(books) == {("batch_changed", 11)}
    tamper(books, "DELETE FROM batch WHERE bseq = 1")
    assert ("batch_gap", 11) in found(books)


async def test_a_wrong_key(books: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LedgerWrongKey):
        verify(books, bytes(32), PUBLIC)
    assert capfd.readouterr().err == ""


async def test_a_wrong_public_key(books: Path) -> None:
    report: Report = verify(books, KEY, SeedSigner(b"\x09" * 32).public_key)
    assert {problem.flaw for problem in report.problems} == {Flaw.CHECKPOINT_FORGED}


async def test_a_damaged_page_is_reported(books: Path) -> None:
    raw = bytearray(books.read_bytes())
    for offset in range(8 * 2048 + 100, len(raw), 2048):
        raw[offset] ^= 0x10
    books.write_bytes(raw)
    report = verify(books, KEY, PUBLIC)
    assert Flaw.UNREADABLE in {problem.flaw for problem in report.problems}
