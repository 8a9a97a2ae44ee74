from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.web.till import MANAGER, Counter, living

from .shop import put_rules


@pytest.fixture
async def salon(tmp_path: Path) -> AsyncIterator[Counter]:
    """The salon with its manager signed in."""
    settings = WebSettings(port=0, static=tmp_path / "static")
    async with living(Counter(tmp_path, HandClock(), settings=settings)) as counter:
        await counter.hire()
        put_rules(counter)
        await counter.sign_in(MANAGER)
        yield counter
