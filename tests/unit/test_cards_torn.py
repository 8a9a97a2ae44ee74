"""A card torn out at every command, before and after it acted, while it is proved, moved on and
personalised. The card is the virtual one, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from daemon.core.card import Assurance, Face, Technology
from daemon.core.errors import (
    CardError,
    CardForged,
    CardGarbled,
    CardGone,
    CardSilent,
    CardTorn,
    KeyMissing,
    ReaderError,
)
from daemon.core.ids import make_id
from daemon.keys.files import CardMasters
from daemon.ports.keys import CardKeyPurpose
from daemon.readers.cards import desfire, ev2
from daemon.readers.cards.apdu import Ins
from daemon.readers.cards.desfire import Opened, Scheme
from daemon.readers.cards.personalise import personalise
from simulator.cards.desfire import DesfireCard
from tests.unit.card_talk import MERCHANT, SYSTEM_ID, UID, delivered, masters, run, scheme

CARD_ID = make_id(1_700_000_000_000, b"0123456789")
OTHER_ID = make_id(1_700_000_000_001, b"9876543210")
BLANK = Face(UID, Technology.DESFIRE, personalised=False)


class Tear:
    """A transport that loses the card at the `at`-th command (from 1), before or after it acted."""

    def __init__(
        self, card: DesfireCard, at: int, after: bool, error: Callable[[], Exception]
    ) -> None:
        self.card, self.at, self.after, self.error = card, at, after, error
        self.count = 0

    def __call__(self, command: bytes) -> bytes:
        self.count += 1
        if self.count == self.at:
            if self.after:
                self.card.transmit(command)
            self.card.reset()
            raise self.error()
        assert self.count < self.at, "spoken to after it left"
        return self.card.transmit(command)


def gone() -> Exception:
    return CardGone("card_gone")


def made(card: DesfireCard, card_id: str = CARD_ID, shop: Scheme | None = None) -> Opened:
    face = run(desfire.identify(), card.transmit)
    return run(personalise(face, card_id, shop or scheme(), os.urandom), card.transmit)


def proved(card: DesfireCard, shop: Scheme | None = None) -> Opened:
    card.reset()
    face = run(desfire.identify(), card.transmit)
    assert face.personalised
    return run(desfire.prove(face, shop or scheme(), os.urandom), card.transmit)


def length_of(talk_to: Callable[[Callable[[bytes], bytes]], object], card: DesfireCard) -> int:
    commands: list[bytes] = []

    def count(command: bytes) -> bytes:
        commands.append(command)
        return card.transmit(command)

    talk_to(count)
    return len(commands)


def personalise_on(transmit: Callable[[bytes], bytes]) -> Opened:
    return run(personalise(BLANK, CARD_ID, scheme(), os.urandom), transmit)


COMMANDS = length_of(personalise_on, delivered())


def test_a_card_as_delivered_becomes_ours() -> None:
    card = delivered()
    face = run(desfire.identify(), card.transmit)
    assert face == BLANK
    opened = made(card)
    assert (opened.proof.card_id, opened.proof.counter) == (CARD_ID, 0)
    assert opened.proof.assurance is Assurance.AUTHENTIC
    assert proved(card).proof == opened.proof
    assert opened.proof.face.key_version == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, COMMANDS + 1))
def test_personalising_is_taken_up_after_a_tear_at_any_command(at: int, after: bool) -> None:
    card = delivered()
    with pytest.raises(CardGone):
        personalise_on(Tear(card, at, after, gone))
    # The shop starts again with a new id, as it must where it lost the first one.
    opened = made(card, OTHER_ID)
    assert (opened.proof.card_id, opened.proof.counter) == (OTHER_ID, 0)
    assert proved(card).proof == opened.proof


def test_personalising_is_taken_up_after_tears_at_every_command_in_turn() -> None:
    card = delivered()
    for at in range(1, COMMANDS * 2):
        try:
            personalise_on(Tear(card, at, True, gone))
        except CardGone:
            continue
        break
    assert proved(card).proof.card_id == CARD_ID


def test_a_torn_write_of_the_id_is_written_again() -> None:
    """Writing file 1 is not whole on the chip: mixed bytes, and key 0 still the factory's."""
    card = delivered()
    spoilt = b"\x55" * 32

    def half(command: bytes) -> bytes:
        if command[1] == Ins.CHANGE_FILE_SETTINGS:
            raise gone()
        return card.transmit(command)

    real = desfire.write_identity
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemon.readers.cards.personalise.write_identity", lambda *_: spoilt)
        with pytest.raises(CardGone):
            personalise_on(half)
    assert real is desfire.write_identity
    card.reset()
    assert not run(desfire.identify(), card.transmit).personalised
    assert made(card).proof.card_id == CARD_ID


def test_personalising_again_with_the_same_id_is_its_own_proof() -> None:
    card = delivered()
    made(card)
    card.reset()
    assert made(card).proof.card_id == CARD_ID


def test_a_card_in_use_does_not_get_another_id() -> None:
    card = delivered()
    made(card)
    opened = proved(card)
    run(desfire.advance(opened.session), card.transmit)
    card.reset()
    with pytest.raises(CardForged) as raised:
        made(card, OTHER_ID)
    assert raised.value.facts["why"] == "in_use"
    assert proved(card).proof.card_id == CARD_ID


