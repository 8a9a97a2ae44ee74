"""What the watch of pcscd tells, from what pcscd says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.readers.link import (
    CardInserted,
    CardRemoved,
    LinkEvent,
    ReaderForgotten,
    ReaderFound,
    ReaderLost,
)
from daemon.readers.roster import MAX_READERS, SERVICE, Roster
from tests.budget import examples

EMPTY, PRESENT, IN_USE, MUTE = 0x0010, 0x0020, 0x0100, 0x0200
ATR = b"\x3b\x81\x80\x01\x80\x80"


def state(flags: int, count: int) -> int:
    return count << 16 | flags | 0x0002


def roster(*allow: str) -> tuple[Roster, list[LinkEvent]]:
    told: list[LinkEvent] = []
    return Roster(allow or None, told.append), told


def test_a_reader_comes_and_goes() -> None:
    kept, told = roster()
    kept.list([])
    kept.list(["A"])
    kept.list(["A"])
    kept.list([])
    assert told == [
        ReaderLost(SERVICE, "reader_none"),
        ReaderForgotten(SERVICE),
        ReaderFound("A"),
        ReaderLost("A", "reader_unplugged"),
    ]


def test_a_card_comes_and_goes_once() -> None:
    kept, told = roster()
    kept.list(["A"])
    told.clear()
    for flags, count in ((EMPTY, 0), (PRESENT, 1), (PRESENT | IN_USE, 1), (PRESENT, 1), (EMPTY, 2)):
        kept.note("A", state(flags, count), ATR)
    assert told == [CardInserted("A", ATR), CardRemoved("A")]


def test_a_card_swapped_between_two_looks_is_seen_by_the_count() -> None:
    kept, told = roster()
    kept.list(["A"])
    kept.note("A", state(PRESENT, 1), b"one")
    told.clear()
    kept.note("A", state(PRESENT, 3), b"two")
    assert told == [CardRemoved("A"), CardInserted("A", b"two")]


def test_a_card_that_tells_no_atr_is_no_card_yet() -> None:
    kept, told = roster()
    kept.list(["A"])
    told.clear()
    kept.note("A", state(PRESENT | MUTE, 1), b"")
    assert not told
    kept.note("A", state(PRESENT, 1), ATR)
    assert told == [CardInserted("A", ATR)]


def test_readers_that_are_named_are_missed_by_name() -> None:
    kept, told = roster("A", "B")
    kept.lose_all("reader_service_down")
    kept.list(["B", "C"])
    assert {event.reader for event in told} == {"A", "B"}
    assert told[-1] == ReaderLost("A", "reader_unplugged")
    assert list(kept.states) == ["B"]


def test_the_service_goes_and_comes_back() -> None:
    kept, told = roster()
    kept.list(["A"])
    kept.note("A", state(PRESENT, 1), ATR)
    told.clear()
    kept.lose_all("reader_service_down")
    kept.lose_all("reader_service_down")
    kept.list([])
    kept.list(["A"])
    assert told == [
        ReaderLost("A", "reader_service_down"),
        ReaderLost("A", "reader_unplugged"),
        ReaderFound("A"),
    ]
    assert kept.states == {"A": 0}


def test_an_unknown_reader_is_passed_over() -> None:
    kept, told = roster()
    kept.note("A", state(PRESENT, 1), ATR)
    assert not told


@examples(200, nightly=10_000)
@given(
    st.lists(
        st.one_of(
            st.lists(st.text(max_size=3), max_size=20).map(lambda names: ("list", names)),
            st.tuples(st.text(max_size=3), st.integers(0, 2**32 - 1)).map(
                lambda noted: ("note", noted)
            ),
            st.just(("lose", "reader_service_down")),
        ),
        max_size=40,
    )
)
def test_any_history_is_told_in_order(history: list[tuple[str, object]]) -> None:
    """A card is only on a reader that is there, goes before it comes again, and rows are few."""
    kept, told = roster()
    for what, said in history:
        match what, said:
            case "list", list(names):
                kept.list(names)
            case "note", (str(name), int(flags)):
                kept.note(name, flags, ATR)
            case "lose", str(problem):
                kept.lose_all(problem)
    there: set[str] = set()
    cards: set[str] = set()
    rows: set[str] = set()
    for event in told:
        rows.add(event.reader)
        match event:
            case ReaderFound(name):
                there.add(name)
            case ReaderLost(name):
                there.discard(name)
                cards.discard(name)
            case CardInserted(name):
                assert name in there and name not in cards
                cards.add(name)
            case CardRemoved(name):
                assert name in cards
                cards.discard(name)
            case ReaderForgotten(name):
                assert name not in there
                rows.discard(name)
    assert len(rows) <= 2 * MAX_READERS + 1
    assert set(kept.states) == there
