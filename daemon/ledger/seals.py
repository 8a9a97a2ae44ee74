"""Settings, epochs, sealed batches and signed checkpoints: what the books say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.records import StoredBatch
from daemon.ledger.chain_desk import ChainDesk
from daemon.ledger.checkpoint import Checkpoint

_BATCH = "bseq, first_dseq, last_dseq, head, manifest, sealed_ms, receipted_ms"
_CHECKPOINT = "dseq, epoch, chain, at_ms, device, key_id, signature"


class SealDesk(ChainDesk):
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

    def last_batch(self) -> StoredBatch | None:
        row = self._one(
            f"SELECT {_BATCH} FROM batch WHERE epoch = ? ORDER BY bseq DESC LIMIT 1", self.epoch()
        )
        return None if row is None else StoredBatch(*row)

    def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]:
        rows = self._all(
            f"SELECT {_BATCH} FROM batch WHERE epoch = ? AND bseq > ? ORDER BY bseq LIMIT ?",
            self.epoch(),
            bseq,
            limit,
        )
        return [StoredBatch(*row) for row in rows]

    def add_batch(self, batch: StoredBatch) -> None:
        """Asserts that it follows the last one without a gap and ends in the journal."""
        last = self.last_batch()
        dseq = self.first_dseq() - 1 if last is None else last.last_dseq
        bseq = 0 if last is None else last.bseq
        assert batch.bseq == bseq + 1 and batch.first_dseq == dseq + 1, "a gap between batches"
        tip = self._one("SELECT coalesce(max(dseq), 0) FROM journal")
        assert batch.first_dseq <= batch.last_dseq <= tip[0], "a batch beyond the journal"
        self._change(
            f"INSERT INTO batch (epoch, {_BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self.epoch(),
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
            "UPDATE batch SET receipted_ms = ?"
            " WHERE epoch = ? AND bseq <= ? AND receipted_ms IS NULL",
            now_ms,
            self.epoch(),
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
