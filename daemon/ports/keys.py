"""Keys, by purpose. No operation ever sees a master key of a card."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class CardKeyPurpose(Enum):
    """Each purpose has a master key of its own, so that a till which may spend cannot load."""

    PICC = "picc"
    APPLICATION = "application"
    SPEND = "spend"
    LOAD = "load"


class CardKeys(Protocol):
    """Diversified card keys (NXP AN10922, AES-128). A secure module can stand behind it: the
    master never leaves the store."""

    def current_version(self, purpose: CardKeyPurpose) -> int:
        """1..255: the version that new cards get. Raises KeyMissing."""
        ...

    def derive(self, purpose: CardKeyPurpose, version: int, diversifier: bytes) -> bytes:
        """16 bytes for one card. `diversifier` is 1..31 bytes: UID, AID and system id.

        Raises KeyMissing("card_key_missing") if this device does not hold that purpose or
        version."""
        ...


class Signer(Protocol):
    """Ed25519. Signs batches and checkpoints."""

    @property
    def key_id(self) -> bytes:
        """First 8 bytes of SHA-256 over the public key."""
        ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        ...
