"""COSE_Sign1 (RFC 9052 section 4.2) with Ed25519 (EdDSA, RFC 9053 section 2.2), and nothing else.

The algorithm, the key id and the content type all stand in the protected header, so the signature
covers what kind of message this is: a receipt can never pass for a manifest. The unprotected
header is empty, and the message carries its tag 18.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from daemon.core.errors import SyncError
from daemon.sync.envelope.canonical import decode, encode

ALG: Final = 1
CONTENT_TYPE: Final = 3
KID: Final = 4
"""Labels of the common header parameters, RFC 9052 table 3."""
EDDSA: Final = -8
"""RFC 9053 table 2."""
TAG_SIGN1: Final = b"\xd2"
"""Tag 18 before an array, RFC 9052 table 1: one byte in deterministic CBOR."""
KEY_ID_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64


class SigningKey(Protocol):
    """What a message is signed with: `daemon.ports.keys.Signer` is one."""

    @property
    def key_id(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A message whose signature was checked."""

    key_id: bytes
    payload: bytes


class SeedKey:
    """An Ed25519 key from its 32-byte seed (RFC 8032 section 5.1.5)."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"SeedKey({self.key_id.hex()})"

    @property
    def public_key(self) -> bytes:
        return self._public

    @property
    def key_id(self) -> bytes:
        return key_id_of(self._public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def key_id_of(public_key: bytes) -> bytes:
    """First 8 bytes of SHA-256 over the 32-byte public key."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def sign1(payload: bytes, content_type: str, key: SigningKey) -> bytes:
    """The tagged COSE_Sign1 message over `payload`."""
    protected = encode({ALG: EDDSA, CONTENT_TYPE: content_type, KID: key.key_id})
    signature = key.sign(to_be_signed(protected, payload))
    assert len(signature) == SIGNATURE_BYTES
    return TAG_SIGN1 + encode([protected, {}, payload, signature])


def to_be_signed(protected: bytes, payload: bytes, external_aad: bytes = b"") -> bytes:
    """Sig_structure of RFC 9052 section 4.4: [context, body_protected, external_aad, payload]."""
    return encode(["Signature1", protected, external_aad, payload])


def verify1(
    message: bytes, content_type: str, trusted: Mapping[bytes, bytes], prefix: str
) -> Signed:
    """Checks `message` against the trusted public keys (32 bytes each, by key id).

    Raises SyncError `<prefix>_malformed`, `<prefix>_key_unknown` or `<prefix>_signature`.
    """
    malformed = f"{prefix}_malformed"
    if not message.startswith(TAG_SIGN1):
        raise SyncError(malformed)
    parts = decode(message[1:], malformed)
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {}:
        raise SyncError(malformed)
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise SyncError(malformed)
    header = decode(protected, malformed)
    if not isinstance(header, dict) or set(header) != {ALG, CONTENT_TYPE, KID}:
        raise SyncError(malformed)
    key_id = header[KID]
    if header[ALG] != EDDSA or header[CONTENT_TYPE] != content_type:
        raise SyncError(malformed)
    if not isinstance(key_id, bytes) or len(key_id) != KEY_ID_BYTES:
        raise SyncError(malformed)
    public_key = trusted.get(key_id)
    if public_key is None:
        raise SyncError(f"{prefix}_key_unknown", key_id=key_id.hex())
    if not is_signed_by(public_key, to_be_signed(protected, payload), signature):
        raise SyncError(f"{prefix}_signature", key_id=key_id.hex())
    return Signed(key_id, payload)


def is_signed_by(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Ed25519 verification, RFC 8032 section 5.1.7. `public_key` is 32 bytes of a trusted key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
