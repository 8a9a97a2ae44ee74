"""Exchanges in any order and any number of times leave the same books, and I1 holds after each."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.sqlite_books import SqliteStore
from tests.chain.shop import Chain
from tests.chain.weather import Weather, true_books


async def live(chain: Chain, seed: int, steps: int) -> Weather:
    weather = Weather(chain, random.Random(seed))
    for name in ("A", "B", "C"):
        await chain.add(name)
    for _ in range(steps):
        await weather.step()
        await chain.require_sound()
    await weather.clear()
    await require_true(chain, weather)
    return weather


async def require_true(chain: Chain, weather: Weather) -> None:
    """Without force and restore nothing is overspent, and every fen is where the books say."""
    await chain.require_sound()
    sums = (await chain.sums()).get("principal", {"funded": 0, "settled": 0, "reserve": 0})
    funded, spent = true_books(chain.counters)
    assert (funded, spent) == (weather.truth.funded, weather.truth.spent)
    assert (sums["funded"], sums["settled"]) == (funded, spent)
    assert sums.get("overspent", 0) == sums.get("at_risk", 0) == sums.get("in_debit", 0) == 0
    here = sum(
        c.here
        for counter in chain.counters.values()
        for key, c in counter.counters().items()
        if key.asset == "principal"
    )
    assert funded - spent == sums["reserve"] + here
    assert await chain.found() == []
    async with chain.store.transaction() as books:
        for name, counter in chain.counters.items():
            journal = await books.journals.journal(name, 1)
            assert journal is not None and journal.dseq == len(counter.disk.entries)
            assert journal.chain == counter.disk.chain
            assert await books.journals.outbox(10) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
async def test_any_weather(seed: int) -> None:
    store = await SqliteStore.open(":memory:", threaded=False)
    try:
        await live(Chain(store), seed, 60)
    finally:
        await store.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_weather_by_name(chain: Chain, seed: int) -> None:
    await live(chain, seed, 60)
