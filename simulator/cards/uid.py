"""A card that proves nothing: it has a UID that anybody can read and copy."""

from dataclasses import dataclass
from typing import Any, Self

from simulator.cards.apdu import (
    CLASS_PSEUDO,
    INS_GET_DATA,
    SW_FUNCTION_NOT_SUPPORTED,
    SW_UNKNOWN_INSTRUCTION,
    SW_WRONG_LENGTH,
    CommandApdu,
    MalformedApdu,
    answer_get_data,
)

ATR_CLASSIC_1K = bytes.fromhex("3b8f8001804f0ca000000306030001000000006a")
"""PC/SC part 3 storage card, MIFARE Classic 1K: cards with a UID of 4 bytes."""
ATR_ULTRALIGHT = bytes.fromhex("3b8f8001804f0ca0000003060300030000000068")
"""PC/SC part 3 storage card, Ultralight and NTAG families: cards with a UID of 7 bytes."""


@dataclass
class UidCard:
    """Answers GET DATA with its UID, refuses everything else."""

    uid: bytes

    def __post_init__(self) -> None:
        assert len(self.uid) in (4, 7, 10)

    @property
    def atr(self) -> bytes:
        """By the length of the UID, as readers do."""
        return ATR_CLASSIC_1K if len(self.uid) == 4 else ATR_ULTRALIGHT

    def reset(self) -> None:
        """There is nothing volatile to lose."""

    def transmit(self, apdu: bytes) -> bytes:
        """One exchange."""
        try:
            command = CommandApdu.parse(apdu)
        except MalformedApdu:
            return SW_WRONG_LENGTH
        if command.cla != CLASS_PSEUDO:
            return SW_UNKNOWN_INSTRUCTION
        if command.ins != INS_GET_DATA:
            return SW_FUNCTION_NOT_SUPPORTED
        return answer_get_data(command, self.uid, ats=None)

    def to_json(self) -> dict[str, Any]:
        """For the card's state file."""
        return {"uid": self.uid.hex()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(bytes.fromhex(stored["uid"]))
