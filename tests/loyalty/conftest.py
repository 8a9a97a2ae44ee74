from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.loyalty.shop import as_manager, put_rules
from tests.web.till import Counter, living


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    """A counter with loyalty rules and the manager signed in."""
    settings = WebSettings(port=0, static=tmp_path / "static")
    async with living(Counter(tmp_path, HandClock(), settings=settings)) as counter:
        await counter.hire()
        await as_manager(counter)
        put_rules(counter)
        yield counter
