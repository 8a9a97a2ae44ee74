"""The native DESFire commands wrapped in ISO 7816-4: `90 INS 00 00 [Lc data] 00` -> `data 91 SS`.

A dialogue is a `Conversation`: a generator that yields one command APDU, is sent the whole answer
with its status word, and returns what it found out. Where the card could not be reached, whoever
drives the generator throws the `CardError` or `ReaderError` into it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn, TypeAlias, TypeVar

from daemon.core.errors import CardError, CardForged, CardGarbled

T = TypeVar("T")
Conversation: TypeAlias = Generator[bytes, bytes, T]

CLA_NATIVE = 0x90
SW1_NATIVE = 0x91
SW_DONE = b"\x90\x00"

MAX_COMMAND_BYTES = 59
"""A native frame is 60 bytes with its command code (AN12343 and the EV1 short form specification);
nothing that we send is longer, so we never chain towards the card."""

MAX_CHAINED_FRAMES = 16
"""The longest answer that we ask for has 3 frames (GetVersion). A card that goes on saying AF is
refused instead of being listened to for ever."""

MAX_ANSWER_BYTES = 512
"""More than any answer that we ask for, less than a hostile card could fill memory with."""


class Ins(IntEnum):
    """Command codes, in NXP's words."""

    DEBIT = 0xDC
    GET_VALUE = 0x6C
    COMMIT_TRANSACTION = 0xC7
    READ_DATA = 0xBD
    WRITE_DATA = 0x3D
    SELECT_APPLICATION = 0x5A
    CREATE_APPLICATION = 0xCA
    CREATE_STD_DATA_FILE = 0xCD
    CREATE_VALUE_FILE = 0xCC
    CHANGE_FILE_SETTINGS = 0x5F
    GET_FILE_SETTINGS = 0xF5
    GET_FILE_IDS = 0x6F
    GET_VERSION = 0x60
    GET_CARD_UID = 0x51
    GET_KEY_VERSION = 0x64
    CHANGE_KEY = 0xC4
    AUTHENTICATE_LEGACY = 0x0A
    AUTHENTICATE_ISO = 0x1A
    AUTHENTICATE_AES = 0xAA
    AUTHENTICATE_EV2_FIRST = 0x71
    ADDITIONAL_FRAME = 0xAF


class Status(IntEnum):
    """Status codes (the second status byte) that we tell apart."""

    OK = 0x00
    NO_CHANGES = 0x0C
    OUT_OF_MEMORY = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY_ERROR = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH_ERROR = 0x7E
    PERMISSION_DENIED = 0x9D
    APPLICATION_NOT_FOUND = 0xA0
    AUTHENTICATION_ERROR = 0xAE
    ADDITIONAL_FRAME = 0xAF


_NOT_OUR_KEYS = frozenset(
    {
        Status.AUTHENTICATION_ERROR,
        Status.NO_SUCH_KEY,
        Status.PERMISSION_DENIED,
        Status.INTEGRITY_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A native answer: its status code and what came before the status word."""

    status: int
    payload: bytes


def wrap(ins: int, payload: bytes = b"") -> bytes:
    """The command APDU for a native command."""
    assert len(payload) <= MAX_COMMAND_BYTES
    head = bytes([CLA_NATIVE, ins, 0x00, 0x00])
    return head + (bytes([len(payload)]) + payload if payload else b"") + b"\x00"


def unwrap(answer: bytes) -> Reply | None:
    """The native answer in `answer`, or None where it is not one (a card of another kind)."""
    if len(answer) < 2 or answer[-2] != SW1_NATIVE:
        return None
    return Reply(answer[-1], bytes(answer[:-2]))


def ask_once(ins: int, payload: bytes = b"") -> Conversation[Reply]:
    """One command, one answer, whatever its status. Raises CardGarbled."""
    reply = unwrap((yield wrap(ins, payload)))
    if reply is None:
        raise CardGarbled("card_garbled", why="status_word", command=ins)
    return reply


def ask(ins: int, payload: bytes = b"") -> Conversation[Reply]:
    """One command and its whole answer, following `91 AF` up to MAX_CHAINED_FRAMES frames.

    Raises CardGarbled where the chain does not end or grows beyond reason."""
    reply = yield from ask_once(ins, payload)
    whole = bytearray(reply.payload)
    frames = 1
    while reply.status == Status.ADDITIONAL_FRAME:
        if frames == MAX_CHAINED_FRAMES or len(whole) > MAX_ANSWER_BYTES:
            raise CardGarbled("card_garbled", why="endless_chain", command=ins)
        reply = yield from ask_once(Ins.ADDITIONAL_FRAME)
        whole += reply.payload
        frames += 1
    return Reply(reply.status, bytes(whole))


def require_ok(reply: Reply, ins: int) -> bytes:
    """The payload of a good answer. Raises as `refuse`."""
    if reply.status != Status.OK:
        refuse(reply.status, ins)
    return reply.payload


def refuse(status: int, ins: int) -> NoReturn:
    """Raises what a bad status means: CardForged where our keys do not fit, CardError
    ("card_full") where the card has no room left, else CardGarbled."""
    if status in _NOT_OUR_KEYS:
        raise CardForged("card_forged", why="refused", command=ins, status=status)
    if status == Status.OUT_OF_MEMORY:
        raise CardError("card_full", command=ins)
    raise CardGarbled("card_garbled", why="status", command=ins, status=status)
