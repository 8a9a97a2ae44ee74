"""Receipts that were given, their running number, and the spool of what waits for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from daemon.core.receipt import Receipt, receipt_from_json, receipt_to_json
from daemon.core.records import StoredReceipt
from daemon.ledger.desk import Desk, from_json, to_json
from daemon.ports.printing import Printed, PrintJob

_RECEIPT = "receipt_id, number, op_id, created_ms, document, prints, state"


class PaperDesk(Desk):
    def next_receipt_number(self, day: str) -> int:
        row = self._one("SELECT last FROM receipt_day WHERE day = ?", day)
        number = 1 if row is None else int(row[0]) + 1
        self._change(
            "INSERT INTO receipt_day (day, last) VALUES (?, ?)"
            " ON CONFLICT (day) DO UPDATE SET last = excluded.last",
            day,
            number,
        )
        return number

    def spool_receipt(self, receipt: Receipt, op_id: str, now_ms: int) -> None:
        self._change(
            "INSERT INTO receipt (receipt_id, number, op_id, created_ms, document)"
            " VALUES (?, ?, ?, ?, ?)",
            receipt.receipt_id,
            receipt.number,
            op_id,
            now_ms,
            to_json(receipt_to_json(receipt)),
        )
        self._queue(receipt.receipt_id, None, now_ms)

    def count_copy(self, receipt_id: str) -> int:
        """Counts one more copy of a kept receipt and returns its number: 1, 2, ..."""
        assert self._writable, "writing in read()"
        row = self._one(
            "UPDATE receipt SET copies = copies + 1 WHERE receipt_id = ? RETURNING copies",
            receipt_id,
        )
        assert row is not None, "no such receipt"
        return int(row[0])

    def respool(self, receipt_id: str, receipt: Receipt, now_ms: int) -> None:
        changed = self._change(
            "UPDATE receipt SET state = 'waiting' WHERE receipt_id = ?", receipt_id
        )
        assert changed == 1, "no such receipt"
        self._queue(receipt_id, to_json(receipt_to_json(receipt)), now_ms)

    def _queue(self, receipt_id: str, document: str | None, now_ms: int) -> None:
        # Job ids follow the clock, so that one that was done is not given again.
        self._change(
            "INSERT INTO spool (job_id, receipt_id, document, queued_ms)"
            " SELECT max(?, coalesce(max(job_id), 0) + 1), ?, ?, ? FROM spool",
            now_ms,
            receipt_id,
            document,
            now_ms,
        )

    def receipt(self, receipt_id: str) -> StoredReceipt | None:
        row = self._one(f"SELECT {_RECEIPT} FROM receipt WHERE receipt_id = ?", receipt_id)
        return None if row is None else _receipt(row)

    def receipts(self, *, limit: int, op_id: str | None = None) -> Sequence[StoredReceipt]:
        """Newest first."""
        rows = (
            self._all(f"SELECT {_RECEIPT} FROM receipt ORDER BY receipt_id DESC LIMIT ?", limit)
            if op_id is None
            else self._all(
                f"SELECT {_RECEIPT} FROM receipt WHERE op_id = ? ORDER BY receipt_id DESC LIMIT ?",
                op_id,
                limit,
            )
        )
        return [_receipt(row) for row in rows]

    def next_job(self, late_before_ms: int = 0) -> PrintJob | None:
        """The oldest waiting job. A first print that was queued before `late_before_ms` (the start
        of this daemon) is marked late: the customer may be gone."""
        row = self._one(
            "SELECT s.job_id, coalesce(s.document, r.document), s.attempts, s.queued_ms"
            " FROM spool s JOIN receipt r USING (receipt_id) ORDER BY s.job_id LIMIT 1"
        )
        if row is None:
            return None
        job_id, document, attempts, queued_ms = row
        receipt = receipt_from_json(from_json(document))
        late = queued_ms < late_before_ms and not receipt.copy
        return PrintJob(job_id, replace(receipt, late=late), attempts)

    def begin_job(self, job_id: int) -> None:
        changed = self._change(
            "UPDATE spool SET attempts = attempts + 1, problem = NULL WHERE job_id = ?", job_id
        )
        assert changed == 1, "no such job"
        self._mark(job_id, "printing")

    def end_job(self, job_id: int, outcome: Printed) -> None:
        """Counts the paper and takes the job out of the spool."""
        state = "printed" if outcome is Printed.CONFIRMED else "unconfirmed"
        self._mark(job_id, state, papers=1)
        assert self._change("DELETE FROM spool WHERE job_id = ?", job_id) == 1, "no such job"

    def fail_job(self, job_id: int, problem: str) -> None:
        """Keeps the job: it is tried again."""
        changed = self._change("UPDATE spool SET problem = ? WHERE job_id = ?", problem, job_id)
        assert changed == 1, "no such job"
        self._mark(job_id, "failed")

    def jobs_waiting(self) -> int:
        return int(self._one("SELECT count(*) FROM spool")[0])

    def _mark(self, job_id: int, state: str, papers: int = 0) -> None:
        self._change(
            "UPDATE receipt SET state = ?, prints = prints + ?"
            " WHERE receipt_id = (SELECT receipt_id FROM spool WHERE job_id = ?)",
            state,
            papers,
            job_id,
        )


def _receipt(row: Any) -> StoredReceipt:
    receipt_id, number, op_id, created_ms, document, prints, state = row
    return StoredReceipt(receipt_id, number, op_id, created_ms, from_json(document), prints, state)
