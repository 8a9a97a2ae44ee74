"""The benchmark of a tap runs and tells the whole of what it should; its figures are not judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.tap import NotHere, measured

pytestmark = pytest.mark.browser


async def test_a_few_taps(tmp_path: Path) -> None:
    try:
        told = await measured(3, tmp_path)
    except NotHere as error:
        pytest.skip(str(error))
    assert told["taps"] == 3
    assert 0 < told["least"] <= told["p50"] <= told["p99"] == told["most"]
    assert told["syncs"]["per_tap"] >= 1
    assert told["fdatasync_ms"]["p50"] > 0
    assert list(tmp_path.iterdir()) == []
