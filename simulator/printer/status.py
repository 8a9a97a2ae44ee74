"""What the printer answers about itself: the status bytes of DLE EOT, GS r and GS a. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DRAWER_HIGH = 0x04
"""Pin 3 of the drawer connector is high, as it is with no drawer, or a shut one."""
OFFLINE = 0x08
FIXED = 0x12
"""Bits 1 and 4 are set and 0 and 7 clear in every DLE EOT answer: (b & 0x93) == 0x12."""


@dataclass(frozen=True)
class Condition:
    """What the sensors and the operator's panel say."""

    paper_near_end: bool = False
    paper_out: bool = False
    cover_open: bool = False
    switched_offline: bool = False

    @property
    def offline(self) -> bool:
        """The printer does not print."""
        return self.paper_out or self.cover_open or self.switched_offline


def real_time(number: int, seen: Condition) -> int:
    """DLE EOT n: 1 printer, 2 cause of being offline, 3 error, 4 paper."""
    status = FIXED
    if number == 1:
        status |= DRAWER_HIGH
        status |= OFFLINE if seen.offline else 0
    elif number == 2:
        status |= 0x04 if seen.cover_open else 0
        status |= 0x20 if seen.paper_out else 0
    elif number == 4:
        status |= 0x0C if seen.paper_near_end or seen.paper_out else 0
        status |= 0x60 if seen.paper_out else 0
    return status


def paper_sensor(seen: Condition) -> int:
    """GS r 1 and ESC v: bits 0, 1 near end, bits 2, 3 end."""
    return (0x03 if seen.paper_near_end or seen.paper_out else 0) | (0x0C if seen.paper_out else 0)


def automatic(seen: Condition) -> bytes:
    """The four bytes of Automatic Status Back (GS a)."""
    first = 0x10 | DRAWER_HIGH
    first |= OFFLINE if seen.offline else 0
    first |= 0x20 if seen.cover_open else 0
    return bytes((first, 0x00, paper_sensor(seen), 0x00))


IDENTITY = {1: b"\x20", 2: b"\x02", 3: b"\x01", 65: b"_1.0\0", 66: b"_COUNTERD\0",
            67: b"_SIMULATED-80\0", 68: b"_SIM00000001\0", 69: b"_GB18030\0"}  # fmt: skip
"""GS I n: one byte up to 3, then "_" text NUL. Type 0x02: it has a cutter."""


CLEAR_BUFFER = bytes.fromhex("10 14 08 01 03 14 01 06 02 08")
REAL_TIME_LENGTHS = {(0x04, 1): 3, (0x04, 2): 3, (0x04, 3): 3, (0x04, 4): 3,
                     (0x05, 1): 3, (0x05, 2): 3, (0x14, 1): 5, (0x14, 8): 10}  # fmt: skip


class RealTimeScanner:
    """Finds DLE EOT, DLE ENQ and DLE DC4 in the stream as it arrives, before it is queued.

    It looks at raw bytes, also inside pictures, because printers do: a picture that holds
    10 04 01 makes one answer. It remembers a command torn between two packets.
    """

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Whole real-time commands that ended in this chunk, in order."""
        stream, found, at = self._tail + chunk, [], 0
        while (at := stream.find(b"\x10", at)) >= 0:
            code = tuple(stream[at + 1 : at + 3])
            length = REAL_TIME_LENGTHS.get((code[0], code[1])) if len(code) == 2 else 3
            if length is None:
                at += 1
                continue
            if at + length > len(stream):
                break
            found.append(stream[at : at + length])
            at += length
        self._tail = stream[at:] if at >= 0 else b""
        return found
