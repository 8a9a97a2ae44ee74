"""The ledger on the disk: one writer, one reader, a lock, and a head that cannot be cut off.

`SqlLedger` is `daemon.ports.ledger.Ledger`. Opening it recovers what a power cut left, compares the
end of the journal with the signed checkpoints, and checks the chain from the last of them on; the
chain before it can be verified in the background (`daemon.ledger.verify`).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from daemon.core.entry import GENESIS, Draft, Kind, chain_hash
from daemon.core.errors import LedgerCorrupt
from daemon.core.records import Card, Member, Operation, OpState, StoredBatch, StoredReceipt
from daemon.ledger.books import SqlBooks
from daemon.ledger.checkpoint import Checkpoint, keep_head, kept_head, sign_checkpoint
from daemon.ledger.desk import Connection
from daemon.ledger.door import PAGE_BYTES, Reader, open_writer
from daemon.ledger.lock import disk_error, lock
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from daemon.ledger.verify import UTC_OFFSET_MIN, Rebuilt, rebuild_projections
from daemon.ledger.wal import require_undamaged, wal_shape
from daemon.ledger.writer import Writer
from daemon.ports.clock import Clock
from daemon.ports.keys import Signer
from daemon.ports.ledger import Books

T = TypeVar("T")
log = logging.getLogger(__name__)

CHECKPOINT_EVERY: Final = 256
"""Entries between two signed checkpoints: a start then verifies a few hundred links at most."""
VERIFY_ROWS: Final = 500
VERIFY_PAUSE_S: Final = 0.02
"""Steps of some milliseconds: a search of the cashier's never waits longer for the reader."""
MOST_WAITING: Final = 512
"""Writes that may wait for the writer: far more than a counter has; a bound all the same."""


