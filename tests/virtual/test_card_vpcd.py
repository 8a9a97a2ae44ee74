"""Cards on a reader: the vpcd protocol, tears at every exchange, and cards that misbehave."""

import random
import threading

import pytest
from card_scripts import AID, CYCLIC, DEBIT_KEY, UID, VALUE, personalised, value_of
from desfire_terminal import FULL, BadAnswer, Refused, Terminal, i32, u24
from vpcd_reader import CardGone, VpcdReader

from simulator.cards.desfire import ATR
from simulator.cards.faults import BadFault, Fault, FaultyChip
from simulator.cards.replay import Recorder, ReplayCard
from simulator.cards.uid import UidCard
from simulator.vpcd import InsertedCard, NoAnswer, ReaderGone

READ_UID = bytes.fromhex("ffca000000")


def sell(terminal: Terminal, amount: int = 1_000) -> None:
    """A debit and its record, committed together."""
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    terminal.write(0xDC, bytes([VALUE]), i32(amount), FULL)
    terminal.write(0x3B, bytes([CYCLIC]) + u24(0) + u24(16), b"sale".ljust(16), FULL)
    terminal.control(0xC7)


def test_insert_ask_pull() -> None:
    with VpcdReader() as reader:
        inserted = InsertedCard(UidCard(UID), "127.0.0.1", reader.port)
        reader.accept()
        assert reader.transmit(READ_UID) == UID + b"\x90\x00"
        assert reader.atr() == UidCard(UID).atr
        inserted.pull()
        assert reader.is_empty()
        assert not inserted.inserted
        inserted.pull()


def test_no_reader() -> None:
    with VpcdReader() as reader:
        port = reader.port
    with pytest.raises(ReaderGone):
        InsertedCard(UidCard(UID), "127.0.0.1", port)


def test_a_sale_through_the_protocol() -> None:
    card = personalised()
    with VpcdReader() as reader:
        inserted = InsertedCard(card, "127.0.0.1", reader.port)
        reader.accept()
        assert reader.atr() == ATR
        sell(Terminal(reader.transmit))
        inserted.pull()
    assert value_of(card) == 4_000


@pytest.mark.parametrize("control", [0, 1, 2])
def test_power_and_reset_forget_the_session(control: int) -> None:
    card = personalised()
    with VpcdReader() as reader:
        inserted = InsertedCard(card, "127.0.0.1", reader.port)
        reader.accept()
        terminal = Terminal(reader.transmit)
        terminal.select(AID)
        terminal.authenticate_ev2(2, DEBIT_KEY)
        terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
        reader.control(control)
        assert terminal.frame(0xC7) == (b"", 0x9D)
        inserted.pull()
    assert value_of(card) == 5_000


def test_the_card_stays_when_the_reader_restarts() -> None:
    with VpcdReader() as first:
        port = first.port
        inserted = InsertedCard(UidCard(UID), "127.0.0.1", port)
        first.accept()
    assert inserted.inserted
    with VpcdReader(port) as second:
        second.accept()
        assert second.transmit(READ_UID) == UID + b"\x90\x00"
        inserted.pull()


def exchanges_of_a_sale() -> int:
    recorder = Recorder(personalised())
    sell(Terminal(recorder.transmit))
    return len(recorder.exchanges)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, exchanges_of_a_sale() + 1))
def test_a_tear_at_every_exchange(at: int, when: str) -> None:
    """All or nothing; and only a tear after the commit leaves the money gone."""
    card, last = personalised(), exchanges_of_a_sale()
    fault = Fault.from_json({"mode": "remove", "at": at, "when": when})
    with VpcdReader() as reader:
        inserted = InsertedCard(FaultyChip(card, fault), "127.0.0.1", reader.port)
        reader.accept()
        with pytest.raises(CardGone):
            sell(Terminal(reader.transmit))
        assert inserted.wait(5)
        inserted.pull()
    committed = at == last and when == "after"
    assert value_of(card) == (4_000 if committed else 5_000)


@pytest.mark.parametrize(("when", "left"), [("before", 5_000), ("after", 4_000)])
def test_a_tear_around_the_commit(when: str, left: int) -> None:
    card = personalised()
    chip = FaultyChip(card, Fault.from_json({"mode": "remove", "ins": "c7", "when": when}))
    with VpcdReader() as reader:
        inserted = InsertedCard(chip, "127.0.0.1", reader.port)
        reader.accept()
        with pytest.raises(CardGone):
            sell(Terminal(reader.transmit))
        inserted.pull()
    assert value_of(card) == left


