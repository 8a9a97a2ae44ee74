"""The device's side of leases: its counters as sums over its own journal, what a total of grants
adds, what a recall takes, and whether a lease may be spent now.

The counters of a device are the counters of the cloud's `Lease` but for `granted` and `forced`, and
belong to one epoch. The balance of the member's account in the ledger is their `here`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from daemon.core.authorize import Decline
from daemon.core.entry import Entry, Kind
from daemon.core.lease.moves import AccountKey, moves_of
from daemon.core.lease.policy import ChainPolicy
from daemon.core.lease.values import Moves

HOUR_MS: Final = 3_600_000
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Counters:
    """Of one account in one epoch; each only grows."""

    seen: int = 0
    online: int = 0
    topped_up: int = 0
    refunded: int = 0
    spent: int = 0
    returned: int = 0
    credit: int = 0

    @property
    def here(self) -> int:
        """I2: never below 0; the ledger's balance of the account."""
        came = self.seen + self.online + self.topped_up + self.refunded
        return came - self.spent - self.returned

    def after(self, moves: Moves) -> Counters:
        """A sum that would leave less than nothing here is a bug: the ledger refused it."""
        after = replace(
            self,
            seen=self.seen + moves.seen,
            online=self.online + sum(moves.online.values()),
            topped_up=self.topped_up + moves.topped_up,
            refunded=self.refunded + moves.refunded,
            spent=self.spent + moves.spent,
            returned=self.returned + moves.returned,
            credit=self.credit + moves.credit,
        )
        assert self.here >= 0 and after.here >= 0
        return after


def fold(entries: Iterable[Entry]) -> dict[AccountKey, Counters]:
    """The counters after these entries of one journal, oldest first. A LEASE_VOIDED begins all of
    them again: it is the first entry of an epoch that followed a restore."""
    counters: dict[AccountKey, Counters] = {}
    for entry in entries:
        if entry.draft.kind is Kind.LEASE_VOIDED:
            moves_of(entry)
            counters.clear()
            continue
        for key, moves in moves_of(entry).items():
            counters[key] = counters.get(key, Counters()).after(moves)
    return counters


def take_total(seen: int, total: int) -> int:
    """What a grant adds here. Grants are totals, so one that comes twice, late or out of turn adds
    nothing."""
    assert seen >= 0
    return max(0, total - seen)


def take_grant(seen: int, epoch: int, total: int, of_epoch: int) -> int:
    """As `take_total`; a grant to another epoch of this device adds nothing (I8)."""
    return take_total(seen, total) if of_epoch == epoch else 0


def given_up(held: Mapping[K, int]) -> dict[K, int]:
    """What a recall takes of the accounts it names: all that is here. The entry that lowers the
    balance is on the journal before anything is told."""
    assert all(balance >= 0 for balance in held.values())
    return {key: balance for key, balance in held.items() if balance}


@dataclass(frozen=True, slots=True)
class Clock:
    """What a device knows of time. `floor_ms` is the last time on its journal or signed by the
    cloud, whichever is later, as it was at boot or came since; `up_ms` how long it runs."""

    floor_ms: int
    wall_ms: int
    synced: bool
    up_ms: int

    @property
    def now_ms(self) -> int:
        """Goes only forward: a wall clock that nobody set is not listened to."""
        return max(self.floor_ms, self.wall_ms) if self.synced else self.floor_ms


def may_spend(
    amount: int,
    valid_until_ms: int | None,
    clock: Clock,
    unsynced_spent_fen: int,
    policy: ChainPolicy,
) -> Decline | None:
    """Whether what is held may be spent now; None if so. `valid_until_ms` is the cloud's last
    signed word, None for a shop that is alone; `unsynced_spent_fen` what was spent from leases
    since a boot without a clock, `amount` of fen (0 for points and passes).

    The end of the time returns no money: it stays held here until it is released or forced."""
    assert amount >= 0 and unsynced_spent_fen >= 0
    if valid_until_ms is None:
        return None
    if clock.now_ms >= valid_until_ms:
        return Decline("lease_expired", {"valid_until_ms": valid_until_ms})
    if clock.synced:
        return None
    if clock.up_ms >= policy.unsynced_grace_h * HOUR_MS:
        return Decline("clock_unsynced_long", {"grace_h": policy.unsynced_grace_h})
    left_fen = max(0, policy.unsynced_grace_fen - unsynced_spent_fen)
    if amount > left_fen:
        return Decline("clock_unsynced_much", {"left_fen": left_fen})
    return None
