"""Long work in small steps, between the sales: imports and batch changes.

    ready --start--> running --> done --undo--> undoing --> undone
                       |  ^                        ^
                     stop | start                  |
                       v  |                        |
                     stopping --> stopped --undo---+

A job and its rows are in the books. Each step is one transaction of a few milliseconds that does
some rows and notes how far it is, so a start of the daemon goes on where the last one was cut. The
runner is the supervising task of all jobs: what a step raises stops that job and says why.

Words of members who were added in great numbers wait for their place in the index. The job that
added them puts them there before it ends; where it was stopped, the runner does before it rests.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from daemon.core.entry import Kind
from daemon.core.errors import Conflict, CounterError, LedgerError, NotFound
from daemon.core.permissions import Permission
from daemon.operations.members import append_event
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.ports.office_books import Job, JobState

log = logging.getLogger(__name__)

MOST_ROWS: Final = 50
"""Rows in one step."""
FEWEST_ROWS: Final = 5
STEP_S: Final = 0.005
"""What a step should take: a sale waits for no more than one."""
QUIET_AFTER_S: Final = 10.0
QUIET_ROWS: Final = 2_000
QUIET_STEP_S: Final = 0.1
"""While nobody has sold for a while: rows of one step share the pages they are written to, so
fewer and longer steps are faster. The first sale waits for one of them and ends the quiet."""
BUSY_PAUSE_S: Final = 0.25
"""Between two steps while the counter sells."""
TELL_EVERY_S: Final = 0.25
"""The pages are told of a job's progress no more often."""
MOST_JOBS: Final = 100
KEPT_DAYS: Final = 7
"""What an import could not read is kept so long to be mended; then it is forgotten."""
MOST_OPEN: Final = 20
"""Jobs that wait to be started."""
WORDS_OF_A_MEMBER: Final = 16
"""About so many: a step that puts words in their place does those of as many members."""
MOST_WORDS_WAITING: Final = 100_000 * WORDS_OF_A_MEMBER
"""Those of so many members are put in their place before more are added: more would not share pages
much better, and their members would not be found for long."""
OLD_AT_ONCE: Final = 2_000
REREAD_AT_ONCE: Final = 1_000
REREAD_AT_ONCE_BUSY: Final = 20
_WORDS: Final = "member_tokens"
WORDS_VERSION: Final = "3"


class Work(Protocol):
    """One kind of job. `step` and `undo` run in a transaction; they do up to `most` rows and
    return the job as it then is."""

    kind: str
    permission: Permission

    def undoable(self, job: Job) -> bool:
        """Whether what the job did can be put back."""
        ...

    def step(self, shop: Shop, books: Books, job: Job, most: int) -> Job: ...

    def undo(self, shop: Shop, books: Books, job: Job, most: int) -> Job: ...

    def end(self, shop: Shop, books: Books, job: Job) -> None:
        """After the last step, in its transaction."""
        ...


@dataclass
class Pace:
    """How many rows a step does: as many as fit into its time."""

    rows: int = 10

    def took(self, rows: int, seconds: float, *, quiet: bool) -> None:
        if rows:
            step_s, most = (QUIET_STEP_S, QUIET_ROWS) if quiet else (STEP_S, MOST_ROWS)
            fit = int(rows * step_s / max(seconds, 1e-6))
            self.rows = max(FEWEST_ROWS, min(most, fit, self.rows * 2))


