"""kill -9 under load: 100 times here, more by `./dev crash --kills 200`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.storm import Storm

KILLS = int(os.environ.get("COUNTERD_KILLS", "100"))


@pytest.mark.timeout(1200)
async def test_every_approved_sale_is_on_the_books_once(tmp_path: Path) -> None:
    report = await Storm(tmp_path, KILLS, seed=20).run()
    print(report.as_json())
    assert report.ok, report.as_json()
    assert report.kills == KILLS
