"""The ciphers and checksums a MIFARE DESFire card has on board, no more.

AES-128 and (single, two-key, three-key) DES in ECB and CBC, CMAC with a caller's initial vector
(EV1 secure messaging chains it from command to command), CRC16 of ISO/IEC 14443-3 type A for
D40 sessions and the reflected CRC32 without final complement for EV1 and EV2.
"""

import zlib

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES128

CMAC_CONSTANTS = {8: 0x1B, 16: 0x87}
"""NIST SP 800-38B section 5.3: R_64 and R_128."""


def exclusive_or(left: bytes, right: bytes) -> bytes:
    """Both of one length; the XOR has that length."""
    assert len(left) == len(right)
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def rotate_left(block: bytes) -> bytes:
    """Rotate by one byte: the proof of an authentication is the other side's number rotated."""
    return block[1:] + block[:1]


def rotate_right(block: bytes) -> bytes:
    """The inverse of `rotate_left`."""
    return block[-1:] + block[:-1]


def pad_zero(message: bytes, block_size: int) -> bytes:
    """Zeros up to a whole number of blocks; nothing where it is one already."""
    return message + bytes(-len(message) % block_size)


def pad_marked(message: bytes, block_size: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2: 80 and zeros, always at least one byte."""
    return pad_zero(message + b"\x80", block_size)


def unpad_marked(padded: bytes) -> bytes | None:
    """The message before the 80 marker, or None where the padding is not method 2."""
    stripped = padded.rstrip(b"\x00")
    return stripped[:-1] if stripped.endswith(b"\x80") else None


def crc16(message: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3 (preset 6363), two bytes, least significant first."""
    register = 0x6363
    for byte in message:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x8408 if register & 1 else 0)
    return register.to_bytes(2, "little")


def crc32(message: bytes) -> bytes:
    """The CRC32 of DESFire EV1: IEEE 802.3 without the final complement, LSB first."""
    return (zlib.crc32(message) ^ 0xFFFFFFFF).to_bytes(4, "little")


def odd_bytes(full_mac: bytes) -> bytes:
    """The truncation of EV2 messaging (AN12343 section 3.4.2): bytes 1, 3, ... 15 of the CMAC."""
    return full_mac[1::2]


class BlockCipher:
    """One key of one algorithm. `block_size` is 16 for AES and 8 for DES."""

    def __init__(self, key: bytes, *, aes: bool) -> None:
        if aes:
            self._algorithm: AES128 | TripleDES = AES128(key)
        else:
            # Single DES is EDE with three equal keys, two-key 3DES repeats the first.
            self._algorithm = TripleDES(key * 3 if len(key) == 8 else (key + key[:8])[:24])
        self.block_size = 16 if aes else 8
        self._subkeys: tuple[bytes, bytes] | None = None

    def zero_vector(self) -> bytes:
        """The initial vector of a fresh session."""
        return bytes(self.block_size)

    def encrypt(self, message: bytes, vector: bytes) -> bytes:
        """CBC; `message` is whole blocks."""
        encryptor = Cipher(self._algorithm, modes.CBC(vector)).encryptor()
        return encryptor.update(message) + encryptor.finalize()

    def decrypt(self, message: bytes, vector: bytes) -> bytes:
        """CBC; `message` is whole blocks."""
        decryptor = Cipher(self._algorithm, modes.CBC(vector)).decryptor()
        return decryptor.update(message) + decryptor.finalize()

    def reverse_deciphered(self, message: bytes) -> bytes:
        """Undo a D40 terminal's sending mode.

        A D40 card can only encrypt, so the terminal chains *decryptions* when it sends
        (c = D(p xor previous c)) and the card recovers p = E(c) xor previous c.
        """
        size, previous, plain = self.block_size, self.zero_vector(), b""
        for start in range(0, len(message), size):
            block = message[start : start + size]
            plain += exclusive_or(self.encrypt(block, self.zero_vector()), previous)
            previous = block
        return plain

    def cmac(self, message: bytes, vector: bytes | None = None) -> bytes:
        """NIST SP 800-38B over `message`, started from `vector` (zero by default); whole block."""
        size = self.block_size
        whole, partial = self._cmac_subkeys()
        if message and len(message) % size == 0:
            last = exclusive_or(message[-size:], whole)
        else:
            message = pad_marked(message, size)
            last = exclusive_or(message[-size:], partial)
        return self.encrypt(message[:-size] + last, vector or self.zero_vector())[-size:]

    def _cmac_subkeys(self) -> tuple[bytes, bytes]:
        if self._subkeys is None:
            seed = self.encrypt(self.zero_vector(), self.zero_vector())
            whole = self._double(seed)
            self._subkeys = (whole, self._double(whole))
        return self._subkeys

    def _double(self, block: bytes) -> bytes:
        size = self.block_size
        shifted = int.from_bytes(block, "big") << 1
        if block[0] & 0x80:
            shifted ^= CMAC_CONSTANTS[size]
        return (shifted & ((1 << (8 * size)) - 1)).to_bytes(size, "big")
