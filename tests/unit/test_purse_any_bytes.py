"""Whatever a card answers, the purse codec ends, with a result or one of the tree's card errors,
and never calls a purchase or a load done that no cryptogram proves."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import CardError
from daemon.core.purse import PurseDone
from daemon.readers.cards import purse
from daemon.readers.cards.apdu import Conversation
from tests.budget import examples
from tests.unit.card_talk import run
from tests.unit.purse_talk import (
    AT,
    LOADS,
    MAINTENANCE,
    PIN,
    PURCHASES,
    TACS,
    TILL,
    begun_load,
    begun_purchase,
    issued,
    some_card,
)

ANSWERS = 10_000
MAX_EXCHANGES = 20
CARD = issued(1_000)
PURCHASE = begun_purchase(CARD.transmit, 300, 1)
LOAD = begun_load(CARD.transmit, 300)
WANTED = purse.Errand(some_card(), 300, TILL, AT)

CONVERSATIONS: dict[str, Callable[[], Conversation[object]]] = {
    "select": purse.select,
    "read_purse": purse.read_purse,
    "balance": purse.balance,
    "verify_pin": lambda: purse.verify_pin(PIN),
    "begin_purchase": lambda: purse.begin_purchase(WANTED, 1),
    "debit": lambda: purse.debit(PURCHASE, PURCHASES),
    "settle_purchase": lambda: purse.settle_purchase(PURCHASE, PURCHASES),
    "begin_load": lambda: purse.begin_load(WANTED, LOADS),
    "credit": lambda: purse.credit(LOAD, LOADS, TACS),
    "settle_load": lambda: purse.settle_load(LOAD, LOADS, TACS, PIN),
    "block": lambda: purse.block_application(some_card(), MAINTENANCE, permanent=True),
}
TRUE_ANSWERS = [
    issued(1_000).transmit(bytes.fromhex(command))
    for command in ("00a4040009a00000000386980701", "00b095001e", "805c000204", "0084000004")
] + [CARD.transmit(bytes.fromhex("00a4040009a00000000386980701")), CARD.memory.public_facts]
WORDS = [bytes.fromhex(word) for word in ("9000", "9302", "9401", "9406", "6283", "63c1", "6985")]
LENGTHS = (0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 30, 64, 254, 256, 300)


def generated(source: random.Random) -> bytes:
    """Noise, plausible lengths under plausible words, and true answers with a byte changed."""
    how = source.randrange(5)
    if how == 0:
        return source.randbytes(source.randrange(40))
    if how < 4:
        body = source.randbytes(source.choice(LENGTHS))
        if how == 3:  # a small balance in front makes INITIALIZE go on
            body = (b"\x00\x00\x13\x88" + body[4:]) if len(body) >= 4 else body
        return body + source.choice(WORDS)
    whole = bytearray(source.choice(TRUE_ANSWERS) + b"\x90\x00")
    whole[source.randrange(len(whole))] ^= 1 << source.randrange(8)
    return bytes(whole)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_ten_thousand_answers_end_in_a_result_or_a_card_error(name: str) -> None:
    source = random.Random(name)
    given_answers = conversations = 0

    def transmit(_command: bytes) -> bytes:
        nonlocal given_answers, exchanges
        given_answers += 1
        exchanges += 1
        assert exchanges < MAX_EXCHANGES, "the conversation does not end"
        return generated(source)

    while given_answers < ANSWERS:
        exchanges = 0
        conversations += 1
        try:
            result = run(CONVERSATIONS[name](), transmit)
        except CardError as error:
            assert CARD.memory.serial.hex() not in str(error)
        else:
            assert not isinstance(result, PurseDone)
    assert conversations > ANSWERS / MAX_EXCHANGES


@pytest.mark.parametrize("name", CONVERSATIONS)
@examples(100, nightly=10_000)
@given(said=st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_any_answers_shrunk_to_the_smallest_that_breaks(name: str, said: list[bytes]) -> None:
    answers = iter(said)
    try:
        result = run(CONVERSATIONS[name](), lambda _: next(answers, b""))
    except CardError:
        return
    assert not isinstance(result, PurseDone)
