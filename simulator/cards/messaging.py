"""Secure messaging of a DESFire card: how a session opens commands and closes answers.

Four kinds. Without an authentication nothing is protected. D40 (after 0A) protects file data only.
EV1 (after 1A or AA) chains one initial vector through every command and answer and appends a CMAC
to every answer. EV2 (after 71 or 77) binds each exchange to a transaction identifier and a command
counter. A message that does not verify raises INTEGRITY_ERROR, one of a wrong size LENGTH_ERROR;
the card then forgets the session.
"""

import hmac
from abc import ABC, abstractmethod
from enum import Enum, IntEnum
from typing import Final

from simulator.cards.crypto import (
    BlockCipher,
    crc16,
    crc32,
    odd_bytes,
    pad_marked,
    pad_zero,
    unpad_marked,
)
from simulator.cards.status import CardError, Status, require

OK_BYTE: Final = bytes([Status.OK])
D40_MAC_SIZE: Final = 4
MAC_SIZE: Final = 8
COMMAND_LABEL: Final = b"\xa5\x5a"
"""AN12343 section 3.4.1: first bytes of the vector that enciphers a command."""
ANSWER_LABEL: Final = b"\x5a\xa5"
LAST_COMMAND_COUNTER: Final = 0xFFFF


class CommMode(IntEnum):
    """Communication setting of a file, and the protection of an exchange."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class Traffic(Enum):
    """What a command moves; D40 and EV1 protect file data differently from administration."""

    CONTROL = "control"
    READ = "read"
    WRITE = "write"


def whole_blocks(size: int, block_size: int) -> int:
    """The size of `size` bytes padded with zeros."""
    return -(-size // block_size) * block_size


class Messaging(ABC):
    """The protection in force between two authentications."""

    key_no: int | None = None

    @abstractmethod
    def body_size(self, plain_size: int, mode: CommMode, traffic: Traffic) -> int:
        """Bytes that follow the header of a command whose data has `plain_size` bytes."""

    @abstractmethod
    def open(
        self,
        ins: int,
        header: bytes,
        body: bytes,
        mode: CommMode,
        traffic: Traffic,
        plain_size: int | None,
    ) -> bytes:
        """The command's data, verified and deciphered. `plain_size` None means all that is there.

        Raises CardError: INTEGRITY_ERROR, LENGTH_ERROR.
        """

    @abstractmethod
    def close(self, answer: bytes, mode: CommMode, traffic: Traffic) -> bytes:
        """The protected form of a successful answer."""

    def open_key(self, ins: int, header: bytes, body: bytes) -> bytes:
        """The key data of ChangeKey, still with its checksums and padding."""
        return self.open(ins, header, body, CommMode.FULL, Traffic.CONTROL, None)

    def key_checksum(self, command: bytes, key_data: bytes) -> bytes:
        """What follows the (combined) key data in ChangeKey."""
        return b""

    def new_key_checksum(self, key: bytes) -> bytes:
        """What follows it where the new key was sent combined with the old one."""
        return crc32(key)


class Unprotected(Messaging):
    """No session: everything is plain."""

    def body_size(self, plain_size: int, mode: CommMode, traffic: Traffic) -> int:
        return plain_size

    def open(
        self,
        ins: int,
        header: bytes,
        body: bytes,
        mode: CommMode,
        traffic: Traffic,
        plain_size: int | None,
    ) -> bytes:
        require(plain_size is None or len(body) == plain_size, Status.LENGTH_ERROR)
        return body

    def close(self, answer: bytes, mode: CommMode, traffic: Traffic) -> bytes:
        return answer


class D40Messaging(Messaging):
    """Native DES sessions: a 4-byte MAC or CRC16 and DES on file data, nothing elsewhere."""

    def __init__(self, key_no: int, cipher: BlockCipher) -> None:
        self.key_no = key_no
        self._cipher = cipher

    def body_size(self, plain_size: int, mode: CommMode, traffic: Traffic) -> int:
        if mode is CommMode.FULL and plain_size:
            return whole_blocks(plain_size + 2, self._cipher.block_size)
        signed = mode is CommMode.MAC and traffic is Traffic.WRITE
        return plain_size + (D40_MAC_SIZE if signed else 0)

    def open(
        self,
        ins: int,
        header: bytes,
        body: bytes,
        mode: CommMode,
        traffic: Traffic,
        plain_size: int | None,
    ) -> bytes:
        if plain_size is None:
            return body
        require(len(body) == self.body_size(plain_size, mode, traffic), Status.LENGTH_ERROR)
        if mode is CommMode.FULL and plain_size:
            plain = self._cipher.reverse_deciphered(body)
            expected = plain[:plain_size] + crc16(plain[:plain_size])
            require(plain == pad_zero(expected, self._cipher.block_size), Status.INTEGRITY_ERROR)
            return plain[:plain_size]
        if mode is CommMode.MAC and traffic is Traffic.WRITE:
            expected = self._mac(body[:plain_size])
            require(hmac.compare_digest(expected, body[plain_size:]), Status.INTEGRITY_ERROR)
        return body[:plain_size]

    def close(self, answer: bytes, mode: CommMode, traffic: Traffic) -> bytes:
        if not answer or mode is CommMode.PLAIN:
            return answer
        if mode is CommMode.FULL:
            padded = pad_zero(answer + crc16(answer), self._cipher.block_size)
            return self._cipher.encrypt(padded, self._cipher.zero_vector())
        return answer + self._mac(answer) if traffic is Traffic.READ else answer

    def open_key(self, ins: int, header: bytes, body: bytes) -> bytes:
        require(bool(body) and len(body) % self._cipher.block_size == 0, Status.LENGTH_ERROR)
        return self._cipher.reverse_deciphered(body)

    def key_checksum(self, command: bytes, key_data: bytes) -> bytes:
        return crc16(key_data)

    def new_key_checksum(self, key: bytes) -> bytes:
        return crc16(key)

    def _mac(self, message: bytes) -> bytes:
        size = self._cipher.block_size
        chained = self._cipher.encrypt(pad_zero(message, size), self._cipher.zero_vector())
        return chained[-size:][:D40_MAC_SIZE]


class Ev1Messaging(Messaging):
    """ISO and AES sessions of EV1 (AN0945): one vector chained through everything."""

    def __init__(self, key_no: int, cipher: BlockCipher) -> None:
        self.key_no = key_no
        self._cipher = cipher
        self._vector = cipher.zero_vector()

    def body_size(self, plain_size: int, mode: CommMode, traffic: Traffic) -> int:
        if mode is CommMode.FULL and plain_size:
            return whole_blocks(plain_size + 4, self._cipher.block_size)
        signed = mode is CommMode.MAC and traffic is Traffic.WRITE
        return plain_size + (MAC_SIZE if signed else 0)

    def open(
        self,
        ins: int,
        header: bytes,
        body: bytes,
        mode: CommMode,
        traffic: Traffic,
        plain_size: int | None,
    ) -> bytes:
        command = bytes([ins]) + header
        if plain_size is None:
            self._chain(command + body)
            return body
        require(len(body) == self.body_size(plain_size, mode, traffic), Status.LENGTH_ERROR)
        if mode is CommMode.FULL and plain_size:
            plain = self._decipher(body)
            expected = plain[:plain_size] + crc32(command + plain[:plain_size])
            require(plain == pad_zero(expected, self._cipher.block_size), Status.INTEGRITY_ERROR)
            return plain[:plain_size]
        mac = self._chain(command + body[:plain_size])
        if mode is CommMode.MAC and traffic is Traffic.WRITE:
            require(hmac.compare_digest(mac, body[plain_size:]), Status.INTEGRITY_ERROR)
        return body[:plain_size]

    def close(self, answer: bytes, mode: CommMode, traffic: Traffic) -> bytes:
        if mode is CommMode.FULL and answer:
            padded = pad_zero(answer + crc32(answer + OK_BYTE), self._cipher.block_size)
            cipher_text = self._cipher.encrypt(padded, self._vector)
            self._vector = cipher_text[-self._cipher.block_size :]
            return cipher_text
        return answer + self._chain(answer + OK_BYTE)

    def open_key(self, ins: int, header: bytes, body: bytes) -> bytes:
        require(bool(body) and len(body) % self._cipher.block_size == 0, Status.LENGTH_ERROR)
        return self._decipher(body)

    def key_checksum(self, command: bytes, key_data: bytes) -> bytes:
        return crc32(command + key_data)

    def _chain(self, message: bytes) -> bytes:
        self._vector = self._cipher.cmac(message, self._vector)
        return self._vector[:MAC_SIZE]

    def _decipher(self, body: bytes) -> bytes:
        plain = self._cipher.decrypt(body, self._vector)
        self._vector = body[-self._cipher.block_size :]
        return plain


class Ev2Messaging(Messaging):
    """EV2 sessions (AN12343 section 3.4): keys SesAuthENC and SesAuthMAC, TI, CmdCtr."""

    def __init__(self, key_no: int, encryption_key: bytes, mac_key: bytes, ti: bytes) -> None:
        self.key_no = key_no
        self.ti = ti
        self.command_counter = 0
        self._encryption = BlockCipher(encryption_key, aes=True)
        self._authentication = BlockCipher(mac_key, aes=True)

    def body_size(self, plain_size: int, mode: CommMode, traffic: Traffic) -> int:
        if mode is CommMode.PLAIN:
            return plain_size
        if mode is CommMode.FULL and plain_size:
            plain_size = whole_blocks(plain_size + 1, 16)
        return plain_size + MAC_SIZE

    def open(
        self,
        ins: int,
        header: bytes,
        body: bytes,
        mode: CommMode,
        traffic: Traffic,
        plain_size: int | None,
    ) -> bytes:
        require(self.command_counter < LAST_COMMAND_COUNTER, Status.INTEGRITY_ERROR)
        if plain_size is not None:
            require(len(body) == self.body_size(plain_size, mode, traffic), Status.LENGTH_ERROR)
        if mode is CommMode.PLAIN:
            return body
        require(len(body) >= MAC_SIZE, Status.LENGTH_ERROR)
        body, mac = body[:-MAC_SIZE], body[-MAC_SIZE:]
        expected = self._mac(ins, header + body)
        require(hmac.compare_digest(expected, mac), Status.INTEGRITY_ERROR)
        if mode is not CommMode.FULL or not body:
            return body
        require(len(body) % 16 == 0, Status.LENGTH_ERROR)
        plain = unpad_marked(self._encryption.decrypt(body, self._vector(COMMAND_LABEL)))
        if plain is None or (plain_size is not None and len(plain) != plain_size):
            raise CardError(Status.INTEGRITY_ERROR)
        return plain

    def close(self, answer: bytes, mode: CommMode, traffic: Traffic) -> bytes:
        self.command_counter += 1
        if mode is CommMode.PLAIN:
            return answer
        if mode is CommMode.FULL and answer:
            answer = self._encryption.encrypt(pad_marked(answer, 16), self._vector(ANSWER_LABEL))
        return answer + self._mac(Status.OK, answer)

    def _mac(self, code: int, message: bytes) -> bytes:
        bound = bytes([code]) + self.command_counter.to_bytes(2, "little") + self.ti
        return odd_bytes(self._authentication.cmac(bound + message))

    def _vector(self, label: bytes) -> bytes:
        seed = label + self.ti + self.command_counter.to_bytes(2, "little") + bytes(8)
        return self._encryption.encrypt(seed, bytes(16))
