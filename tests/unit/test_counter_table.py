"""The counter's table: approval only after the commit, a way out of every state, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.counter import TABLE, Event, IllegalMove, State, draw, move

DOC = Path(__file__).parents[2] / "docs" / "counter.md"


@given(st.sampled_from(State), st.sampled_from(Event))
def test_what_the_table_lacks_is_illegal(state: State, event: Event) -> None:
    if (state, event) in TABLE:
        assert move(state, event) is TABLE[state, event]
    else:
        with pytest.raises(IllegalMove):
            move(state, event)


def test_a_card_pays_only_by_an_approval_while_deciding() -> None:
    ways = [key for key, after in TABLE.items() if after is State.COMMITTED]
    cards = [key for key in ways if key[1] is not Event.PAID]
    assert cards == [(State.DECIDING, Event.APPROVED)]


def test_a_sale_without_a_card_is_never_paid_while_another_waits() -> None:
    free = {State.IDLE, State.AMOUNT, State.DONE, State.DECLINED, State.CANCELLED}
    free |= {State.COMMITTED, State.PRINTING}
    for event in (Event.PAID, Event.NAMED):
        assert {state for state, on in TABLE if on is event} == free


def test_deciding_is_reached_only_by_a_card_that_proved_itself() -> None:
    ways = [key for key, after in TABLE.items() if after is State.DECIDING]
    assert ways == [(State.AUTHENTICATING, Event.PROVED)]


def test_no_time_out_touches_a_sale_that_may_have_happened() -> None:
    for state in (State.DECIDING, State.COMMITTED, State.UNKNOWN, State.AUTHENTICATING):
        assert (state, Event.TIME_OUT) not in TABLE


def test_every_state_is_reached_and_leads_on() -> None:
    reached, frontier = {State.IDLE}, [State.IDLE]
    while frontier:
        state = frontier.pop()
        for (before, _), after in TABLE.items():
            if before is state and after not in reached:
                reached.add(after)
                frontier.append(after)
    assert reached == set(State)
    for state in State:
        assert any(before is state and after is not state for (before, _), after in TABLE.items())


def test_the_drawing_in_the_docs_is_the_table() -> None:
    assert draw() in DOC.read_text(encoding="utf-8")
