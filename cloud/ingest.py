"""Stage 1: batches are verified against the pinned key and the cursor, and committed to the journal
and the outbox in one transaction. The receipt is for what is committed, and only for that.

A batch that was there before changes nothing. One that does not verify is kept apart with its
reason; the batches before it count, and the cursor stays in front of it. Verifying is done outside
the transaction, against a position that is looked at again inside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cloud import bell, read_leaves
from cloud.books import CloudBooks, CloudStore
from cloud.discrepancies import found
from cloud.records import Device, Journal, JournalState
from daemon.core.entry import GENESIS, chain_hash
from daemon.core.errors import SyncError
from daemon.sync.envelope import (
    Identity,
    Manifest,
    Position,
    RawBatch,
    SigningKey,
    SyncReceipt,
    Verified,
    decode_batch,
    head_of,
    open_leaves,
    open_manifest,
    open_message,
)

BOOKED: Final = {
    "batch_fork": "FORK",
    "batch_gap": "GAP",
    "batch_signature": "FORGED",
    "batch_key_unknown": "FORGED",
    "batch_device": "FORGED",
    "batch_chain": "CHAIN",
    "batch_merkle": "CHAIN",
    "batch_leaf": "CHAIN",
    "batch_totals": "TOTALS",
    "batch_malformed": "CHAIN",
    "batch_epoch_dead": "EPOCH_DEAD",
}
"""What a refused batch is booked as: each may stand for money that is not in the books."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """`journal` as it is after; `new` batches were added; `refusal` is why the next was not."""

    journal: Journal
    new: int
    refusal: SyncError | None = None


async def ingest(
    store: CloudStore, device: Device, epoch: int, batches: Sequence[bytes], now_ms: int
) -> Ingested:
    """Keeps what follows the cursor of that journal, which is there. Raises SyncError only where
    the store cannot be used."""
    while True:
        async with store.look() as books:
            journal = await _require_journal(books, device, epoch)
            position = await position_of(books, device, journal)
        verifying = _Verifying(store, device, position)
        try:
            good = await verifying.run(batches)
            refusal: _Refusal | None = None
        except _Stopped as stopped:
            good, refusal = stopped.good, stopped.refusal
        kept = await store.run(
            partial(_keep, device=device, before=journal, good=good, refusal=refusal, now_ms=now_ms)
        )
        if kept is not None:
            if kept.new:
                read_leaves.keep(good)
            return kept


def receipt_of(journal: Journal, key: SigningKey) -> bytes | None:
    """For everything of this journal that is committed; None before its first batch."""
    if not journal.bseq:
        return None
    return SyncReceipt(journal.device, journal.epoch, journal.bseq, journal.head).sealed_by(key)


async def position_of(books: CloudBooks, device: Device, journal: Journal) -> Position:
    """Where the journal stands, with the balances that its last batch closed with, read back and
    checked against the pinned key. Raises SyncError("store_damaged")."""
    who = Identity(device.merchant, journal.store, journal.device, journal.epoch)
    if not journal.bseq:
        return Position(who)
    kept = await books.journals.batch(journal.device, journal.epoch, journal.bseq)
    if kept is None or head_of(kept[0]) != kept[1] or kept[1] != journal.head:
        raise SyncError("store_damaged", device=journal.device, bseq=journal.bseq)
    try:
        manifest, _ = open_manifest(kept[0], device.trusted())
    except SyncError as error:
        raise SyncError("store_damaged", device=journal.device, bseq=journal.bseq) from error
    return replace(manifest.after(kept[1]), identity=who)


class _Stopped(Exception):
    """Verifying came to a batch that is refused."""

    def __init__(self, good: list[Verified], refusal: _Refusal) -> None:
        super().__init__()
        self.good = good
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _Refusal:
    error: SyncError
    content: bytes


class _Verifying:
    def __init__(self, store: CloudStore, device: Device, position: Position) -> None:
        self._store = store
        self._device = device
        self._cursor = position
        self._position = position

    async def run(self, batches: Sequence[bytes]) -> list[Verified]:
        """Those that follow the cursor, verified."""
        good: list[Verified] = []
        for content in batches:
            try:
                verified = await self._open(content)
            except SyncError as error:
                told = SyncError(error.key, **{"bseq": self._position.bseq + 1, **error.facts})
                raise _Stopped(good, _Refusal(told, content)) from error
            if verified is not None:
                good.append(verified)
                self._position = verified.position
            # A long backlog leaves other devices their turn.
            await asyncio.sleep(0)
        return good

    async def _open(self, content: bytes) -> Verified | None:
        raw = decode_batch(content)
        opened = open_message(raw.message, self._device.trusted())
        manifest = opened.manifest
        who, ours = manifest.identity, self._position.identity
        if (who.merchant, who.device, who.epoch) != (ours.merchant, ours.device, ours.epoch):
            raise SyncError("batch_device", device=who.device, epoch=who.epoch)
        if manifest.bseq <= self._cursor.bseq:
            await self._require_same(manifest.bseq, raw)
            return None
        if manifest.bseq == 1 and self._position.bseq == 0 and manifest.first_dseq > 1:
            self._position = await self._base(manifest.first_dseq - 1, manifest.chain_before)
        return open_leaves(opened, raw.leaves, self._position)

    async def _require_same(self, bseq: int, raw: RawBatch) -> None:
        """What came before comes again. Another batch under its number is a fork."""
        who = self._cursor.identity
        async with self._store.look() as books:
            kept = await books.journals.batch(who.device, who.epoch, bseq)
        if kept is None or kept[1] != head_of(raw.message):
            raise SyncError("batch_fork", bseq=bseq)

    async def _base(self, dseq: int, chain: bytes) -> Position:
        """A new epoch goes on behind what its disk had when it was restored; its running rows begin
        at zero. The first epoch of all begins at its first entry."""
        who = self._cursor.identity
        async with self._store.look() as books:
            first = (await books.journals.journals(who.device))[0]
        if first.epoch == who.epoch:
            raise SyncError("batch_gap", want_dseq=1, got_dseq=dseq + 1)
        return Position(who, 0, GENESIS, dseq, chain)


async def _require_journal(books: CloudBooks, device: Device, epoch: int) -> Journal:
    journal = await books.journals.journal(device.device, epoch)
    assert journal is not None, "the journal was opened when the device said hello"
    return journal


async def _keep(
    books: CloudBooks,
    device: Device,
    before: Journal,
    good: list[Verified],
    refusal: _Refusal | None,
    now_ms: int,
) -> Ingested | None:
    """None if somebody else moved the cursor meanwhile."""
    journal = await books.journals.journal(device.device, before.epoch, hold=True)
    assert journal is not None
    if (journal.bseq, journal.head) != (before.bseq, before.head):
        return None
    if good and journal.state is JournalState.DEAD and not await _may_come_late(books, journal):
        refusal = _Refusal(SyncError("batch_epoch_dead", epoch=journal.epoch), good[0].message)
        good = []
    if good:
        first = good[0].manifest
        if first.bseq == 1 and first.first_dseq > 1:
            await _begin_behind(books, device, journal, first, now_ms)
        await books.journals.add_batches(journal, good, now_ms)
        for batch in good:
            await _book_own_findings(books, batch, now_ms)
        await books.tell(bell.OUTBOX)
        await books.tell(bell.of_device(journal.device))
    if refusal is not None:
        await _refuse(books, journal, refusal, now_ms)
    after = await books.journals.journal(journal.device, journal.epoch)
    assert after is not None
    return Ingested(after, len(good), None if refusal is None else refusal.error)


async def _begin_behind(
    books: CloudBooks, device: Device, journal: Journal, first: Manifest, now_ms: int
) -> None:
    """What the disk had before is known here entry by entry, or a record says that it is not."""
    base = first.first_dseq - 1
    await books.journals.put_base(journal.device, journal.epoch, base, first.chain_before)
    kept = await books.journals.batch_around(journal.device, journal.epoch, base)
    for epoch, message in kept:
        manifest, _ = open_manifest(message, device.trusted())
        chain, before = manifest.chain_before, manifest.first_dseq - 1
        for _, leaf in await books.journals.leaves(journal.device, epoch, before, base):
            chain = chain_hash(chain, leaf)
        if chain == first.chain_before:
            return
    await books.office.put_discrepancy(
        found("LOST_TAIL", now_ms, device=journal.device, epoch=journal.epoch, dseq=base)
    )


async def _may_come_late(books: CloudBooks, journal: Journal) -> bool:
    """What a forced epoch still sends counts, until the epoch after it has begun."""
    newest = await books.journals.newest(journal.device)
    return newest is not None and newest.bseq == 0


async def _refuse(books: CloudBooks, journal: Journal, refusal: _Refusal, now_ms: int) -> None:
    error = refusal.error
    await books.journals.quarantine(
        journal.device, journal.epoch, journal.bseq, error, refusal.content, now_ms
    )
    await books.office.put_discrepancy(
        found(
            BOOKED.get(error.key, "CHAIN"),
            now_ms,
            device=journal.device,
            reason=error.key,
            epoch=journal.epoch,
            bseq=journal.bseq + 1,
        )
    )


async def _book_own_findings(books: CloudBooks, batch: Verified, now_ms: int) -> None:
    """What the device itself found wrong when it sealed the batch."""
    who = batch.manifest.identity
    for each in batch.manifest.discrepancies:
        await books.office.put_discrepancy(
            found(
                each.type if each.type in ("TOTALS", "NEGATIVE", "CHAIN", "DUP_CTR") else "TOTALS",
                now_ms,
                device=who.device,
                amount=abs(each.found - each.expected),
                epoch=who.epoch,
                bseq=batch.manifest.bseq,
                reference=each.reference,
                expected=each.expected,
                found=each.found,
            )
        )
