"""Both ledgers, each fresh for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.ledger.store import SqlLedger
from daemon.ports.ledger import Ledger
from tests.fakes.ledger import MemoryLedger
from tests.ledger.shop import KEY, SeedSigner, TickClock


@pytest.fixture
def clock() -> TickClock:
    return TickClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def sql(path: Path, clock: TickClock) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    yield ledger
    await ledger.close()


@pytest.fixture(params=["sqlcipher", "memory"])
async def ledger(
    request: pytest.FixtureRequest, path: Path, clock: TickClock
) -> AsyncIterator[Ledger]:
    made: Ledger = (
        MemoryLedger()
        if request.param == "memory"
        else await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    )
    yield made
    await made.close()
