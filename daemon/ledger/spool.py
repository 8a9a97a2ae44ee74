"""The queue to the printer (`daemon.ports.printing.PrintQueue`): every change is durable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from daemon.core.printer_model import Role
from daemon.core.receipt_roles import for_role
from daemon.ledger.books import SqlBooks
from daemon.ledger.places_desk import Following
from daemon.ports.ledger import Books, Ledger
from daemon.ports.printing import Printed, PrintJob, PrintQueue

T = TypeVar("T")
MOST_LOOKED_AT: Final = 100
"""Receipts in one look: what a printer has nothing to do with is passed over this many at once."""


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


async def keep_print_places(ledger: Ledger, roles: Collection[Role]) -> None:
    """Before the queues of `roles` are used."""
    names = {role.value for role in roles}
    if await ledger.read(_over(SqlBooks.print_places)) != names:
        await ledger.write(_over(lambda books: books.keep_print_places(names)))


class SqlFollowingQueue:
    """The queue of a printer beside the customer's: it follows the kept receipts from a place of
    its own and prints what `for_role` makes of each. Tries are counted as in `SqlPrintQueue`; what
    it prints is no part of the receipt's own state."""

    def __init__(
        self, ledger: Ledger, role: Role, late_before_ms: int = 0, look: int = MOST_LOOKED_AT
    ) -> None:
        assert role is not Role.CUSTOMER, "the customer's printer has the spool"
        self._ledger, self._role, self._late_before_ms = ledger, role, late_before_ms
        self._look = look
        self._passed = 0
        """Nothing up to this row is for this printer; looked at again after a restart."""

    async def next_job(self) -> PrintJob | None:
        while True:
            following = await self._ledger.read(_over(self._following))
            for each in following:
                receipt = for_role(each.receipt, each.kind, self._role)
                if receipt is not None:
                    late = each.created_ms < self._late_before_ms
                    return PrintJob(each.row, replace(receipt, late=late), each.attempts)
                self._passed = each.row
            if len(following) < self._look:
                return None
            await self._pass_over(following[-1].row)

    def _following(self, books: SqlBooks) -> Sequence[Following]:
        return books.receipts_following(self._role.value, self._passed, self._look)

    async def _pass_over(self, row: int) -> None:
        name = self._role.value
        await self._ledger.write(_over(lambda books: books.end_print(name, row)))

    async def begin(self, job_id: int) -> None:
        name = self._role.value
        await self._ledger.write(_over(lambda books: books.begin_print(name)))

    async def done(self, job_id: int, outcome: Printed) -> None:
        await self._pass_over(job_id)

    async def failed(self, job_id: int, problem: str) -> None:
        name = self._role.value
        await self._ledger.write(_over(lambda books: books.fail_print(name, problem)))

    async def waiting(self) -> int:
        """Receipts that it has not looked at yet, of whatever kind."""
        name, passed = self._role.value, self._passed
        return await self._ledger.read(_over(lambda books: books.count_following(name, passed)))


def print_queue(ledger: Ledger, role: Role, late_before_ms: int = 0) -> PrintQueue:
    """The queue of the printer of `role`."""
    if role is Role.CUSTOMER:
        return SqlPrintQueue(ledger, late_before_ms)
    return SqlFollowingQueue(ledger, role, late_before_ms)


def _over(work: Callable[[SqlBooks], T]) -> Callable[[Books], T]:
    """The spool is no part of the `Books` that operations see, but of the same transaction."""

    def on(books: Books) -> T:
        assert isinstance(books, SqlBooks)
        return work(books)

    return on
