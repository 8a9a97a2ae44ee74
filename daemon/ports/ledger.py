"""The books: one writer, many readers, durable before anything is said to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from daemon.core.entry import Account, Draft, Entry
from daemon.core.receipt import Receipt
from daemon.core.records import (
    Card,
    ChainHead,
    Employee,
    Holding,
    Member,
    Operation,
    OpState,
    Personal,
    Session,
    StoredBatch,
    StoredReceipt,
)
from daemon.ports.branch_books import BranchBooks
from daemon.ports.card_books import CardBooks
from daemon.ports.loyalty_books import LoyaltyBooks
from daemon.ports.office_books import OfficeBooks
from daemon.ports.purse_books import PurseBooks
from daemon.ports.rules_books import RuleBooks
from daemon.ports.sale_books import SaleBooks
from daemon.ports.shift_books import ShiftBooks
from daemon.ports.staff_books import StaffBooks

T = TypeVar("T")


class Books(
    RuleBooks,
    SaleBooks,
    OfficeBooks,
    CardBooks,
    PurseBooks,
    LoyaltyBooks,
    StaffBooks,
    ShiftBooks,
    BranchBooks,
    Protocol,
):
    """The books inside one write transaction, on the writer's thread. Plain calls, no awaiting.
    Whatever the function that got it raises undoes everything that it wrote."""

    def head(self) -> ChainHead: ...

    def append(self, draft: Draft, opened: Mapping[Account, str] | None = None) -> Entry:
        """Gives the draft the next dseq, chains it, posts it and moves the balances.

        `opened` names the rule of each lot account (with lot == 0 in the draft) that this entry
        opens: the ledger gives those accounts this entry's dseq as their lot. Asserts before the
        write that no member account goes below zero, and after it that what was written reads
        back. An `op_id` that is in the journal already is a bug and is asserted against."""
        ...

    def entry_of(self, op_id: str) -> Entry | None: ...

    def holdings(self, owner: str) -> Sequence[Holding]:
        """The owner's accounts with a balance other than zero, oldest lot first."""
        ...

    def balance(self, account: Account) -> int: ...

    def operation(self, op_id: str) -> Operation | None: ...

    def operation_by_client_key(self, client_key: str) -> Operation | None: ...

    def add_operation(self, operation: Operation) -> None: ...

    def change_operation(
        self,
        op_id: str,
        state: OpState,
        *,
        reason: str | None = None,
        answer: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
        settled_ms: int | None = None,
        dseq: int | None = None,
    ) -> None:
        """Asserts that the operation is there and not final."""
        ...

    def under_way(self, kind: str) -> Sequence[Operation]:
        """Operations of that kind that wait for something, parked ones left out; oldest first."""
        ...

    def voided_by(self, op_id: str) -> str | None:
        """The op_id of the entry that voided `op_id`, if any."""
        ...

    def member(self, member_id: str) -> Member | None: ...

    def add_member(self, member: Member, personal: Personal) -> None:
        """Raises Conflict("member_number_taken")."""
        ...

    def change_member(self, member: Member) -> None: ...

    def personal(self, member_id: str) -> Personal | None:
        """None when it has been erased."""
        ...

    def change_personal(self, member_id: str, personal: Personal) -> None:
        """Asserts that the member is there and has not been erased."""
        ...

    def erase_personal(self, member_id: str) -> None:
        """Destroys the member's own key and search words; number, money and history stay."""
        ...

    def card(self, card_id: str) -> Card | None: ...

    def card_by_uid(self, uid: bytes) -> Card | None:
        """The newest card on the books with that UID."""
        ...

    def card_pending_for(self, op_id: str) -> Card | None:
        """The card whose intent was written for that operation and is not settled."""
        ...

    def add_card(self, card: Card) -> None: ...

    def change_card(self, card: Card) -> None: ...

    def spent_on_day(self, card_id: str, day: str) -> int:
        """Fen spent with this card on `day` (YYYY-MM-DD, the shop's time zone)."""
        ...

    def add_spent(self, card_id: str, day: str, amount_fen: int) -> None:
        """`amount_fen` may be negative (a void)."""
        ...

    def employee(self, employee_id: str) -> Employee | None: ...

    def employee_by_number(self, number: str) -> Employee | None: ...

    def put_employee(self, employee: Employee) -> None: ...

    def session(self, token_hash: bytes) -> Session | None: ...

    def put_session(self, session: Session) -> None: ...

    def end_session(self, token_hash: bytes) -> None: ...

    def next_receipt_number(self, day: str) -> int:
        """1 on each new day, then one more each time; durable with the transaction."""
        ...

    def receipts(self, *, limit: int, op_id: str | None = None) -> Sequence[StoredReceipt]:
        """Newest first."""
        ...

    def spool_receipt(self, receipt: Receipt, op_id: str, now_ms: int) -> None:
        """Keeps the receipt and queues it for the printer."""
        ...

    def count_copy(self, receipt_id: str) -> int:
        """Counts one more copy of a kept receipt and returns its number: 1, 2, ..."""
        ...

    def respool(self, receipt_id: str, receipt: Receipt, now_ms: int) -> None:
        """Queues a copy of a kept receipt."""
        ...

    def setting(self, name: str) -> str | None: ...

    def put_setting(self, name: str, value: str) -> None: ...

    def epoch(self) -> int:
        """Which life of these books is being written: a restore from a backup begins a new one."""
        ...

    def last_batch(self) -> StoredBatch | None:
        """The newest of this epoch."""
        ...

    def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]:
        """Of this epoch, in order."""
        ...

    def leaves(self, first_dseq: int, most: int) -> Sequence[tuple[int, bytes, bytes]]:
        """(dseq, leaf, chain hash) from `first_dseq` on, at most `most`, in order."""
        ...

    def add_batch(self, batch: StoredBatch) -> None: ...

    def mark_receipted(self, upto_bseq: int, now_ms: int) -> None: ...


class Ledger(Protocol):
    """Any method may raise LedgerError. After a failed write the ledger is `stopped`: every later
    write raises LedgerError("ledger_stopped") and the counter must say so."""

    async def write(self, work: Callable[[Books], T]) -> T:
        """Runs `work` in a transaction of its own (several may share one commit). When this
        returns, it is durable. What `work` raises is raised here and nothing of it was kept.
        Cancelling the wait does not stop the write: look the outcome up by its id."""
        ...

    async def read(self, look: Callable[[Books], T]) -> T:
        """Runs `look` on a read-only connection, on a snapshot; writing in it is refused."""
        ...

    async def search_members(self, query: str, limit: int) -> Sequence[Member]:
        """By number, whole name or beginning of it, whole phone, last four digits of the phone."""
        ...

    async def operations(
        self, *, kinds: Sequence[str], states: Sequence[OpState], limit: int
    ) -> Sequence[Operation]:
        """Newest first."""
        ...

    async def cards_of(self, member_id: str) -> Sequence[Card]: ...

    async def receipt(self, receipt_id: str) -> StoredReceipt | None: ...

    async def receipts(self, *, limit: int, op_id: str | None = None) -> Sequence[StoredReceipt]:
        """Newest first."""
        ...

    async def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]: ...

    async def verify_chain(
        self, pause_s: float = ..., told: Callable[[int], None] | None = None
    ) -> int:
        """Verifies every link of the journal from the first on, beside the sales, and returns how
        many there are. `told` hears after each step how many were found to hold.

        Raises LedgerCorrupt("ledger_rewritten") and stops the ledger at one that does not."""
        ...

    @property
    def stopped(self) -> str | None:
        """The screen key of the error that stopped it, or None."""
        ...

    async def close(self) -> None: ...
