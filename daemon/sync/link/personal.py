"""Personal data between the devices of a merchant: sealed under the merchant's member key, which
devices hold and the cloud does not (AES-256-GCM, NIST SP 800-38D, a fresh 96-bit nonce each)."""

from __future__ import annotations

import os
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon.core.errors import SyncError
from daemon.sync.envelope.canonical import decode, encode

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
MALFORMED: Final = "personal_unreadable"


class PersonalSeal:
    """`key` is 32 bytes, the same on every device of the merchant."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._key = AESGCM(key)

    def seal(self, member_id: str, personal: dict[str, Any]) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._key.encrypt(nonce, encode(personal), _bound_to(member_id))

    def open(self, member_id: str, sealed: bytes) -> dict[str, Any]:
        """Raises SyncError("personal_unreadable")."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            plain = self._key.decrypt(nonce, rest, _bound_to(member_id))
        except (InvalidTag, ValueError) as error:
            raise SyncError(MALFORMED) from error
        personal = decode(plain, MALFORMED)
        if not isinstance(personal, dict):
            raise SyncError(MALFORMED)
        return personal


def _bound_to(member_id: str) -> bytes:
    """One member's sealed text never passes for another one's."""
    return f"member/{member_id}".encode()