class JobRunner:
    """`busy` says whether the counter is selling just now."""

    def __init__(self, shop: Shop, works: Sequence[Work], busy: Callable[[], bool]) -> None:
        self._shop = shop
        self._works = {work.kind: work for work in works}
        self._busy = busy
        self._wake = asyncio.Event()
        self._pace = Pace()
        self._told_s = 0.0
        self._selling = False
        self._sold_s = time.monotonic() - QUIET_AFTER_S
        self._left: int | None = None

    # -- what people ask -------------------------------------------------------------------------

    async def start(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """Raises NotFound("job_unknown"), NotAllowed, Conflict("job_state")."""
        allowed = (JobState.READY, JobState.STOPPED)
        return await self._turn(actor, job_id, allowed, JobState.RUNNING, "start_job")

    async def stop(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """The step under way is finished. Raises as `start`."""
        return await self._turn(actor, job_id, (JobState.RUNNING,), JobState.STOPPING, "stop_job")

    async def undo(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """Raises as `start`, and Conflict("job_not_undoable")."""
        allowed = (JobState.DONE, JobState.STOPPED)
        return await self._turn(actor, job_id, allowed, JobState.UNDOING, "undo_job")

    async def remove(self, actor: Actor, job_id: str) -> None:
        """A job that was never started. Raises as `start`."""

        def work(books: Books) -> None:
            job = self._require(actor, books.job(job_id))
            if job.state is not JobState.READY:
                raise Conflict("job_state", state=job.state.value)
            books.remove_job(job_id)

        await self._shop.ledger.write(work)

    async def see(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """Raises as `start`, but Conflict."""
        found = await self._shop.ledger.read(lambda books: books.job(job_id))
        return self.view(self._require(actor, found))

    async def list(self, actor: Actor) -> list[dict[str, Any]]:
        """Newest first; those kinds that the actor may start."""
        found = await self._shop.ledger.read(lambda books: books.jobs(MOST_JOBS))
        mine = [job for job in found if job.kind in self._works]
        return [self.view(job) for job in mine if actor.may(self._works[job.kind].permission)]

    def _require(self, actor: Actor, job: Job | None) -> Job:
        if job is None or job.kind not in self._works:
            raise NotFound("job_unknown")
        actor.require(self._works[job.kind].permission)
        return job

    async def _turn(
        self,
        actor: Actor,
        job_id: str,
        allowed: Sequence[JobState],
        state: JobState,
        event: str,
    ) -> dict[str, Any]:
        def work(books: Books) -> Job:
            job = self._require(actor, books.job(job_id))
            if state is JobState.UNDOING and not self._works[job.kind].undoable(job):
                raise Conflict("job_not_undoable")
            if state is JobState.RUNNING and not {"reading", "undone"}.isdisjoint(job.answer):
                # Its file is still being read, or its undoing was begun.
                raise Conflict("job_state", state=job.state.value)
            if job.state not in allowed:
                raise Conflict("job_state", state=job.state.value)
            request = dict(job.request)
            if actor.approver:
                request["approver"] = actor.approver
            turned = replace(job, state=state, actor=actor.number, request=request)
            books.put_job(turned)
            detail: dict[str, int | str] = {
                "event": event,
                "job": job_id,
                "kind": job.kind,
                "count": job.total,
            }
            if "action" in request:
                detail["action"] = str(request["action"])
            kind = Kind.IMPORTED if job.kind == "import" else Kind.BATCH_CHANGE
            append_event(self._shop, books, actor, kind, None, detail, self._shop.clock.now_ms())
            return turned

        job = await self._shop.ledger.write(work)
        self._tell(job)
        self._wake.set()
        return self.view(job)

    def view(self, job: Job) -> dict[str, Any]:
        work = self._works[job.kind]
        ended = job.state in (JobState.DONE, JobState.STOPPED)
        return {
            "job_id": job.job_id,
            "kind": job.kind,
            "action": job.request.get("action"),
            "state": job.state.value,
            "by": job.actor,
            "created_ms": job.created_ms,
            "total": job.total,
            "done": job.done,
            "refused": job.refused,
            "undoable": ended and work.undoable(job),
            "answer": dict(job.answer),
        }

    # -- doing it --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled, or the ledger stops."""
        try:
            await self._complete_words()
            await self._forget_old()
            while True:
                self._wake.clear()
                moving = await self._shop.ledger.read(lambda books: books.moving_jobs())
                for job in moving:
                    await self._drive(job)
                if not moving:
                    await self._settle_words()
                    await self._wake.wait()
        except LedgerError as error:
            log.critical("the jobs stop with the ledger: %s", error.key)

    async def _drive(self, job: Job) -> None:
        """Steps until the job rests."""
        while job.state.moves:
            try:
                job = await self._step(job.job_id)
            except LedgerError:
                raise
            except Exception as error:
                # This is where a job's failure ends: it stops, and says why.
                key = error.key if isinstance(error, CounterError) else "internal"
                if key == "internal":
                    log.exception("a step of job %s failed", job.job_id)
                job = await self._fail(job.job_id, key)
            self._tell(job)
            await self._give_way()

    async def _give_way(self) -> None:
        """Between two steps."""
        await asyncio.sleep(BUSY_PAUSE_S if self._selling or self._busy() else 0)

    async def _step(self, job_id: str) -> Job:
        most = FEWEST_ROWS if self._selling else self._pace.rows

        def work(books: Books) -> tuple[Job, int, float, int, int]:
            # Of this thread alone: a machine that is busy elsewhere does not make steps shorter.
            began = time.thread_time()
            found = books.head().dseq
            job = books.job(job_id)
            assert job is not None
            kind = self._works[job.kind]
            if job.state is JobState.STOPPING:
                after = replace(job, state=JobState.STOPPED)
            elif job.state is JobState.UNDOING:
                # Who is taken back is not to be looked for among all the words that wait.
                settling = books.settle_words(most * WORDS_OF_A_MEMBER) is not None
                after = job if settling else kind.undo(self._shop, books, job, most)
            else:
                after = kind.step(self._shop, books, job, most)
                if after.state is JobState.DONE:
                    kind.end(self._shop, books, after)
            books.put_job(after)
            seconds = time.thread_time() - began
            return after, abs(after.done - job.done), seconds, found, books.head().dseq

        job, rows, seconds, found, left = await self._shop.ledger.write(work)
        # An entry that no step of ours appended: somebody sells, and goes first.
        self._selling = self._left not in (None, found)
        self._left = left
        now_s = time.monotonic()
        if self._selling or self._busy():
            self._sold_s = now_s
        self._pace.took(rows, seconds, quiet=now_s - self._sold_s >= QUIET_AFTER_S)
        return job

    async def _fail(self, job_id: str, key: str) -> Job:
        def work(books: Books) -> Job:
            job = books.job(job_id)
            assert job is not None
            after = replace(job, state=JobState.STOPPED, answer={**job.answer, "reason": key})
            books.put_job(after)
            return after

        return await self._shop.ledger.write(work)

    def _tell(self, job: Job) -> None:
        now_s = time.monotonic()
        if job.state.moves and now_s - self._told_s < TELL_EVERY_S:
            return
        self._told_s = now_s
        told = self.view(job)
        del told["answer"]
        self._shop.events.publish("job", told)

    # -- after a start ---------------------------------------------------------------------------

    async def _complete_words(self) -> None:
        """Members of an earlier version get the search words that this one knows."""
        kept = await self._shop.ledger.read(lambda books: books.setting(_WORDS))
        version, _, after = (kept or "").partition(":")
        begin: str | None = after if version == WORDS_VERSION else ""
        if begin == "all":
            begin = None
        while begin is not None:
            most = REREAD_AT_ONCE_BUSY if self._busy() else REREAD_AT_ONCE

            def work(books: Books, begin: str = begin, most: int = most) -> tuple[str | None, int]:
                last = books.add_missing_words(begin, most)
                books.put_setting(_WORDS, f"{WORDS_VERSION}:{last or 'all'}")
                return last, books.words_waiting()

            begin, waiting = await self._shop.ledger.write(work)
            if waiting >= MOST_WORDS_WAITING or begin is None:
                await self._settle_words()
            await self._give_way()
        while await self._shop.ledger.write(lambda books: books.forget_old_words(OLD_AT_ONCE)):
            await self._give_way()

    async def _settle_words(self) -> None:
        """Until no word waits for its place."""
        if not await self._shop.ledger.read(lambda books: books.words_waiting()):
            return
        left: int | None = 0
        while left is not None:
            rows = FEWEST_ROWS if self._busy() else QUIET_ROWS

            def settle(books: Books, most: int = rows * WORDS_OF_A_MEMBER) -> int | None:
                return books.settle_words(most)

            left = await self._shop.ledger.write(settle)
            await self._give_way()

    async def _forget_old(self) -> None:
        """Rows that an import could not take, and jobs that nobody started, are not kept for
        ever."""
        before_ms = self._shop.clock.now_ms() - KEPT_DAYS * 86_400_000

        def work(books: Books) -> None:
            for job in books.jobs(MOST_JOBS):
                if job.created_ms < before_ms and not job.state.moves:
                    if job.state is JobState.READY:
                        books.remove_job(job.job_id)
                    elif job.kind == "import":
                        books.forget_contents(job.job_id, problems=True)

        await self._shop.ledger.write(work)


def digest_of(member_ids: Sequence[str]) -> str:
    """What an entry for a whole step carries of whom it touched: SHA-256 over their ids in order.
    The job's rows name them."""
    return hashlib.sha256(",".join(member_ids).encode()).hexdigest()


def actor_of(job: Job) -> Actor:
    """Who asked for the job, for the entries of its steps."""
    return Actor("", job.actor, "", "", approver=str(job.request.get("approver", "")))


def require_room(books: Books) -> None:
    """Raises Conflict("jobs_too_many") where too many wait to be started."""
    waiting = sum(job.state is JobState.READY for job in books.jobs(MOST_JOBS))
    if waiting >= MOST_OPEN:
        raise Conflict("jobs_too_many")
