"""Whatever a card answers, the codecs end, and end with a result or a CardError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.card import Face, Technology
from daemon.core.errors import CardError, CardGarbled
from daemon.core.ids import make_id
from daemon.readers.cards import desfire, ev1, ev2
from daemon.readers.cards.apdu import MAX_CHAINED_FRAMES, Conversation, Ins, ask
from daemon.readers.cards.personalise import personalise
from daemon.readers.cards.uid import read_uid
from tests.budget import examples
from tests.unit.card_talk import UID, delivered, run, scheme

MAX_EXCHANGES = 400
CARD_ID = make_id(1_700_000_000_000, b"0123456789")
OURS = Face(UID, Technology.DESFIRE, True, 1)
BLANK = Face(UID, Technology.DESFIRE, False)

status_words = st.one_of(
    st.sampled_from([bytes([0x91, s]) for s in (0x00, 0xAF, 0xAE, 0xA0, 0x1C, 0x0E)]),
    st.just(b"\x90\x00"),
    st.binary(min_size=2, max_size=2),
)
answers = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda body, word: body + word, st.binary(max_size=64), status_words),
    st.builds(
        lambda size, word: bytes(size) + word,
        st.sampled_from([0, 1, 4, 7, 8, 14, 16, 24, 32, 40]),
        status_words,
    ),
)


def session() -> ev2.Session:
    return ev2.Session(1, bytes(16), bytes(16), bytes(4))


def conversations() -> dict[str, Conversation[object]]:
    return {
        "uid": read_uid(),
        "identify": desfire.identify(),
        "prove": desfire.prove(OURS, scheme(), os.urandom),
        "advance": desfire.advance(session()),
        "counter": desfire.read_counter(session()),
        "claim": ev1.claim_picc_key(bytes(16), 1, bytes(16)),
        "authenticate": ev2.authenticate_first(1, bytes(16), bytes(16)),
        "personalise": personalise(BLANK, CARD_ID, scheme(), os.urandom),
    }


def endless(first: list[bytes]) -> Iterator[bytes]:
    return chain(first, repeat(first[-1]))


@pytest.mark.parametrize("name", list(conversations()))
@examples(300, nightly=10_000)
@given(said=st.lists(answers, min_size=1, max_size=12))
def test_any_answers_end_in_a_result_or_a_card_error(name: str, said: list[bytes]) -> None:
    stream = endless(said)
    exchanges = 0

    def transmit(_command: bytes) -> bytes:
        nonlocal exchanges
        exchanges += 1
        assert exchanges < MAX_EXCHANGES, "the conversation does not end"
        return next(stream)

    try:
        run(conversations()[name], transmit)
    except CardError as error:
        assert UID.hex() not in str(error)


def spoil(good: bytes, how: int, where: int, junk: bytes) -> bytes:
    """One answer made wrong, in one of the ways in which transports and hostile cards do it."""
    at = where % (len(good) + 1)
    return (
        good[:at],
        good + junk,
        good[:at] + junk + good[at:],
        bytes(b ^ (1 << where % 8 if i == at else 0) for i, b in enumerate(good)),
        junk,
        good[:-2] + junk[:2],
        good[:-1] + b"\xaf",
    )[how]


@examples(300, nightly=10_000)
@given(
    at=st.integers(1, 60),
    how=st.integers(0, 6),
    where=st.integers(0, 600),
    junk=st.binary(max_size=24),
)
def test_one_spoilt_answer_of_a_real_conversation_never_makes_a_wrong_card(
    at: int, how: int, where: int, junk: bytes
) -> None:
    card = delivered()
    count = 0

    def transmit(command: bytes) -> bytes:
        nonlocal count
        count += 1
        good = card.transmit(command)
        return spoil(good, how, where, junk) if count == at else good

    def whole() -> tuple[str | None, int | None]:
        face = run(desfire.identify(), transmit)
        if face.technology is not Technology.DESFIRE or face.uid != UID:
            raise CardGarbled("card_garbled")  # read as another kind of card: no keys are used
        opened = run(personalise(face, CARD_ID, scheme(), os.urandom), transmit)
        run(desfire.advance(opened.session), transmit)
        opened = run(desfire.prove(opened.proof.face, scheme(), os.urandom), transmit)
        return opened.proof.card_id, opened.proof.counter

    try:
        outcome = whole()
    except CardError:
        pass
    else:
        assert outcome == (CARD_ID, 1)
    count = 1000
    card.reset()
    face = run(desfire.identify(), transmit)
    opened = run(personalise(face, CARD_ID, scheme(), os.urandom), transmit)
    assert opened.proof.card_id == CARD_ID
    assert opened.proof.counter in (0, 1)


def test_endless_chaining_is_refused() -> None:
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return b"\x91\xaf"

    with pytest.raises(CardGarbled):
        run(ask(Ins.GET_VERSION), transmit)
    assert len(asked) == MAX_CHAINED_FRAMES


def test_an_answer_that_grows_and_grows_is_refused() -> None:
    with pytest.raises(CardGarbled):
        run(ask(Ins.GET_VERSION), lambda _: bytes(250) + b"\x91\xaf")


@pytest.mark.parametrize("length", [0, 3, 5, 6, 8, 11])
def test_a_uid_has_one_of_three_lengths(length: int) -> None:
    with pytest.raises(CardGarbled):
        run(read_uid(), lambda _: bytes(length) + b"\x90\x00")


@pytest.mark.parametrize("said", ["6a81", "6300", "6d00", "9000", "91", "", "6e00"])
def test_what_does_not_speak_desfire_is_a_number(said: str) -> None:
    script = iter([UID + b"\x90\x00", bytes.fromhex(said)])
    assert run(desfire.identify(), lambda _: next(script)) == Face(UID, Technology.UID, False)


@pytest.mark.parametrize("major,technology", [(0x00, "uid"), (0x01, "uid"), (0x12, "desfire"),
                                              (0x22, "desfire"), (0x33, "desfire")])  # fmt: skip
def test_a_card_without_our_application_is_told_by_its_version(major: int, technology: str) -> None:
    script = iter(
        [
            UID + b"\x90\x00",
            b"\x91\xa0",
            bytes([4, 1, 1, major, 0, 0x18, 5]) + b"\x91\xaf",
            bytes([4, 1, 1, major, 0, 0x18, 5]) + b"\x91\xaf",
            UID + bytes(7) + b"\x91\x00",
        ]
    )
    face = run(desfire.identify(), lambda _: next(script))
    assert face == Face(UID, Technology(technology), False)
