"""Swipes against every published vector of tests/vectors/magstripe.json, and by the keys that type
them."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.bank_card import is_bank_number, luhn
from daemon.core.errors import BankCardShown, SwipeGarbled, SwipeTorn
from daemon.core.swipe import (
    Burst,
    Code,
    Form,
    Framing,
    Reading,
    Swipe,
    Typed,
    card_number,
    card_uid,
    lrc_of,
    read_burst,
    read_tracks,
)
from daemon.core.us_keys import UsKeys, strokes
from tests.unit.card_talk import vectors

VECTORS = vectors("magstripe")
STRINGS = VECTORS["swipe_strings"]
FORM = Form()


def by_keys(text: str, form: Form = FORM, *, gap_ms: int = 2) -> list[Burst]:
    """What the framing makes of a reader that types `text` and Enter."""
    keys, framing, at_ms = UsKeys(), Framing(form), 1_000
    made: list[Burst] = []
    for code, value in strokes(text + "\n"):
        letter = keys.press(code, value)
        if letter is not None:
            at_ms += gap_ms
            made += framing.press(letter, at_ms)
    return made + list(framing.tick(at_ms + form.idle_ms))


def reading(text: str, form: Form = FORM, *, gap_ms: int = 2) -> Reading:
    (burst,) = by_keys(text, form, gap_ms=gap_ms)
    assert burst.text == text
    return read_burst(burst, form)


def bits_of(capture: Any) -> list[int]:
    bits = [byte >> at & 1 for byte in capture["bytes"] for at in range(7, -1, -1)]
    bits = bits[: capture["bits"]]
    return [1 - bit for bit in bits] if capture["inverted"] else bits


def characters(bits: list[int]) -> str:
    """A raw track 2 from its start sentinel to its LRC (ISO/IEC 7811-2: four bits, lowest first,
    and odd parity)."""
    start = next(at for at in range(len(bits)) if bits[at : at + 5] == [1, 1, 0, 1, 0])
    text = ""
    for at in range(start, len(bits) - 4, 5):
        five = bits[at : at + 5]
        value = sum(bit << place for place, bit in enumerate(five[:4]))
        ended = "?" in text
        assert ended or sum(five) % 2 == 1, "parity"
        text += chr(0x30 + value)
        if ended:
            return text
    raise AssertionError("no end")


@pytest.mark.parametrize("capture", VECTORS["raw_track2_bits"], ids=lambda c: c["id"])
def test_real_captures_have_the_lrc_that_is_computed_here(capture: Any) -> None:
    """Induct-ie/magstripe-rs, tests/integration_tests.rs and track2_tests.rs."""
    text = characters(bits_of(capture))
    swipe = read_tracks(text, lrc=capture["lrc_ok"])
    assert swipe == Swipe((None, capture["data"], None))
    broken = text[:-1] + chr(0x30 + (ord(text[-1]) - 0x30 ^ 1))
    with pytest.raises(SwipeGarbled) as refused:
        read_tracks(broken, lrc=True)
    assert refused.value.facts["why"] == "lrc"


@pytest.mark.parametrize("case", STRINGS["valid_per_source"], ids=range(3))
def test_a_bank_card_is_refused(case: Any) -> None:
    """frankandoak/php-magstripe, tests/CardReadTest.php: valid bank cards there."""
    swipe = read_tracks(case["s"])
    assert card_number(swipe, 1) == card_number(swipe, 2) == case["pan"]
    assert swipe.tracks[2] == case.get("track3")
    with pytest.raises(BankCardShown) as refused:
        reading(case["s"])
    assert case["pan"] not in repr(refused.value) and not refused.value.facts


NUMBERS = dict(
    zip(
        STRINGS["rejected_as_bankcard_per_source"],
        (
            None,
            "5242424242424242",
            "45645645645646456",
            "5646456464564565656",
            "3454353453453545345",
            "35345345345345345",
            "45454545454",
            None,
            "92101707137827464",
            "00007399",
            "34534534534534534",
            "00000000",
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("text", STRINGS["rejected_as_bankcard_per_source"])
def test_what_is_no_bank_card_is_a_membership_card(text: str) -> None:
    """The same source; its note: several are perfectly good membership tracks."""
    if text.startswith("%  AA"):
        swipe = reading(text)
        assert isinstance(swipe, Swipe) and card_number(swipe, 1) == "AA 00 00 00 A  RN"
        return
    if not text:
        assert by_keys(text) == []
        return
    swipe = reading(text)
    assert isinstance(swipe, Swipe) and card_number(swipe, 2) == NUMBERS[text]


def test_the_example_of_a_maker_has_a_semicolon_before_track_3() -> None:
    """MagTek eDynamo D998200115-17, 6.1."""
    example = VECTORS["magtek_example"]
    swipe = reading(example["t1"] + example["t2"] + example["t3"])
    assert isinstance(swipe, Swipe)
    shown = tuple(f"{start}{track}?" for start, track in zip("%;;", swipe.tracks, strict=True))
    assert shown == (example["t1"], example["t2"], example["t3"])
    assert card_number(swipe, 2) == card_number(swipe, 3) == "5555555555555555"


def test_a_description_of_the_layout_is_no_card() -> None:
    """samyk/magspoof, magspoof.c:33-34: letters where digits belong."""
    example = VECTORS["samy_example"]
    one = reading(example["t1"])
    assert isinstance(one, Swipe) and card_number(one, 1) == "123456781234567"
    with pytest.raises(SwipeGarbled) as refused:
        reading(example["t2"])
    assert refused.value.facts == {"why": "character", "track": 2}


ERRORS = {"%E?": {1}, ";E?": {2}, "+E?": {3}, "%E?;5555555555555555=33338880004444006?": {1}}


@pytest.mark.parametrize("text", VECTORS["error_tracks"]["cases"])
@pytest.mark.parametrize("lrc", [False, True])
def test_error_tracks_are_torn(text: str, lrc: bool) -> None:
    """MagTek and Elo: a bad track is its start, E, its end."""
    if lrc and "=" in text:
        text += lrc_of(";", "5555555555555555=33338880004444006")
    swipe = reading(text, Form(lrc=lrc))
    assert isinstance(swipe, Swipe) and swipe.torn == ERRORS[text[: text.rindex("?") + 1]]
    for track in swipe.torn:
        with pytest.raises(SwipeTorn):
            card_number(swipe, track)
    if swipe.tracks[1] is not None:
        assert card_number(swipe, 2) == "5555555555555555"


def test_sentinels_are_those_of_the_maker() -> None:
    """The same page: other sentinels for driver licences and 7-bit tracks."""
    named = VECTORS["sentinels"]
    assert named["cr"] == "0x0D" and named["es"] == "?"
    for three in ("t3_iso", "t3_cadl", "t3_aamva", "t3_7bit"):
        text = f"{named['t1']}A1?{named['t2']}22?{named[three]}33?"
        assert read_tracks(text) == Swipe(("A1", "22", "33"))
    assert read_tracks(f"{named['t1']}A1?{named['t2_7bit']}B2?") == Swipe(("A1", "B2", None))


@pytest.mark.parametrize("case", VECTORS["luhn"], ids=lambda c: c["pan"])
def test_check_digits(case: Any) -> None:
    """php-magstripe's tests, and the numbers that payment providers publish for testing."""
    assert luhn(case["pan"]) is case["valid"] is is_bank_number(case["pan"])


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if luhn(digits + last))


