"""What the cloud's books hold, as values. Times are Unix milliseconds,
amounts units of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from daemon.core.entry import GENESIS
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Debit, Home, Lease
from daemon.sync.envelope import key_id_of

DAY_MS: Final = 86_400_000


class DeviceState(Enum):
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Device:
    """`public_key` is the one that its batches and reports are signed with; pinned when it was
    enrolled. `have` are the versions of datasets that it told of."""

    device: str
    merchant: str
    store: str
    public_key: bytes
    state: DeviceState = DeviceState.ACTIVE
    enrolled_ms: int = 0
    seen_ms: int = 0
    boot: str = ""
    version: str = ""
    have: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    @property
    def key_id(self) -> bytes:
        return key_id_of(self.public_key)

    def trusted(self) -> dict[bytes, bytes]:
        return {self.key_id: self.public_key}


class JournalState(Enum):
    LIVE = "LIVE"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Journal:
    """One unbroken life of a device's journal, and how far the cloud is with it: `bseq`, `head`,
    `dseq`, `chain` say what is committed, `cseq` the newest change that is kept."""

    device: str
    epoch: int
    number: int
    store: str
    state: JournalState = JournalState.LIVE
    opened_ms: int = 0
    bseq: int = 0
    head: bytes = GENESIS
    dseq: int = 0
    chain: bytes = GENESIS
    cseq: int = 0


@dataclass(frozen=True, slots=True)
class Effects:
    """How far the effects of a journal are in the accounts. Entries before `begun_dseq` belong to
    the epoch before; None: the entry that began the epoch has not come yet. `shift` is what moved
    on each tender since the open shift began, and its number."""

    dseq: int
    begun_dseq: int | None
    shift: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease with whose it is. `gseq` is its newest grant; 0: there was none."""

    key: AccountKey
    device: str
    epoch: int
    lease: Lease
    gseq: int = 0


@dataclass(frozen=True, slots=True)
class SaleDebit:
    """An online debit by its sale. `reversed` is the tombstone, also of one that never came."""

    txid: str
    member: str
    device: str
    epoch: int
    reversed: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class DebitPart:
    key: AccountKey
    txid: str
    debit: Debit


@dataclass(frozen=True, slots=True)
class Account:
    key: AccountKey
    home: Home


@dataclass(frozen=True, slots=True)
class SaleLine:
    """What was sold on a line and what came back of it, promised or done."""

    txid: str
    line: str
    quantity: int
    amount_fen: int
    back: int = 0
    back_fen: int = 0


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    rid: str
    txid: str
    line: str
    quantity: int
    amount_fen: int
    device: str
    allowed: bool
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """`value` is None where the row is there no more. `device` made the change."""

    dataset: str
    key: str
    version: int
    value: bytes | None
    device: str
    at_ms: int


class DiscrepancyState(Enum):
    OPEN = "OPEN"
    EXPLAINED = "EXPLAINED"
    ADJUSTED = "ADJUSTED"
    WRITTEN_OFF = "WRITTEN_OFF"


class Severity(Enum):
    """How long it may stay open is in `cloud.discrepancies`."""

    LOW = "LOW"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that does not agree. The same thing seen again has the same id: it is counted and
    not told twice. `refs` name its sides (entries, batches, lines of a statement)."""

    discrepancy_id: str
    type: str
    severity: Severity
    amount: int
    device: str
    account: str
    refs: Mapping[str, int | str]
    first_seen_ms: int
    last_seen_ms: int
    times: int
    state: DiscrepancyState
    owner: str
    deadline_ms: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class CardUse:
    """A counter of a card, and the entry that reported it."""

    card: str
    counter: int
    device: str
    epoch: int
    dseq: int
    op_id: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Units of `asset` that the journal `seller` sold (and gave `back`) on a `day` (days since
    1970) out of lots that the journal `home` opened."""

    day: int
    home: int
    seller: int
    asset: str
    sold: int
    back: int


@dataclass(frozen=True, slots=True)
class LogLine:
    at_ms: int
    who: str
    verb: str
    device: str
    reason: str
    facts: Mapping[str, int | str]
