"""Settings, epochs, sealed batches and signed checkpoints: what the books say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.records import StoredBatch
from daemon.ledger.checkpoint import Checkpoint
from daemon.ledger.desk import Desk

_BATCH = "bseq, first_dseq, last_dseq, head, manifest, sealed_ms, receipted_ms"
_CHECKPOINT = "dseq, epoch, chain, at_ms, device, key_id, signature"


class SealDesk(Desk):
    def setting(self, name: str) -> str | None:
        row = self._one("SELECT value FROM setting WHERE name = ?", name)
        return None if row is None else str(row[0])

    def put_setting(self, name: str, value: str) -> None:
        self._change(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    def epoch(self) -> int:
        """The epoch that is being written, 0 before the first."""
        return int(self._one("SELECT coalesce(max(epoch), 0) FROM epoch")[0])

    def begin_epoch(self, first_dseq: int, now_ms: int, reason: str) -> int:
        epoch = self.epoch() + 1
        self._change(
            "INSERT INTO epoch (epoch, first_dseq, started_ms, reason) VALUES (?, ?, ?, ?)",
            epoch,
            first_dseq,
            now_ms,
            reason,
        )
        return epoch

    def last_batch(self) -> StoredBatch | None:
        row = self._one(f"SELECT {_BATCH} FROM batch ORDER BY bseq DESC LIMIT 1")
        return None if row is None else StoredBatch(*row)

    def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]:
        rows = self._all(
            f"SELECT {_BATCH} FROM batch WHERE bseq > ? ORDER BY bseq LIMIT ?", bseq, limit
        )
        return [StoredBatch(*row) for row in rows]

    def add_batch(self, batch: StoredBatch) -> None:
        """Asserts that it follows the last one without a gap and ends in the journal."""
        last = self.last_batch()
        bseq, dseq = (0, 0) if last is None else (last.bseq, last.last_dseq)
        assert batch.bseq == bseq + 1 and batch.first_dseq == dseq + 1, "a gap between batches"
        tip = self._one("SELECT coalesce(max(dseq), 0) FROM journal")
        assert batch.first_dseq <= batch.last_dseq <= tip[0], "a batch beyond the journal"
        self._change(
            f"INSERT INTO batch ({_BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            batch.bseq,
            batch.first_dseq,
            batch.last_dseq,
            batch.head,
            batch.manifest,
            batch.sealed_ms,
            batch.receipted_ms,
        )

    def mark_receipted(self, upto_bseq: int, now_ms: int) -> None:
        """What was acknowledged before keeps its time."""
        self._change(
            "UPDATE batch SET receipted_ms = ? WHERE bseq <= ? AND receipted_ms IS NULL",
            now_ms,
            upto_bseq,
        )

    def last_checkpoint(self) -> Checkpoint | None:
        row = self._one(f"SELECT {_CHECKPOINT} FROM checkpoint ORDER BY dseq DESC LIMIT 1")
        return None if row is None else Checkpoint(*row)

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._change(
            f"INSERT INTO checkpoint ({_CHECKPOINT}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            checkpoint.dseq,
            checkpoint.epoch,
            checkpoint.chain,
            checkpoint.at_ms,
            checkpoint.device,
            checkpoint.key_id,
            checkpoint.signature,
        )
