"""Time only moves on, whatever the wall clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.system.clock import SystemClock, ntp_synchronised


class Bench:
    """A wall clock and a monotonic clock that a test can set."""

    def __init__(self) -> None:
        self.wall_s = 1_000.0
        self.monotonic_s = 50.0
        self.synchronised = False

    def clock(self, floor_ms: int = 0) -> SystemClock:
        return SystemClock(
            floor_ms, lambda: self.wall_s, lambda: self.monotonic_s, lambda: self.synchronised
        )


STEP = st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e4), st.booleans(), st.booleans())


@given(st.lists(STEP, max_size=30), st.integers(0, 10**10))
def test_time_never_goes_back(steps: list[tuple[float, float, bool, bool]], floor_ms: int) -> None:
    """Whatever the walls, the time server and a manager say, once the books have been seen."""
    bench = Bench()
    clock = bench.clock()
    clock.not_before(floor_ms)
    last = clock.now_ms()
    assert last >= floor_ms
    for wall_step, passed_s, bench.synchronised, confirmed in steps:
        if confirmed:
            assert clock.follow_wall() >= last
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
    assert clock.reading().problem == "clock_behind"


def test_a_boot_in_the_past_starts_at_the_journals_last_entry() -> None:
    bench = Bench()
    clock = bench.clock(floor_ms=5_000_000)
    assert clock.now_ms() == 5_000_000
    clock.not_before(6_000_000)
    assert clock.now_ms() == 6_000_000
    bench.wall_s = 9_000.0
    assert clock.now_ms() == 9_000_000
    assert clock.reading().problem is None


def test_a_far_jump_is_followed_when_somebody_vouches_for_it() -> None:
    week_s = 7 * 86_400.0
    bench = Bench()
    clock = bench.clock(floor_ms=1_000_000)
    bench.wall_s += week_s
    assert clock.now_ms() == int(bench.wall_s * 1000)
    start_ms = clock.now_ms()
    bench.wall_s += week_s + 3
    bench.monotonic_s += 2
    assert clock.now_ms() == start_ms + 2_000
    assert clock.reading().problem == "clock_ahead"
    bench.synchronised = True
    assert clock.now_ms() == int(bench.wall_s * 1000)
    assert clock.reading().problem is None
    bench.synchronised = False
    bench.wall_s += 10 * week_s
    assert clock.follow_wall() == int(bench.wall_s * 1000)


def test_a_start_goes_by_the_books_not_by_a_wall_that_is_years_ahead() -> None:
    """While the books are opened nothing is known; then their newest time counts."""
    bench = Bench()
    bench.wall_s = 315_360_000.0
    clock = bench.clock()
    clock.now_ms()
    clock.not_before(5_000_000)
    bench.monotonic_s += 1
    assert clock.now_ms() == 5_001_000
    first = Bench().clock()
    first.not_before(0)
    assert first.now_ms() == 1_000_000


def test_the_system_says_whether_it_is_synchronised() -> None:
    assert ntp_synchronised() in (True, False)
