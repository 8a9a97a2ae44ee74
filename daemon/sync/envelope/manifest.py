"""The manifest: what a batch says about its leaves, and the bytes that are signed for it.

A CBOR map with small whole numbers as keys (docs/protocol.md draws the table). `Position` is where
a reader of batches stands; the device and the cloud walk it with the same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, ItemsView, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from daemon.core.entry import GENESIS, Kind
from daemon.core.errors import SyncError
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.envelope.totals import KindTotal, Row, Running, closings

T = TypeVar("T")

FORMAT: Final = 1
MANIFEST_TYPE: Final = "application/vnd.counterd.manifest+cbor"
MOST_ENTRIES: Final = 50
"""Entries a batch: about 4 KB, half a minute of a very busy counter, one Ed25519 signature."""
MOST_PENDING: Final = 1000
MOST_DISCREPANCIES: Final = 1000
_KEYS: Final = frozenset(range(23))


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose batches they are. An epoch is one unbroken life of a journal."""

    merchant: str
    store: str
    device: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation whose outcome was not known when the batch was sealed."""

    op_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """What the device's own reconciliation found wrong. `type` is TOTALS, NEGATIVE, CHAIN or
    DUP_CTR; `reference` names the account, entry or card."""

    type: str
    reference: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where batches were sealed or verified. Before the first: bseq 0, dseq 0, GENESIS."""

    identity: Identity
    bseq: int = 0
    head: bytes = GENESIS
    dseq: int = 0
    chain: bytes = GENESIS
    balances: Mapping[Row, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Times are Unix milliseconds, amounts fen (or points, or counts of a pass)."""

    identity: Identity
    bseq: int
    previous_head: bytes
    root: bytes
    count: int
    first_dseq: int
    last_dseq: int
    first_ms: int
    last_ms: int
    chain_before: bytes
    chain_after: bytes
    kinds: Mapping[Kind, KindTotal]
    ledger: tuple[Running, ...]
    versions: Mapping[str, str]
    pending: tuple[Pending, ...]
    discrepancies: tuple[Discrepancy, ...]
    sealed_ms: int
    leases: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reconciled(self) -> bool:
        return not self.discrepancies

    def after(self, head: bytes) -> Position:
        """Where a reader stands behind this batch; `head` is the hash of its message."""
        return Position(
            self.identity, self.bseq, head, self.last_dseq, self.chain_after, closings(self.ledger)
        )

    def payload(self) -> bytes:
        """The deterministic CBOR that is signed."""
        who = self.identity
        return encode(
            {
                0: FORMAT,
                1: who.merchant,
                2: who.store,
                3: who.device,
                4: who.epoch,
                5: self.bseq,
                6: self.previous_head,
                7: self.root,
                8: self.count,
                9: self.first_dseq,
                10: self.last_dseq,
                11: self.first_ms,
                12: self.last_ms,
                13: self.chain_before,
                14: self.chain_after,
                15: {int(kind): _kind_total(total) for kind, total in self.kinds.items()},
                16: [[r.owner, r.asset, r.opening, r.movement, r.closing] for r in self.ledger],
                17: dict(self.leases),
                18: dict(self.versions),
                19: [[item.op_id, item.state] for item in self.pending],
                20: self.reconciled,
                21: [[d.type, d.reference, d.expected, d.found] for d in self.discrepancies],
                22: self.sealed_ms,
            }
        )


def head_of(message: bytes) -> bytes:
    """SHA-256 over the whole COSE_Sign1 message: what the next manifest names as previous."""
    return hashlib.sha256(message).digest()


def parse_manifest(payload: bytes) -> Manifest:
    """Reads a payload back. Raises SyncError("batch_malformed") on any other byte string."""
    body = decode(payload, "batch_malformed")
    try:
        manifest = _read(body)
        same = manifest.payload() == payload
    except (ValueError, TypeError, KeyError) as error:
        raise SyncError("batch_malformed") from error
    if not same:
        raise SyncError("batch_malformed")
    return manifest


def _kind_total(total: KindTotal) -> list[object]:
    rows = [[owner, asset, moved] for (owner, asset), moved in sorted(total.moved.items())]
    return [total.count, rows]


def _read(body: Any) -> Manifest:
    if not isinstance(body, dict) or set(body) != _KEYS or body[0] != FORMAT or body[17] != {}:
        raise ValueError("not a manifest of this format")
    return Manifest(
        identity=Identity(_text(body[1]), _text(body[2]), _text(body[3]), _count(body[4])),
        bseq=_count(body[5], least=1),
        previous_head=_hash(body[6]),
        root=_hash(body[7]),
        count=_count(body[8], least=1, most=MOST_ENTRIES),
        first_dseq=_count(body[9], least=1),
        last_dseq=_count(body[10], least=1),
        first_ms=_count(body[11]),
        last_ms=_count(body[12]),
        chain_before=_hash(body[13]),
        chain_after=_hash(body[14]),
        kinds={Kind(_count(kind)): _read_total(total) for kind, total in _map(body[15])},
        ledger=_list(body[16], _read_running),
        versions={_text(name): _text(value) for name, value in _map(body[18])},
        pending=_list(body[19], lambda item: Pending(*map(_text, item)), MOST_PENDING),
        discrepancies=_list(body[21], _read_discrepancy, MOST_DISCREPANCIES),
        sealed_ms=_count(body[22]),
    )


def _read_total(value: Any) -> KindTotal:
    count, rows = value
    moved = {(_text(owner), _text(asset)): _whole(amount) for owner, asset, amount in rows}
    return KindTotal(_count(count, least=1, most=MOST_ENTRIES), moved)


def _read_running(value: Any) -> Running:
    owner, asset, opening, movement, _ = value
    return Running(_text(owner), _text(asset), _whole(opening), _whole(movement))


def _read_discrepancy(value: Any) -> Discrepancy:
    kind, reference, expected, found = value
    return Discrepancy(_text(kind), _text(reference), _whole(expected), _whole(found))


def _list(value: Any, read: Callable[[Any], T], most: int = 1 << 16) -> tuple[T, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("not a list within bounds")
    return tuple(read(item) for item in value)


def _map(value: Any) -> ItemsView[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("not a map")
    return value.items()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _hash(value: Any) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise ValueError("not a hash")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("not a whole number")
    return value


def _count(value: Any, *, least: int = 0, most: int = (1 << 63) - 1) -> int:
    if not least <= _whole(value) <= most:
        raise ValueError("out of bounds")
    return int(value)
