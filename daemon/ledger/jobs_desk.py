"""Jobs and saved filters on the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from daemon.core.errors import Conflict
from daemon.ledger.desk import Desk, from_json, to_json
from daemon.ports.office_books import Job, JobRow, JobState, SavedFilter

_JOB = "job_id, kind, state, actor, created_ms, request, total, done, refused, answer"
_FILTER = "filter_id, name, content, actor, changed_ms"


class JobsDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def saved_filters(self) -> Sequence[SavedFilter]:
        return [_filter(row) for row in self._all(f"SELECT {_FILTER} FROM saved_filter")]

    def saved_filter(self, filter_id: str) -> SavedFilter | None:
        row = self._one(f"SELECT {_FILTER} FROM saved_filter WHERE filter_id = ?", filter_id)
        return None if row is None else _filter(row)

    def put_saved_filter(self, kept: SavedFilter) -> None:
        """Raises Conflict("filter_name_taken")."""
        taken = self._one("SELECT filter_id FROM saved_filter WHERE name = ?", kept.name)
        if taken is not None and taken[0] != kept.filter_id:
            raise Conflict("filter_name_taken")
        self._change(
            f"INSERT INTO saved_filter ({_FILTER}) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (filter_id) DO UPDATE SET name = excluded.name,"
            " content = excluded.content, actor = excluded.actor, changed_ms = excluded.changed_ms",
            kept.filter_id,
            kept.name,
            json.dumps(list(kept.content), ensure_ascii=False),
            kept.actor,
            kept.changed_ms,
        )

    def remove_saved_filter(self, filter_id: str) -> None:
        self._change("DELETE FROM saved_filter WHERE filter_id = ?", filter_id)

    def job(self, job_id: str) -> Job | None:
        row = self._one(f"SELECT {_JOB} FROM job WHERE job_id = ?", job_id)
        return None if row is None else _job(row)

    def jobs(self, limit: int) -> Sequence[Job]:
        rows = self._all(f"SELECT {_JOB} FROM job ORDER BY job_id DESC LIMIT ?", limit)
        return [_job(row) for row in rows]

    def moving_jobs(self) -> Sequence[Job]:
        rows = self._all(
            f"SELECT {_JOB} FROM job WHERE state IN ('running', 'stopping', 'undoing')"
            " ORDER BY job_id"
        )
        return [_job(row) for row in rows]

    def put_job(self, job: Job) -> None:
        self._change(
            f"INSERT INTO job ({_JOB}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (job_id) DO UPDATE SET state = excluded.state,"
            " request = excluded.request, total = excluded.total, done = excluded.done,"
            " refused = excluded.refused, answer = excluded.answer",
            job.job_id,
            job.kind,
            job.state.value,
            job.actor,
            job.created_ms,
            to_json(job.request),
            job.total,
            job.done,
            job.refused,
            to_json(job.answer),
        )

    def remove_job(self, job_id: str) -> None:
        self._change("DELETE FROM job_row WHERE job_id = ?", job_id)
        self._change("DELETE FROM job WHERE job_id = ?", job_id)

    def put_job_rows(self, job_id: str, rows: Sequence[JobRow]) -> None:
        assert self._writable, "writing in read()"
        self._connection.executemany(
            "INSERT OR REPLACE INTO job_row (job_id, row, subject, content, before, problem)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    job_id,
                    each.row,
                    each.subject,
                    _text(each.content),
                    _text(each.before),
                    _text(each.problem),
                )
                for each in rows
            ],
        )

    def job_rows(
        self, job_id: str, first: int, most: int, *, problems: bool = False
    ) -> Sequence[JobRow]:
        wanted = "AND problem IS NOT NULL " if problems else ""
        rows = self._all(
            "SELECT row, subject, content, before, problem FROM job_row"
            f" WHERE job_id = ? AND row >= ? {wanted}ORDER BY row LIMIT ?",
            job_id,
            first,
            most,
        )
        return [
            JobRow(row, subject, *(None if each is None else _read(each) for each in rest))
            for row, subject, *rest in rows
        ]

    def forget_contents(self, job_id: str, *, problems: bool) -> None:
        wanted = "" if problems else " AND problem IS NULL"
        self._change(
            "UPDATE job_row SET content = NULL, before = NULL"
            f" WHERE job_id = ? AND content IS NOT NULL{wanted}",
            job_id,
        )

    def forget_rows_of(self, member_id: str) -> None:
        self._change(
            "UPDATE job_row SET content = NULL, before = NULL WHERE subject = ?", member_id
        )

    def jobs_of(self, member_id: str, limit: int) -> Sequence[Job]:
        rows = self._all(
            f"SELECT {_JOB} FROM job WHERE job_id IN"
            " (SELECT job_id FROM job_row WHERE subject = ?) ORDER BY job_id DESC LIMIT ?",
            member_id,
            limit,
        )
        return [_job(row) for row in rows]


def _text(content: Any) -> str | None:
    if content is None:
        return None
    return _written(content)


_read = json.JSONDecoder().decode
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _filter(row: Sequence[Any]) -> SavedFilter:
    filter_id, name, content, actor, changed_ms = row
    return SavedFilter(filter_id, name, json.loads(content), actor, changed_ms)


def _job(row: Sequence[Any]) -> Job:
    job_id, kind, state, actor, created_ms, request, total, done, refused, answer = row
    return Job(
        job_id,
        kind,
        JobState(state),
        actor,
        created_ms,
        from_json(request),
        total,
        done,
        refused,
        from_json(answer),
    )
