"""A coupon of a campaign to each of many members (D4): those of a filter, or those named.

A job like any other (`daemon.operations.jobs`): prepared, started, stepped between sales. Undone,
the coupons that were not used are withdrawn, and their messages where these still wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest
from daemon.core.loyalty.held import MessageState
from daemon.core.member_filter import Condition
from daemon.core.permissions import Permission
from daemon.operations.coupons import announce, issue_one, open_campaign
from daemon.operations.jobs import JobRunner, digest_of, require_room
from daemon.operations.member_search import matching_ids
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.ports.office_books import Job, JobRow, JobState

KIND: Final = "coupons"
MOST_SUBJECTS: Final = 100_000
ROWS_AT_ONCE: Final = 500
MOST_LEFT: Final = 100
ACTIVE: Final = "active"


async def prepare_coupons(
    shop: Shop,
    runner: JobRunner,
    actor: Actor,
    campaign: str,
    conditions: Sequence[Condition] | None,
    member_ids: Sequence[str],
    content: Any,
) -> dict[str, Any]:
    """A job that waits to be started: `total` members would get a coupon. `content` is the filter
    as it was typed, kept with the job.

    Raises NotFound("campaign_unknown"), Refused("campaign_off" | "campaign_over" |
    "campaign_used_up" with what is `left`), BadRequest("batch_empty" | "batch_too_large"),
    Conflict("jobs_too_many")."""
    subjects = list(dict.fromkeys(member_ids))
    if conditions is not None:
        subjects = []
        async for found in matching_ids(shop, conditions, MOST_SUBJECTS + 1):
            subjects += found
    if len(subjects) > MOST_SUBJECTS:
        raise BadRequest("batch_too_large", most=MOST_SUBJECTS)
    if not subjects:
        raise BadRequest("batch_empty")
    now_ms = shop.clock.now_ms()
    request = {"campaign": campaign, **({} if content is None else {"filter": content})}
    job = Job(
        shop.clock.new_id(),
        KIND,
        JobState.READY,
        actor.number,
        now_ms,
        request,
        total=len(subjects),
    )

    def begin(books: Books) -> None:
        require_room(books)
        open_campaign(shop, books, campaign, now_ms, len(subjects))
        books.put_job(job)

    await shop.ledger.write(begin)
    for first in range(0, len(subjects), ROWS_AT_ONCE):
        await _put_rows(shop, job.job_id, first, subjects[first : first + ROWS_AT_ONCE])
    return runner.view(job)


async def _put_rows(shop: Shop, job_id: str, first: int, subjects: Sequence[str]) -> None:
    rows = [JobRow(first + place, subject) for place, subject in enumerate(subjects)]
    await shop.ledger.write(lambda books: books.put_job_rows(job_id, rows))


class CouponBatch:
    """`daemon.operations.jobs.Work` for coupons."""

    kind = KIND
    permission = Permission.COUPON

    def undoable(self, job: Job) -> bool:
        return True

    def step(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        """A campaign that was ended or used up meanwhile stops the job, which says why."""
        now_ms = shop.clock.now_ms()
        rows = books.job_rows(job.job_id, job.done, most)
        campaign = open_campaign(shop, books, job.request["campaign"], now_ms, len(rows))
        ended, touched = [], []
        for row in rows:
            member = books.member(row.subject) if row.subject is not None else None
            if member is None or member.status != ACTIVE:
                problem = "member_unknown" if member is None else "member_frozen"
                ended.append(replace(row, problem=problem))
                continue
            coupon = issue_one(shop, books, campaign, member, job.job_id, now_ms)
            message_id = announce(shop, books, campaign, coupon, now_ms)
            before = {
                "coupon": coupon.code,
                "message": message_id,
                "issued_ms": now_ms,
                "from_day": coupon.from_day,
                "to_day": coupon.to_day,
            }
            ended.append(replace(row, before=before))
            touched.append(member.member_id)
        books.put_job_rows(job.job_id, ended)
        if touched:
            _note(shop, books, job, "issue_coupons", touched, now_ms)
        done = job.done + len(rows)
        refused = job.refused + sum(row.problem is not None for row in ended)
        changed = int(job.answer.get("changed", 0)) + len(touched)
        state = job.state if done < job.total and rows else JobState.DONE
        answer = {**job.answer, "changed": changed}
        return replace(job, state=state, done=done, refused=refused, answer=answer)

    def undo(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        """From the first row on; `left` are the numbers of those who have used theirs."""
        first = int(job.answer.get("undone", 0))
        rows = [row for row in books.job_rows(job.job_id, first, most) if row.row < job.done]
        now_ms = shop.clock.now_ms()
        left, back = list(job.answer.get("left", [])), []
        count = int(job.answer.get("left_count", 0))
        for row in rows:
            if row.before is None or row.subject is None:
                continue
            if _take_back(books, row, now_ms):
                back.append(row.subject)
                continue
            count += 1
            member = books.member(row.subject)
            if member is not None and len(left) < MOST_LEFT:
                left.append(member.number)
        if back:
            _note(shop, books, job, "withdraw_coupons", back, now_ms)
        undone = first + len(rows)
        state = JobState.UNDONE if undone >= job.done else job.state
        answer = {**job.answer, "undone": undone, "left": left, "left_count": count}
        return replace(job, state=state, answer=answer)

    def end(self, shop: Shop, books: Books, job: Job) -> None:
        """The steps have told everything."""


def _take_back(books: Books, row: JobRow, now_ms: int) -> bool:
    if not books.withdraw_coupon(row.before["coupon"]):
        return False
    message = books.message(row.before["message"])
    if message is not None and message.state is MessageState.WAITING:
        books.settle_message(message.message_id, MessageState.WITHDRAWN, now_ms)
    return True


def _note(
    shop: Shop, books: Books, job: Job, event: str, member_ids: Sequence[str], now_ms: int
) -> None:
    detail: dict[str, int | str] = {
        "event": event,
        "campaign": str(job.request["campaign"]),
        "job": job.job_id,
        "count": len(member_ids),
        "members_sha256": digest_of(member_ids),
    }
    approver = str(job.request.get("approver", ""))
    if approver:
        detail["approver"] = approver
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.COUPON,
            at_ms=now_ms,
            actor=job.actor,
            detail=detail,
        )
    )
