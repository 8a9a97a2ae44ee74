"""An import taken back: who it added goes off the books again, who it changed is as before.

Only what nobody has touched since. A member who has been given a card, money, points or anything
else by now stays, and so does one who was changed by hand or by another file; those are named. From
the last row to the first: a row may name an earlier one as its referrer.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.records import Member, Personal
from daemon.operations.jobs import actor_of, digest_of
from daemon.operations.member_form import version_of
from daemon.operations.members import append_event
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books
from daemon.ports.office_books import Job, JobState

REVERSIBLE: Final = "reversible"
"""In the request of an import that kept what undo needs."""
MOST_LEFT: Final = 100
"""Members that could not be put back whose numbers are told."""


@dataclass(frozen=True, slots=True)
class Added:
    """A member whom the import added, with so many entries of their own."""

    member_id: str
    entries: int

    @property
    def before(self) -> dict[str, int]:
        return {"added": 1, "entries": self.entries}


@dataclass(frozen=True, slots=True)
class Touched:
    """A member as they were, or are."""

    member: Member
    personal: Personal | None

    @property
    def version(self) -> str:
        member = self.member
        return f"{version_of(member, self.personal)}:{member.level}:{member.referrer}"


def as_before(books: Books, was: Touched, now: Touched) -> dict[str, Any]:
    """What a row keeps of a member that it changed, JSON-ready: the person is sealed under their
    own key."""
    member, sealed = was.member, None
    if was.personal is not None and was.personal != now.personal:
        sealed = books.seal_personal(member.member_id, was.personal)
    return {
        "now": now.version,
        "member": {
            "number": member.number,
            "category": member.category,
            "valid_to": member.valid_to,
            "tags": list(member.tags),
            "fields": dict(member.fields),
            "level": member.level,
            "referrer": member.referrer,
        },
        "person": None if sealed is None else b64encode(sealed).decode("ascii"),
    }


def take_back(shop: Shop, books: Books, job: Job, most: int) -> Job:
    """One step. `answer.undone` counts the rows, from the last on; `left` are the numbers of those
    who stay as they are now."""
    undone = int(job.answer.get("undone", 0))
    end = job.done - undone
    first = max(0, end - most)
    rows = books.job_rows(job.job_id, first, end - first)
    left, count = list(job.answer.get("left", [])), int(job.answer.get("left_count", 0))
    removed: list[str] = []
    restored: list[str] = []
    for row in reversed(rows):
        member = None if row.subject is None else books.member(row.subject)
        if member is None or row.before is None:
            continue
        if "added" in row.before:
            done, back = _remove(books, member, row.before), removed
        else:
            done, back = _restore(shop, books, job, member, row.before), restored
        if done:
            back.append(member.member_id)
            continue
        count += 1
        if len(left) < MOST_LEFT:
            left.append(member.number)
    if removed or restored:
        detail: dict[str, int | str] = {
            "event": "undo_import",
            "job": job.job_id,
            "from_row": first,
            "removed": len(removed),
            "restored": len(restored),
            "members_sha256": digest_of([*removed, *restored]),
        }
        actor, now_ms = actor_of(job), shop.clock.now_ms()
        append_event(shop, books, actor, Kind.IMPORTED, None, detail, now_ms)
    undone += end - first
    answer = {**job.answer, "undone": undone, "left": left, "left_count": count}
    for name, found in (("removed", removed), ("restored", restored)):
        answer[name] = int(answer.get(name, 0)) + len(found)
    state = JobState.UNDONE if undone >= job.done else job.state
    return replace(job, state=state, answer=answer)


def _remove(books: Books, member: Member, before: Mapping[str, Any]) -> bool:
    """Whether nothing but the import itself has to do with the member; then they are gone."""
    member_id = member.member_id
    if books.entries_about(member_id) != before["entries"] or books.is_bound(member_id):
        return False
    books.remove_member(member_id)
    return True


def _restore(shop: Shop, books: Books, job: Job, member: Member, before: Mapping[str, Any]) -> bool:
    """Whether the member is as the import left them; then they are as they were."""
    member_id = member.member_id
    if Touched(member, books.personal(member_id)).version != before["now"]:
        return False
    was = before["member"]
    if books.numbered([was["number"]]).get(was["number"], member_id) != member_id:
        return False  # Somebody else has that number now.
    if before["person"] is not None:
        personal = books.open_personal(member_id, b64decode(before["person"]))
        if personal is None:
            return False
        books.change_personal(member_id, personal)
    if was["level"] != member.level:
        detail: dict[str, int | str] = {
            "event": "set_level",
            "before": member.level or "",
            "after": was["level"] or "",
            "reason": "undo_import",
            "job": job.job_id,
        }
        actor, now_ms = actor_of(job), shop.clock.now_ms()
        append_event(shop, books, actor, Kind.LEVEL, member_id, detail, now_ms)
    books.change_member(replace(member, **{**was, "tags": tuple(was["tags"])}))
    return True
