"""The cloud's books in PostgreSQL, for as many processes as one likes: the door to asyncpg.

READ COMMITTED with rows held in one fixed order (docs of `cloud.desks`): two transactions on one
account take turns and never wait in a circle. What PostgreSQL undoes all the same is run again.
Commits are as durable as the server's own settings say (`synchronous_commit`,
`synchronous_standby_names`); one that would forget is refused when it is opened.

Rings go to other processes by LISTEN and NOTIFY, after the commit and beside it: a NOTIFY inside a
transaction would make every commit of the database take turns. One that is lost with a connection
costs a waiter a few seconds, since it looks by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from cloud import bell
from cloud.bell import Bell
from cloud.books import BUSY, CloudBooks
from cloud.statements import Ask, Row, numbered, scripts
from daemon.core.errors import SyncError

T = TypeVar("T")

CONNECTIONS: Final = 8
TRIES: Final = 12
CHANNEL: Final = "counterd"
SCHEMA_LOCK: Final = 0x636F756E
"""Two processes that start at once make the tables once."""
UNSAFE: Final = {"synchronous_commit": ("off", "local"), "fsync": ("off",)}
RECONNECT_S: Final = 1.0


class PostgresStore:
    """Made by `open`."""

    name = "postgres"
    at_once = True

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections
        self._driver: Any = _driver()
        self._pool: Any = None
        self._ears: asyncio.Task[None] | None = None
        self._voice: asyncio.Task[None] | None = None
        self._to_say: set[str] = set()
        self._said = asyncio.Event()
        self._me = secrets.token_hex(4)
        self.bell = Bell()

    @classmethod
    async def open(cls, url: str, *, connections: int = CONNECTIONS) -> PostgresStore:
        """Makes or upgrades the tables. `url` may name several hosts and
        `target_session_attrs=primary`. Raises SyncError("store_unusable" | "store_unsafe")."""
        store = cls(url, connections)
        try:
            await store._open()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        for task in (self._ears, self._voice):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._pool is not None:
            try:
                async with asyncio.timeout(5):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[CloudBooks]:
        """Raises SyncError("store_busy") where PostgreSQL undid it: nothing was kept."""
        async with self._connected() as connection:
            statements = _PostgresStatements(connection)
            async with connection.transaction():
                yield CloudBooks(statements)
        for topic in statements.told:
            self.bell.ring(topic)
        if statements.told:
            self._to_say |= statements.told
            self._said.set()

    @asynccontextmanager
    async def look(self) -> AsyncIterator[CloudBooks]:
        """Without BEGIN and COMMIT: two journeys to the database less."""
        async with self._connected() as connection:
            yield CloudBooks(_PostgresStatements(connection))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except (self._driver.SerializationError, self._driver.DeadlockDetectedError) as error:
            raise SyncError(BUSY, why=str(error)) from error
        except (self._driver.PostgresError, self._driver.InterfaceError, OSError) as error:
            raise SyncError("store_unusable", why=f"{type(error).__name__}: {error}") from error

    async def run(self, work: Callable[[CloudBooks], Awaitable[T]]) -> T:
        for tried in range(TRIES):
            try:
                async with self.transaction() as books:
                    return await work(books)
            except SyncError as error:
                if error.key != BUSY or tried == TRIES - 1:
                    raise
                # Whoever was undone stands back for a moment, each for another one.
                await asyncio.sleep(random.random() * 0.01 * (1 << min(tried, 5)))  # noqa: S311
        raise AssertionError("the last try raises")

    async def _open(self) -> None:
        try:
            self._pool = await self._driver.create_pool(
                self._url,
                min_size=1,
                max_size=self._connections,
                statement_cache_size=512,
                command_timeout=60,
                reset=_as_it_was,
            )
            async with self._pool.acquire() as connection:
                for name, refused in UNSAFE.items():
                    value = await connection.fetchval(f"SHOW {name}")
                    if value in refused:
                        raise SyncError("store_unsafe", setting=name, value=value)
                await _upgrade(connection)
        except (self._driver.PostgresError, self._driver.InterfaceError, OSError) as error:
            raise SyncError("store_unusable", why=f"{type(error).__name__}: {error}") from error
        self._ears = asyncio.create_task(self._listen(), name="cloud-listen")
        self._voice = asyncio.create_task(self._notify(), name="cloud-notify")

    async def _listen(self) -> None:
        """A connection of its own that hears what other processes ring; a new one when it ends."""
        while True:
            ended = asyncio.Event()
            try:
                connection = await self._driver.connect(self._url)
                connection.add_termination_listener(lambda *_, ended=ended: ended.set())
                await connection.add_listener(CHANNEL, self._heard)
            except (self._driver.PostgresError, self._driver.InterfaceError, OSError):
                await asyncio.sleep(RECONNECT_S)
                continue
            # What was rung meanwhile is not known.
            self.bell.ring(bell.EVERYTHING)
            try:
                await ended.wait()
            finally:
                connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        who, _, topic = payload.partition(" ")
        if who != self._me:
            self.bell.ring(topic)

    async def _notify(self) -> None:
        while True:
            await self._said.wait()
            self._said.clear()
            topics, self._to_say = sorted(self._to_say), set()
            payloads = [f"{self._me} {topic}" for topic in topics]
            try:
                await self._pool.execute(
                    "SELECT pg_notify($1, t) FROM unnest($2::text[]) t", CHANNEL, payloads
                )
            except (self._driver.PostgresError, self._driver.InterfaceError, OSError):
                # Waiters look by themselves; the database says elsewhere that it is gone.
                await asyncio.sleep(RECONNECT_S)


class _PostgresStatements:
    for_update = " FOR UPDATE"
    for_share = " FOR SHARE"

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.told: set[str] = set()

    async def rows(self, statement: str, *values: object) -> list[Row]:
        return [tuple(row) for row in await self._connection.fetch(numbered(statement), *values)]

    async def row(self, statement: str, *values: object) -> Row | None:
        found = await self.rows(statement, *values)
        assert len(found) <= 1
        return found[0] if found else None

    async def together(self, asks: Sequence[Ask[Any]]) -> list[list[Row]]:
        statement = numbered(_joined(tuple(ask.statement for ask in asks)))
        values = [value for ask in asks for value in ask.values]
        found = await self._connection.fetchrow(statement, *values)
        return [[tuple(row) for row in rows] for rows in found]

    async def run(self, statement: str, *values: object) -> int:
        status: str = await self._connection.execute(numbered(statement), *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            await self._connection.executemany(numbered(statement), rows)

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            await self._connection.copy_records_to_table(table, records=rows, columns=columns)

    async def tell(self, topic: str) -> None:
        self.told.add(topic)


async def _as_it_was(_connection: Any) -> None:
    """Nothing here changes a session beyond its transaction: a connection that comes back needs no
    question to the database to be as it was. One with an open transaction is rolled back before."""


@functools.lru_cache(maxsize=64)
def _joined(statements: tuple[str, ...]) -> str:
    """One SELECT whose columns are the rows of each. They are the desks' own, without values."""
    columns = (f"ARRAY(SELECT a{n} FROM ({s}) a{n})" for n, s in enumerate(statements))  # noqa: S608
    return "SELECT " + ", ".join(columns)


def _driver() -> Any:
    try:
        return importlib.import_module("asyncpg")
    except ModuleNotFoundError as error:
        raise SyncError("store_unusable", why="asyncpg is not installed") from error


async def _upgrade(connection: Any) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)"
        )
        kept = await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
        for number, script in scripts("postgres"):
            if number > kept:
                await connection.execute(script)
                await connection.execute("INSERT INTO schema_version VALUES ($1)", number)
