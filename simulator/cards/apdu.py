"""Short command APDUs (ISO/IEC 7816-4) as a contactless card and its reader see them.

The pseudo-APDUs of PC/SC part 3 (class FF) are answered by the reader in real life; vpcd hands them
to the card, so the chips answer them here.
"""

from dataclasses import dataclass
from typing import Final

SW_OK: Final = b"\x90\x00"
SW_END_OF_DATA: Final = b"\x62\x82"
"""PC/SC part 3 section 3.2.2.1.3: Le was longer than what there is."""
SW_WRONG_LENGTH: Final = b"\x67\x00"
SW_FUNCTION_NOT_SUPPORTED: Final = b"\x6a\x81"
SW_NOT_FOUND: Final = b"\x6a\x82"
SW_WRONG_PARAMETERS: Final = b"\x6a\x86"
SW_UNKNOWN_INSTRUCTION: Final = b"\x6d\x00"
SW_UNKNOWN_CLASS: Final = b"\x6e\x00"

CLASS_PSEUDO: Final = 0xFF
INS_GET_DATA: Final = 0xCA


class MalformedApdu(Exception):
    """The lengths in the command do not fit together."""


@dataclass(frozen=True)
class CommandApdu:
    """A parsed short APDU; `body` is its data field, `le` None where absent, 0 means 256."""

    cla: int
    ins: int
    p1: int
    p2: int
    body: bytes
    le: int | None

    @classmethod
    def parse(cls, raw: bytes) -> "CommandApdu":
        """Raises MalformedApdu. Extended lengths are not spoken."""
        if len(raw) < 4:
            raise MalformedApdu
        (cla, ins, p1, p2), rest = raw[:4], raw[4:]
        if len(rest) < 2:
            return cls(cla, ins, p1, p2, b"", rest[0] if rest else None)
        length, tail = rest[0], rest[1:]
        if length == 0 or len(tail) not in (length, length + 1):
            raise MalformedApdu
        le = tail[length] if len(tail) > length else None
        return cls(cla, ins, p1, p2, tail[:length], le)


def answer_get_data(command: CommandApdu, uid: bytes, ats: bytes | None) -> bytes:
    """PC/SC part 3 section 3.2.2.1.3: P1 00 the UID, P1 01 the ATS (6A81 where there is none)."""
    if command.body or command.p2 != 0 or command.p1 not in (0, 1):
        return SW_FUNCTION_NOT_SUPPORTED
    found = uid if command.p1 == 0 else ats
    if found is None:
        return SW_FUNCTION_NOT_SUPPORTED
    if not command.le:
        return found + SW_OK
    if command.le < len(found):
        return bytes([0x6C, len(found)])
    return found + (SW_OK if command.le == len(found) else SW_END_OF_DATA)
