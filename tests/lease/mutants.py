"""Wrong protocols, each by one decision. A property has to notice every one of them."""

from __future__ import annotations

from dataclasses import replace

from daemon.core.lease import book, rows
from daemon.core.lease.book import (
    AccountBook,
    Finding,
    Holder,
    LeaseState,
    Moves,
)
from daemon.core.lease.line import SoldLine, refund_here
from tests.lease.rules import Rules, refund_right
from tests.lease.talk import Batch, GrantTo, Hello, Leaf


def delta_grants(seen: int, epoch: int, told: GrantTo) -> int:
    """Adds what the message added, again for each copy of it."""
    return told.last if told.epoch == epoch else 0


def silent_reclaim(of: AccountBook, holder: Holder) -> AccountBook:
    """As if the device had returned it: nothing is at risk."""
    lease = of.lease(holder)
    home = replace(of.home, reserve=of.home.reserve + lease.out)
    gone = replace(lease, returned=lease.returned + lease.out)
    taken_back = of.replaced(home, holder, gone)
    return book.force(taken_back, holder)


def release_before_lowering(here: int) -> int:
    """The cloud is told first; the balance here follows later."""
    return 0


def epoch_kept(known: tuple[int, ...], hello: Hello) -> int | None:
    """A restored disk goes on as if nothing had been."""
    return None


def cursor_skips(known: tuple[int, ...], batch: Batch) -> tuple[Leaf, ...] | None:
    """Takes what comes, also where something between is missing."""
    old = len(known) - batch.after
    return batch.leaves[max(0, old) :]


def refund_anywhere(own: SoldLine | None, amount: int) -> SoldLine | None:
    """Whoever knows the receipt may refund it, up to what it says."""
    return refund_right(own, amount) or refund_here(SoldLine(amount), amount)


def reverse_without_tombstone(of: AccountBook, holder: Holder, txid: str) -> AccountBook:
    """What is not there yet is not there: its copy on the way opens it."""
    return book.reverse(of, holder, txid) if txid in of.debits else of


def grant_from_nothing(of: AccountBook, holder: Holder, amount: int) -> AccountBook:
    """g += x without R -= x; a merchant's F grows to hide it."""
    rows.grant(of.home, of.lease(holder), amount)
    home = replace(of.home, funded=of.home.funded + amount)
    lease = of.lease(holder)
    return of.replaced(home, holder, replace(lease, granted=lease.granted + amount))


def late_spend_free(
    of: AccountBook, holder: Holder, moves: Moves
) -> tuple[AccountBook, tuple[Finding, ...]]:
    """What a forced lease still says it sold is not charged."""
    if of.lease(holder).state is LeaseState.CLOSED_FORCED:
        moves = replace(moves, spent=0)
    return book.apply_leaf(of, holder, moves)


def grant_to_dead_epoch(seen: int, epoch: int, told: GrantTo) -> int:
    """Listens to a grant that was for the epoch before."""
    return max(0, told.total - seen)


MUTANTS = {
    "grants as deltas": Rules(take=delta_grants),
    "silent reclaim": Rules(force=silent_reclaim),
    "release before lowering": Rules(release=release_before_lowering),
    "epoch kept after a restore": Rules(parted=epoch_kept),
    "cursor that skips": Rules(accept=cursor_skips),
    "refund at two devices": Rules(refund_right=refund_anywhere),
    "REVERSE without tombstone": Rules(reverse=reverse_without_tombstone),
    "grant without lowering the reserve": Rules(grant=grant_from_nothing),
    "late spend not charged": Rules(apply_leaf=late_spend_free),
    "grant to a dead epoch": Rules(take=grant_to_dead_epoch),
}
