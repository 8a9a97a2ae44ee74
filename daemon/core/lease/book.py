"""The cloud's side of one account as one value: its home, the leases by (device, epoch), the debits
by txid. Built on `rows.py`, whose functions a store calls for the rows that it has read; here the
whole account is there, so I1, I2 and I4 are checked exactly before and after every event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from daemon.core.errors import Conflict
from daemon.core.lease import rows
from daemon.core.lease.values import (
    Applied,
    Debit,
    DebitState,
    Finding,
    FindingKind,
    Home,
    Lease,
    LeaseState,
    Moves,
)

__all__ = [
    "AccountBook",
    "Applied",
    "Debit",
    "DebitState",
    "Finding",
    "FindingKind",
    "Holder",
    "Home",
    "Lease",
    "LeaseState",
    "Moves",
    "apply_leaf",
    "check",
    "close",
    "debit",
    "force",
    "grant",
    "recall",
    "repay",
    "reverse",
    "write_off",
]

Holder = tuple[str, int]
"""(device, epoch)."""


@dataclass(frozen=True, slots=True)
class AccountBook:
    home: Home = field(default_factory=Home)
    leases: Mapping[Holder, Lease] = field(default_factory=dict)
    debits: Mapping[str, Debit] = field(default_factory=dict)

    def lease(self, holder: Holder) -> Lease:
        """A holder that has none yet has an empty one."""
        return self.leases.get(holder, Lease())

    def replaced(
        self, home: Home, holder: Holder, lease: Lease, debits: Mapping[str, Debit] | None = None
    ) -> AccountBook:
        both = {**self.debits, **(debits or {})}
        return check(AccountBook(home, {**self.leases, holder: lease}, both))


def check(book: AccountBook) -> AccountBook:
    """I1, I2 and I4 exactly; D and X are the sums that they say. Returns the book. What fails is a
    bug: AssertionError."""
    home = book.home
    rows.require_sound(home)
    for lease in book.leases.values():
        rows.require_sound_lease(lease)
    out = sum(lease.out for lease in book.leases.values())
    there = home.reserve + home.settled + home.in_debit + out
    assert home.funded + home.overspent == there, f"I1: {book}"
    opened = _sum(book, DebitState.OPEN)
    assert home.in_debit == opened, f"D: {book}"
    forced = sum(lease.forced for lease in book.leases.values())
    assert home.at_risk == forced + _sum(book, DebitState.FORCED), f"X: {book}"
    return book


def grant(book: AccountBook, holder: Holder, amount: int) -> AccountBook:
    """Raises Refused("reserve_short"), Refused("lease_not_active")."""
    home, lease = rows.grant(book.home, book.lease(holder), amount)
    return book.replaced(home, holder, lease)


def recall(book: AccountBook, holder: Holder) -> AccountBook:
    return book.replaced(book.home, holder, rows.recalled(rows.recall(book.lease(holder))))


def close(book: AccountBook, holder: Holder) -> AccountBook:
    """Raises Conflict("lease_out"), and Conflict("debit_open") for a debit that has no end yet."""
    if any(
        known.state is DebitState.OPEN and (known.device, known.epoch) == holder
        for known in book.debits.values()
    ):
        raise Conflict("debit_open")
    return book.replaced(book.home, holder, rows.close(book.lease(holder)))


def force(book: AccountBook, holder: Holder) -> AccountBook:
    """The lease and the holder's open debits."""
    home, lease = rows.force(book.home, book.lease(holder))
    changed: dict[str, Debit] = {}
    for txid, known in book.debits.items():
        if (known.device, known.epoch) == holder:
            home, changed[txid] = rows.force_debit(home, known)
    return book.replaced(home, holder, lease, changed)


def repay(book: AccountBook) -> AccountBook:
    return check(replace(book, home=rows.repay(book.home)))


def write_off(book: AccountBook, amount: int) -> AccountBook:
    """Raises Refused("not_overspent")."""
    return check(replace(book, home=rows.write_off(book.home, amount)))


def debit(book: AccountBook, holder: Holder, txid: str, amount: int) -> AccountBook:
    """Raises what `rows.debit` raises."""
    asked = Debit(*holder, amount)
    known = book.debits.get(txid)
    home, opened = rows.debit(book.home, book.lease(holder), known, asked)
    return check(replace(book, home=home, debits={**book.debits, txid: opened}))


def reverse(book: AccountBook, holder: Holder, txid: str) -> AccountBook:
    """Raises Conflict("debit_id_reused")."""
    home, gone = rows.reverse(book.home, book.debits.get(txid), *holder)
    return check(replace(book, home=home, debits={**book.debits, txid: gone}))


def apply_leaf(
    book: AccountBook, holder: Holder, moves: Moves
) -> tuple[AccountBook, tuple[Finding, ...]]:
    """What one entry of that holder did here; once for a dseq."""
    known = {txid: book.debits[txid] for txid in moves.online if txid in book.debits}
    done = rows.apply_leaf(book.home, book.lease(holder), known, moves, *holder)
    return book.replaced(done.home, holder, done.lease, done.debits), done.findings


def _sum(book: AccountBook, state: DebitState) -> int:
    return sum(known.amount for known in book.debits.values() if known.state is state)
