"""What the cloud holds, in one SQLite file: the door to sqlite3.

A batch is in the file whole or not at all, and once: the primary keys are (device, epoch, bseq) and
(device, epoch, dseq). Every change is one `BEGIN IMMEDIATE` transaction that looks at the cursor
inside, so two pulls at once take turns and the second finds its batches there. `synchronous=EXTRA`
makes a commit survive a power cut, because the receipt that follows lets the device forget.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from daemon.core.entry import Account
from daemon.core.errors import SyncError
from daemon.sync.envelope import Identity, Manifest, Position, Verified, key_id_of, open_manifest
from daemon.sync.envelope.totals import Row, account_movements, row_of

BUSY_TIMEOUT_S: Final = 60.0
"""A pull commits at most a hundred batches at a time; another one waits that long for its turn."""
MOST_QUARANTINED_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Device:
    """`public_key` is pinned at the first pull and never changes by itself."""

    device: str
    merchant: str
    public_key: bytes

    def trusted(self) -> dict[bytes, bytes]:
        return {key_id_of(self.public_key): self.public_key}


class Store:
    """One SQLite file. Raises SyncError("store_unusable") where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Autocommit: every transaction is begun by name below.
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            with self._translated():
                self._db.execute("PRAGMA synchronous = EXTRA")
                self._db.execute("PRAGMA foreign_keys = ON")
                with self._transaction():
                    for statement in _schema():
                        self._db.execute(statement)
        except sqlite3.Error as error:
            raise SyncError("store_unusable", why=str(error)) from error

    def close(self) -> None:
        self._db.close()

    def device(self, device: str) -> Device | None:
        row = self._one("SELECT device, merchant, public_key FROM devices WHERE device = ?", device)
        return None if row is None else Device(*row)

    def pin(self, device: Device, now_ms: int) -> None:
        """Keeps the device's public key. A device that is there already is left as it is."""
        with self._translated(), self._transaction():
            self._db.execute(
                "INSERT INTO devices VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (device.device, device.merchant, device.public_key, now_ms),
            )

    def journals(self) -> list[Identity]:
        """Every journal that something was pulled of, oldest epoch first."""
        rows = self._all(
            "SELECT merchant, store, device, epoch FROM cursors JOIN devices USING (device)"
            " ORDER BY device, epoch"
        )
        return [Identity(*row) for row in rows]

    def newest_epoch(self, device: str) -> int | None:
        row = self._one("SELECT max(epoch) FROM cursors WHERE device = ?", device)
        return None if row is None else row[0]

    def position(self, identity: Identity, bseq: int | None = None) -> Position:
        """Where the cursor of that journal stands, or stood after batch `bseq`."""
        if bseq is None:
            cursor = self._cursor(identity)
            bseq = 0 if cursor is None else cursor[0]
        if bseq == 0:
            return Position(identity)
        manifest, head = self._manifest(identity, bseq)
        return manifest.after(head)

    def manifests(self, identity: Identity, after: int, upto: int) -> Iterator[Manifest]:
        for bseq in range(after + 1, upto + 1):
            yield self._manifest(identity, bseq)[0]

    def add(self, batches: Sequence[Verified], now_ms: int) -> int:
        """Keeps the batches that are not there yet and moves the cursor; all or nothing. Returns
        how many were new.

        Raises SyncError("batch_fork") if another batch is there under a number, or the first new
        one does not follow the cursor's, and SyncError("batch_gap") if one between is missing.
        """
        with self._translated(), self._transaction():
            return sum(self._add(batch, now_ms) for batch in batches)

    def quarantine(
        self, identity: Identity, after_bseq: int, error: SyncError, content: bytes, now_ms: int
    ) -> None:
        """Keeps what was refused, with the reason, once however often it comes."""
        digest = hashlib.sha256(content).digest()
        with self._translated(), self._transaction():
            self._db.execute(
                "INSERT INTO quarantine (device, epoch, after_bseq, reason, facts, content_hash,"
                " content, first_ms, last_ms, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET times = times + 1, last_ms = excluded.last_ms",
                (
                    identity.device,
                    identity.epoch,
                    after_bseq,
                    error.key,
                    json.dumps(error.facts),
                    digest,
                    content[:MOST_QUARANTINED_BYTES],
                    now_ms,
                    now_ms,
                ),
            )

    def quarantined(self, identity: Identity) -> list[tuple[int, str, int]]:
        """(batch it came behind, reason, how often), oldest first."""
        return self._all(
            "SELECT after_bseq, reason, times FROM quarantine WHERE device = ? AND epoch = ?"
            " ORDER BY id",
            identity.device,
            identity.epoch,
        )

    def account_rows(self, identity: Identity) -> dict[Row, int]:
        """The derived accounts, summed the way a manifest names them."""
        rows: dict[Row, int] = {}
        for owner, asset, balance in self._all(
            "SELECT owner, asset, sum(balance) FROM accounts WHERE device = ? AND epoch = ?"
            " GROUP BY owner, asset",
            identity.device,
            identity.epoch,
        ):
            row = row_of(Account(owner, asset))
            rows[row] = rows.get(row, 0) + balance
        return rows

    def overdrawn(self, identity: Identity) -> list[tuple[str, str, int, int]]:
        """Member accounts below zero: (owner, asset, lot, balance). There should be none."""
        return self._all(
            "SELECT owner, asset, lot, balance FROM accounts WHERE device = ? AND epoch = ?"
            " AND owner LIKE 'member:%' AND balance < 0 ORDER BY owner, asset, lot",
            identity.device,
            identity.epoch,
        )

    def _add(self, batch: Verified, now_ms: int) -> bool:
        manifest, who = batch.manifest, batch.manifest.identity
        cursor = self._cursor(who)
        bseq, head = cursor or (0, manifest.previous_head)
        if manifest.bseq <= bseq:
            if self._manifest(who, manifest.bseq)[1] != batch.head:
                raise SyncError("batch_fork", bseq=manifest.bseq)
            return False
        if manifest.bseq != bseq + 1:
            raise SyncError("batch_gap", want_bseq=bseq + 1, got_bseq=manifest.bseq)
        if manifest.previous_head != head:
            raise SyncError("batch_fork", bseq=manifest.bseq)
        self._insert(batch, now_ms)
        return True

    def _insert(self, batch: Verified, now_ms: int) -> None:
        manifest, after = batch.manifest, batch.position
        who = (manifest.identity.device, manifest.identity.epoch)
        self._db.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *who,
                manifest.bseq,
                manifest.first_dseq,
                manifest.last_dseq,
                batch.head,
                int(manifest.reconciled),
                now_ms,
                batch.message,
            ),
        )
        self._db.executemany(
            "INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *who,
                    entry.dseq,
                    manifest.bseq,
                    entry.draft.op_id,
                    int(entry.draft.kind),
                    entry.draft.at_ms,
                    entry.draft.member_id,
                    leaf,
                )
                for entry, leaf in zip(batch.entries, batch.leaves, strict=True)
            ],
        )
        self._move_accounts(who, account_movements(batch.entries))
        self._db.execute(
            "INSERT INTO cursors VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " store = excluded.store, bseq = excluded.bseq, head = excluded.head,"
            " dseq = excluded.dseq, chain = excluded.chain",
            (*who, manifest.identity.store, after.bseq, after.head, after.dseq, after.chain),
        )

    def _move_accounts(self, who: tuple[str, int], moved: Mapping[Account, int]) -> None:
        self._db.executemany(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " balance = balance + excluded.balance",
            [(*who, a.owner, a.asset, a.lot, amount) for a, amount in moved.items()],
        )

    def _cursor(self, identity: Identity) -> tuple[int, bytes] | None:
        row = self._one(
            "SELECT bseq, head FROM cursors WHERE device = ? AND epoch = ?",
            identity.device,
            identity.epoch,
        )
        return None if row is None else (row[0], row[1])

    def _manifest(self, identity: Identity, bseq: int) -> tuple[Manifest, bytes]:
        """Read back and checked once more against the pinned key: the file may have been changed.

        Raises SyncError("store_damaged")."""
        row = self._one(
            "SELECT message, head FROM batches WHERE device = ? AND epoch = ? AND bseq = ?",
            identity.device,
            identity.epoch,
            bseq,
        )
        device = self.device(identity.device)
        if row is None or device is None or hashlib.sha256(row[0]).digest() != row[1]:
            raise SyncError("store_damaged", bseq=bseq)
        try:
            return open_manifest(row[0], device.trusted())[0], row[1]
        except SyncError as error:
            raise SyncError("store_damaged", bseq=bseq) from error

    def _one(self, statement: str, *values: object) -> Any:
        found = self._all(statement, *values)
        return found[0] if found else None

    def _all(self, statement: str, *values: object) -> list[Any]:
        with self._translated(), closing(self._db.execute(statement, values)) as rows:
            return rows.fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself where the disk is full or gone.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SyncError("store_unusable", why=str(error)) from error


def _schema() -> list[str]:
    text = resources.files("cloud").joinpath("schema.sql").read_text("utf-8")
    return [statement for part in text.split(";") if (statement := part.strip())]
