"""The cloud's books in one SQLite file: the default, for one process.

sqlite3 lives in one thread of its own; a transaction has the file to itself. WAL with
`synchronous=FULL` makes a commit survive a power cut: a receipt that follows it lets a device
forget. With `threaded=False` everything runs where it is called, for a world with a clock of its
own.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from cloud.bell import Bell
from cloud.books import CloudBooks
from cloud.statements import Ask, Row, marks, parts_of, scripts
from daemon.core.errors import SyncError

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0


class SqliteStore:
    """Made by `open`. `bell` is rung by commits of this process, and there is no other."""

    name = "sqlite"
    at_once = False

    def __init__(self, path: Path | str, *, threaded: bool) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "cloud-sqlite") if threaded else None
        self._turn = asyncio.Lock()
        self._db: sqlite3.Connection | None = None
        self.bell = Bell()

    @classmethod
    async def open(cls, path: Path | str, *, threaded: bool = True) -> SqliteStore:
        """Makes or upgrades the file at `path`. Raises SyncError("store_unusable")."""
        store = cls(path, threaded=threaded)
        try:
            await store.call(store._open)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        async with self._turn:
            if self._db is not None:
                await self.call(self._db.close)
            self._db = None
        if self._thread is not None:
            self._thread.shutdown()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[CloudBooks]:
        """Committed when the block ends, undone when it raises. One at a time."""
        async with self._turn:
            statements = _SqliteStatements(self)
            try:
                # Also where the wait for it is given up, it is begun, and has to be undone.
                await self.call(self._begin)
                yield CloudBooks(statements)
                await self.call(self._commit)
            except BaseException:
                await asyncio.shield(self.call(self._undo))
                raise
        for topic in statements.told:
            self.bell.ring(topic)

    def look(self) -> AbstractAsyncContextManager[CloudBooks]:
        """A turn like any other: there is one file and one thread."""
        return self.transaction()

    async def run(self, work: Callable[[CloudBooks], Awaitable[T]]) -> T:
        async with self.transaction() as books:
            return await work(books)

    async def call(self, work: Callable[[], T]) -> T:
        """`work` in the thread of the database. Raises SyncError("store_unusable")."""
        try:
            if self._thread is None:
                return work()
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise SyncError("store_unusable", why=str(error)) from error

    @property
    def db(self) -> sqlite3.Connection:
        assert self._db is not None, "the store is closed"
        return self._db

    def _open(self) -> None:
        # Autocommit: every transaction is begun by name.
        db = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db = db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN IMMEDIATE")
        try:
            (kept,) = db.execute("PRAGMA user_version").fetchone()
            for number, script in scripts("sqlite"):
                if number > kept:
                    for statement in parts_of(script):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            self._undo()
            raise

    def _begin(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def _commit(self) -> None:
        self.db.execute("COMMIT")

    def _undo(self) -> None:
        # SQLite rolls back by itself where the disk is full or gone.
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")


class _SqliteStatements:
    for_update = ""
    for_share = ""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.told: list[str] = []

    async def rows(self, statement: str, *values: object) -> list[Row]:
        return await self._store.call(lambda: self._store.db.execute(statement, values).fetchall())

    async def row(self, statement: str, *values: object) -> Row | None:
        found = await self.rows(statement, *values)
        assert len(found) <= 1
        return found[0] if found else None

    async def together(self, asks: Sequence[Ask[Any]]) -> list[list[Row]]:
        def ask_all() -> list[list[Row]]:
            return [self._store.db.execute(a.statement, a.values).fetchall() for a in asks]

        return await self._store.call(ask_all)

    async def run(self, statement: str, *values: object) -> int:
        return await self._store.call(lambda: self._store.db.execute(statement, values).rowcount)

    async def many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            await self._store.call(lambda: self._store.db.executemany(statement, rows))

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        names = ", ".join(columns)
        await self.many(f"INSERT INTO {table} ({names}) VALUES {marks(len(columns))}", rows)

    async def tell(self, topic: str) -> None:
        self.told.append(topic)
