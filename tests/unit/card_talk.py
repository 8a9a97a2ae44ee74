"""Runs conversations in a test: against a list of answers, or the virtual card in-process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from daemon.core.errors import CardError, ReaderError
from daemon.keys.files import CardMasters
from daemon.ports.keys import CardKeyPurpose
from daemon.readers.cards.apdu import Conversation
from daemon.readers.cards.desfire import Scheme
from simulator.cards.desfire import DesfireCard
from simulator.cards.picc import Picc

T = TypeVar("T")
Transmit = Callable[[bytes], bytes]
VECTORS = Path(__file__).parents[1] / "vectors"

UID = bytes.fromhex("04112233445566")
SYSTEM_ID = b"counterd"
MERCHANT = bytes.fromhex("0011223344556677")


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


def run(talk: Conversation[T], transmit: Transmit) -> T:
    try:
        command = next(talk)
        while True:
            try:
                answer = transmit(command)
            except (CardError, ReaderError) as error:
                command = talk.throw(error)
            else:
                command = talk.send(answer)
    except StopIteration as finished:
        result: T = finished.value
        return result


class Script:
    """Answers in order, and remembers what it was asked."""

    def __init__(self, answers: Iterable[bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    def __call__(self, command: bytes) -> bytes:
        self.asked.append(command)
        return self.answers[len(self.asked) - 1]


def masters(*versions: int, seed: int = 0) -> CardMasters:
    return CardMasters(
        {
            (purpose, version): bytes([seed, index, version]) * 5 + b"k"
            for index, purpose in enumerate(CardKeyPurpose)
            for version in versions
        }
    )


def scheme(*versions: int, seed: int = 0) -> Scheme:
    return Scheme(masters(*(versions or (1,)), seed=seed), SYSTEM_ID, MERCHANT)


def delivered(uid: bytes = UID) -> DesfireCard:
    """A virtual DESFire EV2 as it leaves the factory."""
    return DesfireCard.from_json(Picc.delivered(uid).to_json(), on_change=lambda _state: None)
