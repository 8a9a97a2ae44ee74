"""What follows from the journal, after a day of each sample shop: `counterd verify` finds it whole,
finds any row that is not what it must be, and `counterd rebuild` puts it right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core.errors import Conflict
from daemon.keys.files import KeyFolder
from daemon.ledger.checkpoint import head_path
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.proof.report import Flaw, Problem, Report
from daemon.ledger.proof.tables import (
    COMMISSION,
    COUPON,
    MEMBER_DAY,
    SALE_LINE,
    STANDING,
    STOCK,
    Table,
)
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from tests.fakes.clock import HandClock
from tests.ledger.proof import proved
from tests.scenarios.test_days import SHOPS, Lived

TABLES = (STANDING, MEMBER_DAY, SALE_LINE, COMMISSION, STOCK, COUPON)
"""Nothing ends on these days: `lot_end` is in tests/loyalty/test_proved.py."""
COLUMNS = [(table, column) for table in TABLES for column in table.columns]


def shop_of(table: Table) -> str:
    """One that has rows of it."""
    return "salon" if table is COMMISSION else "bakery"


Days = Callable[[str], Lived]

pytestmark = pytest.mark.timeout(600)


def whole(path: Path) -> Report:
    keys = KeyFolder(path.parent / "keys")
    return verify(path, keys.ledger_key(), keys.signer().public_key)


def copy_of(day: Lived, folder: Path) -> Path:
    """A copy of a day's ledger."""
    shutil.copytree(day.folder / "keys", folder / "keys")
    shutil.copy(head_path(day.folder / "ledger.db"), head_path(folder / "ledger.db"))
    return Path(shutil.copy(day.folder / "ledger.db", folder / "ledger.db"))


@pytest.fixture
def path(lived: Days, tmp_path: Path) -> Path:
    return copy_of(lived("bakery"), tmp_path)


@contextmanager
def undone(day: Lived) -> Iterator[Connection]:
    """The day's ledger, whatever is done to it."""
    key = KeyFolder(day.folder / "keys").ledger_key()
    connection = open_writer(day.folder / "ledger.db", key)
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def keys_of(connection: Connection, table: Table) -> set[str]:
    rows = connection.execute(f"SELECT {', '.join(table.keys)} FROM {table.name}").fetchall()
    return {" ".join(map(str, row)) for row in rows}


def found(problems: list[Problem], table: Table) -> set[str]:
    assert all(problem.flaw is Flaw.PROJECTION_DIFFERS for problem in problems)
    assert {problem.table for problem in problems} <= {table.name}
    return {problem.key for problem in problems}


@pytest.mark.parametrize("shop", SHOPS)
def test_a_day_leaves_a_whole_ledger(shop: str, lived: Days) -> None:
    report = whole(lived(shop).folder / "ledger.db")
    assert report.ok, str(report)
    assert report.projected > 200


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda each: getattr(each, "name", each))
def test_any_row_that_was_changed_is_named(table: Table, column: str, lived: Days) -> None:
    """In each row the column says something else, and each row is found."""
    with undone(lived(shop_of(table))) as connection:
        assert keys_of(connection, table)
        connection.execute(
            f"UPDATE {table.name} SET {column} = CASE typeof({column})"
            f" WHEN 'integer' THEN {column} + 1 ELSE coalesce({column}, '') || 'x' END"
        )
        assert found(proved(connection).problems, table) == keys_of(connection, table)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_any_row_that_is_missing_is_named(table: Table, lived: Days) -> None:
    with undone(lived(shop_of(table))) as connection:
        keys = keys_of(connection, table)
        connection.execute(f"DELETE FROM {table.name}")
        assert found(proved(connection).problems, table) == keys


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_any_row_that_is_too_many_is_named(table: Table, lived: Days) -> None:
    """Each row once more, under a key that nothing has."""
    with undone(lived(shop_of(table))) as connection:
        before = keys_of(connection, table)
        columns = table.all_columns.replace(table.keys[0], f"{table.keys[0]} || 'x'", 1)
        connection.execute(
            f"INSERT INTO {table.name} ({table.all_columns}) SELECT {columns} FROM {table.name}"
        )
        strays = keys_of(connection, table) - before
        assert len(strays) == len(before)
        assert found(proved(connection).problems, table) == strays


def test_commission_under_a_sale_that_earned_it_to_another_is_named(lived: Days) -> None:
    with undone(lived("salon")) as connection:
        connection.execute(
            "INSERT INTO commission SELECT 'somebody', day, op_id, line_id, rule_id, fen"
            " FROM commission LIMIT 1"
        )
        (key,) = found(proved(connection).problems, COMMISSION)
        assert key.startswith("somebody ")


