"""Batches and receipts as signed bytes: pure, and shared by the appliance and the cloud.

canonical: deterministic CBOR; cose: COSE_Sign1; totals: sums over entries; manifest: what a batch
says; batch: sealing and opening; receipt: what the cloud answers. The Merkle tree is in core.
"""

from daemon.sync.envelope.batch import (
    MEDIA_TYPE,
    Circumstances,
    Opened,
    RawBatch,
    SealedBatch,
    Verified,
    decode_batch,
    decode_batches,
    encode_batch,
    encode_batches,
    open_batch,
    open_leaves,
    open_manifest,
    open_message,
    seal,
)
from daemon.sync.envelope.cose import SeedKey, SigningKey, key_id_of
from daemon.sync.envelope.manifest import (
    MOST_ENTRIES,
    MOST_PENDING,
    Discrepancy,
    Identity,
    Manifest,
    Pending,
    Position,
    head_of,
)
from daemon.sync.envelope.receipt import SyncReceipt, open_receipt
from daemon.sync.envelope.totals import MEMBERS, KindTotal, Row, Running

__all__ = [
    "MEDIA_TYPE",
    "MEMBERS",
    "MOST_ENTRIES",
    "MOST_PENDING",
    "Circumstances",
    "Discrepancy",
    "Identity",
    "KindTotal",
    "Manifest",
    "Opened",
    "Pending",
    "Position",
    "RawBatch",
    "Row",
    "Running",
    "SealedBatch",
    "SeedKey",
    "SigningKey",
    "SyncReceipt",
    "Verified",
    "decode_batch",
    "decode_batches",
    "encode_batch",
    "encode_batches",
    "head_of",
    "key_id_of",
    "open_batch",
    "open_leaves",
    "open_manifest",
    "open_message",
    "open_receipt",
    "seal",
]
