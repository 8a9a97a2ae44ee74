"""Who may spend what: the order of checks, each reason, the card's counter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.authorize import Approve, AskPin, Decision, Decline, authorize
from daemon.core.card import (
    Assurance,
    CardStatus,
    CounterVerdict,
    Face,
    Proof,
    Technology,
    judge_counter,
)
from daemon.core.entry import Account
from daemon.core.lockout import FREE_TRIES, lock_after, seconds_locked, tries_left
from daemon.core.policy import Policy
from daemon.core.records import Card, Holding, Member

UID = bytes.fromhex("04112233445566")
CARD = Card("card", "A", UID, Technology.DESFIRE, CardStatus.ACTIVE, 1, counter=7)
MEMBER = Member("A", "S01000001", "standard", "active", 0, pin_hash="hash")
PROOF = Proof(Face(UID, Technology.DESFIRE, True, 1), Assurance.AUTHENTIC, "card", 7)
UID_CARD = replace(CARD, technology=Technology.UID, counter=None, key_version=None)
UID_PROOF = Proof(Face(UID, Technology.UID, True), Assurance.IDENTITY)


def ask(
    amount_fen: int = 1850,
    *,
    card: Card = CARD,
    proof: Proof = PROOF,
    member: Member = MEMBER,
    held_fen: int = 10_000,
    spent_fen: int = 0,
    pin: bool = False,
) -> Decision:
    return authorize(
        amount_fen=amount_fen,
        proof=proof,
        card=card,
        member=member,
        holdings=[Holding(Account("member:A", "principal", 1), held_fen)] if held_fen else [],
        spent_today_fen=spent_fen,
        pin_given=pin,
        policy=Policy(),
    )


def reason(decision: Decision) -> str:
    assert isinstance(decision, Decline)
    return decision.reason


def test_a_card_that_proves_itself_pays_without_a_pin() -> None:
    assert ask() == Approve(((Account("member:A", "principal", 1), 1850),), 7)


def test_above_its_amount_it_asks_for_the_pin() -> None:
    assert ask(50_001, held_fen=60_000) == AskPin()
    assert isinstance(ask(50_001, held_fen=60_000, pin=True), Approve)


def test_a_number_alone_always_asks_for_the_pin() -> None:
    assert ask(1, card=UID_CARD, proof=UID_PROOF) == AskPin()
    assert isinstance(ask(1, card=UID_CARD, proof=UID_PROOF, pin=True), Approve)
    unset = replace(MEMBER, pin_hash=None)
    declined = ask(1, card=UID_CARD, proof=UID_PROOF, member=unset)
    assert reason(declined) == "pin_required_but_unset"


def test_a_number_alone_has_a_limit_per_day() -> None:
    spent = ask(1_00, card=UID_CARD, proof=UID_PROOF, spent_fen=19_901, pin=True)
    assert spent == Decline("day_limit", {"limit_fen": 20_000, "left_fen": 99})
    last = ask(99, card=UID_CARD, proof=UID_PROOF, spent_fen=19_901, pin=True)
    assert isinstance(last, Approve)


def test_too_little_money_says_how_much_is_missing() -> None:
    assert ask(held_fen=850) == Decline(
        "insufficient_funds", {"short_fen": 1000, "available_fen": 850}
    )
    assert reason(ask(held_fen=0)) == "insufficient_funds"


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (CardStatus.LOST, "card_lost"),
        (CardStatus.LOCKED, "card_locked"),
        (CardStatus.RETURNED, "card_returned"),
    ],
)
def test_a_card_that_is_not_active(status: CardStatus, key: str) -> None:
    assert reason(ask(card=replace(CARD, status=status))) == key


def test_a_frozen_member() -> None:
    assert reason(ask(member=replace(MEMBER, status="frozen"))) == "member_frozen"


def test_another_uid_than_the_books_know_is_a_forgery() -> None:
    other = replace(PROOF, face=replace(PROOF.face, uid=b"\x04" * 7))
    decision = ask(proof=other)
    assert decision == Decline("card_forged", alarm=True)


def test_a_desfire_number_shown_by_a_plain_card_is_a_forgery() -> None:
    assert reason(ask(proof=UID_PROOF)) == "card_forged"


@pytest.mark.parametrize(
    ("on_card", "pending", "verdict"),
    [
        (7, None, CounterVerdict.AS_EXPECTED),
        (7, 8, CounterVerdict.AS_EXPECTED),
        (8, 8, CounterVerdict.COMMITTED),
        (8, None, CounterVerdict.AHEAD),
        (9, 8, CounterVerdict.AHEAD),
        (6, None, CounterVerdict.ROLLED_BACK),
        (6, 8, CounterVerdict.ROLLED_BACK),
    ],
)
def test_the_counter_tells(on_card: int, pending: int | None, verdict: CounterVerdict) -> None:
    assert judge_counter(on_card, 7, pending) is verdict
    card = replace(CARD, pending=pending, pending_op="op" if pending else None)
    decision = ask(card=card, proof=replace(PROOF, counter=on_card))
    if verdict is CounterVerdict.ROLLED_BACK:
        assert decision == Decline("card_rolled_back", alarm=True, lock=True)
    elif verdict is CounterVerdict.AHEAD:
        assert decision == Decline("card_counter_ahead", alarm=True, lock=True)
    else:
        assert isinstance(decision, Approve) and decision.counter_before == on_card


@given(st.integers(1, 200))
def test_locks_come_every_fifth_wrong_try_and_grow(failures: int) -> None:
    lock_s = lock_after(failures)
    assert (lock_s > 0) == (failures % FREE_TRIES == 0)
    assert 1 <= tries_left(failures) <= FREE_TRIES
    if lock_s:
        assert lock_s >= lock_after(max(FREE_TRIES, failures - FREE_TRIES))


def test_seconds_are_rounded_up() -> None:
    assert seconds_locked(1_001, 0) == 2
    assert seconds_locked(1_000, 1_000) == 0
