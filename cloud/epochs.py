"""Which life of its journal a device is in: the first, the one that goes on, or one that is over.

A power cut keeps the epoch. A restored or copied disk shows in two ways: what the device signed is
not what it sent before (a fork), or it holds less than it was itself told to be committed here.
Either way the epoch is over: what it held is forced (X says what is at risk), and the device is
told to begin the next one. A report that is late was told less than it holds, also that of a run
that nobody had heard of.
"""

from __future__ import annotations

from typing import Final

from cloud import bell
from cloud.books import CloudBooks
from cloud.discrepancies import found
from cloud.force import force_leases
from cloud.records import DAY_MS, Device, Journal, JournalState
from daemon.core.errors import SyncError
from daemon.sync.link.messages import Hello

MOST_CLOCK_OFF_MS: Final = DAY_MS


async def stand(books: CloudBooks, device: Device, hello: Hello, now_ms: int) -> Journal:
    """The journal of the epoch that the device speaks of, which may be over. Opens the first one;
    ends one that was rolled back. Raises SyncError("epoch_unknown") for one that nobody gave it."""
    newest = await books.journals.newest(device.device, hold=True)
    epoch = hello.identity.epoch
    first_heard = await books.journals.first_heard(device.device, hello.boot, now_ms)
    if first_heard and hello.synced and abs(hello.now_ms - now_ms) > MOST_CLOCK_OFF_MS:
        # Its entries carry wrong days; what it may spend goes by the cloud's own time.
        await books.office.put_discrepancy(
            found("CLOCK", now_ms, device=device.device, boot=hello.boot, told_ms=hello.now_ms)
        )
    if newest is None:
        return await books.journals.open_journal(device.device, epoch, hello.identity.store, now_ms)
    journal = await books.journals.journal(device.device, epoch)
    if journal is None:
        raise SyncError("epoch_unknown", epoch=epoch, newest=newest.epoch)
    if journal.state is JournalState.DEAD:
        return journal
    why = await _rolled_back(books, journal, hello)
    if why is None:
        return journal
    return await end_epoch(books, device, journal, why, now_ms, bseq=hello.bseq)


async def end_epoch(
    books: CloudBooks, device: Device, journal: Journal, why: str, now_ms: int, bseq: int = 0
) -> Journal:
    """The epoch is over: its leases are forced, the next one is open. Returns the dead journal.
    `why`: FORK, ROLLBACK or what an operator says."""
    held = await books.journals.journal(device.device, journal.epoch, hold=True)
    assert held is not None
    if held.state is JournalState.DEAD:
        return held
    await books.journals.hold_effects(device.device, journal.epoch)
    await books.journals.hold_grants([(device.device, journal.epoch)])
    at_risk = await force_leases(books, device.device, journal.epoch, now_ms)
    await books.journals.kill(device.device, journal.epoch)
    await books.journals.open_journal(device.device, journal.epoch + 1, journal.store, now_ms)
    if why in ("FORK", "ROLLBACK"):
        await books.office.put_discrepancy(
            found(why, now_ms, device=device.device, amount=at_risk, epoch=journal.epoch, bseq=bseq)
        )
    await books.devices.log(
        now_ms, "cloud", "end_epoch", device.device, why, epoch=journal.epoch, at_risk=at_risk
    )
    await books.tell(bell.of_device(device.device))
    after = await books.journals.journal(device.device, journal.epoch)
    assert after is not None
    return after


async def _rolled_back(books: CloudBooks, journal: Journal, hello: Hello) -> str | None:
    """A report that is only late, or of a run that was never heard of, knows no more of the cloud
    than it holds itself. A disk that was put back does, once it has heard one answer."""
    if hello.bseq > journal.bseq:
        return None
    if hello.bseq:
        kept = await books.journals.batch(journal.device, journal.epoch, hello.bseq)
        if kept is None or kept[1] != hello.head:
            return "FORK"
    return "ROLLBACK" if hello.bseq < min(hello.cursor, journal.bseq) else None
