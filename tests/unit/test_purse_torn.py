"""The purse codec held to the virtual purse: whole, torn at every command, spoilt, replayed, and
over any sequence of all that. Codec, card and a plain sum must agree to the fen."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import CardForged, CardGarbled, CardGone, CardSilent, ReaderError
from daemon.core.purse import (
    LoadTerms,
    PurchaseTerms,
    PurseDone,
    PurseNotDone,
    PurseUnknown,
)
from daemon.readers.cards import purse
from daemon.readers.cards.purse import PinVerdict, Selection
from simulator.cards.faults import Fault, FaultyChip
from simulator.cards.purse import PurseCard as VirtualPurse
from simulator.cards.replay import Recorder, ReplayCard
from simulator.vpcd import CardPulled, NoAnswer
from tests.budget import NIGHTLY, examples
from tests.unit.card_talk import Script, Transmit, delivered, run
from tests.unit.purse_talk import (
    KEY_INDEX,
    LOADS,
    MAINTENANCE,
    PIN,
    PURCHASES,
    TACS,
    begun_load,
    begun_purchase,
    bought,
    errand,
    issued,
    loaded,
)

h = bytes.fromhex
Told = PurseDone | PurseNotDone | PurseUnknown


class Lossy:
    """A card with one fault on the reader, as a transport tells it to the codec."""

    def __init__(self, card: VirtualPurse, **fault: object) -> None:
        self.card = card
        self.chip = FaultyChip(card, Fault.from_json(dict(fault)))
        self.gone = False

    def __call__(self, command: bytes) -> bytes:
        if self.gone:
            raise CardGone("card_gone")
        try:
            return self.chip.transmit(command)
        except CardPulled:
            self.gone = True
            self.card.reset()
            raise CardGone("card_gone") from None
        except NoAnswer:
            raise CardSilent("card_silent") from None


def settled(card: VirtualPurse, terms: PurchaseTerms | LoadTerms) -> Told:
    """At the next tap."""
    card.reset()
    if isinstance(terms, LoadTerms):
        return run(purse.settle_load(terms, LOADS, TACS, PIN), card.transmit)
    return run(purse.settle_purchase(terms, PURCHASES), card.transmit)


def test_a_purse_is_loaded_and_pays() -> None:
    card = issued()
    done = loaded(card.transmit, 50_00)
    assert isinstance(done, PurseDone) and done.balance_fen == 50_00
    for number, left in ((1, 38_00), (2, 26_00)):
        done = bought(card.transmit, 12_00, number)
        assert isinstance(done, PurseDone) and done.balance_fen == left
        assert run(purse.balance(), card.transmit) == left == card.memory.balance
    assert (card.memory.online_sequence, card.memory.offline_sequence) == (1, 2)


def test_the_issuer_can_check_what_the_card_signed() -> None:
    card = issued(1_000)
    terms = begun_purchase(card.transmit, 1, 7)
    done = run(purse.debit(terms, PURCHASES), card.transmit)
    assert isinstance(done, PurseDone)
    assert TACS.proves_purchase_tac(terms, done.tac)
    assert not TACS.proves_purchase_tac(replace(terms, amount_fen=2), done.tac)


ERRORS: list[Callable[[], Exception]] = [
    lambda: CardGone("card_gone"),
    lambda: CardSilent("card_silent"),
    lambda: CardGarbled("card_garbled"),
    lambda: ReaderError("reader_absent"),
]


@pytest.mark.parametrize("loading", [False, True])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", ERRORS)
def test_a_lost_answer_is_unknown_and_settled_at_the_next_tap(
    error: Callable[[], Exception], after: bool, loading: bool
) -> None:
    card = issued(1_000)

    def lose(command: bytes) -> bytes:
        if after:
            card.transmit(command)
        raise error()

    terms: PurchaseTerms | LoadTerms
    if loading:
        terms = begun_load(card.transmit, 300)
        outcome = run(purse.credit(terms, LOADS, TACS), lose)
    else:
        terms = begun_purchase(card.transmit, 300, 1)
        outcome = run(purse.debit(terms, PURCHASES), lose)
    assert isinstance(outcome, PurseUnknown)
    told = settled(card, terms)
    if after:
        assert isinstance(told, PurseDone) and told.balance_fen == card.memory.balance
    else:
        assert told == PurseNotDone("no_proof") and card.memory.balance == 1_000
    # And again, as often as anybody likes: settling changes nothing.
    assert settled(card, terms) == told


def test_settling_in_the_same_tap_finds_the_same() -> None:
    card = issued(1_000)
    terms = begun_purchase(card.transmit, 300, 1)
    garbled = run(purse.debit(terms, PURCHASES), lambda c: card.transmit(c)[:-2] + b"\x93\x02")
    assert garbled == PurseUnknown("card_garbled")
    assert isinstance(run(purse.settle_purchase(terms, PURCHASES), card.transmit), PurseDone)


def test_what_was_used_elsewhere_since_stays_unknown() -> None:
    card = issued(1_000)
    terms = begun_purchase(card.transmit, 300, 1)
    card.transmit(h("805c000204"))
    bought(card.transmit, 1, 2)
    assert settled(card, terms) == PurseUnknown("mac2")
    bought(card.transmit, 1, 3)
    assert settled(card, terms) == PurseUnknown("moved_on")
    load = begun_load(card.transmit, 300)
    card.reset()
    loaded(card.transmit, 5)
    bought(card.transmit, 1, 4)
    assert settled(card, load) == PurseUnknown("moved_on")


def test_another_card_settles_nothing() -> None:
    card, other = issued(1_000), issued(1_000, uid=h("04112233445566"))
    terms = begun_purchase(card.transmit, 300, 1)
    assert settled(other, terms) == PurseUnknown("another_card")
    assert isinstance(run(purse.debit(terms, PURCHASES), other.transmit), PurseUnknown)
    assert run(purse.settle_purchase(terms, PURCHASES), delivered().transmit) == PurseUnknown(
        "another_card"
    )


def test_a_card_swapped_for_another_within_a_poll_is_unknown() -> None:
    card, other = issued(1_000), issued(1_000, uid=h("04112233445566"))
    terms = begun_purchase(card.transmit, 300, 1)
    begun_purchase(other.transmit, 300, 1)
    assert run(purse.debit(terms, PURCHASES), other.transmit) == PurseUnknown("card_garbled")
    assert (card.memory.balance, other.memory.balance) == (1_000, 1_000)


@pytest.mark.parametrize("number", [0, 40, 42, 41 + (1 << 15)])
def test_a_replaying_clone_is_never_done(number: int) -> None:
    """Fixed random number, counter, MAC and TAC: passes a till that skips MAC2."""
    card = issued(1_000)
    heard = Recorder(card)
    assert isinstance(bought(heard.transmit, 300, 41), PurseDone)
    clone = ReplayCard.of(card.uid, card.atr, heard.exchanges)
    terms = begun_purchase(clone.transmit, 300, number)
    assert run(purse.debit(terms, PURCHASES), clone.transmit) == PurseUnknown("mac2")
    assert isinstance(run(purse.settle_purchase(terms, PURCHASES), clone.transmit), PurseUnknown)


def test_what_mac2_cannot_tell_the_tac_does() -> None:
    """The limit of this standard, written down: the same number (its low 2 bytes) and amount at
    another till pass MAC2. The sequence, seen before, and the TAC give the clone away."""
    card = issued(1_000)
    heard = Recorder(card)
    first = begun_purchase(heard.transmit, 300, 41)
    assert isinstance(run(purse.debit(first, PURCHASES), heard.transmit), PurseDone)
    clone = ReplayCard.of(card.uid, card.atr, heard.exchanges)
    elsewhere = errand(clone.transmit, 300, terminal=h("00112233ffff"))
    terms = run(purse.begin_purchase(elsewhere, 41 + (1 << 16)), clone.transmit)
    assert isinstance(terms, PurchaseTerms) and terms.card_sequence == first.card_sequence
    outcome = run(purse.debit(terms, PURCHASES), clone.transmit)
    assert isinstance(outcome, PurseDone)
    assert not TACS.proves_purchase_tac(terms, outcome.tac)


def test_a_clone_that_replays_a_load_is_never_done() -> None:
    card = issued()
    heard = Recorder(card)
    assert isinstance(loaded(heard.transmit, 300), PurseDone)
    clone = ReplayCard.of(card.uid, card.atr, heard.exchanges)
    begun = begun_load(clone.transmit, 300)
    later = replace(begun, at=begun.at + timedelta(seconds=1))
    assert run(purse.credit(later, LOADS, TACS), clone.transmit) == PurseUnknown("tac")


def test_a_purse_of_another_issuer_is_forged_for_a_load_and_unknown_for_a_debit() -> None:
    card = issued(1_000)
    card.memory.load_keys = {KEY_INDEX: bytes(16)}
    card.memory.purchase_keys = {KEY_INDEX: bytes(16)}
    with pytest.raises(CardForged):
        begun_load(card.transmit, 300)
    assert bought(card.transmit, 300, 1) == PurseUnknown("card_garbled")
    assert card.memory.balance == 1_000


def test_refusals_change_nothing() -> None:
    card = issued(1_000)
    refused = run(purse.begin_purchase(errand(card.transmit, 1_001), 1), card.transmit)
    assert refused == PurseNotDone("funds")
    assert run(purse.begin_load(errand(card.transmit, 1), LOADS), card.transmit) == PurseNotDone(
        "security"
    )
    wanted = errand(card.transmit, 1)
    other = replace(wanted, card=replace(wanted.card, key_index=9))
    assert run(purse.begin_purchase(other, 1), card.transmit) == PurseNotDone("key_index")
    card.memory.offline_sequence = 0xFFFF
    at_its_end = run(purse.begin_purchase(wanted, 1), card.transmit)
    assert at_its_end == PurseNotDone("sequence_at_its_end")
    assert card.memory.balance == 1_000


def test_a_pin_is_counted_and_blocks() -> None:
    card = issued()
    run(purse.select(), card.transmit)
    said = [run(purse.verify_pin("0000"), card.transmit) for _ in range(4)]
    assert said[:2] == [PinVerdict(False, tries_left=2), PinVerdict(False, tries_left=1)]
    assert said[2] == PinVerdict(False, blocked=True, tries_left=0)
    assert said[3] == run(purse.verify_pin(PIN), card.transmit) == PinVerdict(False, blocked=True)


def test_each_load_takes_the_pin_anew() -> None:
    card = issued()
    loaded(card.transmit, 100)
    again = run(purse.begin_load(errand(card.transmit, 1), LOADS), card.transmit)
    assert again == PurseNotDone("security")


@pytest.mark.parametrize("permanent", [False, True])
def test_a_blocked_purse_pays_no_more(permanent: bool) -> None:
    card = issued(1_000)
    wanted = errand(card.transmit, 1)
    blocking = purse.block_application(wanted.card, MAINTENANCE, permanent=permanent)
    assert run(blocking, card.transmit)
    card.reset()
    assert run(purse.select(), card.transmit) is Selection.BLOCKED
    assert isinstance(run(purse.begin_purchase(wanted, 1), card.transmit), PurseNotDone)
    assert card.memory.block == ("permanent" if permanent else "temporary")


def test_nobody_else_blocks_a_purse() -> None:
    card = issued(1_000)
    wanted = errand(card.transmit, 1)
    other = replace(wanted.card, factor=bytes(8))
    assert not run(purse.block_application(other, MAINTENANCE, permanent=True), card.transmit)
    assert card.memory.block == ""


def test_other_cards_have_no_purse() -> None:
    assert run(purse.select(), delivered().transmit) is Selection.ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "90",
        "9000",
        "6f009000",
        "6f0284009000",
        "6f0b8409a000000003869807029000",
        "00" * 300 + "9000",
    ],
)
def test_what_shows_another_application_is_garbled(answer: str) -> None:
    with pytest.raises(CardGarbled):
        run(purse.select(), Script([h(answer)]))


FAULTS = st.one_of(
    st.none(),
    st.builds(
        lambda mode, at, when, seed: {"mode": mode, "at": at, "when": when, "seed": seed},
        st.sampled_from(["remove", "silence", "wrong_length", "wrong_mac", "garbage_status"]),
        st.integers(1, 6),
        st.sampled_from(["before", "after"]),
        st.integers(0, 999),
    ),
)
DEALS = st.lists(st.tuples(st.booleans(), st.integers(1, 400), FAULTS), min_size=1, max_size=12)


def attempt(transmit: Transmit, loading: bool, amount_fen: int, number: int) -> object:
    """The terms and the outcome, or None where it never came to sending the money command."""
    try:
        if loading:
            load = begun_load(transmit, amount_fen)
            return load, run(purse.credit(load, LOADS, TACS), transmit)
        terms = begun_purchase(transmit, amount_fen, number)
        return terms, run(purse.debit(terms, PURCHASES), transmit)
    except (CardGone, CardSilent, CardGarbled, CardForged, AssertionError):
        return None


@examples(150, nightly=5_000)
@given(deals=DEALS)
def test_card_and_sum_agree_to_the_fen_over_any_faults(
    deals: list[tuple[bool, int, dict[str, object] | None]],
) -> None:
    card, expected = issued(500), 500
    for number, (loading, amount_fen, fault) in enumerate(deals):
        card.reset()
        card.memory.pin_left = 3  # a lost answer to VERIFY is not what is looked at here
        before = card.memory.balance
        transmit: Transmit = Lossy(card, **fault) if fault else card.transmit
        tried = attempt(transmit, loading, amount_fen, number)
        if not isinstance(tried, tuple):
            assert card.memory.balance == before
            continue
        terms, outcome = tried
        if isinstance(outcome, PurseUnknown):
            outcome = settled(card, terms)
        assert isinstance(outcome, PurseDone | PurseNotDone)
        if isinstance(outcome, PurseDone):
            expected += amount_fen if loading else -amount_fen
        assert card.memory.balance == expected


def test_many_purchases_over_a_bad_reader_come_out_even() -> None:
    source = random.Random(5)
    card, spent, unknown, count = issued(10_000_000), 0, 0, 10_000 if NIGHTLY else 1_000
    for number in range(count):
        card.reset()
        mode = source.choice(["remove", "silence", "garbage_status", "wrong_mac", "none"])
        when = source.choice(["before", "after"])
        lossy = Lossy(card, mode=mode, ins="8054", when=when, seed=number)
        amount_fen = source.randint(1, 999)
        terms = begun_purchase(lossy, amount_fen, number)
        outcome = run(purse.debit(terms, PURCHASES), lossy)
        if isinstance(outcome, PurseUnknown):
            unknown += 1
            outcome = settled(card, terms)
        assert not isinstance(outcome, PurseUnknown)
        spent += amount_fen if isinstance(outcome, PurseDone) else 0
    assert unknown > count // 2
    assert card.memory.balance == 10_000_000 - spent