@pytest.mark.parametrize(("when", "left"), [("before", 5_000), ("after", 4_000)])
def test_silence(when: str, left: int) -> None:
    card = personalised()
    fault = Fault.from_json({"mode": "silence", "ins": "c7", "when": when})
    with VpcdReader() as reader:
        inserted = InsertedCard(FaultyChip(card, fault), "127.0.0.1", reader.port)
        reader.accept()
        terminal = Terminal(reader.transmit)
        terminal.select(AID)
        terminal.authenticate_ev2(2, DEBIT_KEY)
        terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
        session = terminal.session
        assert session is not None
        assert not hasattr(session, "cipher")
        signature = session.mac(0xC7, b"")  # type: ignore[call-arg, arg-type]
        assert reader.is_mute(b"\x90\xc7\x00\x00\x08" + signature + b"\x00")
        inserted.pull()
    assert value_of(card) == left


def test_wrong_mac_is_noticed_by_a_terminal_that_looks() -> None:
    chip = FaultyChip(personalised(), Fault.from_json({"mode": "wrong_mac", "ins": "c7"}))
    with pytest.raises(BadAnswer):
        sell(Terminal(chip.transmit))


def test_the_readers_own_question_is_not_a_native_command() -> None:
    """FF CA and the wrapped CA (CreateApplication) share their INS."""
    chip = FaultyChip(personalised(), Fault.from_json({"mode": "garbage_status", "ins": "ca"}))
    assert chip.transmit(READ_UID) == UID + b"\x90\x00"
    chip = FaultyChip(personalised(), Fault.from_json({"mode": "silence", "ins": "ffca"}))
    with pytest.raises(NoAnswer):
        chip.transmit(READ_UID)


def test_endless_chaining_never_ends() -> None:
    chip = FaultyChip(personalised(), Fault.from_json({"mode": "endless_af"}))
    for _ in range(500):
        assert chip.transmit(bytes.fromhex("90af000000"))[-2:] == b"\x91\xaf"


@pytest.mark.parametrize("mode", ["wrong_length", "garbage_status"])
@pytest.mark.parametrize("seed", range(20))
def test_spoiled_answers_never_look_like_a_sale(mode: str, seed: int) -> None:
    chip = FaultyChip(personalised(), Fault.from_json({"mode": mode, "seed": seed, "at": 2}))
    with pytest.raises((BadAnswer, Refused, AssertionError, IndexError, ValueError)):
        sell(Terminal(chip.transmit))


def test_the_same_seed_spoils_alike() -> None:
    for mode in ("wrong_length", "garbage_status"):
        fault = Fault.from_json({"mode": mode, "seed": 5})
        answers = [
            [FaultyChip(UidCard(UID), fault).transmit(READ_UID) for _ in range(3)] for _ in range(2)
        ]
        assert answers[0] == answers[1]


def test_a_card_taken_away_while_it_dawdles_does_not_act() -> None:
    card = personalised()
    chip = FaultyChip(card, Fault.from_json({"delay_ms": 60_000}))
    with VpcdReader() as reader:
        inserted = InsertedCard(chip, "127.0.0.1", reader.port)
        reader.accept()
        asker = threading.Thread(target=inserted.pull)
        chip.leave()
        asker.start()
        with pytest.raises(CardGone):
            reader.transmit(READ_UID)
        asker.join(10)
        assert not asker.is_alive()


@pytest.mark.parametrize(
    "described",
    [
        {"mode": "explode"},
        {"when": "during"},
        {"at": 0},
        {"at": "1"},
        {"at": True},
        {"ins": "c"},
        {"ins": "xx"},
        {"ins": "90c"},
        {"ins": 7},
        {"delay_ms": -1},
        {"delay_ms": 10**9},
        {"what": 1},
    ],
)
def test_bad_faults(described: dict[str, object]) -> None:
    with pytest.raises(BadFault):
        Fault.from_json(described)


def test_a_replaying_clone_repeats_what_was_heard() -> None:
    card = personalised()
    recorder = Recorder(card)
    randomness = random.Random(1)
    sell(Terminal(recorder.transmit, randomness.randbytes))
    clone = ReplayCard.of(card.uid, card.atr, recorder.exchanges)
    assert clone.uid == UID
    # A terminal that drew the same numbers again would be satisfied; its numbers are its defence.
    same = Terminal(clone.transmit, random.Random(1).randbytes)
    sell(same)
    clone.reset()
    with pytest.raises(BadAnswer):
        sell(Terminal(clone.transmit))
    assert value_of(card) == 4_000
    assert clone.transmit(bytes.fromhex("9051000000")) == b"\x6d\x00"
    assert clone.transmit(READ_UID) == UID + b"\x90\x00"
    revived = ReplayCard.from_json(clone.to_json())
    sell(Terminal(revived.transmit, random.Random(1).randbytes))
