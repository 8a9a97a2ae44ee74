"""Fixtures over tests/sync/appliance.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sync.appliance import Appliance, Served, open_appliance, serve


@pytest.fixture
async def appliance(tmp_path: Path) -> AsyncIterator[Appliance]:
    async with open_appliance(tmp_path) as opened:
        yield opened


@pytest.fixture
async def served(appliance: Appliance, tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(appliance, tmp_path) as serving:
        yield serving


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cloud.db"
