"""The day of each shop, lived once for all tests that look at what it left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

import pytest

from tests.scenarios.test_days import Lived, live


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Lived]:
    """What a shop's day came to, with its folder; the counter is stopped."""

    @cache
    def day_of(shop: str) -> Lived:
        return asyncio.run(live(shop, tmp_path_factory.mktemp(shop)))

    return day_of