class SqlLedger:
    """Made by `open`. `device` is named in every checkpoint."""

    def __init__(self, path: Path, key: bytes, signer: Signer, clock: Clock, device: str) -> None:
        self._path = path
        self._key = key
        self._signer = signer
        self._clock = clock
        self._device = device
        self._vault = Vault(key)
        self._writer = Writer(self._open_books, self._tend, self._finish)
        self._room = asyncio.Semaphore(MOST_WAITING)
        self._checkpointed = 0
        self._reader = Reader(path, key)
        self.latest_ms = 0
        """The newest time in the books when they were opened: the clock starts after it."""

    @classmethod
    async def open(
        cls, path: Path, key: bytes, signer: Signer, clock: Clock, *, device: str = ""
    ) -> SqlLedger:
        """Opens the ledger, or makes it where there is none.

        `key` is 32 bytes. Raises LedgerBusy("ledger_in_use"), LedgerWrongKey("ledger_wrong_key"),
        LedgerFull, LedgerCorrupt("ledger_corrupt" | "ledger_missing" | "ledger_tail_cut" |
        "ledger_rewritten" | "ledger_head_missing" | "ledger_head_malformed" |
        "ledger_checkpoint_forged" | "ledger_wal_damaged" | "ledger_too_new") and LedgerError."""
        ledger = cls(path, key, signer, clock, device)
        try:
            await ledger._writer.start()
            await ledger._reader
        except BaseException:
            # Failed or cancelled half way: neither a thread nor the lock stays behind.
            await ledger.close()
            raise
        return ledger

    @property
    def stopped(self) -> str | None:
        """The screen key of the error that stopped it, or None."""
        return self._writer.stopped

    async def write(self, work: Callable[[Books], T]) -> T:
        """As `daemon.ports.ledger.Ledger.write`."""
        async with self._room:
            return await self._writer.submit(work)

    async def read(self, look: Callable[[Books], T]) -> T:
        """As `daemon.ports.ledger.Ledger.read`. A file that cannot be trusted stops the ledger."""
        return await self._look(look)

    async def _look(self, look: Callable[[SqlBooks], T]) -> T:
        def question(connection: Connection) -> T:
            return look(SqlBooks(connection, self._vault, writable=False))

        try:
            return await self._reader.look(question)
        except LedgerCorrupt as error:
            self._writer.halt(error.key)
            raise

    async def search_members(self, query: str, limit: int) -> Sequence[Member]:
        return await self._look(lambda books: books.search_members(query, limit))

    async def operations(
        self, *, kinds: Sequence[str], states: Sequence[OpState], limit: int
    ) -> Sequence[Operation]:
        return await self._look(
            lambda books: books.operations(kinds=kinds, states=states, limit=limit)
        )

    async def cards_of(self, member_id: str) -> Sequence[Card]:
        return await self._look(lambda books: books.cards_of(member_id))

    async def receipt(self, receipt_id: str) -> StoredReceipt | None:
        return await self._look(lambda books: books.receipt(receipt_id))

    async def receipts(self, *, limit: int, op_id: str | None = None) -> Sequence[StoredReceipt]:
        return await self._look(lambda books: books.receipts(limit=limit, op_id=op_id))

    async def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]:
        return await self._look(lambda books: books.batches_after(bseq, limit))

    async def verify_chain(
        self, pause_s: float = VERIFY_PAUSE_S, told: Callable[[int], None] | None = None
    ) -> int:
        """Verifies every link from the first entry on, in steps that leave the reader free between
        them, and returns how many there are. Meant for a task beside the sales.

        Raises LedgerCorrupt("ledger_rewritten") and stops the ledger at a link that does not
        hold."""
        chain, verified = GENESIS, 0

        def step(books: Books) -> tuple[bytes, int]:
            rows = books.leaves(verified + 1, VERIFY_ROWS)
            return _follow(chain, verified + 1, rows), len(rows)

        while True:
            try:
                chain, count = await self.read(step)
            except LedgerCorrupt as error:
                self._writer.halt(error.key)
                raise
            if not count:
                return verified
            verified += count
            if told is not None:
                told(verified)
            await asyncio.sleep(pause_s)

    async def rebuild_projections(self, utc_offset_min: int = UTC_OFFSET_MIN) -> Rebuilt:
        """Makes the projections what follows from the journal, in one transaction, and writes into
        the journal that it did. For a ledger on which nobody sells: it takes the writer for as long
        as `counterd verify` takes.

        Raises Conflict("ledger_not_whole") where more is wrong than projections; nothing is changed
        then."""

        def work(books: Books) -> Rebuilt:
            rebuilt = rebuild_projections(
                self._connection,
                self._signer.public_key,
                kept_head(self._path),
                utc_offset_min=utc_offset_min,
            )
            if rebuilt.changed:
                now_ms = self._clock.now_ms()
                detail: dict[str, int | str] = {"event": "rebuild_projections"}
                detail.update(rebuilt.changed)
                draft = Draft(self._clock.new_id(), Kind.MENDED, now_ms, "device", detail=detail)
                books.append(draft)
            return rebuilt

        return await self.write(work)

    async def close(self) -> None:
        """Finishes what was asked, signs where the chain ends, lets go of the files, and ends both
        threads. Closing again does nothing."""
        try:
            await self._reader.close()
        finally:
            await self._writer.close()

    # What follows runs on the writer's thread.

    @contextmanager
    def _open_books(self) -> Iterator[tuple[Connection, SqlBooks]]:
        """The lock is the thread's own: it is held as long as anything could still be written, also
        where nobody waits for the thread's end any more."""
        held = lock(self._path)
        try:
            kept = kept_head(self._path)
            if kept is not None and not self._path.exists():
                raise LedgerCorrupt("ledger_missing", dseq=kept.dseq)
            shape = wal_shape(self._path, PAGE_BYTES)
            connection = open_writer(self._path, self._key)
            try:
                require_undamaged(shape, connection)
                migrate(connection)
                books = SqlBooks(connection, self._vault, writable=True)
                self._checkpointed = _require_whole(books, kept, self._signer)
                self.latest_ms = books.latest_ms()
                if books.epoch() == 0:
                    books.begin_epoch(1, self._clock.now_ms(), "created")
                self._connection = connection
                yield connection, books
            finally:
                connection.close()
        finally:
            os.close(held)

    def _tend(self, books: SqlBooks) -> None:
        """Moves the WAL into the database, and signs a checkpoint when one is due."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if books.head().dseq >= self._checkpointed + CHECKPOINT_EVERY:
            self._sign(books)

    def _finish(self, books: SqlBooks) -> None:
        if books.head().dseq > self._checkpointed:
            self._sign(books)

    def _sign(self, books: SqlBooks) -> None:
        """Signs the end of the chain. The file beside the database comes first: a cut between the
        two then shows a checkpoint of entries that are durable already."""
        head = books.head()
        checkpoint = sign_checkpoint(
            self._signer,
            dseq=head.dseq,
            epoch=books.epoch(),
            chain=head.chain,
            at_ms=self._clock.now_ms(),
            device=self._device,
        )
        try:
            keep_head(self._path, checkpoint)
        except OSError as error:
            raise disk_error(error) from error
        books.add_checkpoint(checkpoint)
        self._checkpointed = head.dseq


def _require_whole(books: SqlBooks, kept: Checkpoint | None, signer: Signer) -> int:
    """Compares the journal with the last signed words on it, and the chain after them. Returns the
    dseq of the newest checkpoint. Raises LedgerCorrupt."""
    noted = books.last_checkpoint()
    if kept is None and noted is not None:
        raise LedgerCorrupt("ledger_head_missing", dseq=noted.dseq)
    head = books.head()
    newest = 0
    for checkpoint in (noted, kept):
        if checkpoint is None:
            continue
        if not checkpoint.is_signed_by(signer.public_key):
            raise LedgerCorrupt("ledger_checkpoint_forged", dseq=checkpoint.dseq)
        if checkpoint.dseq > head.dseq:
            raise LedgerCorrupt("ledger_tail_cut", dseq=checkpoint.dseq, last=head.dseq)
        found = books.leaves(checkpoint.dseq, 1)
        if checkpoint.dseq and (
            not found or found[0][0] != checkpoint.dseq or found[0][2] != checkpoint.chain
        ):
            raise LedgerCorrupt("ledger_rewritten", dseq=checkpoint.dseq)
        newest = max(newest, checkpoint.dseq)
    chain = books.leaves(newest, 1)[0][2] if newest else GENESIS
    expected = newest + 1
    while rows := books.leaves(expected, VERIFY_ROWS):
        chain = _follow(chain, expected, rows)
        expected += len(rows)
    return newest


def _follow(chain: bytes, expected: int, rows: Sequence[tuple[int, bytes, bytes]]) -> bytes:
    """The link at the end of `rows`, which begin with entry `expected` behind the link `chain`."""
    for dseq, leaf, link in rows:
        chain = chain_hash(chain, leaf)
        if dseq != expected or link != chain:
            raise LedgerCorrupt("ledger_rewritten", dseq=expected)
        expected += 1
    return chain
