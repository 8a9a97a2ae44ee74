"""A minute of the storm over three counters; more by `./dev storm --minutes 3`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulator import postgres
from tests.chain_storm.storm import Plan, Storm

SECONDS = float(os.environ.get("COUNTERD_STORM_S", "60"))


@pytest.mark.timeout(900)
async def test_every_yuan_is_found_after_a_storm(tmp_path: Path) -> None:
    database = "sqlite" if postgres.binaries() is None else "postgres"
    report = await Storm(tmp_path, Plan(SECONDS, 3, seed=5, database=database)).run()
    print(*report.lines(), report.as_json(), sep="\n")
    assert report.ok, report.as_json()
    assert report.overspend == 0
    assert report.replayed and sum(report.kills.values())
