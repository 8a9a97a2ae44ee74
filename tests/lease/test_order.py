"""Where a sale looks for its money, and what the cashier is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.authorize import Decline
from daemon.core.errors import Refused
from daemon.core.lease.line import LineHome, SoldLine, allow, gave_up, give_up, refund_here
from daemon.core.lease.order import (
    AskCloud,
    Credit,
    Held,
    Insufficient,
    Link,
    Split,
    UseHere,
    next_step,
)
from daemon.core.lease.policy import ChainPolicy, CreditSoFar
from daemon.core.lease.states import TABLE, LeaseEvent, move
from daemon.core.lease.tables import draw_events, draw_postings, draw_settings, draw_states
from daemon.core.lease.values import LeaseState
from tests.budget import examples

SAFE = ChainPolicy()
GIVING = ChainPolicy(credit_sale_fen=9_000, credit_member_fen=9_000, credit_day_fen=9_000)
FRESH = CreditSoFar(0, 0, 0, 0)
AWAY = Held("Y", 3_000, since_ms=5)
NEAR = Held("Z", 9_000)


def test_what_is_here_needs_no_network() -> None:
    for link in Link:
        assert next_step(100, 100, link, SAFE) == UseHere(100)


def test_a_shortage_is_asked_for_and_no_more() -> None:
    assert next_step(10_000, 1_200, Link.ONLINE, SAFE) == AskCloud(8_800)


def test_it_asks_again_while_the_holders_are_asked() -> None:
    told = Insufficient(0, (NEAR,), waited_ms=500)
    assert next_step(10_000, 1_200, Link.ONLINE, SAFE, told=told) == AskCloud(8_800, again=True)
    late = Insufficient(0, (NEAR,), waited_ms=2_000)
    assert next_step(10_000, 1_200, Link.ONLINE, SAFE, told=late) == Split(
        1_200, 1_200, 0, 8_800, (NEAR,)
    )


def test_what_is_held_out_of_reach_is_told_with_its_branch() -> None:
    told = Insufficient(1_000, (AWAY,))
    assert next_step(10_000, 1_200, Link.ONLINE, SAFE, told=told) == Split(
        2_200, 1_200, 1_000, 7_800, (AWAY,)
    )
    none = next_step(10_000, 0, Link.ONLINE, SAFE, told=Insufficient(0, (AWAY,)))
    assert none == Decline(
        "held_elsewhere", {"short_fen": 10_000, "available_fen": 0, "elsewhere_fen": 3_000}
    )
    empty = next_step(10_000, 0, Link.ONLINE, SAFE, told=Insufficient(0))
    assert isinstance(empty, Decline) and empty.reason == "insufficient_funds"


@pytest.mark.parametrize("link", [Link.OFFLINE, Link.SILENT])
def test_offline_there_is_credit_or_a_part(link: Link) -> None:
    assert next_step(10_000, 1_200, link, GIVING, so_far=FRESH) == Credit(1_200, 8_800, True)
    assert next_step(10_000, 1_200, link, SAFE, so_far=FRESH) == Split(
        1_200, 1_200, 0, 8_800, (), Decline("credit_off")
    )
    none = next_step(10_000, 0, link, SAFE, so_far=FRESH)
    assert none == Decline("needs_network", {"short_fen": 10_000})


def test_a_lease_whose_time_is_over_is_not_spent() -> None:
    over = Decline("lease_expired")
    assert next_step(100, 500, Link.ONLINE, SAFE, barred=over) == AskCloud(100)
    assert next_step(100, 500, Link.OFFLINE, SAFE, barred=over) is over
    assert next_step(100, 500, Link.OFFLINE, GIVING, barred=over, so_far=FRESH) == Credit(
        0, 100, True
    )


@examples(300, nightly=10_000)
@given(
    st.integers(1, 10_000),
    st.integers(0, 10_000),
    st.sampled_from(Link),
    st.one_of(
        st.none(),
        st.builds(
            Insufficient,
            st.integers(0, 9_000),
            st.lists(st.sampled_from([AWAY, NEAR])).map(tuple),
            st.integers(0, 4_000),
        ),
    ),
)
def test_every_answer_adds_up(
    amount: int, here: int, link: Link, told: Insufficient | None
) -> None:
    match next_step(amount, here, link, GIVING, told=told, so_far=FRESH):
        case UseHere(amount_fen=fen):
            assert fen == amount <= here
        case AskCloud(shortage_fen=fen):
            assert fen == amount - here and link is Link.ONLINE
        case Credit(here_fen=used, credit_fen=fen):
            assert used + fen == amount and used <= here and link is not Link.ONLINE
        case Split() as split:
            assert split.usable_fen == split.here_fen + split.online_fen
            assert split.usable_fen + split.rest_fen == amount
            assert split.rest_fen > 0 and split.here_fen <= here
        case Decline():
            assert here == 0


@examples(200, nightly=5_000)
@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=20))
def test_a_line_is_refunded_once_wherever(sold: int, said: list[tuple[int, int]]) -> None:
    """I10, with the leaf of what was given up always a step late."""
    line, home, waiting, back = SoldLine(sold), LineHome(), 0, 0
    for what, amount in said:
        try:
            if what == 0:
                line = refund_here(line, amount)
                back += amount
            elif what == 1:
                home, waiting = gave_up(home, waiting), 0
                line, waiting = give_up(line)
            else:
                home = allow(home, amount)
                back += amount
        except Refused as refusal:
            assert refusal.key == "refund_right_elsewhere"
        assert back <= sold


def test_only_a_grant_is_ever_refused_by_a_state() -> None:
    refused = {(s, e) for s in LeaseState for e in LeaseEvent if (s, e) not in TABLE}
    closed = (LeaseState.RECALLING, LeaseState.CLOSED_CLEAN, LeaseState.CLOSED_FORCED)
    assert refused == {(state, LeaseEvent.GRANT) for state in closed}
    with pytest.raises(Refused, match="lease_not_active"):
        move(LeaseState.RECALLING, LeaseEvent.GRANT)


def test_the_tables_are_whole_markdown() -> None:
    for drawn in (draw_states(), draw_events(), draw_postings(), draw_settings()):
        lines = drawn.splitlines()
        columns = {line.count("|") for line in lines}
        assert len(columns) == 1 and len(lines) > 4
        assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
