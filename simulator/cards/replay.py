"""Listening to a genuine card, and a clone that only knows what was heard.

The recorder keeps the exchanges of one insertion. The clone has the genuine card's UID and ATR and
gives, to the n-th command with a certain CLA and INS since it was inserted, the n-th answer that
was heard to that CLA and INS, round and round for ever: its random numbers and counters are fixed.
"""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, Final, Self

from simulator.cards.apdu import SW_OK, SW_UNKNOWN_INSTRUCTION
from simulator.vpcd import Chip

MAX_RECORDED: Final = 2_000
"""Exchanges kept of one insertion; a tap takes some dozens."""
GET_UID: Final = bytes.fromhex("ffca000000")
MAX_TRACED: Final = 200
"""Exchanges kept for `GET .../apdus`."""


@dataclass(frozen=True)
class Exchange:
    """One command and its answer as the reader saw them; nothing here is a key."""

    command: bytes
    answer: bytes
    answered_ns: int = field(default=0, compare=False)
    """When the chip gave the answer, on the machine's own clock (CLOCK_REALTIME)."""

    @property
    def instruction(self) -> bytes:
        """CLA and INS."""
        return self.command[:2]


@dataclass
class Recorder:
    """A chip that remembers what passes."""

    chip: Chip
    exchanges: list[Exchange] = field(default_factory=list)
    trace: deque[Exchange] = field(default_factory=lambda: deque(maxlen=MAX_TRACED))

    @property
    def atr(self) -> bytes:
        """The chip's."""
        return self.chip.atr

    def reset(self) -> None:
        """Passed on."""
        self.chip.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """Passed on. An exchange that was torn or not answered is not recorded."""
        answer = self.chip.transmit(apdu)
        exchange = Exchange(apdu, answer, time.time_ns())
        self.trace.append(exchange)
        if len(self.exchanges) < MAX_RECORDED:
            self.exchanges.append(exchange)
        return answer


@dataclass
class ReplayCard:
    """A clone made of recorded answers."""

    uid: bytes
    own_atr: bytes
    answers: dict[bytes, list[bytes]]
    _next: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def of(cls, uid: bytes, atr: bytes, exchanges: list[Exchange]) -> Self:
        """A clone of the card with `uid` from what was heard."""
        answers: dict[bytes, list[bytes]] = defaultdict(list)
        for exchange in exchanges:
            answers[exchange.instruction].append(exchange.answer)
        return cls(uid, atr, dict(answers))

    @property
    def atr(self) -> bytes:
        """The genuine card's."""
        return self.own_atr

    def reset(self) -> None:
        """From the first answers on again."""
        self._next.clear()

    def transmit(self, apdu: bytes) -> bytes:
        """The next answer that was heard to this instruction."""
        heard = self.answers.get(apdu[:2])
        if not heard:
            # The reader finds the UID out by itself; it must not depend on what was overheard.
            return self.uid + SW_OK if apdu == GET_UID else SW_UNKNOWN_INSTRUCTION
        place = self._next[apdu[:2]]
        self._next[apdu[:2]] = place + 1
        return heard[place % len(heard)]

    def to_json(self) -> dict[str, Any]:
        """For the card's state file."""
        return {
            "uid": self.uid.hex(),
            "atr": self.own_atr.hex(),
            "answers": {k.hex(): [a.hex() for a in heard] for k, heard in self.answers.items()},
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        answers = {
            bytes.fromhex(instruction): [bytes.fromhex(answer) for answer in heard]
            for instruction, heard in stored["answers"].items()
        }
        return cls(bytes.fromhex(stored["uid"]), bytes.fromhex(stored["atr"]), answers)
