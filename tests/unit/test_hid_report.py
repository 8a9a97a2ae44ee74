"""Reports of readers in HID mode: the published layout, recomputed from the published descriptor,
and any bytes at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import BankCardShown, SwipeError, SwipeGarbled
from daemon.core.hid_report import (
    REPORT_BYTES,
    TRACK_BYTES,
    USAGE,
    USAGE_PAGE,
    HidDevice,
    read_descriptor,
    read_report,
)
from daemon.core.swipe import Swipe, card_number, read_tracks, refuse_bank_card
from tests.budget import NIGHTLY, examples
from tests.unit.hid_talk import DESCRIPTOR, FIELDS, LAYOUT, report

GENERATED = 100_000 if NIGHTLY else 12_000
WIDE = "".join(chr(code) for code in range(0x20, 0x60) if chr(code) != "?")
NARROW = "0123456789:<=>"


def test_the_published_layout_is_the_descriptors() -> None:
    """Source: MagTek, USB HID SureSwipe technical reference; magtek-pyusb has the same 337 bytes.
    Seven bytes of status and three tracks of 110, by the items of the descriptor itself."""
    assert len(LAYOUT["source"]) == 3
    assert int(LAYOUT["usage_page"], 16) == USAGE_PAGE and int(LAYOUT["usage"], 16) == USAGE
    assert read_descriptor(DESCRIPTOR) == HidDevice(USAGE_PAGE, USAGE, REPORT_BYTES, numbered=False)
    assert REPORT_BYTES == LAYOUT["length"] == 7 + 3 * TRACK_BYTES == 337
    assert [last - first + 1 for first, last in FIELDS.values()] == [TRACK_BYTES] * 3
    assert FIELDS[1][0] == 7 and FIELDS[3][1] == REPORT_BYTES - 1
    # The variant that encrypts has fields of 112 bytes, and more behind them.
    longer = read_descriptor(DESCRIPTOR.replace(b"\x95\x6e", b"\x95\x70"))
    assert longer is not None and longer.input_bytes == 7 + 3 * 112


def test_a_report_is_the_same_swipe_as_the_keyboards() -> None:
    text = ("%B0010086^ZHANG/WEI^?", ";0010086=99?", "+0010086?")
    swipe = read_report(report(*text, rest=b"?;%9"))
    assert swipe == read_tracks("".join(text)) and card_number(swipe, 2) == "0010086"
    # Track 3 of the banks begins like track 2; sentinels of driver licences; small letters.
    assert read_report(report(None, None, ";01?")).tracks == (None, None, "01")
    assert read_report(report("%a1?", "@A1?", "!12?")).tracks == ("A1", "A1", "12")


def test_what_was_not_read_is_torn_and_what_is_empty_is_not() -> None:
    swipe = read_report(report("%A?", ";1?", errors=0b110))
    assert swipe == Swipe(("A", None, None), frozenset({2, 3}))
    assert read_report(report(encoding=3)) == Swipe((None, None, None))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        bytes(336),
        bytes(343),
        report(encoding=8),
        report(None, "%1?"),
        report(None, ";1"),
        report(None, ";"),
        report(None, ";1?2?"),
        report(None, ";1A?"),
        bytes([0, 0, 0, 111, 0, 0, 0]) + bytes(330),
        report("%" + "9" * 108 + "?"),
    ],
)
def test_what_no_reader_sends_is_garbled(broken: bytes) -> None:
    with pytest.raises(SwipeGarbled):
        read_report(broken)


def test_bank_cards_are_refused_on_any_track() -> None:
    for tracks in (
        ("%B4111111111111111^A/B^3012201?",),
        (None, ";4111111111111111=3012201?"),
        (None, None, ";014111111111111111=?"),
    ):
        with pytest.raises(BankCardShown) as refused:
            read_report(report(*tracks))
        assert "4111" not in repr(refused.value) + str(refused.value)


@examples(200, nightly=5_000)
@given(
    st.one_of(st.none(), st.text(WIDE, max_size=104)),
    st.one_of(st.none(), st.text(NARROW, max_size=104)),
    st.one_of(st.none(), st.text(NARROW, max_size=104)),
    st.integers(0, 7),
    st.integers(0, 7),
    st.binary(min_size=1, max_size=8),
)
def test_three_tracks_come_back_as_they_were_sent(
    one: str | None, two: str | None, three: str | None, errors: int, encoding: int, rest: bytes
) -> None:
    held = (one, two, three)
    sent = [
        None if track is None else f"{start}{track}?"
        for start, track in zip("%;+", held, strict=True)
    ]
    torn = frozenset(number for number in (1, 2, 3) if errors >> (number - 1) & 1)
    tracks = [None if number in torn else held[number - 1] for number in (1, 2, 3)]
    expected = Swipe((tracks[0], tracks[1], tracks[2]), torn)
    try:
        refuse_bank_card(expected)
    except BankCardShown:
        return
    assert read_report(report(*sent, errors=errors, encoding=encoding, rest=rest)) == expected


@examples(300, nightly=10_000)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_typed_error_or_a_swipe(raw: bytes) -> None:
    try:
        read_report(raw)
    except SwipeError as error:
        assert set(error.facts) <= {"why", "track"}
    read_descriptor(raw)


def test_many_reports_with_anything_changed() -> None:
    dice = random.Random(11)
    whole = report("%B0010086^A^?", ";0010086=99?", "+77?", rest=b"x")
    read = 0
    for _ in range(GENERATED):
        raw = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            raw[dice.choice((dice.randrange(7), dice.randrange(REPORT_BYTES)))] = dice.randrange(
                256
            )
        try:
            read += isinstance(read_report(bytes(raw)), Swipe)
        except SwipeError:
            continue
    assert 0 < read < GENERATED


def test_many_descriptors_with_anything_changed() -> None:
    dice = random.Random(12)
    for _ in range(GENERATED):
        raw = bytearray(DESCRIPTOR)
        for _ in range(dice.randrange(1, 6)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        said = read_descriptor(bytes(raw[: dice.randrange(len(raw) + 1)]))
        assert said is None or said.input_bytes >= 0
