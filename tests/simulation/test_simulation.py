"""A few seeds of the simulation in every run; `python -m tests.simulation --seeds 2000` runs many,
`--mutants` the wrong chains."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.budget import NIGHTLY
from tests.simulation.__main__ import hunt, run_seed
from tests.simulation.world import Setting

SEEDS = 200 if NIGHTLY else 12


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the network does to them is logged by everybody."""
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(1, SEEDS, 4))
def test_no_seed_finds_a_violation(first: int) -> None:
    for seed in range(first, first + 4):
        outcome = run_seed(seed, Setting().actions)
        assert not outcome.violations, f"seed {seed}: {outcome.violations}"


@pytest.mark.parametrize("seed", [2, 3])
def test_files_hold_as_much_as_memory(seed: int) -> None:
    """The same seed on SQLCipher and SQLite files, through crashes and restored disks."""
    on_files, in_memory = (run_seed(seed, 40, files) for files in (True, False))
    assert not on_files.violations
    assert (on_files.counts, on_files.shown_fen) == (in_memory.counts, in_memory.shown_fen)


def test_a_seed_is_the_same_again() -> None:
    one, other = (run_seed(3, 30) for _ in range(2))
    assert (one.counts, one.shown_fen) == (other.counts, other.shown_fen)


@pytest.mark.parametrize("mutant", ["grants as deltas", "epoch kept after a restore"])
def test_a_wrong_chain_is_noticed(mutant: str) -> None:
    assert hunt(mutant, range(1, 12), Setting().actions) is not None
