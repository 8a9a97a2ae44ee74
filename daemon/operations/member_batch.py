"""One change to many members (B3): tag, untag, category, extend, notify, freeze, unfreeze.

Prepared first: the members are listed in the job, with a sample of what would change, and whatever
is done later is done to these and no others. No money moves, so a batch can be undone: each member
gets back what it had, unless somebody changed that since; those are left, and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest
from daemon.core.loyalty.held import MessageState
from daemon.core.masking import mask_name
from daemon.core.member_fields import clean_text
from daemon.core.member_filter import Condition
from daemon.core.permissions import Permission
from daemon.core.records import Member
from daemon.operations.jobs import JobRunner, actor_of, digest_of, require_room
from daemon.operations.member_file import ACTIVE, ERASED, FROZEN
from daemon.operations.member_form import require_category, require_tags
from daemon.operations.member_search import matching_ids
from daemon.operations.members import append_event
from daemon.operations.messages import tell
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.ports.office_books import Job, JobRow, JobState

KIND: Final = "batch"
MOST_SUBJECTS: Final = 100_000
SAMPLES: Final = 20
MOST_DAYS: Final = 3_660
MOST_LEFT: Final = 100
"""Members that could not be put back whose numbers are told."""
LONGEST_TEXT: Final = 200
ROWS_AT_ONCE: Final = 500
ACTIONS: Final = ("tag", "untag", "category", "extend", "notify", "freeze", "unfreeze")
_NAMED: Final = frozenset({"category", "extend", "freeze", "unfreeze"})
"""Each member gets an entry of its own; of the others each step has one, and the job names them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done. `tags` for tag and untag, `category`, `days` for extend, `text` for
    notify."""

    action: str
    tags: tuple[str, ...] = ()
    category: str = ""
    days: int = 0
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        said = {
            "action": self.action,
            "tags": list(self.tags),
            "category": self.category,
            "days": self.days,
            "text": self.text,
        }
        return {name: value for name, value in said.items() if value}


def read_change(shop: Shop, given: Mapping[str, Any]) -> Change:
    """Raises BadRequest("action_unknown" | "tags_malformed" | "member_category_unknown" |
    "days_malformed" | "text_malformed")."""
    action = given.get("action")
    if action not in ACTIONS:
        raise BadRequest("action_unknown")
    if action in ("tag", "untag"):
        tags = require_tags(given.get("tags") or ())
        if not tags:
            raise BadRequest("tags_malformed")
        return Change(action, tags=tags)
    if action == "category":
        return Change(action, category=require_category(shop.rules, given.get("category") or ""))
    if action == "extend":
        days = given.get("days") or 0
        if not 1 <= days <= MOST_DAYS:
            raise BadRequest("days_malformed", most=MOST_DAYS)
        return Change(action, days=days)
    if action == "notify":
        text = clean_text(given.get("text") or "")
        if not 1 <= len(text) <= LONGEST_TEXT:
            raise BadRequest("text_malformed")
        return Change(action, text=text)
    return Change(action)


def outcome(change: Change, member: Member, today: str) -> tuple[str, Any, Any]:
    """The attribute that the change touches, what it is and what it becomes."""
    if change.action == "tag":
        tags = tuple(dict.fromkeys((*member.tags, *change.tags)))
        return "tags", list(member.tags), list(tags)
    if change.action == "untag":
        return "tags", list(member.tags), [tag for tag in member.tags if tag not in change.tags]
    if change.action == "category":
        return "category", member.category, change.category
    if change.action == "extend":
        if member.valid_to is None:
            return "valid_to", None, None
        begin = date.fromisoformat(max(member.valid_to, today))
        return "valid_to", member.valid_to, (begin + timedelta(days=change.days)).isoformat()
    if change.action == "notify":
        return "message", None, change.text
    return "status", member.status, FROZEN if change.action == "freeze" else ACTIVE


async def prepare_batch(
    shop: Shop,
    runner: JobRunner,
    actor: Actor,
    change: Change,
    conditions: Sequence[Condition] | None,
    member_ids: Sequence[str],
    content: Any,
) -> dict[str, Any]:
    """A job that waits to be started, with a sample of what it would change. The members are those
    of the filter, or those named. `content` is the filter as it was typed, kept with the job.

    Raises BadRequest("batch_empty" | "batch_too_large"), Conflict("jobs_too_many")."""
    subjects: list[str] = []
    if conditions is None:
        subjects = list(dict.fromkeys(member_ids))
    else:
        async for found in matching_ids(shop, conditions, MOST_SUBJECTS + 1):
            subjects += found
    if len(subjects) > MOST_SUBJECTS:
        raise BadRequest("batch_too_large", most=MOST_SUBJECTS)
    if not subjects:
        raise BadRequest("batch_empty")
    job = Job(
        shop.clock.new_id(),
        KIND,
        JobState.READY,
        actor.number,
        shop.clock.now_ms(),
        {**change.as_json(), **({} if content is None else {"filter": content})},
        total=len(subjects),
    )
    await shop.ledger.write(lambda books: _open(books, job))
    for first in range(0, len(subjects), ROWS_AT_ONCE):
        rows = [
            JobRow(first + place, subject)
            for place, subject in enumerate(subjects[first : first + ROWS_AT_ONCE])
        ]
        await shop.ledger.write(lambda books, rows=rows: books.put_job_rows(job.job_id, rows))  # type: ignore[misc]
    sample = await shop.ledger.read(lambda books: _sample(shop, books, change, subjects[:SAMPLES]))
    return {**runner.view(job), "samples": sample}


def _open(books: Books, job: Job) -> None:
    require_room(books)
    books.put_job(job)


def _sample(
    shop: Shop, books: Books, change: Change, member_ids: Sequence[str]
) -> list[dict[str, Any]]:
    today = shop.day(shop.clock.now_ms())
    samples = []
    for listed in books.listed(member_ids):
        name, before, after = outcome(change, listed.member, today)
        samples.append(
            {
                "member_id": listed.member.member_id,
                "number": listed.member.number,
                "name": mask_name(listed.personal.name) if listed.personal else "",
                "what": name,
                "before": before,
                "after": after,
                "refused": "member_erased" if listed.member.status == ERASED else None,
            }
        )
    return samples


class Batch:
    """`daemon.operations.jobs.Work` for batch changes."""

    kind = KIND
    permission = Permission.MEMBER_BATCH

    def undoable(self, job: Job) -> bool:
        return True

    def step(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        change = read_change(shop, job.request)
        now_ms = shop.clock.now_ms()
        today = shop.day(now_ms)
        rows = books.job_rows(job.job_id, job.done, most)
        ended = [self._one(shop, books, job, change, row, today, now_ms) for row in rows]
        books.put_job_rows(job.job_id, ended)
        touched = [row.subject for row in ended if row.before is not None and row.subject]
        if touched and change.action not in _NAMED:
            detail = _facts(change.action, job, rows[0].row, touched)
            append_event(shop, books, actor_of(job), Kind.BATCH_CHANGE, None, detail, now_ms)
        done = job.done + len(rows)
        refused = job.refused + sum(row.problem is not None for row in ended)
        state = job.state if done < job.total and rows else JobState.DONE
        changed = int(job.answer.get("changed", 0)) + len(touched)
        answer = {**job.answer, "changed": changed}
        return replace(job, state=state, done=done, refused=refused, answer=answer)

    def _one(
        self,
        shop: Shop,
        books: Books,
        job: Job,
        change: Change,
        row: JobRow,
        today: str,
        now_ms: int,
    ) -> JobRow:
        """The row as it ends. `before` stays None where there was nothing to change."""
        assert row.subject is not None
        member = books.member(row.subject)
        if member is None or member.status == ERASED:
            return replace(row, problem="member_unknown" if member is None else "member_erased")
        name, before, after = outcome(change, member, today)
        if before == after:
            return row
        if change.action == "notify":
            told = tell(shop, books, row.subject, "notice", {"text": change.text}, now_ms)
            return replace(row, before={"message": told})
        books.change_member(_with(member, name, after))
        if change.action in _NAMED:
            detail: dict[str, int | str] = {
                "event": f"batch_{change.action}",
                "job": job.job_id,
                "from": str(before),
                "to": str(after),
            }
            append_event(shop, books, actor_of(job), Kind.BATCH_CHANGE, row.subject, detail, now_ms)
        return replace(row, before={name: before, "to": after})

    def undo(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        """From the first row on; `answer.undone` is how far it is, `left` who was changed since."""
        first = int(job.answer.get("undone", 0))
        rows = [row for row in books.job_rows(job.job_id, first, most) if row.row < job.done]
        now_ms = shop.clock.now_ms()
        left, back = list(job.answer.get("left", [])), []
        count = int(job.answer.get("left_count", 0))
        for row in rows:
            if row.before is None or row.subject is None:
                continue
            if self._put_back(shop, books, job, row, now_ms):
                back.append(row.subject)
                continue
            count += 1
            member = books.member(row.subject)
            if member is not None and len(left) < MOST_LEFT:
                left.append(member.number)
        if back and job.request["action"] not in _NAMED:
            detail = _facts(f"undo_{job.request['action']}", job, first, back)
            append_event(shop, books, actor_of(job), Kind.BATCH_CHANGE, None, detail, now_ms)
        undone = first + len(rows)
        state = JobState.UNDONE if undone >= job.done else job.state
        answer = {**job.answer, "undone": undone, "left": left, "left_count": count}
        return replace(job, state=state, answer=answer)

    def _put_back(self, shop: Shop, books: Books, job: Job, row: JobRow, now_ms: int) -> bool:
        assert row.subject is not None
        before = dict(row.before)
        if "message" in before:
            message = books.message(before["message"])
            if message is None or message.state is not MessageState.WAITING:
                return False
            books.settle_message(before["message"], MessageState.WITHDRAWN, now_ms)
            return True
        to = before.pop("to")
        ((name, value),) = before.items()
        member = books.member(row.subject)
        if member is None or member.status == ERASED:
            return False
        now = getattr(member, name)
        if (list(now) if name == "tags" else now) != to:
            return False
        books.change_member(_with(member, name, value))
        action = job.request["action"]
        if action in _NAMED:
            detail: dict[str, int | str] = {
                "event": f"undo_batch_{action}",
                "job": job.job_id,
                "from": str(to),
                "to": str(value),
            }
            append_event(shop, books, actor_of(job), Kind.BATCH_CHANGE, row.subject, detail, now_ms)
        return True

    def end(self, shop: Shop, books: Books, job: Job) -> None:
        """The steps have told everything."""


def _with(member: Member, name: str, value: Any) -> Member:
    if name == "tags":
        return replace(member, tags=tuple(value))
    if name == "category":
        return replace(member, category=value)
    if name == "valid_to":
        return replace(member, valid_to=value)
    assert name == "status"
    return replace(member, status=value)


def _facts(action: str, job: Job, first: int, touched: Sequence[str]) -> dict[str, int | str]:
    return {
        "event": f"batch_{action}",
        "job": job.job_id,
        "from_row": first,
        "count": len(touched),
        "members_sha256": digest_of(touched),
    }
