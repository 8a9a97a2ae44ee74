"""Every released version of the schema has a kept database, and today's daemon takes it over."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from daemon.core.errors import LedgerError
from daemon.core.records import Member
from daemon.ledger.checkpoint import head_path
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_reader, open_writer
from daemon.ledger.migrate import migrate, versions
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from tests.ledger.make_old import AT_MS, BONUS, LEFT, MEMBER, OLD, OWNER
from tests.ledger.shop import KEY, SeedSigner, TickClock, sale

NEWEST = len(versions())
PUBLIC = SeedSigner().public_key


def kept(version: int, folder: Path) -> Path:
    path = folder / "ledger.db"
    shutil.copy(OLD / f"v{version}.db", path)
    shutil.copy(head_path(OLD / f"v{version}.db"), head_path(path))
    return path


def schema_of(connection: Connection) -> set[tuple[str, str]]:
    return set(
        connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    )


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_an_old_ledger_is_taken_over(version: int, tmp_path: Path) -> None:
    path = kept(version, tmp_path)
    with pytest.raises(LedgerError, match="ledger_version_differs"):
        verify(path, KEY, PUBLIC)
    clock = TickClock(AT_MS + 1_000)
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    holdings = await ledger.read(lambda books: books.holdings(OWNER))
    assert [(holding.account, holding.balance, holding.rule) for holding in holdings] == [
        (LEFT, 4_800, "rule-1"),
        (BONUS, 500, "rule-1"),
    ]
    assert await ledger.read(lambda books: books.setting("store")) == "S1"
    assert ledger.latest_ms == AT_MS + 3
    who = await ledger.read(lambda books: books.member(MEMBER))
    assert who == Member(MEMBER, "1001", "gold", "active", AT_MS)
    await ledger.write(sale(clock, who, 5_300))
    assert await ledger.read(lambda books: books.holdings(OWNER)) == []
    await ledger.close()
    report = verify(path, KEY, PUBLIC)
    assert report.ok, str(report)
    assert report.entries == 4


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_kept_database_is_what_its_scripts_make(version: int, tmp_path: Path) -> None:
    """A script that was released is never edited: a shop has already run it."""
    old = open_reader(kept(version, tmp_path), KEY)
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    assert migrate(fresh, upto=version) == version
    assert schema_of(old) == schema_of(fresh)
    assert old.execute("PRAGMA user_version").fetchone() == (version,)


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_taken_over_or_made_new_is_the_same(version: int, tmp_path: Path) -> None:
    old = open_writer(kept(version, tmp_path), KEY)
    migrate(old)
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    migrate(fresh)
    assert schema_of(old) == schema_of(fresh)


def test_a_version_that_fails_is_undone_whole() -> None:
    broken = "CREATE TABLE half (done INTEGER) STRICT;\nINSERT INTO nowhere VALUES (1);\n"
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, scripts=[*versions(), broken])
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    assert "half" not in {name for name, _ in schema_of(connection)}


def test_migrating_again_changes_nothing() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    assert migrate(connection) == NEWEST
    before = schema_of(connection)
    assert migrate(connection) == NEWEST
    assert schema_of(connection) == before


def test_a_spend_does_not_touch_the_index_of_holdings() -> None:
    """What version 2 is for, as SQLite plans it: only the row is written."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    opened = {}
    for version in (1, 2):
        migrate(connection, upto=version)
        plan = connection.execute("EXPLAIN UPDATE account SET balance = 5 WHERE id = 1").fetchall()
        opened[version] = sum(row[1] == "OpenWrite" for row in plan)
    assert opened == {1: 2, 2: 1}
