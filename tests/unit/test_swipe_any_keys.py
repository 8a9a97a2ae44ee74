"""Any keys, in any order, at any time: never an exception besides the typed ones, and never a
character of what was read in what is told about it."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.bank_card import is_bank_number
from daemon.core.errors import SwipeError
from daemon.core.swipe import (
    MOST_CHARACTERS,
    Burst,
    Form,
    Framing,
    Reading,
    Swipe,
    card_number,
    lrc_of,
    read_burst,
    read_tracks,
)
from daemon.core.us_keys import UsKeys, strokes
from tests.budget import NIGHTLY, examples

FORMS = st.builds(
    Form, lrc=st.booleans(), enter_per_track=st.booleans(), idle_ms=st.integers(50, 2_000)
)
WIDE = "".join(chr(code) for code in range(0x20, 0x60) if chr(code) != "?")
NARROW = "0123456789:<=>"
GENERATED = 100_000 if NIGHTLY else 12_000


def read(burst: Burst, form: Form) -> Reading | SwipeError:
    try:
        return read_burst(burst, form)
    except SwipeError as error:
        assert set(error.facts) <= {"why", "track"}
        return error


@examples(200, nightly=5_000)
@given(st.lists(st.tuples(st.integers(), st.integers(-1, 3), st.integers(-500, 500))), FORMS)
def test_any_keys_at_any_time(events: list[tuple[int, int, int]], form: Form) -> None:
    keys, framing, now_ms = UsKeys(), Framing(form), 0
    for code, value, gap_ms in events:
        now_ms += gap_ms
        letter = keys.press(code % 128, value)
        bursts = framing.tick(now_ms) if letter is None else framing.press(letter, now_ms)
        for burst in bursts:
            read(burst, form)


@examples(200, nightly=5_000)
@given(st.text(max_size=MOST_CHARACTERS), st.integers(0, 400), st.booleans(), FORMS)
@example("%", 0, False, Form())
@example("%?;?+?", 0, False, Form(lrc=True))
def test_any_text(text: str, slowest_ms: int, overrun: bool, form: Form) -> None:
    made = read(Burst(text, slowest_ms, overrun), form)
    if len(text) > 4:
        assert text not in repr(made)


@examples(200, nightly=5_000)
@given(
    st.text(WIDE, max_size=76).filter(lambda held: held != "E"),
    st.text(NARROW, max_size=37),
    st.text(NARROW, max_size=104),
    st.booleans(),
    st.sampled_from("+;"),
)
def test_three_tracks_come_back_as_they_were_sent(
    one: str, two: str, three: str, lrc: bool, third: str
) -> None:
    text = ""
    for start, held in (("%", one), (";", two), (third, three)):
        text += f"{start}{held}?" + (lrc_of(start, held) if lrc else "")
    keys, framing = UsKeys(), Framing(Form(lrc=lrc))
    typed: list[Burst] = []
    for code, value in strokes(text + "\n"):
        letter = keys.press(code, value)
        typed += framing.press(letter, 0) if letter is not None else ()
    assert [burst.text for burst in typed] == [text]
    assert read_tracks(text, lrc=lrc) == Swipe((one, two, three))


def test_thousands_of_broken_swipes() -> None:
    """Whole swipes with characters changed, lost, doubled and swapped, in both ways of sending."""
    dice, told = random.Random(20261122), {"swipe": 0, "error": 0, "other": 0}
    for _ in range(GENERATED):
        number = "".join(dice.choice("0123456789") for _ in range(dice.randint(1, 19)))
        text = f"%B{number}^A/B^2512101?;{number}=2512101?"
        if dice.random() < 0.5:
            text += f"+{number}=1?"
        letters = list(text)
        for _ in range(dice.randint(0, 3)):
            at = dice.randrange(len(letters))
            match dice.randrange(4):
                case 0:
                    letters[at] = chr(dice.randrange(32, 127))
                case 1:
                    del letters[at]
                case 2:
                    letters.insert(at, letters[at])
                case _:
                    letters[at - 1], letters[at] = letters[at], letters[at - 1]
        made = read(Burst("".join(letters)), Form(lrc=dice.random() < 0.2))
        if isinstance(made, Swipe):
            told["swipe"] += 1
            for held in made.tracks:
                assert held is None or not is_bank_number(held.split("=")[0])
            for track in (1, 2, 3):
                try:
                    card_number(made, track)
                except SwipeError as error:
                    assert error.key in ("swipe_torn", "swipe_no_number")
        else:
            told["error" if isinstance(made, SwipeError) else "other"] += 1
    assert told["swipe"] > GENERATED / 5 and told["error"] > GENERATED / 5


def test_a_device_that_never_stops_is_not_kept() -> None:
    framing = Framing(Form())
    for at in range(100_000):
        assert framing.press("1", at) == ()
    (burst,) = framing.press("\n", 100_000)
    assert len(burst.text) == MOST_CHARACTERS and burst.overrun
    assert isinstance(read(burst, Form()), SwipeError)


def test_every_key_of_the_layout_is_typed_once() -> None:
    letters = "".join(chr(code) for code in range(32, 127))
    typed = UsKeys()
    pressed = [typed.press(code, value) for code, value in strokes(letters)]
    assert "".join(letter for letter in pressed if letter) == letters
    assert all(before < after for before, after in pairwise(letters))
