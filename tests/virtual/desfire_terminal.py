"""A plain terminal for the virtual DESFire card: the other half of every protocol, for the tests.

Written from the same documents as the card and by the same hand, so agreement of the two proves
nothing by itself; the published vectors and logs of real cards in tests/vectors do.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from simulator.cards.crypto import (
    BlockCipher,
    crc16,
    crc32,
    exclusive_or,
    pad_marked,
    pad_zero,
    rotate_left,
    unpad_marked,
)
from simulator.cards.keys import Key, KeyKind
from simulator.cards.messaging import CommMode

PLAIN, MAC, FULL = CommMode.PLAIN, CommMode.MAC, CommMode.FULL
AES_ZEROS = Key.zeros(KeyKind.AES)
DES_ZEROS = Key.zeros(KeyKind.DES)
FRAME = 59


class Refused(Exception):
    """The card answered a status other than 00."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:02x}")
        self.status = status


class BadAnswer(AssertionError):
    """The card's MAC, checksum or proof is wrong."""


def aes_cmac(key: bytes, message: bytes) -> bytes:
    """CMAC by the library, not by the card's code."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def diversify_aes(master: bytes, diversification: bytes) -> bytes:
    """NXP AN10922 section 2.2: an AES-128 key of its own for each card."""
    assert 1 <= len(diversification) <= 31
    zero = bytes(16)
    seed = int.from_bytes(BlockCipher(master, aes=True).encrypt(zero, zero), "big")
    subkeys = []
    for _ in range(2):
        seed = (seed << 1) ^ (0x87 if seed >> 127 else 0)
        seed &= 2**128 - 1
        subkeys.append(seed.to_bytes(16, "big"))
    message = b"\x01" + diversification
    subkey = subkeys[0] if len(message) == 32 else subkeys[1]
    if len(message) < 32:
        message = (message + b"\x80").ljust(32, b"\x00")
    message = message[:16] + exclusive_or(message[16:], subkey)
    return BlockCipher(master, aes=True).encrypt(message, zero)[-16:]


def u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def i32(number: int) -> bytes:
    return number.to_bytes(4, "little", signed=True)


def rights(read: int, write: int, read_write: int, change: int) -> bytes:
    return bytes([read_write << 4 | change, read << 4 | write])


@dataclass
class D40Session:
    key_no: int
    cipher: BlockCipher

    def decipher_send(self, plain: bytes) -> bytes:
        """CBC made of decryptions, as D40 terminals send."""
        previous, sent, zero = bytes(8), b"", bytes(8)
        for start in range(0, len(plain), 8):
            block = exclusive_or(plain[start : start + 8], previous)
            previous = self.cipher.decrypt(block, zero)
            sent += previous
        return sent

    def mac(self, message: bytes) -> bytes:
        return self.cipher.encrypt(pad_zero(message, 8), bytes(8))[-8:-4]


@dataclass
class Ev1Session:
    key_no: int
    cipher: BlockCipher
    vector: bytes = b""

    def __post_init__(self) -> None:
        self.vector = bytes(self.cipher.block_size)

    def chain(self, message: bytes) -> bytes:
        self.vector = self.cipher.cmac(message, self.vector)
        return self.vector[:8]

    def encrypt(self, plain: bytes) -> bytes:
        sent = self.cipher.encrypt(pad_zero(plain, self.cipher.block_size), self.vector)
        self.vector = sent[-self.cipher.block_size :]
        return sent

    def decrypt(self, received: bytes) -> bytes:
        plain = self.cipher.decrypt(received, self.vector)
        self.vector = received[-self.cipher.block_size :]
        return plain


@dataclass
class Ev2Session:
    key_no: int
    encryption_key: bytes
    mac_key: bytes
    ti: bytes
    counter: int = 0

    def mac(self, code: int, message: bytes) -> bytes:
        bound = bytes([code]) + self.counter.to_bytes(2, "little") + self.ti
        return aes_cmac(self.mac_key, bound + message)[1::2]

    def vector(self, label: bytes) -> bytes:
        seed = label + self.ti + self.counter.to_bytes(2, "little") + bytes(8)
        return BlockCipher(self.encryption_key, aes=True).encrypt(seed, bytes(16))

    def encrypt(self, plain: bytes) -> bytes:
        cipher = BlockCipher(self.encryption_key, aes=True)
        return cipher.encrypt(pad_marked(plain, 16), self.vector(b"\xa5\x5a"))

    def decrypt(self, received: bytes) -> bytes:
        cipher = BlockCipher(self.encryption_key, aes=True)
        plain = unpad_marked(cipher.decrypt(received, self.vector(b"\x5a\xa5")))
        if plain is None:
            raise BadAnswer("padding")
        return plain


Session = D40Session | Ev1Session | Ev2Session


@dataclass
class Terminal:
    """Speaks to one card through `transmit`."""

    transmit: Callable[[bytes], bytes]
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    session: Session | None = None
    capabilities: bytes = field(default=b"", init=False)

    def frame(self, ins: int, payload: bytes = b"") -> tuple[bytes, int]:
        """One wrapped exchange: data and status."""
        lc = bytes([len(payload)]) + payload if payload else b""
        answer = self.transmit(bytes([0x90, ins, 0, 0]) + lc + b"\x00")
        assert answer[-2] == 0x91, answer.hex()
        return answer[:-2], answer[-1]

    def native(self, ins: int, payload: bytes = b"", frame_size: int = FRAME) -> bytes:
        """A command and all frames of its answer. Raises Refused."""
        answer, status = self.frame(ins, payload[:frame_size])
        rest = payload[frame_size:]
        while rest and status == 0xAF:
            answer, status = self.frame(0xAF, rest[:frame_size])
            rest = rest[frame_size:]
        while status == 0xAF:
            more, status = self.frame(0xAF)
            answer += more
        if status or rest:
            self.session = None
            raise Refused(status)
        return answer

    def authenticate(self, ins: int, key_no: int, key: Key) -> None:
        """0A, 1A or AA."""
        cipher, size = key.cipher(), key.kind.nonce_size
        challenge, status = self.frame(ins, bytes([key_no]))
        if status != 0xAF:
            raise Refused(status)
        zero = cipher.zero_vector()
        rnd_b, rnd_a = cipher.decrypt(challenge, zero), self.random_bytes(size)
        both = rnd_a + rotate_left(rnd_b)
        if ins == 0x0A:
            sent = D40Session(key_no, cipher).decipher_send(both)
            vector = zero
        else:
            sent = cipher.encrypt(both, challenge[-cipher.block_size :])
            vector = sent[-cipher.block_size :]
        proof, status = self.frame(0xAF, sent)
        if status:
            raise Refused(status)
        if cipher.decrypt(proof, vector) != rotate_left(rnd_a):
            raise BadAnswer("proof")
        mixed = self._mixed(key, rnd_a, rnd_b)
        self.session = D40Session(key_no, mixed) if ins == 0x0A else Ev1Session(key_no, mixed)

    @staticmethod
    def _mixed(key: Key, a: bytes, b: bytes) -> BlockCipher:
        if key.kind is KeyKind.AES:
            return BlockCipher(a[:4] + b[:4] + a[12:] + b[12:], aes=True)
        if key.kind is KeyKind.DES3:
            value = a[:4] + b[:4] + a[6:10] + b[6:10] + a[12:] + b[12:]
        elif key.is_single_des:
            value = a[:4] + b[:4]
        else:
            value = a[:4] + b[:4] + a[4:] + b[4:]
        return BlockCipher(value, aes=False)

    def authenticate_ev2(self, key_no: int, key: Key, *, first: bool = True) -> None:
        """71 or 77."""
        cipher, zero = key.cipher(), bytes(16)
        request = bytes([key_no, 0]) if first else bytes([key_no])
        challenge, status = self.frame(0x71 if first else 0x77, request)
        if status != 0xAF:
            raise Refused(status)
        a, b = self.random_bytes(16), cipher.decrypt(challenge, zero)
        proof, status = self.frame(0xAF, cipher.encrypt(a + rotate_left(b), zero))
        if status:
            raise Refused(status)
        plain = cipher.decrypt(proof, zero)
        returned = plain[4:20] if first else plain
        if returned != rotate_left(a):
            raise BadAnswer("proof")
        mixed = a[:2] + exclusive_or(a[2:8], b[:6]) + b[6:] + a[8:]
        keys = [
            aes_cmac(key.value, s + b"\x00\x01\x00\x80" + mixed) for s in (b"\xa5\x5a", b"\x5a\xa5")
        ]
        if first:
            self.capabilities = plain[20:]
            self.session = Ev2Session(key_no, keys[0], keys[1], plain[:4])
        else:
            assert isinstance(self.session, Ev2Session)
            old = self.session
            self.session = Ev2Session(key_no, keys[0], keys[1], old.ti, old.counter)

    def control(self, ins: int, payload: bytes = b"") -> bytes:
        """Administration: signed in EV2, watched in EV1, plain otherwise."""
        session = self.session
        if isinstance(session, Ev1Session):
            session.chain(bytes([ins]) + payload)
        if isinstance(session, Ev2Session):
            payload += session.mac(ins, payload)
        return self._checked(self.native(ins, payload), MAC if session else PLAIN)

    def write(
        self, ins: int, header: bytes, plain: bytes, mode: CommMode, frame_size: int = FRAME
    ) -> bytes:
        """A command that carries data under a communication mode."""
        payload = header + self._sealed(ins, header, plain, mode)
        return self._checked(self.native(ins, payload, frame_size), mode)

    def read(self, ins: int, header: bytes, mode: CommMode) -> bytes:
        """A command whose answer carries data under a communication mode."""
        session, payload = self.session, header
        if isinstance(session, Ev1Session):
            session.chain(bytes([ins]) + header)
        if isinstance(session, Ev2Session) and mode is not PLAIN:
            payload += session.mac(ins, header)
        return self._opened(self.native(ins, payload), mode)

    def _sealed(self, ins: int, header: bytes, plain: bytes, mode: CommMode) -> bytes:
        session, command = self.session, bytes([ins]) + header
        match session:
            case None:
                return plain
            case D40Session():
                if mode is FULL:
                    return session.decipher_send(pad_zero(plain + crc16(plain), 8))
                return plain + (session.mac(plain) if mode is MAC else b"")
            case Ev1Session():
                if mode is FULL:
                    return session.encrypt(plain + crc32(command + plain))
                mac = session.chain(command + plain)
                return plain + (mac if mode is MAC else b"")
            case Ev2Session():
                if mode is PLAIN:
                    return plain
                body = session.encrypt(plain) if mode is FULL and plain else plain
                return body + session.mac(ins, header + body)

    def _checked(self, answer: bytes, mode: CommMode) -> bytes:
        """The answer to a command that does not read file data."""
        session = self.session
        if isinstance(session, Ev1Session):
            answer, mac = answer[:-8], answer[-8:]
            if session.chain(answer + b"\x00") != mac:
                raise BadAnswer("CMAC")
        if isinstance(session, Ev2Session):
            session.counter += 1
            if mode is not PLAIN:
                answer, mac = answer[:-8], answer[-8:]
                if session.mac(0, answer) != mac:
                    raise BadAnswer("MAC")
        return answer

    def _opened(self, answer: bytes, mode: CommMode) -> bytes:
        session = self.session
        match session:
            case D40Session() if mode is MAC:
                answer, mac = answer[:-4], answer[-4:]
                if session.mac(answer) != mac:
                    raise BadAnswer("MAC")
            case D40Session() if mode is FULL:
                return self._without_checksum(session.cipher.decrypt(answer, bytes(8)), crc16, b"")
            case Ev1Session() if mode is FULL:
                return self._without_checksum(session.decrypt(answer), crc32, b"\x00")
            case Ev1Session() | Ev2Session():
                answer = self._checked(answer, mode)
                if isinstance(session, Ev2Session) and mode is FULL:
                    return session.decrypt(answer)
        return answer

    @staticmethod
    def _without_checksum(plain: bytes, checksum: Callable[[bytes], bytes], suffix: bytes) -> bytes:
        for end in range(len(plain)):
            expected = plain[:end] + checksum(plain[:end] + suffix)
            if len(expected) <= len(plain) and plain == expected.ljust(len(plain), b"\x00"):
                return plain[:end]
        raise BadAnswer("checksum")

    def change_key(self, key_byte: int, new: Key, old: Key | None = None) -> None:
        """C4; `old` where the key is not the one that authenticated."""
        session, ins = self.session, 0xC4
        value = exclusive_or(new.value, old.value) if old else new.value
        plain = value + (bytes([new.aes_version]) if new.kind is KeyKind.AES else b"")
        header = bytes([key_byte])
        match session:
            case D40Session():
                plain += crc16(plain) + (crc16(new.value) if old else b"")
                body = session.decipher_send(pad_zero(plain, 8))
            case Ev1Session():
                plain += crc32(bytes([ins]) + header + plain) + (crc32(new.value) if old else b"")
                body = session.encrypt(plain)
            case Ev2Session():
                plain += crc32(new.value) if old else b""
                body = session.encrypt(plain)
                body += session.mac(ins, header + body)
            case None:
                raise AssertionError("no session")
        answer = self.native(ins, header + body)
        if old is None:
            # The session ended with its key: the answer carries no MAC.
            assert answer == b""
            self.session = None
        else:
            self._checked(answer, MAC)

    def select(self, aid: bytes) -> None:
        """5A."""
        self.session = None
        assert self.native(0x5A, aid) == b""
