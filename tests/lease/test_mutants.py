"""Seeded runs: the right protocol passes them all, and each wrong one is noticed by some."""

from __future__ import annotations

import pytest

from tests.budget import NIGHTLY
from tests.lease.drive import drive
from tests.lease.machine import machine_of
from tests.lease.mutants import MUTANTS
from tests.lease.rules import Rules

SEEDS = 5_000 if NIGHTLY else 150
MOST_SEEDS = 500
"""The mutant that is hardest to catch needs 267."""


def caught_at(rules: Rules, seeds: int) -> int | None:
    """The first seed whose run breaks a bound."""
    for seed in range(seeds):
        try:
            drive(machine_of(rules)(), seed)
        except AssertionError:
            return seed
    return None


def test_the_right_protocol_holds() -> None:
    for seed in range(SEEDS):
        drive(machine_of(Rules())(), seed)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_protocol_is_noticed(name: str) -> None:
    assert caught_at(MUTANTS[name], MOST_SEEDS) is not None
