"""Stores by name: whatever holds on one must hold on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.books import CloudStore
from cloud.sqlite_books import SqliteStore
from tests.chain.shop import Chain


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CloudStore]:
    opened = await SqliteStore.open(tmp_path / "cloud.db")
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def chain(store: CloudStore) -> Chain:
    return Chain(store)
