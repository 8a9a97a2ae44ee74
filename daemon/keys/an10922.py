"""Key diversification for AES-128 (NXP AN10922, clause 2.2)."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

DIVERSIFICATION_CONSTANT = b"\x01"
MAX_DIVERSIFIER_BYTES = 31
"""With the constant, two blocks."""


def diversify(master: bytes, diversifier: bytes) -> bytes:
    """The 16-byte key of one card. `diversifier` is 1 to 31 bytes (UID, AID, system id).

    AN10922 pads every input to TWO blocks, also one that would fit into one; a plain CMAC pads to
    one. For up to 15 bytes the result therefore differs from `CMAC(01 || M)` (the mistake of
    libfreefare's issue 91), so the padding is done here and the subkey is put in by hand.
    """
    assert len(master) == 16 and 1 <= len(diversifier) <= MAX_DIVERSIFIER_BYTES
    message = DIVERSIFICATION_CONSTANT + diversifier
    if len(message) > 16:
        return _cmac(master, message)
    # Two blocks padded by hand: CMAC treats a whole last block with subkey 1; AN10922 wants
    # subkey 2, the mark of a padded one. Their difference goes into the last block beforehand.
    padded = (message + b"\x80").ljust(32, b"\x00")
    first, second = _subkeys(master)
    last = bytes(a ^ b ^ c for a, b, c in zip(padded[16:], first, second, strict=True))
    return _cmac(master, padded[:16] + last)


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def _subkeys(key: bytes) -> tuple[bytes, bytes]:
    """K1 and K2 of NIST SP 800-38B, clause 6.1."""
    # ECB of one zero block is what the standard defines the subkeys by; nothing is encrypted.
    encryptor = Cipher(AES(key), modes.CBC(bytes(16))).encryptor()
    start = encryptor.update(bytes(16)) + encryptor.finalize()
    first = _double(start)
    return first, _double(first)


def _double(block: bytes) -> bytes:
    shifted = int.from_bytes(block, "big") << 1
    if block[0] & 0x80:
        shifted ^= 0x87
    return (shifted & (1 << 128) - 1).to_bytes(16, "big")
