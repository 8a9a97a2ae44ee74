from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock

from .till import Counter, living


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Counter]:
    """A counter with its staff, nobody signed in."""
    settings = WebSettings(port=0, static=tmp_path / "static")
    async with living(Counter(tmp_path, HandClock(), settings=settings)) as counter:
        await counter.hire()
        yield counter


@pytest.fixture
async def counter(bare: Counter) -> Counter:
    """The same with the cashier signed in."""
    await bare.sign_in()
    return bare
