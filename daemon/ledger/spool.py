"""The queue to the printer (`daemon.ports.printing.PrintQueue`): every change is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from daemon.ledger.books import SqlBooks
from daemon.ports.ledger import Books, Ledger
from daemon.ports.printing import Printed, PrintJob

T = TypeVar("T")


class SqlPrintQueue:
    """At least once: a job leaves the queue when paper was cut, and an attempt is counted before
    its first byte, so a job that a power cut interrupted is known to be perhaps on paper. Jobs
    queued before `late_before_ms` are marked late."""

    def __init__(self, ledger: Ledger, late_before_ms: int = 0) -> None:
        self._ledger = ledger
        self._late_before_ms = late_before_ms

    async def next_job(self) -> PrintJob | None:
        late_before_ms = self._late_before_ms
        return await self._ledger.read(_over(lambda books: books.next_job(late_before_ms)))

    async def begin(self, job_id: int) -> None:
        await self._ledger.write(_over(lambda books: books.begin_job(job_id)))

    async def done(self, job_id: int, outcome: Printed) -> None:
        await self._ledger.write(_over(lambda books: books.end_job(job_id, outcome)))

    async def failed(self, job_id: int, problem: str) -> None:
        await self._ledger.write(_over(lambda books: books.fail_job(job_id, problem)))

    async def waiting(self) -> int:
        return await self._ledger.read(_over(SqlBooks.jobs_waiting))


def _over(work: Callable[[SqlBooks], T]) -> Callable[[Books], T]:
    """The spool is no part of the `Books` that operations see, but of the same transaction."""

    def on(books: Books) -> T:
        assert isinstance(books, SqlBooks)
        return work(books)

    return on
