"""What a counter of a chain keeps beside its journal (docs/leases.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from daemon.core.entry import Account
from daemon.core.records import Document


@dataclass(frozen=True, slots=True)
class ChainState:
    """Where this device stands with its cloud. `pull_after` is the cloud's cursor (a batch number),
    `credit_bytes` what it takes of batches at once, `grants_upto` the newest grant that is on the
    journal. `valid_until_ms` and `contact_ms` are times of this device's own clock; `cloud_ms` is
    the newest time that the cloud has signed."""

    grants_upto: int = 0
    pull_after: int = 0
    credit_bytes: int = 0
    valid_until_ms: int = 0
    contact_ms: int = 0
    cloud_ms: int = 0


@dataclass(frozen=True, slots=True)
class LeaseCounters:
    """How an account's balance came about here in one epoch. Each only grows."""

    seen: int = 0
    online: int = 0
    topped_up: int = 0
    refunded: int = 0
    spent: int = 0
    returned: int = 0

    @property
    def here(self) -> int:
        came = self.seen + self.online + self.topped_up + self.refunded
        return came - self.spent - self.returned


class DebitState(Enum):
    """ASKED may have been made or not: only an answer tells. REVERSING was given up here and must
    never be taken any more; the cloud has not confirmed it."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    REVERSING = "reversing"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class DebitIntent:
    """What is asked of the cloud for the sale `txid`. `spending` is the order of spending that
    was asked for, `units` points and uses of passes by asset."""

    txid: str
    member_id: str
    amount_fen: int
    spending: str
    state: DebitState
    asked_ms: int
    units: tuple[tuple[str, int], ...] = ()
    settled_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row that was changed here and that the cloud does not have yet."""

    cseq: int
    dataset: str
    key: str


OUT_OF_REACH_MS: Final = 60_000
"""A counter that the cloud has not heard of for so long cannot be called in."""


@dataclass(frozen=True, slots=True)
class HeldThere:
    """What another counter holds of a member. `seen_ms`: when the cloud had last heard of it;
    `told_ms`: when it said so."""

    store: str
    device: str
    amount_fen: int
    seen_ms: int
    told_ms: int = 0

    @property
    def out_of_reach_ms(self) -> int | None:
        """Since when it cannot be called in; None if it can."""
        return self.seen_ms if self.told_ms - self.seen_ms > OUT_OF_REACH_MS else None


@dataclass(frozen=True, slots=True)
class WholeBalance:
    """What a member has in the whole chain, and owes, as the cloud said at its time `as_of_ms`."""

    principal_fen: int
    bonus_fen: int
    owed_fen: int
    as_of_ms: int


OF_ONE_STORE: Final = ("store", "setup")
"""Sections of the rules that each store has for itself."""


class BranchBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def journal_number(self) -> int:
        """This journal's number in the chain; 0 for a shop without a cloud."""
        ...

    def lot_of(self, dseq: int) -> int:
        """The number of the lot that entry `dseq` of this journal opened."""
        ...

    def credit_of(self, member_id: str, first_dseq: int) -> tuple[int, int]:
        """(fen sold to the member on credit, in how many sales) from that entry on."""
        ...

    def credit_since(self, first_dseq: int) -> int:
        """Fen that this device sold on credit from that entry on."""
        ...

    def has_account(self, account: Account) -> bool:
        """Whether anything was ever posted to it here."""
        ...

    def join_chain(self) -> None:
        """This device belongs to a chain from now on. Again: no change."""
        ...

    def chain_state(self) -> ChainState | None:
        """None for a shop without a cloud."""
        ...

    def put_chain_state(self, state: ChainState) -> None: ...

    def begin_epoch(
        self, first_dseq: int, now_ms: int, reason: str, epoch: int | None = None
    ) -> int:
        """A new life of this journal (None: the next one) from entry `first_dseq` on, whose batches
        begin at zero. Returns its number."""
        ...

    def begin_journal(self, epoch: int, number: int) -> None:
        """From the next entry on this journal has this number, in the epoch that is being
        written."""
        ...

    def mark_all_outgoing(self) -> None:
        """Everything that a shop had when it joined goes up."""
        ...

    def receipted_dseq(self) -> int:
        """The last entry that the cloud is known to hold; what was before the epoch counts."""
        ...

    def first_dseq(self) -> int:
        """The first entry of the epoch that is being written."""
        ...

    def epoch_opening(self) -> Mapping[tuple[str, str], int]:
        """(owner, asset) -> balance before the first entry of this epoch; of members nothing."""
        ...

    def counters(self, account: Account) -> LeaseCounters:
        """Of the epoch that is being written."""
        ...

    def held_members(self, after: str, most: int) -> Sequence[str]:
        """Owners with anything in an account, from behind the owner `after` on."""
        ...

    def held_sums(self) -> Mapping[str, int]:
        """Asset -> all that is held here of members."""
        ...

    def held_count(self) -> int:
        """Of how many members anything is held here."""
        ...

    def debit(self, txid: str) -> DebitIntent | None: ...

    def put_debit(self, intent: DebitIntent) -> None: ...

    def open_debits(self) -> Sequence[DebitIntent]:
        """ASKED and REVERSING, oldest first."""
        ...

    def outgoing(self, most: int) -> Sequence[Outgoing]:
        """Oldest first."""
        ...

    def forget_outgoing(self, upto: int) -> None: ...

    def is_outgoing(self, dataset: str, key: str) -> bool: ...

    def dataset_versions(self) -> Mapping[str, int]: ...

    def put_dataset_version(self, name: str, version: int) -> None: ...

    def keys_of(self, dataset: str) -> frozenset[str]: ...

    def held_elsewhere(self, member_id: str) -> Sequence[HeldThere]: ...

    def put_held_elsewhere(self, member_id: str, held: Sequence[HeldThere]) -> None: ...

    def whole_balance(self, member_id: str) -> WholeBalance | None:
        """None where the cloud never said."""
        ...

    def put_whole_balance(self, member_id: str, whole: WholeBalance) -> None: ...

    def row_for_cloud(self, dataset: str, key: str) -> Mapping[str, Any] | None:
        """A row as it goes up, JSON-ready but for bytes; None where it is not there."""
        ...

    def rule_of_lot(self, key: str) -> str | None:
        """The text of a lot by `member/asset/lot`."""
        ...

    def take_row(self, dataset: str, key: str, row: Mapping[str, Any] | None) -> None:
        """A row as it came down. It does not go up again. Rules: `take_document`. Raises
        BadRequest("row_malformed" | "row_orphan")."""
        ...

    def take_document(self, document: Document) -> None:
        """As `add_document`, of rules that came down."""
        ...
