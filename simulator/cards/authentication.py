"""The card's half of the five authentications of a DESFire card.

Each is a handshake of two commands: the first yields a challenge, the second (AF) proves that the
terminal holds the key, and yields the card's own proof and a session. Layouts: native 0A and ISO 1A
from libfreefare and logs of real cards, AA from AN0945, 71 and 77 from AN12343 sections 5.5 and 6.
"""

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable

from simulator.cards.crypto import BlockCipher, exclusive_or, rotate_left, rotate_right
from simulator.cards.keys import Key, KeyKind
from simulator.cards.messaging import D40Messaging, Ev1Messaging, Ev2Messaging, Messaging
from simulator.cards.status import Status, require

AUTHENTICATE_LEGACY = 0x0A
AUTHENTICATE_ISO = 0x1A
AUTHENTICATE_AES = 0xAA
AUTHENTICATE_EV2_FIRST = 0x71
AUTHENTICATE_EV2_NON_FIRST = 0x77

KINDS_BY_COMMAND = {
    AUTHENTICATE_LEGACY: {KeyKind.DES},
    AUTHENTICATE_ISO: {KeyKind.DES, KeyKind.DES3},
    AUTHENTICATE_AES: {KeyKind.AES},
    AUTHENTICATE_EV2_FIRST: {KeyKind.AES},
    AUTHENTICATE_EV2_NON_FIRST: {KeyKind.AES},
}

CAPABILITIES_SIZE = 6
"""Bytes of PDcap2 and PCDcap2 in the answer to 71."""

RandomSource = Callable[[int], bytes]


class Handshake(ABC):
    """An authentication between its two commands."""

    def __init__(self, key_no: int, key: Key, random_bytes: RandomSource) -> None:
        self._key_no = key_no
        self._key = key
        self._cipher = key.cipher()
        self._rnd_b = random_bytes(key.kind.nonce_size)
        self._challenge = self._cipher.encrypt(self._rnd_b, self._cipher.zero_vector())

    def challenge(self) -> bytes:
        """The first answer: E(RndB)."""
        return self._challenge

    def finish(self, answer: bytes) -> tuple[bytes, Messaging]:
        """The card's proof and the session. Raises CardError: LENGTH_, AUTHENTICATION_ERROR."""
        size = len(self._rnd_b)
        require(len(answer) == 2 * size, Status.LENGTH_ERROR)
        plain = self._open(answer)
        rnd_a, returned = plain[:size], rotate_right(plain[size:])
        require(hmac.compare_digest(returned, self._rnd_b), Status.AUTHENTICATION_ERROR)
        return self._prove(rnd_a, answer), self._session(rnd_a)

    @abstractmethod
    def _open(self, answer: bytes) -> bytes: ...

    @abstractmethod
    def _prove(self, rnd_a: bytes, answer: bytes) -> bytes: ...

    @abstractmethod
    def _session(self, rnd_a: bytes) -> Messaging: ...

    def _mixed_key(self, rnd_a: bytes) -> BlockCipher:
        """The session key of D40 and EV1: slices of both numbers, laid out by key kind."""
        a, b = rnd_a, self._rnd_b
        if self._key.kind is KeyKind.AES:
            return BlockCipher(a[:4] + b[:4] + a[12:16] + b[12:16], aes=True)
        if self._key.kind is KeyKind.DES3:
            value = a[:4] + b[:4] + a[6:10] + b[6:10] + a[12:16] + b[12:16]
        elif self._key.is_single_des:
            value = a[:4] + b[:4]
        else:
            value = a[:4] + b[:4] + a[4:8] + b[4:8]
        return BlockCipher(value, aes=False)


class LegacyHandshake(Handshake):
    """0A: the card only ever encrypts, every operation starts from a zero vector."""

    def _open(self, answer: bytes) -> bytes:
        return self._cipher.reverse_deciphered(answer)

    def _prove(self, rnd_a: bytes, answer: bytes) -> bytes:
        return self._cipher.encrypt(rotate_left(rnd_a), self._cipher.zero_vector())

    def _session(self, rnd_a: bytes) -> Messaging:
        return D40Messaging(self._key_no, self._mixed_key(rnd_a))


class StandardHandshake(Handshake):
    """1A and AA: one CBC chain runs through challenge, answer and proof."""

    def _open(self, answer: bytes) -> bytes:
        return self._cipher.decrypt(answer, self._challenge[-self._cipher.block_size :])

    def _prove(self, rnd_a: bytes, answer: bytes) -> bytes:
        vector = answer[-self._cipher.block_size :]
        return self._cipher.encrypt(rotate_left(rnd_a), vector)

    def _session(self, rnd_a: bytes) -> Messaging:
        return Ev1Messaging(self._key_no, self._mixed_key(rnd_a))


class Ev2NonFirstHandshake(Handshake):
    """77: a further authentication in a running transaction; TI and CmdCtr go on."""

    def __init__(
        self, key_no: int, key: Key, random_bytes: RandomSource, running: Ev2Messaging
    ) -> None:
        super().__init__(key_no, key, random_bytes)
        self._running = running

    def _open(self, answer: bytes) -> bytes:
        return self._cipher.decrypt(answer, self._cipher.zero_vector())

    def _prove(self, rnd_a: bytes, answer: bytes) -> bytes:
        return self._cipher.encrypt(rotate_left(rnd_a), self._cipher.zero_vector())

    def _session(self, rnd_a: bytes) -> Messaging:
        session = Ev2Messaging(self._key_no, *self._session_keys(rnd_a), self._running.ti)
        session.command_counter = self._running.command_counter
        return session

    def _session_keys(self, rnd_a: bytes) -> tuple[bytes, bytes]:
        """SesAuthENCKey and SesAuthMACKey from SV1 and SV2 (AN12343 section 6.1)."""
        a, b = rnd_a, self._rnd_b
        mixed = a[:2] + exclusive_or(a[2:8], b[:6]) + b[6:16] + a[8:16]
        constants = b"\x00\x01\x00\x80"
        return (
            self._cipher.cmac(b"\xa5\x5a" + constants + mixed),
            self._cipher.cmac(b"\x5a\xa5" + constants + mixed),
        )


class Ev2FirstHandshake(Ev2NonFirstHandshake):
    """71: a new transaction: the proof also carries TI and both sides' capabilities."""

    def __init__(
        self,
        key_no: int,
        key: Key,
        random_bytes: RandomSource,
        card_capabilities: bytes,
        terminal_capabilities: bytes,
    ) -> None:
        ti = random_bytes(4)
        super().__init__(key_no, key, random_bytes, Ev2Messaging(key_no, bytes(16), bytes(16), ti))
        self._capabilities = card_capabilities.ljust(CAPABILITIES_SIZE, b"\x00")
        self._capabilities += terminal_capabilities.ljust(CAPABILITIES_SIZE, b"\x00")

    def _prove(self, rnd_a: bytes, answer: bytes) -> bytes:
        proof = self._running.ti + rotate_left(rnd_a) + self._capabilities
        return self._cipher.encrypt(proof, self._cipher.zero_vector())
