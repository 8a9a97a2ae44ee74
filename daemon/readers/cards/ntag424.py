"""NTAG 424 DNA: proved with a key at the reader, or by the link that it wrote for a telephone.

At a reader it speaks what a DESFire EV2 speaks (AuthenticateEV2First and its messaging, AES mode;
the LRP mode is refused): `prove` gives the UID that it signed.

A telephone that touches it opens a link in which the chip has put, new at each touch (secure
dynamic messaging, AN12196 clauses 3.3 and 3.4),

    e=  16 bytes: C7, UID (7), read counter (3, least byte first), random (5), under the meta key
    c=  8 bytes: every second byte of a CMAC (mostly over nothing), its key made of UID and counter

The link proves that the chip was touched once more than for the counter before, not where, when or
by whom: whoever takes it from a telephone may be far away. Accept a counter once, and only onward.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from daemon.core.errors import CardForged, CardGarbled
from daemon.readers.cards import ev2
from daemon.readers.cards.apdu import SW_DONE, Conversation, Ins, Status, ask_once, unwrap, wrap
from daemon.readers.cards.primitives import Aes128, aes_cmac, truncate_mac

DF_NAME = bytes.fromhex("D2760000850101")
"""The one application of the chip (NFC Forum Type 4)."""

VENDOR_NXP = 0x04
TYPE_NTAG = 0x04
GENERATION_424 = 0x30
"""Hardware major version; the older NTAG 413 DNA has 10."""

VERSION_FRAMES = 3
UID_BYTES = 7
COUNTER_BYTES = 3
PICC_BYTES = 16
SUN_MAC_BYTES = 8
PICC_TAG = 0xC7
"""UID mirrored, counter mirrored, UID of 7 bytes."""

MAX_LINK_CHARACTERS = 2048
"""A 424's file holds 256 bytes; what is much longer was not written by one."""

_SV_ENC = bytes.fromhex("C33C00010080")
_SV_MAC = bytes.fromhex("3CC300010080")


@dataclass(frozen=True, slots=True)
class SunLink:
    """The two parts of a link, not yet believed. `picc` is 16 bytes, `mac` 8."""

    picc: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class SunTouch:
    """Which chip, and how often it has been read (`counter`, from 1). `uid` is never logged."""

    uid: bytes
    counter: int


def is_ntag424() -> Conversation[bool]:
    """By GetVersion, as the ATR tells nothing. Raises CardGarbled where a chip that speaks native
    commands answers out of form."""
    reply = unwrap((yield wrap(Ins.GET_VERSION)))
    if reply is None:
        return False
    told, frames = reply.payload, 1
    while reply.status == Status.ADDITIONAL_FRAME and frames < VERSION_FRAMES:
        reply = yield from ask_once(Ins.ADDITIONAL_FRAME)
        told, frames = told + reply.payload, frames + 1
    if reply.status != Status.OK or len(told) < 14:
        return False
    return (told[0], told[1] & 0x0F, told[3]) == (VENDOR_NXP, TYPE_NTAG, GENERATION_424)


def prove(key_number: int, key: bytes, rnd_a: bytes) -> Conversation[bytes]:
    """The UID that the chip signed under `key`, which it proved to hold; 7 bytes, also where it
    shows random ones to others. `rnd_a` is 16 fresh random bytes.

    Raises CardForged, CardGarbled."""
    select = bytes([0x00, 0xA4, 0x04, 0x0C, len(DF_NAME)]) + DF_NAME + b"\x00"
    if bytes((yield select)) != SW_DONE:
        raise CardForged("card_forged", why="application")
    session = yield from ev2.authenticate_first(key_number, key, rnd_a)
    uid = yield from ev2.command(session, Ins.GET_CARD_UID, mode=ev2.CommMode.FULL)
    if len(uid) != UID_BYTES:
        raise CardGarbled("card_garbled", why="uid_length", length=len(uid))
    return uid


def read_link(text: str, picc_name: str = "e", mac_name: str = "c") -> SunLink:
    """The parts of a link that a chip wrote. Raises CardGarbled where it is not one."""
    if len(text) > MAX_LINK_CHARACTERS:
        raise CardGarbled("card_garbled", why="link_length")
    try:
        told = parse_qs(urlsplit(text).query, strict_parsing=True, max_num_fields=16)
        parts = [bytes.fromhex(value) for name in (picc_name, mac_name) for value in told[name]]
    except (ValueError, KeyError) as error:
        raise CardGarbled("card_garbled", why="link") from error
    if [len(part) for part in parts] != [PICC_BYTES, SUN_MAC_BYTES]:
        raise CardGarbled("card_garbled", why="link")
    return SunLink(*parts)


def open_link(link: SunLink, meta_key: bytes) -> SunTouch:
    """Which chip says that it wrote the link: what `check_link` needs to find that chip's key. Not
    believed yet. `meta_key` is common to all chips, as nothing tells them apart before.

    Raises CardForged where it was not written under `meta_key`."""
    plain = Aes128(meta_key).decrypt(link.picc, bytes(16))
    counter = int.from_bytes(plain[1 + UID_BYTES : 1 + UID_BYTES + COUNTER_BYTES], "little")
    if plain[0] != PICC_TAG:
        raise CardForged("card_forged", why="picc")
    return SunTouch(plain[1 : 1 + UID_BYTES], counter)


def check_link(link: SunLink, touch: SunTouch, file_key: bytes, signed: bytes = b"") -> None:
    """Raises CardForged where the chip with `file_key` did not write the link for this touch.

    `signed` is what lies in the link between the chip's MAC input offset and its MAC: nothing as
    usually set up, else ASCII as it stands there (AN12196, clause 3.4.4)."""
    expected = truncate_mac(aes_cmac(sun_mac_key(file_key, touch), signed))
    if not hmac.compare_digest(expected, link.mac):
        raise CardForged("card_forged", why="mac")


def sun_mac_key(file_key: bytes, touch: SunTouch) -> bytes:
    """KSesSDMFileReadMAC (AN12196, table 1)."""
    return aes_cmac(file_key, _SV_MAC + _touched(touch))


def open_file_part(cipher: bytes, touch: SunTouch, file_key: bytes) -> bytes:
    """The plain text of SDMENCFileData (AN12196, clause 3.4.3), a whole number of 16 bytes. Only
    after `check_link`. Raises CardGarbled."""
    if not cipher or len(cipher) % 16:
        raise CardGarbled("card_garbled", why="cipher_length")
    session = Aes128(aes_cmac(file_key, _SV_ENC + _touched(touch)))
    counter = touch.counter.to_bytes(COUNTER_BYTES, "little")
    return session.decrypt(cipher, session.encrypt(counter.ljust(16, b"\x00"), bytes(16)))


def _touched(touch: SunTouch) -> bytes:
    return touch.uid + touch.counter.to_bytes(COUNTER_BYTES, "little")
