"""Cards that misbehave: a chip around a genuine chip, set up per insertion.

A fault strikes the exchanges that match: all of them, or those with one INS (two hexadecimal digits
for a wrapped native command, four for CLA and INS); from the `at`-th match on (counted from 1
within the insertion), or at that one only where the fault is a removal.
"""

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from simulator.vpcd import CardPulled, Chip, NoAnswer

MAX_DELAY_MS: Final = 60_000
MAX_AT: Final = 1_000_000
MORE_FRAMES: Final = b"\x91\xaf"
MAC_SIZE: Final = 8
WRAPPED_CLASS: Final = b"\x90"
PURSE_SIGNS: Final = (b"\x80\x50\x00", b"\x80\x52", b"\x80\x54", b"\x80\x5a")
"""INITIALIZE FOR LOAD (MAC1), CREDIT (TAC), DEBIT (TAC, MAC2), GET TRANSACTION PROVE (MAC, TAC)."""


class Mode(Enum):
    """What goes wrong."""

    NONE = "none"
    """Nothing, apart from the delay."""
    REMOVE = "remove"
    """The card leaves the reader, before or after it acted on the command."""
    SILENCE = "silence"
    """The card never answers, with or without having acted."""
    WRONG_LENGTH = "wrong_length"
    """Answers are cut short or grow a tail."""
    WRONG_MAC = "wrong_mac"
    """The last data byte of every successful answer that carries a MAC is flipped: of eight bytes
    and more where a native command was wrapped, and of a purse's four answers with a MAC or TAC."""
    ENDLESS_AF = "endless_af"
    """Every answer promises a further frame."""
    GARBAGE_STATUS = "garbage_status"
    """The status word is random."""


class When(Enum):
    """On which side of the card's own work a removal or silence falls."""

    BEFORE = "before"
    AFTER = "after"


class BadFault(ValueError):
    """A fault description that makes no sense."""


@dataclass(frozen=True)
class Fault:
    """What to do wrong during one insertion."""

    mode: Mode = Mode.NONE
    instruction: bytes | None = None
    """CLA and INS."""
    at: int = 1
    when: When = When.BEFORE
    delay_ms: int = 0
    seed: int = 0

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> "Fault":
        """From `{mode, ins, at, when, delay_ms, seed}`, all optional. Raises BadFault."""
        unknown = set(described) - {"mode", "ins", "at", "when", "delay_ms", "seed"}
        if unknown:
            raise BadFault(f"unknown: {', '.join(sorted(unknown))}")
        try:
            mode = Mode(described.get("mode", "none"))
            when = When(described.get("when", "before"))
        except ValueError as error:
            raise BadFault(str(error)) from None
        return cls(
            mode,
            _instruction(described.get("ins")),
            _number(described, "at", 1, 1, MAX_AT),
            when,
            _number(described, "delay_ms", 0, 0, MAX_DELAY_MS),
            _number(described, "seed", 0, 0, 2**32 - 1),
        )


def _instruction(described: object) -> bytes | None:
    """CLA and INS of `ins`; raises BadFault."""
    if described is None:
        return None
    if not isinstance(described, str) or not re.fullmatch(
        "[0-9a-fA-F]{2}|[0-9a-fA-F]{4}", described
    ):
        raise BadFault("ins is two hexadecimal digits, or four with the CLA")
    return bytes.fromhex(described).rjust(2, WRAPPED_CLASS)


def _number(described: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    number = described.get(name, default)
    if type(number) is not int or not least <= number <= most:
        raise BadFault(f"{name} is a whole number from {least} to {most}")
    return number


@dataclass
class FaultyChip:
    """A genuine chip with one fault."""

    chip: Chip
    fault: Fault
    _matches: int = 0
    _random: random.Random = field(init=False)
    _gone: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._random = random.Random(self.fault.seed)

    @property
    def atr(self) -> bytes:
        """The genuine one."""
        return self.chip.atr

    def reset(self) -> None:
        """The count of matches goes on: it belongs to the insertion."""
        self.chip.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """One exchange. Raises CardPulled, NoAnswer."""
        # A card that is taken away while it dawdles must not act afterwards.
        if self.fault.delay_ms and self._gone.wait(self.fault.delay_ms / 1000):
            raise CardPulled
        if not self._strikes(apdu):
            return self.chip.transmit(apdu)
        mode = self.fault.mode
        if mode in (Mode.REMOVE, Mode.SILENCE):
            if self.fault.when is When.AFTER:
                self.chip.transmit(apdu)
            raise CardPulled if mode is Mode.REMOVE else NoAnswer
        answer = self.chip.transmit(apdu)
        if mode is Mode.WRONG_MAC and apdu.startswith(PURSE_SIGNS) and answer[-2:] == b"\x90\x00":
            return _flip_last(answer, self._random)
        return _SPOILERS[mode](answer, self._random)

    def leave(self) -> None:
        """The card is being taken away: stop dawdling. May be called from any thread."""
        self._gone.set()

    def _strikes(self, apdu: bytes) -> bool:
        if self.fault.mode is Mode.NONE:
            return False
        if self.fault.instruction not in (None, apdu[:2]):
            return False
        self._matches += 1
        if self.fault.mode is Mode.REMOVE:
            return self._matches == self.fault.at
        return self._matches >= self.fault.at


def _spoil_length(answer: bytes, source: random.Random) -> bytes:
    """Shorter or longer by 1 to 16 bytes, mostly with the status word in its place."""
    body, status = answer[:-2], answer[-2:]
    count = source.randint(1, 16)
    if source.random() < 0.5 and body:
        return body[:-count] + status
    if source.random() < 0.2:
        return answer[: source.randint(0, 1)]
    return body + source.randbytes(count) + status


def _spoil_mac(answer: bytes, source: random.Random) -> bytes:
    body, status = answer[:-2], answer[-2:]
    if len(body) < MAC_SIZE or status != b"\x91\x00":
        return answer
    return _flip_last(answer, source)


def _flip_last(answer: bytes, source: random.Random) -> bytes:
    """One bit of the byte before the status word."""
    return answer[:-3] + bytes([answer[-3] ^ 1 << source.randrange(8)]) + answer[-2:]


def _spoil_chaining(answer: bytes, source: random.Random) -> bytes:
    return (answer[:-2] or source.randbytes(16)) + MORE_FRAMES


def _spoil_status(answer: bytes, source: random.Random) -> bytes:
    return answer[:-2] + source.randbytes(2)


_SPOILERS: Final[dict[Mode, Callable[[bytes, random.Random], bytes]]] = {
    Mode.WRONG_LENGTH: _spoil_length,
    Mode.WRONG_MAC: _spoil_mac,
    Mode.ENDLESS_AF: _spoil_chaining,
    Mode.GARBAGE_STATUS: _spoil_status,
}
