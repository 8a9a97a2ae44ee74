"""Swipes of magnetic readers in HID mode: one report for each swipe, read or not.

The layout is MagTek's (USB HID SureSwipe, technical reference, "Card data"); readers of other
makers in the same mode send it too. Offsets of its 337 bytes:

    0 1 2        decode status of track 1, 2, 3: bit 0 says that it could not be read
    3 4 5        how many bytes of each track count, start and end sentinel among them
    6            how the card is encoded (`Encoding`)
    7 117 227    the tracks in ASCII, 110 bytes each; what lies behind their length is undefined

Readers that encrypt have longer fields; nothing can be made of theirs without their key. How long a
report is, the device says itself in its descriptor (USB HID 1.11, 6.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from daemon.core.errors import SwipeGarbled
from daemon.core.swipe import WIDE_STARTS, Swipe, refuse_bank_card, require_characters

TRACK_BYTES: Final = 110
_TRACKS_AT: Final = (7, 117, 227)
_ENCODING_AT: Final = 6
REPORT_BYTES: Final = _TRACKS_AT[-1] + TRACK_BYTES

_STARTS: Final = ("%", ";@", "+;!#&")
"""What each track may begin with: track 3 of the banks begins like track 2."""
_END: Final = "?"

USAGE_PAGE: Final = 0xFF00
USAGE: Final = 0x01
MOST_DESCRIPTOR_BYTES: Final = 4096
"""As the kernel has it (HID_MAX_DESCRIPTOR_SIZE)."""


class Encoding(IntEnum):
    """The reader's own opinion of the card."""

    ISO_ABA = 0
    AAMVA = 1
    CADL = 2
    BLANK = 3
    OTHER = 4
    UNDETERMINED = 5
    NONE = 6
    JIS2 = 7


def read_report(report: bytes) -> Swipe:
    """The tracks of one swipe, as the keyboard's. What the reader says of the card's encoding is
    not needed for it; a track of which it says an error is torn, whatever else it sends there.

    Raises SwipeGarbled("swipe_garbled") where it is no such report, BankCardShown."""
    if len(report) != REPORT_BYTES:
        raise SwipeGarbled("swipe_garbled", why="report")
    if report[_ENCODING_AT] not in tuple(Encoding):
        raise SwipeGarbled("swipe_garbled", why="encoding")
    torn = frozenset(number for number in (1, 2, 3) if report[number - 1] & 1)
    tracks = [None if number in torn else _track(report, number) for number in (1, 2, 3)]
    swipe = Swipe((tracks[0], tracks[1], tracks[2]), torn)
    refuse_bank_card(swipe)
    return swipe


def _track(report: bytes, number: int) -> str | None:
    """None: nothing is on it."""
    length, at = report[2 + number], _TRACKS_AT[number - 1]
    if length == 0:
        return None
    if length > TRACK_BYTES:
        raise SwipeGarbled("swipe_garbled", why="length", track=number)
    sent = report[at : at + length].decode("latin-1").upper()
    start, held, end = sent[:1], sent[1:-1], sent[-1:]
    if length < 2 or start not in _STARTS[number - 1] or end != _END or _END in held:
        raise SwipeGarbled("swipe_garbled", why="order", track=number)
    require_characters(held, number, wide=start in WIDE_STARTS)
    return held


@dataclass(frozen=True, slots=True)
class HidDevice:
    """What a device's descriptor says of it: its first usage, and the bytes of its input report
    (the longest one, without the report's number)."""

    usage_page: int
    usage: int
    input_bytes: int
    numbered: bool


_USAGE_PAGE, _REPORT_SIZE, _REPORT_ID, _REPORT_COUNT, _PUSH, _POP = (
    0x04,
    0x74,
    0x84,
    0x94,
    0xA4,
    0xB4,
)
_USAGE, _INPUT = 0x08, 0x80
_LONG: Final = 0xFE


def read_descriptor(descriptor: bytes) -> HidDevice | None:
    """None where it is no descriptor of a device that sends anything. Never raises."""
    page = size = count = report_id = 0
    first: tuple[int, int] | None = None
    bits: dict[int, int] = {}
    kept: list[tuple[int, int, int, int]] = []
    for tag, value in _items(descriptor[:MOST_DESCRIPTOR_BYTES]):
        if tag == _USAGE_PAGE:
            page = value
        elif tag == _USAGE and first is None:
            first = (page, value)
        elif tag == _REPORT_SIZE:
            size = value
        elif tag == _REPORT_COUNT:
            count = value
        elif tag == _REPORT_ID:
            report_id = value
        elif tag == _INPUT:
            bits[report_id] = bits.get(report_id, 0) + size * count
        elif tag == _PUSH:
            kept.append((page, size, count, report_id))
        elif tag == _POP and kept:
            page, size, count, report_id = kept.pop()
    if first is None or not bits:
        return None
    return HidDevice(*first, (max(bits.values()) + 7) // 8, any(bits))


def _items(descriptor: bytes) -> Iterator[tuple[int, int]]:
    """Short items: the tag with its type, and its value without a sign (6.2.2.2). What is cut off
    ends it."""
    at = 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == _LONG:
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        length = (0, 1, 2, 4)[prefix & 3]
        body = descriptor[at + 1 : at + 1 + length]
        if len(body) < length:
            return
        yield prefix & 0xFC, int.from_bytes(body, "little")
        at += 1 + length
