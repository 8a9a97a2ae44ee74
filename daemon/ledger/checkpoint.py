"""Signed words on where the chain was, and the one that lies beside the database.

A hash chain shows a changed row, but not that the end is missing: an old copy of the file is a
valid chain. So the newest checkpoint is also kept in `LEDGER.head`, written before the database's
own copy, and a ledger that ends before it is refused. The device signs, so neither can be made up.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from daemon.core.errors import LedgerCorrupt
from daemon.ports.keys import Signer

_PURPOSE = b"counterd checkpoint 1\0"
_BYTES = ("chain", "key_id", "signature")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Entry `dseq` of `epoch` had the chain hash `chain`, says the key `key_id`."""

    dseq: int
    epoch: int
    chain: bytes
    at_ms: int
    device: str
    key_id: bytes
    signature: bytes

    def message(self) -> bytes:
        place = struct.pack(">QQ32sQ", self.epoch, self.dseq, self.chain, self.at_ms)
        return _PURPOSE + place + self.device.encode()

    def is_signed_by(self, public_key: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.message())
        except InvalidSignature:
            return False
        return True


def sign_checkpoint(
    signer: Signer, *, dseq: int, epoch: int, chain: bytes, at_ms: int, device: str
) -> Checkpoint:
    unsigned = Checkpoint(dseq, epoch, chain, at_ms, device, signer.key_id, b"")
    signature = signer.sign(unsigned.message())
    return Checkpoint(dseq, epoch, chain, at_ms, device, signer.key_id, signature)


def head_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".head")


def keep_head(ledger: Path, checkpoint: Checkpoint) -> None:
    """Replaces the file in one step, durably. Raises OSError."""
    body = asdict(checkpoint)
    body.update({name: body[name].hex() for name in _BYTES})
    path = head_path(ledger)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(body).encode())
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def kept_head(ledger: Path) -> Checkpoint | None:
    """None where there is no file. Raises LedgerCorrupt("ledger_head_malformed")."""
    try:
        body = json.loads(head_path(ledger).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LedgerCorrupt("ledger_head_malformed") from error
    try:
        body.update({name: bytes.fromhex(body[name]) for name in _BYTES})
        checkpoint = Checkpoint(**body)
        checkpoint.message()
    except (AttributeError, KeyError, TypeError, ValueError, struct.error) as error:
        raise LedgerCorrupt("ledger_head_malformed") from error
    return checkpoint
