"""Keys as a DESFire card stores them: kind, bytes, version."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from simulator.cards.crypto import BlockCipher


class KeyKind(Enum):
    """The three kinds of key; the value is the coding in bits 6 and 7 of KeySettings2."""

    DES = 0x00
    """16 bytes; a single DES key is one whose halves are equal."""
    DES3 = 0x40
    """24 bytes, three-key triple DES."""
    AES = 0x80

    @property
    def key_size(self) -> int:
        """Bytes of a stored key."""
        return 24 if self is KeyKind.DES3 else 16

    @property
    def nonce_size(self) -> int:
        """Bytes of RndA and RndB in an authentication with this kind of key."""
        return 8 if self is KeyKind.DES else 16


@dataclass(frozen=True)
class Key:
    """One key. DES keys carry their version in the lowest bit of their first eight bytes."""

    kind: KeyKind
    value: bytes
    aes_version: int = 0

    def __post_init__(self) -> None:
        assert len(self.value) == self.kind.key_size
        assert 0 <= self.aes_version <= 0xFF

    @classmethod
    def zeros(cls, kind: KeyKind) -> Self:
        """The key a card or an application is delivered with."""
        return cls(kind, bytes(kind.key_size))

    @property
    def version(self) -> int:
        """What GetKeyVersion answers."""
        if self.kind is KeyKind.AES:
            return self.aes_version
        return sum((byte & 1) << (7 - place) for place, byte in enumerate(self.value[:8]))

    @property
    def is_single_des(self) -> bool:
        """A two-key triple DES key with equal halves (bar the version bits) is single DES."""
        halves = [bytes(byte & 0xFE for byte in half) for half in (self.value[:8], self.value[8:])]
        return self.kind is KeyKind.DES and halves[0] == halves[1]

    def cipher(self) -> BlockCipher:
        """A cipher keyed with this key."""
        return BlockCipher(self.value, aes=self.kind is KeyKind.AES)

    def to_json(self) -> dict[str, Any]:
        """For the card's state file."""
        return {"kind": self.kind.name, "value": self.value.hex(), "version": self.aes_version}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(KeyKind[stored["kind"]], bytes.fromhex(stored["value"]), stored["version"])
