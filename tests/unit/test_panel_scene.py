"""What lamps, buzzer and display make of the events: approval only after the commit, each sound
once, and any event at all without harm."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.contact import FLUTTER, FLUTTER_MS, PAUSE_MS, STUCK_MS, Contact
from daemon.core.counter import State
from daemon.core.panel import (
    Act,
    Front,
    Glow,
    KeyPosition,
    Lamp,
    Sound,
    lamps,
    scene,
    sound,
    told,
)

COMMITTED = (State.COMMITTED, State.PRINTING, State.DONE)
STATUS = {State.DECLINED: "declined", State.CANCELLED: "cancelled", State.UNKNOWN: "unknown"}


def counter(
    state: State, sale_id: str | None = "s1", ask: str | None = None, **more: Any
) -> dict[str, Any]:
    status = "approved" if state in COMMITTED else STATUS.get(state, "awaiting_card")
    sale = {
        "sale_id": sale_id,
        "status": status,
        "voided": False,
        "amount_fen": 1234,
        "change_fen": 0,
        "balance": {"principal_fen": 7000, "bonus_fen": 66} if state in COMMITTED else None,
        **more,
    }
    sold = None if sale_id is None else sale
    return {"state": state.value, "sale": sold, "card": None, "refusal": None, "ask": ask}


def after(front: Front, state: State, *args: Any, **more: Any) -> Front:
    return told(front, "counter", counter(state, *args, **more))


def test_a_sale_from_the_amount_to_the_thanks() -> None:
    idle = after(Front(), State.IDLE, None)
    assert scene(idle).act is Act.IDLE
    assert lamps(idle)[Lamp.READY] is Glow.LIT
    waits = after(idle, State.AWAITING_CARD)
    assert (scene(waits).act, scene(waits).amount_fen) == (Act.LAY_CARD, 1234)
    assert lamps(waits)[Lamp.READY] is Glow.BLINKING
    assert sound(idle, waits) is None
    paid = after(waits, State.COMMITTED)
    assert scene(paid) == scene(after(waits, State.COMMITTED))
    assert (scene(paid).act, scene(paid).balance_fen) == (Act.PAID, 7066)
    assert lamps(paid)[Lamp.APPROVED] is Glow.LIT
    assert sound(waits, paid) is Sound.APPROVED
    done = after(paid, State.DONE)
    assert sound(paid, done) is None
    assert scene(replace(done, shown=False)).act is Act.IDLE
    assert lamps(replace(done, shown=False))[Lamp.READY] is Glow.LIT


def test_a_voided_sale_is_not_thanked_for() -> None:
    paid = after(Front(), State.DONE)
    voided = after(paid, State.DONE, voided=True)
    assert scene(voided).act is Act.IDLE
    assert sound(paid, voided) is None


def test_each_refusal_sounds_once() -> None:
    waits = after(Front(), State.AWAITING_CARD)
    refused = after(waits, State.DECLINED)
    assert sound(waits, refused) is Sound.DECLINED
    assert lamps(refused)[Lamp.DECLINED] is Glow.LIT
    assert sound(refused, after(refused, State.DECLINED)) is None
    assert sound(refused, after(refused, State.DECLINED, "s2")) is Sound.DECLINED
    # A card shown without a sale that cannot pay, twice.
    shown = after(refused, State.DECLINED, None)
    assert sound(refused, shown) is Sound.DECLINED
    assert sound(shown, after(shown, State.DECLINED, None)) is Sound.DECLINED


def test_what_is_asked_is_heard_and_blinks() -> None:
    waits = after(Front(), State.AWAITING_CARD)
    asked = after(waits, State.AWAITING_CARD, ask="double_tap")
    assert sound(waits, asked) is Sound.ATTENTION
    assert sound(asked, after(asked, State.AWAITING_CARD, ask="double_tap")) is None
    assert scene(asked).act is Act.ASK_TWICE
    assert lamps(asked)[Lamp.ATTENTION] is Glow.BLINKING
    torn = after(waits, State.UNKNOWN, ask="tap_again")
    assert scene(torn).act is Act.LAY_AGAIN
    assert sound(waits, torn) is Sound.ATTENTION


def test_the_key_closes_the_counter() -> None:
    waits = after(Front(), State.AWAITING_CARD)
    for position in (KeyPosition.OFF, KeyPosition.OFFICE):
        front = replace(waits, key=position)
        assert scene(front).act is Act.CLOSED
        assert set(lamps(front).values()) == {Glow.DARK}
        assert sound(front, after(front, State.DECLINED)) is None
    assert scene(replace(waits, key=KeyPosition.OPEN)).act is Act.LAY_CARD


def test_what_is_away_lights_attention() -> None:
    front = Front()
    events: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("printer", {"problem": "printer_absent"}, {"problem": None}),
        ("ledger", {"ok": False, "stopped": "ledger_full"}, {"ok": True, "stopped": None}),
        ("sync", {"chain": {"online": False}}, {"chain": {"online": True}}),
        ("reader", {"name": "r", "state": "absent"}, {"name": "r", "state": "ready"}),
    ]
    for kind, away, back in events:
        gone = told(front, kind, away)
        assert lamps(gone)[Lamp.ATTENTION] is Glow.LIT, kind
        assert lamps(told(gone, kind, back))[Lamp.ATTENTION] is Glow.DARK
    stopped = told(front, "ledger", {"ok": False})
    assert scene(stopped).act is Act.CLOSED
    assert sound(front, stopped) is Sound.ATTENTION
    assert told(front, "sync", {"chain": None}).online
    assert told(front, "job", {"whatever": 1}) is front


STEPS = st.lists(
    st.tuples(
        st.sampled_from(State),
        st.sampled_from([None, "s1", "s2"]),
        st.sampled_from([None, "double_tap", "tap_again"]),
    ),
    max_size=30,
)


@given(STEPS)
def test_approval_is_never_shown_before_the_commit(
    steps: list[tuple[State, str | None, str | None]],
) -> None:
    front = Front()
    approvals: list[str | None] = []
    for state, sale_id, ask in steps:
        before, front = front, after(front, state, sale_id, ask)
        heard = sound(before, front)
        green = lamps(front)[Lamp.APPROVED] is not Glow.DARK
        thanked = scene(front).act is Act.PAID
        if heard is Sound.APPROVED or green or thanked:
            assert state in COMMITTED and sale_id is not None
        if heard is Sound.APPROVED:
            assert not (before.paid and before.sale_id == sale_id)
            approvals.append(sale_id)
        assert sound(front, after(front, state, sale_id, ask)) in (None, Sound.DECLINED)
        assert lamps(front).keys() == set(Lamp)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=400))
def test_no_contact_makes_more_than_a_few_presses(samples: list[tuple[bool, int]]) -> None:
    contact, now_ms, presses = Contact(), 0, []
    for closed, pause_ms in samples:
        now_ms += pause_ms
        if contact.sample(closed, now_ms):
            presses.append(now_ms)
    pauses = [late - early for early, late in pairwise(presses)]
    assert all(pause >= PAUSE_MS for pause in pauses)


def test_a_contact_that_flutters_or_jams_says_so() -> None:
    contact = Contact()
    assert not contact.sample(True, 0), "closed when it was seen first"
    assert contact.problem(STUCK_MS) == "panel_stuck"
    now_ms = STUCK_MS
    for _ in range(FLUTTER):
        now_ms += 50
        contact.sample(not contact.closed, now_ms)
    assert contact.problem(now_ms) == "panel_flutters"
    assert contact.problem(now_ms + FLUTTER_MS) is None
