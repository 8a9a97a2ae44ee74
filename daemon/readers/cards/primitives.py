"""Block ciphers and checksums under the names that NXP's documents use."""

from __future__ import annotations

import zlib
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC


class BlockCipher(Protocol):
    """CBC without padding over one key. `iv` is one block."""

    @property
    def block_bytes(self) -> int: ...

    def encrypt(self, plain: bytes, iv: bytes) -> bytes: ...

    def decrypt(self, crypt: bytes, iv: bytes) -> bytes: ...


class Aes128:
    """AES-128 in CBC mode."""

    block_bytes = 16
    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        assert len(key) == 16
        self._algorithm = AES(key)

    def encrypt(self, plain: bytes, iv: bytes) -> bytes:
        encryptor = Cipher(self._algorithm, modes.CBC(iv)).encryptor()
        return encryptor.update(plain) + encryptor.finalize()

    def decrypt(self, crypt: bytes, iv: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, modes.CBC(iv)).decryptor()
        return decryptor.update(crypt) + decryptor.finalize()


class SingleDes:
    """DES in CBC mode: three times the same key in triple DES is single DES."""

    block_bytes = 8
    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        assert len(key) == 8
        self._algorithm = TripleDES(key * 3)

    def encrypt(self, plain: bytes, iv: bytes) -> bytes:
        encryptor = Cipher(self._algorithm, modes.CBC(iv)).encryptor()
        return encryptor.update(plain) + encryptor.finalize()

    def decrypt(self, crypt: bytes, iv: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, modes.CBC(iv)).decryptor()
        return decryptor.update(crypt) + decryptor.finalize()


def aes_cmac(key: bytes, message: bytes) -> bytes:
    """16 bytes (NIST SP 800-38B)."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def truncate_mac(mac: bytes) -> bytes:
    """8 of 16 bytes: the second, fourth, ... (AN12343, "MACt")."""
    return mac[1::2]


def pad_iso(data: bytes) -> bytes:
    """ISO/IEC 9797-1 method 2: 80 and then zeros, always at least one byte, to 16."""
    return data + b"\x80" + bytes(-(len(data) + 1) % 16)


def unpad_iso(padded: bytes) -> bytes | None:
    """Inverse of `pad_iso`, None where it is not so padded."""
    body = padded.rstrip(b"\x00")
    if not body.endswith(b"\x80") or len(padded) - len(body) > 15:
        return None
    return body[:-1]


def pad_zeros(data: bytes, block_bytes: int) -> bytes:
    return data + bytes(-len(data) % block_bytes)


def rotate(block: bytes) -> bytes:
    """One byte to the left."""
    return block[1:] + block[:1]


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def crc32(data: bytes) -> bytes:
    """The card's CRC-32: as IEEE 802.3 but without the last complement; least byte first."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def crc16(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3 (initial value 6363); least byte first."""
    register = 0x6363
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register.to_bytes(2, "little")
