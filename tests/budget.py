"""How many examples property tests try: few in CI, many when COUNTERD_NIGHTLY is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings

F = TypeVar("F", bound=Callable[..., object])
NIGHTLY = bool(os.environ.get("COUNTERD_NIGHTLY"))


def examples(count: int, *, nightly: int) -> Callable[[F], F]:
    """Decorates a hypothesis test with the number of examples of this run, without a deadline."""
    chosen = nightly if NIGHTLY else count
    return settings(
        max_examples=chosen, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
