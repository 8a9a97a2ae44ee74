"""The cloud's receipt: "everything of this device and epoch up to this batch is committed here".

A COSE_Sign1 message by the cloud. The head of the last batch stands in it, so a receipt for another
history is seen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from daemon.core.errors import SyncError
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.envelope.cose import SigningKey, sign1, verify1

FORMAT: Final = 1
RECEIPT_TYPE: Final = "application/vnd.counterd.receipt+cbor"
MALFORMED: Final = "receipt_malformed"


@dataclass(frozen=True, slots=True)
class SyncReceipt:
    device: str
    epoch: int
    upto: int
    head: bytes

    def sealed_by(self, key: SigningKey) -> bytes:
        """The signed message."""
        body = {0: FORMAT, 1: self.device, 2: self.epoch, 3: self.upto, 4: self.head}
        return sign1(encode(body), RECEIPT_TYPE, key)


def open_receipt(message: bytes, trusted_keys: Mapping[bytes, bytes]) -> SyncReceipt:
    """Raises SyncError("receipt_malformed" | "receipt_key_unknown" | "receipt_signature")."""
    body = decode(verify1(message, RECEIPT_TYPE, trusted_keys, "receipt").payload, MALFORMED)
    if not isinstance(body, dict) or set(body) != set(range(5)) or body[0] != FORMAT:
        raise SyncError(MALFORMED)
    _, device, epoch, upto, head = (body[key] for key in range(5))
    if not isinstance(device, str) or not isinstance(head, bytes) or len(head) != 32:
        raise SyncError(MALFORMED)
    if type(epoch) is not int or type(upto) is not int or epoch < 0 or upto < 1:
        raise SyncError(MALFORMED)
    return SyncReceipt(device, epoch, upto, head)
