"""Stores by name: whatever holds on one must hold on the other."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from cloud import bell
from cloud.books import CloudStore
from cloud.postgres_books import PostgresStore
from cloud.sqlite_books import SqliteStore
from simulator import postgres
from tests.chain.shop import Chain


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.cluster() as running:
        if running is None:
            pytest.skip("postgres: PostgreSQL is not installed")
        yield running


@asynccontextmanager
async def database(server: postgres.Server) -> AsyncIterator[str]:
    """The address of a database of its own."""
    asyncpg = importlib.import_module("asyncpg")
    admin = await asyncpg.connect(server.url)
    name = f"t{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield server.url.replace("/postgres?", f"/{name}?")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[str], AbstractAsyncContextManager[CloudStore]]:
    """A store of a kind, by its name."""

    @asynccontextmanager
    async def opened(kind: str) -> AsyncIterator[CloudStore]:
        async with AsyncExitStack() as stack:
            store: CloudStore
            if kind == "sqlite":
                store = await SqliteStore.open(tmp_path / f"{uuid.uuid4().hex}.db")
            else:
                url = await stack.enter_async_context(database(request.getfixturevalue("server")))
                store = await PostgresStore.open(url)
                # The listening connection rings once when it is there.
                await store.bell.wait((bell.EVERYTHING,), 0, 30)
            try:
                yield store
            finally:
                await store.close()

    return opened


@pytest.fixture(params=["sqlite", "postgres"])
async def store(
    request: pytest.FixtureRequest,
    open_store: Callable[[str], AbstractAsyncContextManager[CloudStore]],
) -> AsyncIterator[CloudStore]:
    async with open_store(request.param) as opened:
        yield opened


@pytest.fixture
async def chain(store: CloudStore) -> Chain:
    return Chain(store)
