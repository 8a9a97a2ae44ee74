"""What a device and its cloud say to each other: a Report, and the Orders that answer it.

One message set for every binding (docs/leases.md). Both are deterministic CBOR arrays inside
COSE_Sign1 (RFC 9052): a report under the device's batch key, orders under the cloud's key. Amounts
are fen, points or uses, always positive; times are Unix milliseconds; totals are cumulative, so
that a message that is lost, doubled or late does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.core.errors import SyncError
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.envelope.cose import SigningKey, sign1, verify1
from daemon.sync.envelope.manifest import Identity
from daemon.sync.link.asking import (
    BAD_ORDERS,
    BAD_REPORT,
    Answer,
    Request,
    answer_in,
    answer_out,
    request_in,
    request_out,
)
from daemon.sync.link.fields import MOST_RULE, Fields

FORMAT: Final = 1
REPORT_TYPE: Final = "application/vnd.counterd.report+cbor"
ORDERS_TYPE: Final = "application/vnd.counterd.orders+cbor"
MEDIA_TYPE: Final = "application/cose"
NONCE_BYTES: Final = 16
MOST_MESSAGE_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks and where its journal stands. `boot` names one run of the daemon. `cursor` is
    where it was told that the cloud stands: a device that holds less was put back. `synced`:
    whether its clock is."""

    identity: Identity
    boot: str
    bseq: int
    head: bytes
    dseq: int
    cursor: int
    now_ms: int
    synced: bool
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was made or changed at the device. `value` is the row's own CBOR."""

    cseq: int
    dataset: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """What a device says. `nonce` is 16 fresh bytes; `batches` are whole encoded batches that
    follow the cursor of the last orders; `have` the version of each dataset; `grants_upto` the
    newest grant that is on the journal; `wait_ms` how long the answer may be held back if there is
    nothing to say."""

    nonce: bytes
    hello: Hello
    batches: tuple[bytes, ...] = ()
    receipted: int = 0
    have: Mapping[str, int] = field(default_factory=dict)
    grants_upto: int = 0
    changes: tuple[Change, ...] = ()
    requests: tuple[Request, ...] = ()
    wait_ms: int = 0

    def sealed_by(self, key: SigningKey) -> bytes:
        """The signed message."""
        hello = self.hello
        who = hello.identity
        body: list[object] = [
            FORMAT,
            self.nonce,
            [
                [who.merchant, who.store, who.device, who.epoch],
                hello.boot,
                hello.bseq,
                hello.head,
                hello.dseq,
                hello.cursor,
                hello.now_ms,
                hello.synced,
                hello.version,
            ],
            list(self.batches),
            self.receipted,
            dict(self.have),
            self.grants_upto,
            [[each.cseq, each.dataset, each.key, each.value] for each in self.changes],
            [request_out(each) for each in self.requests],
            self.wait_ms,
        ]
        return sign1(encode(body), REPORT_TYPE, key)


@dataclass(frozen=True, slots=True)
class NewJournal:
    """The device must begin `epoch`; its lots are numbered under `number`."""

    epoch: int
    number: int


@dataclass(frozen=True, slots=True)
class Pull:
    """Batches after `after`, at most `credit` bytes of them."""

    after: int
    credit: int


@dataclass(frozen=True, slots=True)
class Grant:
    """`total` is all that was ever granted to this device in this epoch of that account."""

    gseq: int
    member_id: str
    asset: str
    lot: int
    total: int
    rule: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Give back what is held of a member's asset."""

    member_id: str
    asset: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a dataset; None: it is there no more."""

    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Delta:
    """What brings `dataset` from one version to another; `start` 0 with `whole` replaces it."""

    dataset: str
    start: int
    end: int
    whole: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class WholeOf:
    """What a member has in the whole chain, and owes, at the time of these orders."""

    member_id: str
    principal_fen: int
    bonus_fen: int
    owed_fen: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What the cloud says. `echo` is the report's nonce; `device` and `epoch` whose orders these
    are; `valid_until_ms` how long leases hold without another word; `debits` are the sales whose
    online debit is open: one that nobody waits for here is to be reversed; `wholes` are of members
    who are granted something or were asked about, for the page alone."""

    echo: bytes
    device: str
    epoch: int
    now_ms: int
    valid_until_ms: int
    pull: Pull
    journal: NewJournal | None = None
    receipt: bytes | None = None
    changes_upto: int = 0
    grants: tuple[Grant, ...] = ()
    recalls: tuple[Recall, ...] = ()
    deltas: tuple[Delta, ...] = ()
    answers: tuple[Answer, ...] = ()
    debits: tuple[str, ...] = ()
    wholes: tuple[WholeOf, ...] = ()

    def sealed_by(self, key: SigningKey) -> bytes:
        """The signed message."""
        journal = self.journal
        body: list[object] = [
            FORMAT,
            self.echo,
            self.device,
            self.epoch,
            self.now_ms,
            self.valid_until_ms,
            [self.pull.after, self.pull.credit],
            None if journal is None else [journal.epoch, journal.number],
            self.receipt,
            self.changes_upto,
            [[g.gseq, g.member_id, g.asset, g.lot, g.total, g.rule] for g in self.grants],
            [[recall.member_id, recall.asset] for recall in self.recalls],
            [_delta_out(delta) for delta in self.deltas],
            [answer_out(each) for each in self.answers],
            list(self.debits),
            [[w.member_id, w.principal_fen, w.bonus_fen, w.owed_fen] for w in self.wholes],
        ]
        return sign1(encode(body), ORDERS_TYPE, key)


