"""A batch on the wire, sealed by the device and opened by the cloud.

    batch    = [ message: bstr, leaves: [ * bstr ] ]     message = COSE_Sign1 over the manifest
    response = [ * batch ]

Opening checks in this order, and names the first thing that is wrong: form (`batch_malformed`), key
(`batch_key_unknown`), signature (`batch_signature`), whose it is (`batch_device`), its place
(`batch_gap`, `batch_fork`, `batch_chain`), the Merkle root (`batch_merkle`), every leaf
(`batch_leaf`), the hash chain over the leaves (`batch_chain`), the sums (`batch_totals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.core import merkle
from daemon.core.entry import Entry, chain_hash, parse_leaf
from daemon.core.errors import BadRequest, SyncError
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.envelope.cose import SigningKey, sign1, verify1
from daemon.sync.envelope.manifest import (
    MANIFEST_TYPE,
    MOST_ENTRIES,
    Discrepancy,
    Manifest,
    Pending,
    Position,
    head_of,
    parse_manifest,
)
from daemon.sync.envelope.totals import by_kind, is_balanced, movements, running, together

MALFORMED: Final = "batch_malformed"
MEDIA_TYPE: Final = "application/cbor"
MOST_WHOLE: Final = (1 << 63) - 1
"""What a database column holds: a leaf with a larger number is no leaf of ours."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """A batch as it came: nothing of it is believed yet."""

    message: bytes
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as the device made it. `position` is where the next one goes on."""

    message: bytes
    leaves: tuple[bytes, ...]
    manifest: Manifest
    position: Position


@dataclass(frozen=True, slots=True)
class Opened:
    """A signed manifest whose signature and form were checked; its leaves were not yet."""

    message: bytes
    manifest: Manifest
    key_id: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch that passed every check. `head` is SHA-256 over its message."""

    message: bytes
    leaves: tuple[bytes, ...]
    manifest: Manifest
    entries: tuple[Entry, ...]
    key_id: bytes
    position: Position

    @property
    def head(self) -> bytes:
        return self.position.head


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the manifest says beyond its leaves."""

    sealed_ms: int
    versions: Mapping[str, str] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    discrepancies: tuple[Discrepancy, ...] = ()


def seal(
    position: Position, leaves: Sequence[bytes], key: SigningKey, circumstances: Circumstances
) -> SealedBatch:
    """The next batch behind `position`, of 1 to 50 leaves that follow `position.dseq`.

    Raises SyncError("batch_leaf" | "batch_gap") if they are not such leaves: nothing that the other
    side must refuse is ever signed.
    """
    assert 1 <= len(leaves) <= MOST_ENTRIES
    entries = _entries(leaves)
    if [entry.dseq for entry in entries] != _following(position.dseq, len(entries)):
        raise SyncError("batch_gap", want_dseq=position.dseq + 1, got_dseq=entries[0].dseq)
    manifest = Manifest(
        identity=position.identity,
        bseq=position.bseq + 1,
        previous_head=position.head,
        root=merkle.root(leaves),
        count=len(entries),
        first_dseq=entries[0].dseq,
        last_dseq=entries[-1].dseq,
        first_ms=entries[0].draft.at_ms,
        last_ms=entries[-1].draft.at_ms,
        chain_before=position.chain,
        chain_after=_chain(position.chain, leaves),
        kinds=by_kind(entries),
        ledger=running(position.balances, movements(entries)),
        versions=circumstances.versions,
        pending=circumstances.pending,
        discrepancies=circumstances.discrepancies,
        sealed_ms=circumstances.sealed_ms,
    )
    message = sign1(manifest.payload(), MANIFEST_TYPE, key)
    return SealedBatch(message, tuple(leaves), manifest, manifest.after(head_of(message)))


def open_batch(
    message: bytes,
    leaves: Sequence[bytes],
    trusted_keys: Mapping[bytes, bytes],
    position: Position,
) -> Verified:
    """Checks everything that can be checked of a batch behind `position`.

    `trusted_keys` are 32-byte public keys by key id. Raises SyncError with one of the keys that
    the module names; nothing else leaves this function, whatever bytes it is given.
    """
    return open_leaves(open_message(message, trusted_keys), leaves, position)


def open_leaves(opened: Opened, leaves: Sequence[bytes], position: Position) -> Verified:
    """The same for who looked at the signed manifest first. Raises as `open_batch` does."""
    manifest = opened.manifest
    _check_place(manifest, position)
    if len(leaves) != manifest.count or merkle.root(leaves) != manifest.root:
        raise SyncError("batch_merkle", bseq=manifest.bseq)
    entries = _entries(leaves)
    if [entry.dseq for entry in entries] != _following(position.dseq, len(entries)):
        raise SyncError("batch_leaf", bseq=manifest.bseq)
    if _chain(position.chain, leaves) != manifest.chain_after:
        raise SyncError("batch_chain", bseq=manifest.bseq)
    _check_totals(manifest, entries, position)
    after = manifest.after(head_of(opened.message))
    return Verified(opened.message, tuple(leaves), manifest, entries, opened.key_id, after)


