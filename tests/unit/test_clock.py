"""Time only moves on, whatever the wall clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.system.clock import SystemClock


class Bench:
    """A wall clock and a monotonic clock that a test can set."""

    def __init__(self) -> None:
        self.wall_s = 1_000.0
        self.monotonic_s = 50.0

    def clock(self, floor_ms: int = 0) -> SystemClock:
        return SystemClock(floor_ms, lambda: self.wall_s, lambda: self.monotonic_s)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e4)), max_size=30))
def test_time_never_goes_back(steps: list[tuple[float, float]]) -> None:
    bench = Bench()
    clock = bench.clock()
    last = clock.now_ms()
    for wall_step, passed_s in steps:
        bench.wall_s = max(0.0, bench.wall_s + wall_step)
        bench.monotonic_s += passed_s
        now = clock.now_ms()
        assert now >= last
        last = now


def test_a_clock_set_back_is_carried_by_the_monotonic_clock() -> None:
    bench = Bench()
    clock = bench.clock()
    start = clock.now_ms()
    bench.wall_s -= 31_536_000
    bench.wall_s = max(0.0, bench.wall_s)
    bench.monotonic_s += 7
    assert clock.now_ms() == start + 7_000
    assert clock.set_back


def test_a_boot_in_the_past_starts_at_the_journals_last_entry() -> None:
    bench = Bench()
    clock = bench.clock(floor_ms=5_000_000)
    assert clock.now_ms() == 5_000_000
    clock.not_before(6_000_000)
    assert clock.now_ms() == 6_000_000
    bench.wall_s = 9_000.0
    assert clock.now_ms() == 9_000_000
    assert not clock.set_back
