"""A street of purse cards: a short run in CI, the whole one by `python -m tests.purse`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.budget import NIGHTLY
from tests.purse.street import Street


@pytest.mark.parametrize("seed", [1, 2])
async def test_card_ledger_and_batches_agree_to_the_fen(tmp_path: Path, seed: int) -> None:
    report = await Street(tmp_path, 10_000 if NIGHTLY else 150, seed).run()
    assert report["approved"] > 100 and report["faults"] > 30
    assert report["taken_from_cards_fen"] >= report["of_which_sales_fen"] > 0
