"""The rows of one account in the books of the cloud, and what a leaf does to it, as values.

Amounts are units of the account's asset (fen, points, uses), integers; an account is (member,
asset, lot). The letters are those of docs/leases.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MOST: Final = 1 << 62
"""A counter never resets inside an epoch; it fits a signed 64-bit column."""


class LeaseState(Enum):
    """EXPIRED is a state of the device (`device.may_spend`), never of a lease: time that passed is
    no proof that nothing was spent."""

    ACTIVE = "active"
    RECALLING = "recalling"
    """A recall was sent; no new grant until nothing is out."""
    CLOSED_CLEAN = "closed_clean"
    """The device left and nothing is out."""
    CLOSED_FORCED = "closed_forced"
    """Taken back without the device; late batches are charged."""


class DebitState(Enum):
    OPEN = "open"
    """Answered OK; the money is in D."""
    TAKEN = "taken"
    """A leaf says that the device has it."""
    REVERSED = "reversed"
    """Given back, or a tombstone that came before the debit."""
    FORCED = "forced"
    """Taken back by FORCE; the money is at risk until a leaf or a reversal tells."""


@dataclass(frozen=True, slots=True)
class Home:
    """F, R, S, O, X and D of one account."""

    funded: int = 0
    reserve: int = 0
    settled: int = 0
    overspent: int = 0
    at_risk: int = 0
    in_debit: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """What one (device, epoch) holds of one account. `granted` and `forced` are written by the
    cloud alone, the others are sums over that device's leaves. `credit` is what it sold without
    cover; it is not part of `out`."""

    granted: int = 0
    seen: int = 0
    online: int = 0
    topped_up: int = 0
    refunded: int = 0
    spent: int = 0
    returned: int = 0
    forced: int = 0
    credit: int = 0
    state: LeaseState = LeaseState.ACTIVE

    @property
    def out(self) -> int:
        """What this holder may have in hand, as far as its leaves are in."""
        came = self.granted + self.online + self.topped_up + self.refunded
        return came - self.spent - self.returned - self.forced


@dataclass(frozen=True, slots=True)
class Debit:
    """An online debit of one account, by its txid. `amount` is what was answered OK; 0 for a
    tombstone that came first. `device` and `epoch` are who asked."""

    device: str
    epoch: int
    amount: int
    state: DebitState = DebitState.OPEN


class FindingKind(Enum):
    """Discrepancies that the books show by themselves."""

    GRANT_FORGED = "grant_forged"
    """More was seen than was granted."""
    DEBIT_FORGED = "debit_forged"
    """An online debit was taken that is not open for this device, or more than it gave."""
    OVERDRAWN = "overdrawn"
    """More was spent or returned than was ever in hand."""
    REFUND_FORGED = "refund_forged"
    """More came back than was ever settled."""
    LATE_AFTER_FORCE = "late_after_force"
    """Spent under a lease that had been taken back by force."""
    OVERSPEND = "overspend"
    """Money that the account does not have: credit, or a late spend that R could not bear."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`txid` is set where an online debit is meant."""

    kind: FindingKind
    amount: int
    txid: str = ""


@dataclass(frozen=True, slots=True)
class Moves:
    """What one entry did to one account under one lease; every number is at least 0. `online` is by
    txid. `credit_back` is what refunds of credit sales gave back."""

    seen: int = 0
    online: Mapping[str, int] = field(default_factory=dict)
    topped_up: int = 0
    refunded: int = 0
    spent: int = 0
    returned: int = 0
    credit: int = 0
    credit_back: int = 0

    def __post_init__(self) -> None:
        parts = (self.seen, self.topped_up, self.refunded, self.spent, self.returned)
        assert all(part >= 0 for part in (*parts, self.credit, self.credit_back))
        assert all(part > 0 for part in self.online.values())


@dataclass(frozen=True, slots=True)
class Applied:
    """The rows after a leaf. `debits` holds those of the entry's txids that there are now."""

    home: Home
    lease: Lease
    debits: Mapping[str, Debit] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
