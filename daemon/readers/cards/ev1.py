"""What a card as delivered understands: its PICC key is DES, all zeros.

Two ways to authenticate, tried in this order: AuthenticateISO (1A), whose every cipher text is the
IV of the next (as AuthenticateAES, AA, which shares this code so that its published logs test it),
and the native AuthenticateLegacy (0A) of the first generation, in which the reader only ever
DEciphers. Under either, ChangeKey turns the PICC key into AES.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from daemon.core.errors import CardForged, CardGarbled
from daemon.readers.cards.apdu import Conversation, Ins, Status, ask_once, refuse
from daemon.readers.cards.primitives import (
    BlockCipher,
    SingleDes,
    crc16,
    crc32,
    pad_zeros,
    rotate,
    xor,
)

FACTORY_PICC_KEY = bytes(8)
PICC_KEY_AS_AES = 0x80
"""The key number of the PICC key, with the bits that make its new type AES."""


def des_session_key(rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Of a DES key, and of a two-key triple DES key whose halves are equal."""
    return rnd_a[:4] + rnd_b[:4]


def aes_session_key(rnd_a: bytes, rnd_b: bytes) -> bytes:
    return rnd_a[:4] + rnd_b[:4] + rnd_a[12:16] + rnd_b[12:16]


def authenticate_chained(
    ins: int,
    key_number: int,
    cipher: BlockCipher,
    rnd_a: bytes,
    session_key: Callable[[bytes, bytes], bytes],
) -> Conversation[bytes | None]:
    """1A with DES or AA with AES: the session key, or None where the card says no.

    Raises CardForged where the card's proof is wrong, CardGarbled."""
    block = cipher.block_bytes
    assert len(rnd_a) == block
    reply = yield from ask_once(ins, bytes([key_number]))
    if reply.status != Status.ADDITIONAL_FRAME:
        return None
    if len(reply.payload) != block:
        raise CardGarbled("card_garbled", why="length", command=ins)
    rnd_b = cipher.decrypt(reply.payload, bytes(block))
    token = cipher.encrypt(rnd_a + rotate(rnd_b), reply.payload)
    reply = yield from ask_once(Ins.ADDITIONAL_FRAME, token)
    if reply.status != Status.OK:
        return None
    if len(reply.payload) != block:
        raise CardGarbled("card_garbled", why="length", command=ins)
    if not hmac.compare_digest(cipher.decrypt(reply.payload, token[-block:]), rotate(rnd_a)):
        raise CardForged("card_forged", why="authentication")
    return session_key(rnd_a, rnd_b)


def decipher_to_send(cipher: SingleDes, plain: bytes) -> bytes:
    """The first generation's CBC towards the card: each block is XORed with the one sent before
    and then DEciphered, since the card can only encipher."""
    sent = bytearray()
    previous = bytes(8)
    for start in range(0, len(plain), 8):
        previous = cipher.decrypt(xor(plain[start : start + 8], previous), bytes(8))
        sent += previous
    return bytes(sent)


def authenticate_legacy(key_number: int, key: bytes, rnd_a: bytes) -> Conversation[bytes | None]:
    """0A: the session key, or None where the card says no. Raises CardForged, CardGarbled."""
    assert len(rnd_a) == 8
    cipher = SingleDes(key)
    reply = yield from ask_once(Ins.AUTHENTICATE_LEGACY, bytes([key_number]))
    if reply.status != Status.ADDITIONAL_FRAME:
        return None
    if len(reply.payload) != 8:
        raise CardGarbled("card_garbled", why="length", command=Ins.AUTHENTICATE_LEGACY)
    rnd_b = cipher.decrypt(reply.payload, bytes(8))
    token = decipher_to_send(cipher, rnd_a + rotate(rnd_b))
    reply = yield from ask_once(Ins.ADDITIONAL_FRAME, token)
    if reply.status != Status.OK:
        return None
    if len(reply.payload) != 8:
        raise CardGarbled("card_garbled", why="length", command=Ins.AUTHENTICATE_LEGACY)
    if not hmac.compare_digest(cipher.decrypt(reply.payload, bytes(8)), rotate(rnd_a)):
        raise CardForged("card_forged", why="authentication")
    return des_session_key(rnd_a, rnd_b)


def own_key_cryptogram(session: BlockCipher, key_number: int, new: bytes) -> bytes:
    """ChangeKey of the session's own key after 1A or AA, as the first command (session IV zero).
    `new` is the key with its version byte where it is AES. The CRC is over the command too."""
    checked = new + crc32(bytes([Ins.CHANGE_KEY, key_number]) + new)
    return session.encrypt(pad_zeros(checked, session.block_bytes), bytes(session.block_bytes))


def legacy_own_key_cryptogram(session: SingleDes, new: bytes) -> bytes:
    """The same after 0A: the CRC is CRC_A and is over the new key (and version) only."""
    return decipher_to_send(session, pad_zeros(new + crc16(new), 8))


def claim_picc_key(new: bytes, version: int, rnd_a: bytes) -> Conversation[None]:
    """Turns the factory's PICC key into the AES key `new`. The PICC level must be selected.
    `rnd_a` is 16 random bytes (8 for each way to authenticate).

    The card answers without a MAC: prove it by authenticating with the new key. Raises CardForged
    where the PICC key is not the factory's."""
    assert len(new) == 16 and len(rnd_a) == 16
    versioned = new + bytes([version])
    session_key = yield from authenticate_chained(
        Ins.AUTHENTICATE_ISO, 0, SingleDes(FACTORY_PICC_KEY), rnd_a[:8], des_session_key
    )
    if session_key is not None:
        cryptogram = own_key_cryptogram(SingleDes(session_key), PICC_KEY_AS_AES, versioned)
    else:
        session_key = yield from authenticate_legacy(0, FACTORY_PICC_KEY, rnd_a[8:])
        if session_key is None:
            raise CardForged("card_forged", why="picc_key")
        cryptogram = legacy_own_key_cryptogram(SingleDes(session_key), versioned)
    reply = yield from ask_once(Ins.CHANGE_KEY, bytes([PICC_KEY_AS_AES]) + cryptogram)
    if reply.status != Status.OK:
        refuse(reply.status, Ins.CHANGE_KEY)