def open_report(message: bytes, trusted: Mapping[bytes, bytes]) -> Report:
    """Raises SyncError("report_malformed" | "report_key_unknown" | "report_signature")."""
    if len(message) > MOST_MESSAGE_BYTES:
        raise SyncError(BAD_REPORT)
    body = decode(verify1(message, REPORT_TYPE, trusted, "report").payload, BAD_REPORT)
    fields = Fields(body, 10, BAD_REPORT)
    if fields.whole() != FORMAT:
        raise SyncError(BAD_REPORT)
    return Report(
        nonce=fields.octets(NONCE_BYTES),
        hello=fields.one(_hello_in),
        batches=fields.rows(_octets_in),
        receipted=fields.whole(),
        have=fields.wholes_by_name(),
        grants_upto=fields.whole(),
        changes=fields.rows(_change_in),
        requests=fields.rows(request_in),
        wait_ms=fields.whole(),
    )


def open_orders(message: bytes, trusted: Mapping[bytes, bytes]) -> Orders:
    """Raises SyncError("orders_malformed" | "orders_key_unknown" | "orders_signature")."""
    if len(message) > MOST_MESSAGE_BYTES:
        raise SyncError(BAD_ORDERS)
    body = decode(verify1(message, ORDERS_TYPE, trusted, "orders").payload, BAD_ORDERS)
    fields = Fields(body, 16, BAD_ORDERS)
    if fields.whole() != FORMAT:
        raise SyncError(BAD_ORDERS)
    return Orders(
        echo=fields.octets(NONCE_BYTES),
        device=fields.text(),
        epoch=fields.whole(),
        now_ms=fields.whole(),
        valid_until_ms=fields.whole(),
        pull=fields.one(_pull_in),
        journal=fields.maybe(_journal_in),
        receipt=fields.maybe_octets(),
        changes_upto=fields.whole(),
        grants=fields.rows(_grant_in),
        recalls=fields.rows(_recall_in),
        deltas=fields.rows(_delta_in),
        answers=fields.rows(answer_in),
        debits=fields.rows(_text_in),
        wholes=fields.rows(_whole_in),
    )


def _octets_in(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise SyncError(BAD_REPORT)
    return value


def _text_in(value: object) -> str:
    return Fields([value], 1, BAD_ORDERS).text()


def _hello_in(value: object) -> Hello:
    fields = Fields(value, 9, BAD_REPORT)
    return Hello(
        identity=fields.one(_identity_in),
        boot=fields.text(),
        bseq=fields.whole(),
        head=fields.octets(32),
        dseq=fields.whole(),
        cursor=fields.whole(),
        now_ms=fields.whole(),
        synced=fields.flag(),
        version=fields.text(),
    )


def _identity_in(value: object) -> Identity:
    fields = Fields(value, 4, BAD_REPORT)
    return Identity(fields.text(), fields.text(), fields.text(), fields.whole())


def _change_in(value: object) -> Change:
    fields = Fields(value, 4, BAD_REPORT)
    return Change(fields.whole(1), fields.text(), fields.text(), fields.octets())


def _pull_in(value: object) -> Pull:
    fields = Fields(value, 2, BAD_ORDERS)
    return Pull(fields.whole(), fields.whole())


def _journal_in(value: object) -> NewJournal:
    fields = Fields(value, 2, BAD_ORDERS)
    return NewJournal(fields.whole(1), fields.whole(1))


def _grant_in(value: object) -> Grant:
    fields = Fields(value, 6, BAD_ORDERS)
    return Grant(
        fields.whole(1),
        fields.text(),
        fields.text(),
        fields.whole(),
        fields.whole(),
        fields.text(MOST_RULE),
    )


def _whole_in(value: object) -> WholeOf:
    fields = Fields(value, 4, BAD_ORDERS)
    return WholeOf(fields.text(), fields.whole(), fields.whole(), fields.whole())


def _recall_in(value: object) -> Recall:
    fields = Fields(value, 2, BAD_ORDERS)
    return Recall(fields.text(), fields.text())


def _delta_out(delta: Delta) -> list[object]:
    rows = [[row.key, row.value] for row in delta.rows]
    return [delta.dataset, delta.start, delta.end, delta.whole, rows]


def _delta_in(value: object) -> Delta:
    fields = Fields(value, 5, BAD_ORDERS)
    return Delta(fields.text(), fields.whole(), fields.whole(), fields.flag(), fields.rows(_row_in))


def _row_in(value: object) -> Row:
    fields = Fields(value, 2, BAD_ORDERS)
    return Row(fields.text(), fields.maybe_octets())
