"""AuthenticateEV2First (71) and EV2 secure messaging (NXP AN12343 and AN12196).

Both sides keep a transaction identifier TI and a command counter. A command carries a MAC over
`INS || counter || TI || header || data`, an answer over `status || counter + 1 || TI || data`, both
truncated to 8 bytes. In full mode the data are encrypted under an IV that is made of TI and the
counter; the MAC is over the ciphertext and is checked BEFORE anything is decrypted.
"""

from __future__ import annotations

import hmac
from enum import Enum

from daemon.core.errors import CardForged, CardGarbled
from daemon.readers.cards.apdu import (
    Conversation,
    Ins,
    Reply,
    Status,
    ask,
    ask_once,
    refuse,
)
from daemon.readers.cards.primitives import (
    Aes128,
    aes_cmac,
    crc32,
    pad_iso,
    rotate,
    truncate_mac,
    unpad_iso,
    xor,
)

MAC_BYTES = 8
ZERO_IV = bytes(16)
_LABEL_COMMAND = b"\xa5\x5a"
_LABEL_ANSWER = b"\x5a\xa5"


class CommMode(Enum):
    """Values as in the communication settings of a file."""

    MAC = 0x01
    FULL = 0x03


class Session:
    """One authenticated EV2 session. Holds keys: it has no representation.

    `seal` makes the payload of the next command, `open` checks its answer and moves the counter on.
    """

    __slots__ = ("_cipher", "_counter", "_mac_key", "_ti", "key_number")

    def __init__(
        self, key_number: int, enc_key: bytes, mac_key: bytes, ti: bytes, counter: int = 0
    ) -> None:
        self.key_number = key_number
        self._cipher = Aes128(enc_key)
        self._mac_key = mac_key
        self._ti = ti
        self._counter = counter

    def __repr__(self) -> str:
        return f"<EV2 session of key {self.key_number}>"

    def seal(self, ins: int, header: bytes, body: bytes, mode: CommMode) -> bytes:
        """Header, body (encrypted in full mode, where there is one) and MAC."""
        if mode is CommMode.FULL and body:
            body = self._cipher.encrypt(pad_iso(body), self._iv(_LABEL_COMMAND, self._counter))
        return header + body + self._mac(ins, self._counter, header + body)

    def open(self, reply: Reply, ins: int, mode: CommMode) -> bytes:
        """The plain data of the answer. Raises CardForged where its MAC is wrong or the status
        says that the keys do not fit, CardGarbled where it is not an answer to this command."""
        if reply.status != Status.OK:
            refuse(reply.status, ins)
        if len(reply.payload) < MAC_BYTES:
            raise CardGarbled("card_garbled", why="no_mac", command=ins)
        body, mac = reply.payload[:-MAC_BYTES], reply.payload[-MAC_BYTES:]
        self._counter += 1
        if not hmac.compare_digest(mac, self._mac(reply.status, self._counter, body)):
            raise CardForged("card_forged", why="mac", command=ins)
        if mode is not CommMode.FULL or not body:
            return body
        if len(body) % 16:
            raise CardGarbled("card_garbled", why="cipher_length", command=ins)
        plain = unpad_iso(self._cipher.decrypt(body, self._iv(_LABEL_ANSWER, self._counter)))
        if plain is None:
            raise CardGarbled("card_garbled", why="padding", command=ins)
        return plain

    def _mac(self, code: int, counter: int, body: bytes) -> bytes:
        message = bytes([code]) + counter.to_bytes(2, "little") + self._ti + body
        return truncate_mac(aes_cmac(self._mac_key, message))

    def _iv(self, label: bytes, counter: int) -> bytes:
        seed = label + self._ti + counter.to_bytes(2, "little") + bytes(8)
        return self._cipher.encrypt(seed, ZERO_IV)


def session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """SesAuthENCKey and SesAuthMACKey (AN12343, session key generation: SV1 and SV2)."""
    mixed = rnd_a[:2] + xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:16] + rnd_a[8:16]
    fixed = bytes.fromhex("00010080")
    return (
        aes_cmac(key, _LABEL_COMMAND + fixed + mixed),
        aes_cmac(key, _LABEL_ANSWER + fixed + mixed),
    )


def authenticate_first(key_number: int, key: bytes, rnd_a: bytes) -> Conversation[Session]:
    """Proves to each other that both hold `key`. `rnd_a` is 16 fresh random bytes.

    Raises CardForged where the card does not hold the key or says that we do not."""
    assert len(rnd_a) == 16
    cipher = Aes128(key)
    ins = Ins.AUTHENTICATE_EV2_FIRST
    reply = yield from ask_once(ins, bytes([key_number, 0x00]))
    if reply.status != Status.ADDITIONAL_FRAME:
        refuse(reply.status, ins)
    if len(reply.payload) != 16:
        raise CardGarbled("card_garbled", why="length", command=ins)
    rnd_b = cipher.decrypt(reply.payload, ZERO_IV)
    token = cipher.encrypt(rnd_a + rotate(rnd_b), ZERO_IV)
    reply = yield from ask_once(Ins.ADDITIONAL_FRAME, token)
    if reply.status != Status.OK:
        refuse(reply.status, ins)
    if len(reply.payload) != 32:
        raise CardGarbled("card_garbled", why="length", command=ins)
    plain = cipher.decrypt(reply.payload, ZERO_IV)
    # TI (4) || rol(RndA) (16) || PDcap2 (6) || PCDcap2 (6, ours, which we sent as nothing)
    if not hmac.compare_digest(plain[4:20], rotate(rnd_a)) or plain[26:32] != bytes(6):
        raise CardForged("card_forged", why="authentication")
    enc_key, mac_key = session_keys(key, rnd_a, rnd_b)
    return Session(key_number, enc_key, mac_key, plain[:4])


def command(
    session: Session,
    ins: int,
    header: bytes = b"",
    body: bytes = b"",
    mode: CommMode = CommMode.MAC,
) -> Conversation[bytes]:
    """One command of an authenticated session; its answer, checked and in plain."""
    reply = yield from ask(ins, session.seal(ins, header, body, mode))
    return session.open(reply, ins, mode)


def change_other_key(
    session: Session, key_number: int, old: bytes, new: bytes, version: int
) -> Conversation[None]:
    """ChangeKey (C4) of a key that the session was not opened with: new XOR old, version and the
    CRC of the new key. The card refuses (CardForged) where `old` is not its key."""
    assert key_number != session.key_number
    body = xor(new, old) + bytes([version]) + crc32(new)
    yield from command(session, Ins.CHANGE_KEY, bytes([key_number]), body, CommMode.FULL)


def change_own_key(
    session: Session, new: bytes, version: int, type_bits: int = 0
) -> Conversation[None]:
    """ChangeKey (C4) of the session's own key. The session ends with it: the answer has no MAC,
    so whether it took must be proved by authenticating with the new key. `type_bits` go with the
    number of the PICC key, whose type may change with it (see `ev1.PICC_KEY_AS_AES`)."""
    body = new + bytes([version])
    header = bytes([session.key_number | type_bits])
    payload = session.seal(Ins.CHANGE_KEY, header, body, CommMode.FULL)
    reply = yield from ask_once(Ins.CHANGE_KEY, payload)
    if reply.status != Status.OK:
        refuse(reply.status, Ins.CHANGE_KEY)
