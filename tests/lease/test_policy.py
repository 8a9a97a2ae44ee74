"""The merchant's settings: sizes of grants, the time of leases, credit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.authorize import Decline
from daemon.core.errors import BadRequest
from daemon.core.lease.device import Clock, given_up, may_spend, take_grant, take_total
from daemon.core.lease.policy import (
    SETTINGS,
    ChainPolicy,
    CreditSoFar,
    CreditYes,
    Habit,
    may_credit,
    size_grant,
)
from tests.budget import examples

HOUR_MS = 3_600_000
SAFE = ChainPolicy()
GIVING = ChainPolicy(
    credit_sale_fen=3_000,
    credit_member_fen=5_000,
    credit_day_fen=8_000,
    credit_pin_above_fen=1_000,
)
FRESH = CreditSoFar(member_fen=0, day_fen=0, in_a_row=0, blocklist_age_ms=0)
FIRST = Habit(rank=0, visits=9)


def test_the_defaults_are_those_of_the_design() -> None:
    values = {name: getattr(SAFE, name) for name in SETTINGS}
    assert values == {
        "lease_share_bp": 5_000,
        "lease_cap_fen": 20_000,
        "regular_branches": 2,
        "regular_days": 60,
        "lease_valid_h": 72,
        "unsynced_grace_h": 12,
        "unsynced_grace_fen": 50_000,
        "credit_sale_fen": 0,
        "credit_member_fen": 0,
        "credit_day_fen": 0,
        "credit_in_a_row": 3,
        "credit_pin_above_fen": 0,
        "blocklist_max_age_h": 24,
        "debit_deadline_ms": 2_000,
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_bounds(name: str) -> None:
    setting = SETTINGS[name]

    def policy(value: Any) -> ChainPolicy:
        return ChainPolicy(**{name: value})

    for value in (setting.low, setting.high):
        assert getattr(policy(value), name) == value
    for wrong in (setting.low - 1, setting.high + 1, True, "1"):
        with pytest.raises(BadRequest, match="chain_setting_out_of_bounds"):
            policy(wrong)


@pytest.mark.parametrize(
    ("asset", "reserve", "here", "habit", "granted"),
    [
        ("principal", 10_000, 0, FIRST, 5_000),
        ("principal", 100_000, 0, FIRST, 20_000),
        ("points", 100_000, 0, FIRST, 50_000),
        ("pass:wash", 1, 0, FIRST, 1),
        ("principal", 10_000, 0, Habit(2, 9), 0),
        ("principal", 10_000, 0, Habit(0, 0), 0),
        ("principal", 0, 0, FIRST, 0),
        ("principal", 10_000, 0, Habit(0, 9, basket=8_000), 8_000),
        ("principal", 3_000, 0, Habit(0, 9, basket=8_000), 3_000),
        ("principal", 5_000, 5_000, FIRST, 0),
        ("principal", 6_000, 3_000, FIRST, 0),
        ("principal", 8_000, 2_000, FIRST, 3_000),
    ],
)
def test_how_much_a_branch_is_given(
    asset: str, reserve: int, here: int, habit: Habit, granted: int
) -> None:
    assert size_grant(asset, reserve, here, habit, SAFE) == granted


@examples(300, nightly=10_000)
@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.builds(Habit, st.integers(0, 4), st.integers(0, 9), st.integers(0, 10**5)),
    st.integers(0, 10_000),
)
def test_a_grant_is_never_more_than_there_is(
    reserve: int, here: int, habit: Habit, share_bp: int
) -> None:
    policy = ChainPolicy(lease_share_bp=share_bp)
    more = size_grant("principal", reserve, here, habit, policy)
    assert 0 <= more <= reserve
    assert more == 0 or here + more <= policy.lease_cap_fen
    assert more == 0 or size_grant("principal", reserve - more, here + more, habit, policy) == 0


def test_there_is_no_credit_unless_the_merchant_says_so() -> None:
    assert may_credit(1, FRESH, SAFE) == Decline("credit_off")


@pytest.mark.parametrize(
    ("amount", "so_far", "answer"),
    [
        (1_000, FRESH, CreditYes(False)),
        (1_001, FRESH, CreditYes(True)),
        (3_001, FRESH, "credit_sale_limit"),
        (2_000, replace(FRESH, member_fen=3_001), "credit_member_limit"),
        (2_000, replace(FRESH, day_fen=6_001), "credit_day_limit"),
        (1_000, replace(FRESH, in_a_row=3), "credit_in_a_row"),
        (1_000, replace(FRESH, blocklist_age_ms=24 * HOUR_MS + 1), "credit_blocklist_old"),
    ],
)
def test_credit_stays_inside_its_limits(
    amount: int, so_far: CreditSoFar, answer: CreditYes | str
) -> None:
    said = may_credit(amount, so_far, GIVING)
    assert (said.reason if isinstance(said, Decline) else said) == answer


@examples(200, nightly=5_000)
@given(st.lists(st.integers(1, 4_000), max_size=20))
def test_all_credit_together_stays_inside_its_limits(amounts: list[int]) -> None:
    so_far = FRESH
    for amount in amounts:
        if isinstance(may_credit(amount, so_far, GIVING), CreditYes):
            so_far = replace(
                so_far,
                member_fen=so_far.member_fen + amount,
                day_fen=so_far.day_fen + amount,
                in_a_row=so_far.in_a_row + 1,
            )
    assert so_far.member_fen <= 5_000
    assert so_far.in_a_row <= 3


def test_a_total_adds_once() -> None:
    assert [take_total(5, total) for total in (3, 5, 8)] == [0, 0, 3]
    assert take_grant(0, 2, 9, of_epoch=1) == 0
    assert take_grant(0, 2, 9, of_epoch=2) == 9
    assert given_up({"a": 0, "b": 3}) == {"b": 3}


def clock(now_ms: int, synced: bool = True, up_ms: int = 0, wall_ms: int = 0) -> Clock:
    return Clock(floor_ms=now_ms, wall_ms=wall_ms, synced=synced, up_ms=up_ms)


@pytest.mark.parametrize(
    ("valid_until_ms", "at", "spent_fen", "reason"),
    [
        (None, clock(10**9), 0, None),
        (100, clock(99), 0, None),
        (100, clock(100), 0, "lease_expired"),
        (100, clock(99, wall_ms=100), 0, "lease_expired"),
        (100, clock(99, synced=False, wall_ms=100), 0, None),
        (100, clock(99, synced=False, up_ms=12 * HOUR_MS), 0, "clock_unsynced_long"),
        (100, clock(99, synced=False), 49_000, None),
        (100, clock(99, synced=False), 49_001, "clock_unsynced_much"),
    ],
)
def test_when_a_lease_may_be_spent(
    valid_until_ms: int | None, at: Clock, spent_fen: int, reason: str | None
) -> None:
    said = may_spend(1_000, valid_until_ms, at, spent_fen, SAFE)
    assert (said.reason if said else None) == reason


def test_time_never_goes_back() -> None:
    assert clock(500, wall_ms=100).now_ms == 500
    assert clock(500, wall_ms=900).now_ms == 900
    assert clock(500, synced=False, wall_ms=10**15).now_ms == 500
