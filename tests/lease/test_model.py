"""The model of lease.pml in small, with SPIN; `./dev model` is the whole of it."""

from __future__ import annotations

import pytest

from tests.lease.model import MUTANTS, SMALL, explore, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"missing: {' '.join(missing())}")


def test_every_state_holds() -> None:
    outcome = explore(SMALL)
    assert (outcome.errors, outcome.complete) == (0, True)
    assert outcome.states > 100_000


@pytest.mark.parametrize("switch", MUTANTS)
def test_a_wrong_model_fails(switch: str) -> None:
    outcome = explore((switch, *SMALL))
    assert outcome.errors == 1
    assert outcome.broken
