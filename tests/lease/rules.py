"""The decisions that the model takes from the real core, in one place, so that a test can put a
wrong one in and see that a property notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daemon.core.errors import Refused
from daemon.core.lease import book, line
from daemon.core.lease.book import AccountBook, Finding, Holder, Moves
from daemon.core.lease.device import take_grant
from daemon.core.lease.line import SoldLine
from tests.lease.talk import Batch, GrantTo, Hello, Leaf


def take(seen: int, epoch: int, told: GrantTo) -> int:
    return take_grant(seen, epoch, told.total, told.epoch)


def accept(known: tuple[int, ...], batch: Batch) -> tuple[Leaf, ...] | None:
    """The leaves of a batch that are new; None for a gap or a fork. `known` are the uids that the
    cloud has of this epoch's journal."""
    if batch.after > len(known):
        return None
    if batch.after and known[batch.after - 1] != batch.previous:
        return None
    old = len(known) - batch.after
    uids = tuple(leaf.uid for leaf in batch.leaves)
    if uids[:old] != known[batch.after :][: len(uids)]:
        return None
    return batch.leaves[old:]


def parted(known: tuple[int, ...], hello: Hello) -> int | None:
    """The last place that cloud and device share, where the device's journal is not an extension of
    what the cloud has: it was restored or copied. None if all is well."""
    if hello.uids[: len(known)] == known:
        return None
    same = 0
    for here, there in zip(hello.uids, known, strict=False):
        if here != there:
            break
        same += 1
    return same


def refund_right(own: SoldLine | None, amount: int) -> SoldLine | None:
    """The line after a refund without asking; None if this device has to ask."""
    if own is None:
        return None
    try:
        return line.refund_here(own, amount)
    except Refused:
        return None


def release(here: int) -> int:
    """What is lowered here, on the journal, before the cloud hears of it."""
    return here


@dataclass(frozen=True, slots=True)
class Rules:
    grant: Callable[[AccountBook, Holder, int], AccountBook] = book.grant
    force: Callable[[AccountBook, Holder], AccountBook] = book.force
    debit: Callable[[AccountBook, Holder, str, int], AccountBook] = book.debit
    reverse: Callable[[AccountBook, Holder, str], AccountBook] = book.reverse
    apply_leaf: Callable[[AccountBook, Holder, Moves], tuple[AccountBook, tuple[Finding, ...]]] = (
        book.apply_leaf
    )
    take: Callable[[int, int, GrantTo], int] = take
    accept: Callable[[tuple[int, ...], Batch], tuple[Leaf, ...] | None] = accept
    parted: Callable[[tuple[int, ...], Hello], int | None] = parted
    refund_right: Callable[[SoldLine | None, int], SoldLine | None] = refund_right
    release: Callable[[int], int] = release