@pytest.mark.parametrize("first", ["62", "622848", "34", "36", "3528", "2221", "6011", "955880"])
def test_banks_of_every_scheme_are_refused_on_every_track(first: str) -> None:
    length = {"34": 15, "36": 14}.get(first, 19 if first.startswith(("62", "95")) else 16)
    pan = with_check_digit(first.ljust(length - 1, "0"))
    for text in (f";{pan}=3012201?", f"%B{pan}^A/B^3012201?", f"%E?;1?+01{pan}=0?"):
        with pytest.raises(BankCardShown):
            reading(text)
    spaced = f"%B{pan[:4]} {pan[4:]}^A/B^3012201?"
    with pytest.raises(BankCardShown):
        reading(spaced)


@pytest.mark.parametrize(
    ("text", "gap_ms", "expected"),
    [
        ("6901234567892", 3, Code("6901234567892")),
        ("M-10086", 39, Code("M-10086")),
        ("https://a.example/m?c=7&d=%20", 3, Code("https://a.example/m?c=7&d=%20")),
        ("+A99912345", 3, Code("+A99912345")),
        ("12345", 3, Typed(5)),
        ("13812341234", 40, Typed(11)),
        ("4111111111111", 3, Code("4111111111111")),
    ],
)
def test_codes_are_told_from_a_hand_by_their_pace(
    text: str, gap_ms: int, expected: Reading
) -> None:
    assert reading(text, gap_ms=gap_ms) == expected


def test_a_bank_number_that_was_scanned_is_refused() -> None:
    with pytest.raises(BankCardShown):
        reading("4111111111111111")


def test_a_swipe_without_enter_ends_with_silence() -> None:
    framing = Framing(FORM)
    for at, letter in enumerate(";1234?"):
        assert framing.press(letter, at) == ()
    assert framing.tick(5 + 299) == () and framing.waiting
    (burst,) = framing.tick(5 + 300)
    assert burst.text == ";1234?" and not framing.waiting


def test_a_swipe_that_stops_is_torn_and_the_next_is_whole() -> None:
    framing = Framing(FORM)
    for at, letter in enumerate(";12"):
        framing.press(letter, at)
    (torn,) = framing.press(";", 2 + 300)
    with pytest.raises(SwipeTorn):
        read_burst(torn, FORM)
    framing.press("9", 303)
    framing.press("?", 304)
    (whole,) = framing.press("\n", 305)
    assert read_burst(whole, FORM) == Swipe((None, "9", None))


def test_enter_behind_every_track() -> None:
    form = Form(enter_per_track=True)
    (burst,) = by_keys("%A1?\n;22?\n", form)
    assert read_burst(burst, form) == Swipe(("A1", "22", None))


def test_shift_on_either_side_and_what_is_typed_with_control() -> None:
    keys = UsKeys()
    seen = [keys.press(*key) for key in [(54, 1), (6, 1), (6, 2), (6, 0), (54, 0), (6, 1)]]
    assert seen == [None, "%", None, None, None, "5"]
    assert [keys.press(*key) for key in [(29, 1), (46, 1), (46, 0), (29, 0)]] == [None] * 4
    keys.press(42, 1)
    keys.clear()
    assert keys.press(40, 1) == "'"


def test_what_stands_for_a_card_is_never_a_chip_card() -> None:
    made = {card_uid(str(number)) for number in range(1_000)}
    assert len(made) == 1_000 and {len(uid) for uid in made} == {16}
