"""What the card tests share: scripted randomness, wrapped frames, a personalised card."""

import json
from pathlib import Path
from typing import Any

from desfire_terminal import (
    AES_ZEROS,
    DES_ZEROS,
    FULL,
    MAC,
    PLAIN,
    Terminal,
    i32,
    rights,
    u24,
)

from simulator.cards.desfire import DesfireCard
from simulator.cards.keys import Key, KeyKind
from simulator.cards.picc import Picc

VECTORS = Path(__file__).parent.parent / "vectors"
UID = bytes.fromhex("04782e21801d80")
AID = bytes.fromhex("3042f5")
MASTER_KEY = Key(KeyKind.AES, bytes(range(16)), 1)
READ_KEY = Key(KeyKind.AES, bytes(range(16, 32)), 2)
DEBIT_KEY = Key(KeyKind.AES, bytes(range(32, 48)), 3)
CREDIT_KEY = Key(KeyKind.AES, bytes(range(48, 64)), 4)
APPLICATION_KEYS = (MASTER_KEY, READ_KEY, DEBIT_KEY, CREDIT_KEY)
STANDARD, BACKUP, VALUE, CYCLIC, LINEAR = 1, 2, 3, 4, 5
OWN_RIGHTS = rights(1, 2, 3, 0)


def vectors(name: str) -> Any:
    """A file of tests/vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


class Script:
    """A source of randomness that says what it was told to say."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    def __call__(self, size: int) -> bytes:
        part = self.parts.pop(0)
        assert len(part) == size
        return part


def wrap(native: bytes) -> bytes:
    """The APDU around a native frame."""
    payload = native[1:]
    length = bytes([len(payload)]) + payload if payload else b""
    return bytes([0x90, native[0], 0, 0]) + length + b"\x00"


def delivered(uid: bytes = UID) -> DesfireCard:
    """As from the factory."""
    return DesfireCard(Picc.delivered(uid))


def personalised(mode: int = FULL, uid: bytes = UID) -> DesfireCard:
    """An AES application with four keys and one file of each kind, all with one mode."""
    card = delivered(uid)
    terminal = Terminal(card.transmit)
    terminal.authenticate(0x1A, 0, DES_ZEROS)
    terminal.control(0xCA, AID + b"\x0b\x84")
    terminal.select(AID)
    terminal.authenticate_ev2(0, AES_ZEROS)
    create_files(terminal, mode)
    for key_no in (1, 2, 3):
        terminal.change_key(key_no, APPLICATION_KEYS[key_no], AES_ZEROS)
    terminal.change_key(0, MASTER_KEY)
    card.reset()
    return card


def create_files(terminal: Terminal, mode: int) -> None:
    """One of each: R key 1, W key 2, RW key 3, change key 0."""
    common = bytes([mode]) + OWN_RIGHTS
    terminal.control(0xCD, bytes([STANDARD]) + common + u24(100))
    terminal.control(0xCB, bytes([BACKUP]) + common + u24(300))
    limits = i32(0) + i32(100_000) + i32(5_000)
    terminal.control(0xCC, bytes([VALUE]) + common + limits + b"\x01")
    terminal.control(0xC0, bytes([CYCLIC]) + common + u24(16) + u24(4))
    terminal.control(0xC1, bytes([LINEAR]) + common + u24(10) + u24(2))


def opened(card: DesfireCard, key_no: int, scheme: str = "ev2") -> Terminal:
    """A terminal with a session in the personalised application."""
    terminal = Terminal(card.transmit)
    terminal.select(AID)
    if scheme == "ev2":
        terminal.authenticate_ev2(key_no, APPLICATION_KEYS[key_no])
    else:
        terminal.authenticate(0xAA, key_no, APPLICATION_KEYS[key_no])
    return terminal


def value_of(card: DesfireCard, mode: int = FULL) -> int:
    """GetValue with the read key."""
    answer = opened(card, 1).read(0x6C, bytes([VALUE]), (PLAIN, MAC, MAC, FULL)[mode])
    return int.from_bytes(answer, "little", signed=True)