def test_a_card_of_another_shop_is_refused_and_left_alone() -> None:
    card = delivered()
    made(card, shop=scheme(seed=7))
    card.reset()
    with pytest.raises(CardForged):
        made(card, OTHER_ID)
    assert proved(card, scheme(seed=7)).proof.card_id == CARD_ID


def test_a_card_of_another_merchant_with_our_keys_is_refused() -> None:
    card = delivered()
    made(card, shop=Scheme(masters(1), SYSTEM_ID, b"another!"))
    with pytest.raises(CardForged) as raised:
        proved(card)
    assert raised.value.facts["why"] == "merchant"


def test_a_card_that_says_another_uid_does_not_hold_its_keys() -> None:
    card = delivered()
    opened = made(card)
    face = opened.proof.face
    other = Face(bytes(7), face.technology, True, face.key_version)
    card.reset()
    with pytest.raises(CardForged):
        run(desfire.prove(other, scheme(), os.urandom), card.transmit)


def test_keys_roll_by_version() -> None:
    card = delivered()
    made(card)
    both = scheme(1, 2)
    assert proved(card, both).proof.face.key_version == 1
    card.reset()
    opened = made(card, CARD_ID, both)
    assert opened.proof.face.key_version == 2
    assert proved(card, scheme(2)).proof.card_id == CARD_ID
    with pytest.raises(CardForged) as raised:
        proved(card)
    assert raised.value.facts == {"why": "key_version", "version": 2}


@pytest.mark.parametrize("at", range(1, COMMANDS + 1))
def test_keys_roll_also_after_a_tear(at: int) -> None:
    card, both = delivered(), scheme(1, 2)
    made(card)
    card.reset()
    try:
        run(personalise(BLANK, CARD_ID, both, os.urandom), Tear(card, at, True, gone))
    except CardGone:
        card.reset()
        made(card, CARD_ID, both)
    assert proved(card, scheme(2)).proof.card_id == CARD_ID


def test_a_till_without_the_load_key_proves_and_spends_but_does_not_personalise() -> None:
    card = delivered()
    made(card)
    whole = masters(1)
    spend = {(CardKeyPurpose.SPEND, 1): whole._masters[CardKeyPurpose.SPEND, 1]}
    till = Scheme(CardMasters(spend), SYSTEM_ID, MERCHANT)
    opened = proved(card, till)
    run(desfire.advance(opened.session), card.transmit)
    with pytest.raises(KeyMissing):
        made(delivered(), shop=till)


def test_the_spend_key_cannot_put_the_counter_back() -> None:
    card = delivered()
    made(card)
    session = proved(card).session
    run(desfire.advance(session), card.transmit)
    header, one = bytes([desfire.FILE_COUNTER]), (1).to_bytes(4, "little")
    for credit in (0x0C, 0x1C):
        session = proved(card).session
        with pytest.raises(CardError):
            run(ev2.command(session, credit, header, one, ev2.CommMode.FULL), card.transmit)
        assert proved(card).proof.counter == 1


@pytest.mark.parametrize("steps", [1, 3])
def test_the_counter_moves_on(steps: int) -> None:
    card = delivered()
    made(card)
    session = proved(card).session
    for _ in range(steps):
        run(desfire.advance(session), card.transmit)
    assert proved(card).proof.counter == steps


ERRORS: list[Callable[[], Exception]] = [
    gone,
    lambda: CardSilent("card_silent"),
    lambda: CardGarbled("card_garbled"),
    lambda: ReaderError("reader_absent"),
]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("after", [False, True])
def test_before_the_commit_is_sent_nothing_can_have_changed(
    after: bool, error: Callable[[], Exception]
) -> None:
    card = delivered()
    made(card)
    session = proved(card).session
    with pytest.raises(CardGone):
        run(desfire.advance(session), Tear(card, 1, after, error))
    assert proved(card).proof.counter == 0


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("after", [False, True])
def test_after_the_commit_is_sent_the_outcome_is_unknown(
    after: bool, error: Callable[[], Exception]
) -> None:
    card = delivered()
    made(card)
    session = proved(card).session
    with pytest.raises(CardTorn):
        run(desfire.advance(session), Tear(card, 2, after, error))
    assert proved(card).proof.counter == (1 if after else 0)


@pytest.mark.parametrize(
    "answer", ["9100", "910c", "911e", "91ca", "9000", "6700", "", "91", "00" * 8 + "9100"]
)
@pytest.mark.parametrize("at,outcome", [(1, CardGone), (2, CardTorn)])
def test_an_answer_without_the_right_mac_never_counts(
    at: int, outcome: type[CardError], answer: str
) -> None:
    card = delivered()
    made(card)
    session = proved(card).session
    count = 0

    def spoil(command: bytes) -> bytes:
        nonlocal count
        count += 1
        good = card.transmit(command)
        return bytes.fromhex(answer) if count == at else good

    with pytest.raises(outcome):
        run(desfire.advance(session), spoil)


def test_a_replaying_clone_is_forged() -> None:
    card = delivered()
    made(card)
    heard: list[bytes] = []

    def listen(command: bytes) -> bytes:
        heard.append(card.transmit(command))
        return heard[-1]

    card.reset()
    face = run(desfire.identify(), listen)
    run(desfire.prove(face, scheme(), os.urandom), listen)
    answers = iter(heard)
    face = run(desfire.identify(), lambda _: next(answers))
    with pytest.raises(CardForged):
        run(desfire.prove(face, scheme(), os.urandom), lambda _: next(answers))
