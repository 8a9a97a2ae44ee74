"""What a report says of a device's books, and what came down made into rows: the parts of the link
that only look at values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from daemon.core.errors import SyncError
from daemon.core.records import OpState, StoredBatch
from daemon.operations.branch_datasets import DATASETS
from daemon.ports.branch_books import ChainState, DebitIntent, DebitState, Outgoing
from daemon.ports.ledger import Books
from daemon.sync.envelope import Identity, encode_batch
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.link.messages import NONCE_BYTES, Change, Hello, Report
from daemon.sync.link.personal import PersonalSeal

log = logging.getLogger(__name__)

MOST_CHANGES: Final = 500
MOST_BATCHES: Final = 200
MOST_CHANGE_BYTES: Final = 1 << 20
"""Of one row: a catalogue or a section of promotions, whole."""
MOST_CHANGES_BYTES: Final = 2 << 20
"""Of all rows in a report, which leaves room for batches."""
BAD_ROW: Final = "row_malformed"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who reports. `boot` names one run of the daemon."""

    identity: Identity
    boot: str
    now_ms: int
    synced: bool
    version: str


def facts_of(
    books: Books,
    speaker: Speaker,
    seal: PersonalSeal,
    batches: Callable[[Books, ChainState], tuple[bytes, ...]],
    *,
    least: bool,
) -> tuple[Report, int]:
    """The report but for its nonce and requests, and how many batches and changes the cloud does
    not have. `batches` chooses those that go along; `least`: without them and without changes."""
    state = books.chain_state()
    assert state is not None, "this device belongs to a chain"
    last = books.last_batch()
    sealed = last.bseq if last else 0
    hello = Hello(
        identity=speaker.identity,
        boot=speaker.boot,
        bseq=sealed,
        head=last.head if last else bytes(32),
        dseq=books.head().dseq,
        cursor=state.pull_after,
        now_ms=speaker.now_ms,
        synced=speaker.synced,
        version=speaker.version,
    )
    have = books.dataset_versions()
    report = Report(
        nonce=bytes(NONCE_BYTES),
        hello=hello,
        have={name: have.get(name, 0) for name in DATASETS},
        grants_upto=state.grants_upto,
    )
    outgoing = books.outgoing(MOST_CHANGES)
    waiting = max(0, sealed - state.pull_after) + len(outgoing)
    if least or not state.contact_ms:
        # Before the first word of the cloud nobody knows where its cursor stands.
        return report, waiting
    changes = _changes(books, seal, outgoing)
    return replace(report, batches=batches(books, state), changes=changes), waiting


def _changes(books: Books, seal: PersonalSeal, outgoing: Sequence[Outgoing]) -> tuple[Change, ...]:
    """In order, as many as a report carries; at least one."""
    chosen: list[Change] = []
    size = 0
    for each in outgoing:
        change = _change(books, seal, each)
        size += len(change.value)
        if chosen and size > MOST_CHANGES_BYTES:
            break
        chosen.append(change)
    return tuple(chosen)


def batches_of(books: Books, state: ChainState) -> tuple[bytes, ...]:
    """Those behind the cloud's cursor, as far as its credit goes; at least one."""
    chosen: list[bytes] = []
    size = 0
    for stored in books.batches_after(state.pull_after, MOST_BATCHES):
        encoded = _encoded(books, stored)
        size += len(encoded)
        if chosen and size > state.credit_bytes:
            break
        chosen.append(encoded)
    return tuple(chosen)


def _encoded(books: Books, stored: StoredBatch) -> bytes:
    wanted = stored.last_dseq - stored.first_dseq + 1
    leaves = [leaf for _, leaf, _ in books.leaves(stored.first_dseq, wanted)]
    return encode_batch(stored.manifest, leaves)


def _change(books: Books, seal: PersonalSeal, each: Outgoing) -> Change:
    row: Any
    if each.dataset == "lots":
        row = books.rule_of_lot(each.key) or ""
    else:
        row = books.row_for_cloud(each.dataset, each.key)
        if each.dataset == "members" and row is not None:
            row = dict(row)
            personal = row.pop("personal")
            row["sealed"] = None if personal is None else seal.seal(each.key, personal)
    value = encode(row)
    if len(value) > MOST_CHANGE_BYTES:
        log.error("%s %s is too large for the cloud", each.dataset, each.key)
    return Change(each.cseq, each.dataset, each.key, value)


def row_in(
    seal: PersonalSeal, dataset: str, key: str, value: bytes | None
) -> Mapping[str, Any] | None:
    """A row of a delta. Raises SyncError("row_malformed" | "personal_unreadable")."""
    if value is None:
        return None
    row = decode(value, BAD_ROW)
    if row is None:
        return None
    if not isinstance(row, dict):
        raise SyncError(BAD_ROW, dataset=dataset)
    if dataset == "members":
        sealed = row.pop("sealed", None)
        if sealed is not None and not isinstance(sealed, bytes):
            raise SyncError(BAD_ROW, dataset=dataset)
        row["personal"] = None if sealed is None else seal.open(key, sealed)
    return row


def given_up(books: Books, waited_for: Container[str]) -> list[DebitIntent]:
    """Intents that nobody will take any more: given up before, or their sale has ended."""
    found = []
    for intent in books.open_debits():
        sale = books.operation(intent.txid)
        ended = sale is None or sale.state.final
        if intent.state is DebitState.REVERSING or (ended and intent.txid not in waited_for):
            found.append(intent)
    return found


def is_forgotten(books: Books, txid: str) -> bool:
    """Whether nobody here will ever take what the cloud holds open for that sale: it was answered
    with a no or given up, and the sale has ended; or nothing is known of it here."""
    intent = books.debit(txid)
    if intent is None:
        return True
    if intent.state not in (DebitState.REFUSED, DebitState.REVERSED):
        return False
    sale = books.operation(txid)
    return sale is None or sale.state.final


def more_to_send(books: Books) -> bool:
    """Whether the cloud lacks what is sealed already, or was changed here."""
    state, last = books.chain_state(), books.last_batch()
    assert state is not None
    behind = last is not None and last.bseq > state.pull_after
    return behind or bool(books.outgoing(1))


def has_news(books: Books) -> bool:
    """Whether anything is on the books that the cloud has not got."""
    last = books.last_batch()
    sealed = books.first_dseq() - 1 if last is None else last.last_dseq
    unsettled = any(
        (sale := books.operation(each.txid)) is None or sale.state is not OpState.OPEN
        for each in books.open_debits()
    )
    return books.head().dseq > sealed or more_to_send(books) or unsettled
