"""The one thread that writes. It owns the write connection, and several operations share a commit.

It takes what waits in its queue, runs each operation in a savepoint, commits once, and only then
tells the callers: what was said to be done is on the disk. A caller alone is not kept waiting; only
after a commit that was shared does the thread wait a moment for the companions to come back.

This is a supervising task: whatever an operation raises undoes that operation alone and goes to
its caller, and an error of the database undoes the whole commit and stops the ledger for good.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from daemon.core.errors import CounterError, LedgerError
from daemon.ledger.books import SqlBooks
from daemon.ledger.desk import Connection
from daemon.ledger.door import DriverError, translate

T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_TOGETHER: Final = 16
"""Operations in one commit: beyond that the time of a commit grows as fast as what it saves."""
GATHER_S: Final = 0.001
"""How long a commit waits for the companions of the last one."""
TEND_EVERY: Final = 64
"""Commits between two looks at the WAL and the checkpoint: about 1,000 pages of WAL."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[SqlBooks], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Either `failure` or `value`."""

    value: Any = None
    failure: Exception | None = None


class Writer:
    """`open_books` opens the connection and its books on the thread and closes them there when the
    thread ends, for whatever reason; `tend` runs there now and then while nobody waits, and
    `finish` before the books are closed."""

    def __init__(
        self,
        open_books: Callable[[], AbstractContextManager[tuple[Connection, SqlBooks]]],
        tend: Callable[[SqlBooks], None],
        finish: Callable[[SqlBooks], None],
    ) -> None:
        self._open_books = open_books
        self._tend = tend
        self._finish = finish
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        # Who stops the ledger ends this thread by `close`. A daemon that crashed without it must
        # still be able to exit, or nothing would start it again: so the interpreter does not wait
        # for the thread. A commit that this cuts is not answered yet, and a power cut to SQLite.
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._stopped: str | None = None
        self._ended = False
        self._last_group = 1
        self._untended = 0

    @property
    def stopped(self) -> str | None:
        """The key of the error after which nothing is written any more."""
        return self._stopped

    async def start(self) -> None:
        """Raises what `open_books` raises. `close` also where this failed or was cancelled."""
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        await self._opened

    def submit(self, work: Callable[[SqlBooks], T]) -> asyncio.Future[T]:
        """Cancelling the future does not stop the write. Raises LedgerError("ledger_stopped")."""
        if self._stopped is not None:
            raise LedgerError("ledger_stopped", because=self._stopped)
        if self._ended:
            raise LedgerError("ledger_stopped", because="closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(work, future))
        return future

    async def close(self) -> None:
        """Finishes what waits, then ends the thread; it ends also where this wait is cancelled.
        Closing again does nothing."""
        if not self._ended:
            self._ended = True
            self._queue.put(None)
        await asyncio.shield(self._closed)
        self._thread.join()

    def halt(self, key: str) -> None:
        """Stops writing for good: what is on the disk cannot be trusted."""
        if self._stopped is None:
            log.critical("the ledger has stopped: %s", key)
            self._stopped = key

    def _run(self) -> None:
        try:
            with ExitStack() as opened:
                try:
                    self._connection, self._books = opened.enter_context(self._open_books())
                except Exception as error:  # noqa: BLE001 - goes to who awaits start()
                    self._tell([(self._opened, _Outcome(failure=_told(error)))])
                    return
                self._tell([(self._opened, _Outcome())])
                self._serve()
        finally:
            # Whatever ended it: nothing more is taken, and who closes does not wait for ever.
            self._ended = True
            self._tell([(self._closed, _Outcome())])

    def _serve(self) -> None:
        """Writes until the end is asked for."""
        ended = False
        while not ended:
            jobs, ended = self._gather()
            if jobs:
                self._settle(jobs)
            if self._queue.empty() and self._untended >= TEND_EVERY and not ended:
                self._guarded(self._tend)
        self._guarded(self._finish)

    def _gather(self) -> tuple[list[_Job], bool]:
        """The next operations to commit together, and whether the end was asked for."""
        jobs: list[_Job] = []
        wanted = MOST_TOGETHER
        deadline_s = 0.0
        while len(jobs) < wanted:
            try:
                if not jobs:
                    job = self._queue.get()
                    deadline_s = time.monotonic() + GATHER_S
                elif not self._queue.empty():
                    job = self._queue.get_nowait()
                elif len(jobs) < self._last_group:
                    job = self._queue.get(timeout=max(0.0, deadline_s - time.monotonic()))
                else:
                    break
            except Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        self._last_group = len(jobs)
        return jobs, False

    def _settle(self, jobs: list[_Job]) -> None:
        """Runs and commits `jobs`, then tells their callers."""
        futures = [job.future for job in jobs]
        if self._stopped is not None:
            late = LedgerError("ledger_stopped", because=self._stopped)
            self._tell([(future, _Outcome(failure=late)) for future in futures])
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:
                outcomes = [self._alone(jobs[0])]
            else:
                outcomes = [self._in_savepoint(job) for job in jobs]
                self._connection.execute("COMMIT")
        except (DriverError, LedgerError) as error:
            failure = self._fail(error)
            outcomes = [_Outcome(failure=failure) for _ in jobs]
        self._untended += 1
        self._tell(list(zip(futures, outcomes, strict=True)))

    def _alone(self, job: _Job) -> _Outcome:
        """An operation without companions needs no savepoint, which would copy every page."""
        outcome = self._try(job)
        self._connection.execute("COMMIT" if outcome.failure is None else "ROLLBACK")
        return outcome

    def _in_savepoint(self, job: _Job) -> _Outcome:
        self._connection.execute("SAVEPOINT operation")
        outcome = self._try(job)
        if outcome.failure is not None:
            self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")
        return outcome

    def _try(self, job: _Job) -> _Outcome:
        """Runs one operation. Raises LedgerError and the driver's errors where the whole commit is
        lost; every other failure is its caller's."""
        try:
            return _Outcome(value=job.work(self._books))
        except LedgerError:
            raise
        except DriverError as error:
            failure: Exception = translate(error)
            if isinstance(failure, LedgerError):
                raise failure from error
            log.exception("a statement that the schema refuses")
        except Exception as error:
            # Undone, and raised where it was asked for.
            failure = error
            if not isinstance(error, CounterError):
                log.exception("an operation failed in the ledger")
        return _Outcome(failure=failure)

    def _guarded(self, chore: Callable[[SqlBooks], None]) -> None:
        if self._stopped is not None:
            return
        self._untended = 0
        try:
            chore(self._books)
        except (DriverError, LedgerError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> LedgerError:
        """Stops the ledger and undoes what is open. Whether a commit that failed is on the disk is
        known after the next start: look it up by its id."""
        failure = _told(error)
        if not isinstance(failure, LedgerError):
            failure = LedgerError("ledger_failed")
        log.critical("the database refused a write: %s", failure)
        self.halt(failure.key)
        try:
            self._connection.execute("ROLLBACK")
        except DriverError as second:
            # SQLite has undone it by itself after some errors, and then says so.
            log.info("nothing left to undo: %s", translate(second))
        return failure

    def _tell(self, told: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, told)
        except RuntimeError:
            log.warning("the event loop has ended; %d answers are not told", len(told))


def _resolve(told: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for future, outcome in told:
        if future.done():
            continue
        if outcome.failure is None:
            future.set_result(outcome.value)
        else:
            future.set_exception(outcome.failure)


def _told(error: Exception) -> Exception:
    return translate(error) if isinstance(error, DriverError) else error