def open_message(message: bytes, trusted_keys: Mapping[bytes, bytes]) -> Opened:
    """Raises SyncError("batch_malformed" | "batch_key_unknown" | "batch_signature")."""
    signed = verify1(message, MANIFEST_TYPE, trusted_keys, "batch")
    return Opened(message, parse_manifest(signed.payload), signed.key_id)


def open_manifest(message: bytes, trusted_keys: Mapping[bytes, bytes]) -> tuple[Manifest, bytes]:
    """The manifest behind a signed message and the id of the key that signed it.

    Raises SyncError("batch_malformed" | "batch_key_unknown" | "batch_signature")."""
    opened = open_message(message, trusted_keys)
    return opened.manifest, opened.key_id


def encode_batch(message: bytes, leaves: Sequence[bytes]) -> bytes:
    return encode([message, list(leaves)])


def encode_batches(batches: Iterable[RawBatch]) -> bytes:
    return encode([[batch.message, list(batch.leaves)] for batch in batches])


def decode_batch(encoded: bytes) -> RawBatch:
    """Raises SyncError("batch_malformed")."""
    return _raw(decode(encoded, MALFORMED))


def decode_batches(encoded: bytes) -> tuple[RawBatch, ...]:
    """The batches of one response. Raises SyncError("batch_malformed")."""
    batches = decode(encoded, MALFORMED)
    if not isinstance(batches, list):
        raise SyncError(MALFORMED)
    return tuple(_raw(batch) for batch in batches)


def _raw(value: Any) -> RawBatch:
    if not isinstance(value, list) or len(value) != 2:
        raise SyncError(MALFORMED)
    message, leaves = value
    if not isinstance(message, bytes) or not isinstance(leaves, list):
        raise SyncError(MALFORMED)
    if not all(isinstance(leaf, bytes) for leaf in leaves):
        raise SyncError(MALFORMED)
    return RawBatch(message, tuple(leaves))


def _check_place(manifest: Manifest, position: Position) -> None:
    ours, theirs = position.identity, manifest.identity
    # A store may be renamed in the middle of an epoch; merchant, device and epoch may not change.
    if (theirs.merchant, theirs.device, theirs.epoch) != (ours.merchant, ours.device, ours.epoch):
        raise SyncError("batch_device", device=theirs.device, epoch=theirs.epoch)
    if manifest.bseq > position.bseq + 1:
        raise SyncError("batch_gap", want_bseq=position.bseq + 1, got_bseq=manifest.bseq)
    if manifest.bseq != position.bseq + 1 or manifest.previous_head != position.head:
        raise SyncError("batch_fork", bseq=manifest.bseq)
    if manifest.first_dseq != position.dseq + 1:
        raise SyncError("batch_gap", want_dseq=position.dseq + 1, got_dseq=manifest.first_dseq)
    if manifest.chain_before != position.chain:
        raise SyncError("batch_chain", bseq=manifest.bseq)


def _check_totals(manifest: Manifest, entries: Sequence[Entry], position: Position) -> None:
    kinds = by_kind(entries)
    ledger = running(position.balances, together(kinds.values()))
    right = (
        manifest.last_dseq == entries[-1].dseq
        and manifest.first_ms == entries[0].draft.at_ms
        and manifest.last_ms == entries[-1].draft.at_ms
        and manifest.kinds == kinds
        and manifest.ledger == ledger
        and is_balanced({(row.owner, row.asset): row.closing for row in ledger})
    )
    if not right:
        raise SyncError("batch_totals", bseq=manifest.bseq)


def _entries(leaves: Sequence[bytes]) -> tuple[Entry, ...]:
    return tuple(_entry(leaf) for leaf in leaves)


def _entry(leaf: bytes) -> Entry:
    try:
        entry = parse_leaf(leaf)
    except BadRequest as error:
        raise SyncError("batch_leaf") from error
    draft = entry.draft
    within = 0 <= entry.dseq <= MOST_WHOLE and 0 <= draft.at_ms <= MOST_WHOLE
    within = within and 0 <= (draft.card_counter or 0) <= MOST_WHOLE
    for posting in draft.postings:
        within = within and 0 <= posting.account.lot <= MOST_WHOLE
    for fact in draft.detail.values():
        within = within and (isinstance(fact, str) or -MOST_WHOLE <= fact <= MOST_WHOLE)
    if not within:
        raise SyncError("batch_leaf")
    return entry


def _following(dseq: int, count: int) -> list[int]:
    return list(range(dseq + 1, dseq + 1 + count))


def _chain(before: bytes, leaves: Sequence[bytes]) -> bytes:
    chain = before
    for leaf in leaves:
        chain = chain_hash(chain, leaf)
    return chain