def test_an_answer_that_its_entry_cannot_have_had_is_named(lived: Days) -> None:
    with undone(lived("salon")) as connection:
        op_id, dseq = connection.execute(
            "SELECT op_id, dseq FROM operation WHERE kind = 'sale' AND state = 'approved'"
            " AND json_array_length(answer, '$.quote.lines[0].payments') > 0 LIMIT 1"
        ).fetchone()
        connection.execute(
            "UPDATE operation SET answer ="
            " json_set(answer, '$.quote.lines[0].payments[0][3]', 1234567) WHERE op_id = ?",
            (op_id,),
        )
        problems = proved(connection).problems
        assert (Flaw.ANSWER_DIFFERS, dseq) in {(each.flaw, each.dseq) for each in problems}


def test_a_lot_whose_rule_was_changed_is_named(lived: Days) -> None:
    with undone(lived("salon")) as connection:
        lot = connection.execute(
            "SELECT max(lot) FROM account WHERE asset = 'principal' AND owner GLOB 'member:*'"
        ).fetchone()[0]
        connection.execute(
            "UPDATE account SET rule = json_set(rule, '$.paid_fen', 1) WHERE lot = ?", (lot,)
        )
        problems = proved(connection).problems
        assert [(each.flaw, each.dseq) for each in problems] == [(Flaw.LOT_RULES_DIFFER, lot)]


# -- putting it right ----------------------------------------------------------------------------


async def reopened(path: Path) -> SqlLedger:
    keys = KeyFolder(path.parent / "keys")
    clock = HandClock(1_795_500_000_000)
    return await SqlLedger.open(path, keys.ledger_key(), keys.signer(), clock, device="d1")


def content(path: Path, table: Table) -> list[Any]:
    connection = open_writer(path, KeyFolder(path.parent / "keys").ledger_key())
    try:
        return connection.execute(
            f"SELECT {table.all_columns} FROM {table.name} ORDER BY {', '.join(table.keys)}"
        ).fetchall()
    finally:
        connection.close()


def spoil(path: Path, *statements: str) -> None:
    connection = open_writer(path, KeyFolder(path.parent / "keys").ledger_key())
    connection.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_rebuilding_puts_back_what_was_there(
    table: Table, lived: Days, tmp_path: Path
) -> None:
    path = copy_of(lived(shop_of(table)), tmp_path)
    before = content(path, table)
    spoil(path, f"DELETE FROM {table.name}")
    assert not whole(path).ok
    ledger = await reopened(path)
    try:
        rebuilt = await ledger.rebuild_projections()
        assert dict(rebuilt.changed) == {table.name: len(before)}
        assert str(rebuilt).endswith(f"{len(before)} rows put right: {table.name} {len(before)}")
        again = await ledger.rebuild_projections()
        assert not again.changed and str(again) == "nothing differs"
    finally:
        await ledger.close()
    assert content(path, table) == before
    report = whole(path)
    assert report.ok, str(report)


async def test_rebuilding_leaves_a_trace_and_undoes_every_kind_of_change(path: Path) -> None:
    before = {table.name: content(path, table) for table in TABLES}
    spoil(
        path,
        "UPDATE standing SET visits = visits + 7, spent_fen = 0",
        "DELETE FROM member_day",
        "INSERT INTO stock VALUES ('nothing', 3)",
        "UPDATE sale_line SET paid_fen = -paid_fen",
        "UPDATE coupon SET state = 'withdrawn', used_op = NULL WHERE state = 'redeemed'",
    )
    ledger = await reopened(path)
    try:
        rebuilt = await ledger.rebuild_projections()
        last = (await ledger.read(lambda books: books.head())).dseq
        entry = await ledger.read(lambda books: books.opening(last))
    finally:
        await ledger.close()
    assert {table.name: content(path, table) for table in TABLES} == before
    assert entry is not None
    assert entry.draft.detail == {"event": "rebuild_projections", **rebuilt.changed}
    report = whole(path)
    assert report.ok, str(report)


async def test_nothing_is_made_again_from_a_journal_that_was_changed(path: Path) -> None:
    spoil(path, "DELETE FROM stock", "UPDATE account SET balance = balance + 1 WHERE id = 1")
    ledger = await reopened(path)
    try:
        with pytest.raises(Conflict, match="ledger_not_whole"):
            await ledger.rebuild_projections()
    finally:
        await ledger.close()
    assert content(path, STOCK) == []
