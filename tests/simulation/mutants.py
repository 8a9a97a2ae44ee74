"""Wrong chains, each by one decision of the real code; the simulation has to notice every one.

A release that is told before it is lowered, and a refund at two counters, cannot be made by
changing one decision here (a release *is* the entry that lowers; the cloud counts refunds by line):
the mutants of tests/lease and of the SPIN model make them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any

from cloud import effects, epochs, requests
from cloud.records import SaleDebit
from daemon.core.lease import rows
from daemon.core.lease.values import Home, Lease, LeaseState
from daemon.operations import branch_grants
from daemon.sync.link import device
from daemon.sync.link.asking import Reversed
from daemon.sync.link.device import DeviceLink
from tests.simulation.device import SimDevice
from tests.simulation.disks import Copy
from tests.simulation.wrong import instead

Mutant = Callable[[], AbstractContextManager[Any]]


def delta_grants() -> AbstractContextManager[Any]:
    """Each copy of a total is added again."""
    return instead(branch_grants, take_total=lambda seen, total: total)


def silent_reclaim() -> AbstractContextManager[Any]:
    """What is taken back by force is nobody's risk."""

    def force(home: Home, lease: Lease) -> tuple[Home, Lease]:
        back = replace(home, reserve=home.reserve + lease.out)
        closed = replace(lease, forced=lease.forced + lease.out, state=LeaseState.CLOSED_FORCED)
        return back, closed

    return instead(rows, force=force)


def epoch_kept() -> AbstractContextManager[Any]:
    """A restored disk goes on as if nothing had been."""

    async def never(*_: object) -> None:
        await asyncio.sleep(0)

    return instead(epochs, _rolled_back=never)


def cursor_skips() -> AbstractContextManager[Any]:
    """The device leaves the next batch out."""
    batches = DeviceLink._batches

    def skip(self: DeviceLink, books: Any, state: Any) -> tuple[bytes, ...]:
        return batches(self, books, state)[1:]

    return instead(DeviceLink, _batches=skip)


def no_tombstone() -> AbstractContextManager[Any]:
    """A debit that is not there yet is not there: its copy on the way is made later. The device
    must not look at the cloud's list of open debits either: that alone mends it."""
    reverse = requests._reverse

    async def only_known(books: Any, *, asker: Any, txid: str) -> Any:
        known: SaleDebit | None = await books.accounts.debit(txid)
        if known is None:
            return Reversed(txid)
        return await reverse(books, asker=asker, txid=txid)

    stack = ExitStack()
    stack.enter_context(instead(requests, _reverse=only_known))
    stack.enter_context(instead(device, is_forgotten=lambda books, txid: False))
    return stack


def effects_twice() -> AbstractContextManager[Any]:
    """Where the effects of a journal stand is not kept with them."""
    apply_some = effects.apply_some
    seen: set[tuple[str, int]] = set()

    async def again(books: Any, *, device: str, epoch: int, now_ms: int) -> int:
        done = await apply_some(books, device=device, epoch=epoch, now_ms=now_ms)
        if done and (device, epoch) not in seen:
            seen.add((device, epoch))
            await books._statements.run(
                "UPDATE journal_effect SET dseq = 0 WHERE device = ? AND epoch = ?", device, epoch
            )
        return done

    return instead(effects, apply_some=again)


def lost_writes() -> AbstractContextManager[Any]:
    """A disk that says "written" before it is: a crash undoes the last minutes, and the daemon
    says that it is the one that ran before."""
    crash, boot = SimDevice.crash, SimDevice.boot
    kept: dict[str, Copy] = {}
    boots: dict[str, str] = {}

    async def forget(self: SimDevice) -> None:
        was_up = self.up
        await crash(self)
        if was_up and self.name in kept:
            kept.pop(self.name)()

    async def remember(self: SimDevice) -> None:
        await boot(self)
        boots.setdefault(self.name, self.link._boot)
        self.link._boot = boots[self.name]
        self.start(self_image(self))

    async def self_image(self: SimDevice) -> None:
        while True:
            await asyncio.sleep(120)
            kept[self.name] = self.ledger.copy()

    return instead(SimDevice, crash=forget, boot=remember)


MUTANTS: dict[str, Mutant] = {
    "grants as deltas": delta_grants,
    "silent reclaim": silent_reclaim,
    "epoch kept after a restore": epoch_kept,
    "cursor that skips": cursor_skips,
    "REVERSE without a tombstone or a second look": no_tombstone,
    "effects applied twice": effects_twice,
    "a disk that forgets": lost_writes,
}
