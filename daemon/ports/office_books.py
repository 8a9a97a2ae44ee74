"""Members as the office works with them: filters, batch work, imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from daemon.core.member_filter import Condition
from daemon.core.money import Purse
from daemon.core.records import Card, Member, Personal, Standing


class Sort(Enum):
    """Orders that an index keeps: a page costs the same wherever it is in the list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Listed:
    """A member with what a list shows. `personal` is None when it has been erased."""

    member: Member
    personal: Personal | None
    standing: Standing
    cards: Sequence[Card] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one step over the list found. `after` is where the next one begins; None: the end."""

    member_ids: Sequence[str]
    after: str | None


@dataclass(frozen=True, slots=True)
class SavedFilter:
    filter_id: str
    name: str
    content: Sequence[Any]
    actor: str
    changed_ms: int


class JobState(Enum):
    READY = "ready"
    RUNNING = "running"
    STOPPING = "stopping"
    UNDOING = "undoing"
    DONE = "done"
    STOPPED = "stopped"
    UNDONE = "undone"

    @property
    def moves(self) -> bool:
        """Whether steps are being made."""
        return self in (JobState.RUNNING, JobState.STOPPING, JobState.UNDOING)


@dataclass(frozen=True, slots=True)
class Job:
    """Long work. `done` counts rows that were gone through, `refused` those of them that were
    not done; `answer` is what the work has to tell."""

    job_id: str
    kind: str
    state: JobState
    actor: str
    created_ms: int
    request: Mapping[str, Any]
    total: int = 0
    done: int = 0
    refused: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRow:
    """One piece of a job. `subject` is the member; `before` what undo puts back; `problem` why it
    was not done. `content`, `before` and `problem` are JSON-ready."""

    row: int
    subject: str | None = None
    content: Any = None
    before: Any = None
    problem: Any = None


class OfficeBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def add_members(self, added: Sequence[tuple[Member, Personal]]) -> None:
        """Many at once. Asserts that no number is taken. They are found by number and phone now,
        by their other words when `settle_words` has put them in their place."""
        ...

    def seal_personal(self, member_id: str, personal: Personal) -> bytes | None:
        """Sealed under the member's own key, to be kept with a job; None where that key is gone."""
        ...

    def open_personal(self, member_id: str, sealed: bytes) -> Personal | None:
        """What `seal_personal` sealed; None where the member has been erased since."""
        ...

    def entries_about(self, member_id: str) -> int:
        """How many entries of the journal name the member."""
        ...

    def is_bound(self, member_id: str) -> bool:
        """Whether anything but the journal points at the member: a card, an account, a coupon, a
        message, a friend, a paper, a sale."""
        ...

    def remove_member(self, member_id: str) -> None:
        """Takes a member off the books who is not bound; the number is free again."""
        ...

    def found_members(self, query: str, limit: int, before: str | None) -> Stretch:
        """Members found by number, printed card number, name, pinyin, phone or its tail:
        exact numbers first, then newest first from before the id `before` on."""
        ...

    def add_missing_words(self, after: str, most: int) -> str | None:
        """Gives up to `most` members from after an id on the search words that this version knows;
        returns the last id, or None when there are no more."""
        ...

    def forget_old_words(self, most: int) -> int:
        """Removes up to `most` search words that an earlier version kept in another way; how many
        there were."""
        ...

    def words_waiting(self) -> int:
        """About how many search words of members that were added wait for their place: those who
        have them are not found by them yet. 0 is exact."""
        ...

    def settle_words(self, most: int) -> int | None:
        """Puts about `most` words that wait in their place; how many hundredths of the way are
        done, None where nothing waits."""
        ...

    def listed(self, member_ids: Sequence[str]) -> Sequence[Listed]:
        """In the order asked for; an id that is not there is left out."""
        ...

    def money_of(self, member_ids: Sequence[str]) -> Mapping[str, Purse]:
        """What each of them has in principal and bonus; who has nothing is left out."""
        ...

    def stretch(
        self,
        conditions: Sequence[Condition],
        sort: Sort,
        after: str | None,
        limit: int,
        look_at: int,
        utc_offset_min: int,
    ) -> Stretch:
        """The next members that the conditions hold for, looking at no more than `look_at`."""
        ...

    def count_members(
        self,
        conditions: Sequence[Condition],
        after: str | None,
        look_at: int,
        utc_offset_min: int,
    ) -> tuple[int, str | None]:
        """How many the conditions hold for among the next `look_at` in order of id, newest first,
        and where to go on."""
        ...

    def numbered(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Ids of members by number, of those numbers that are taken."""
        ...

    def phoned(self, phones: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Ids of members by phone, of those phones that somebody has."""
        ...

    def saved_filters(self) -> Sequence[SavedFilter]: ...

    def saved_filter(self, filter_id: str) -> SavedFilter | None: ...

    def put_saved_filter(self, kept: SavedFilter) -> None:
        """Raises Conflict("filter_name_taken")."""
        ...

    def remove_saved_filter(self, filter_id: str) -> None: ...

    def job(self, job_id: str) -> Job | None: ...

    def jobs(self, limit: int) -> Sequence[Job]:
        """Newest first."""
        ...

    def moving_jobs(self) -> Sequence[Job]:
        """Oldest first."""
        ...

    def put_job(self, job: Job) -> None: ...

    def remove_job(self, job_id: str) -> None:
        """With its rows."""
        ...

    def put_job_rows(self, job_id: str, rows: Sequence[JobRow]) -> None: ...

    def job_rows(
        self, job_id: str, first: int, most: int, *, problems: bool = False
    ) -> Sequence[JobRow]:
        """In order, from row `first` on; `problems`: only those that were not done."""
        ...

    def forget_contents(self, job_id: str, *, problems: bool) -> None:
        """Empties the rows' contents: of those that were done, with `problems` of all."""
        ...

    def forget_rows_of(self, member_id: str) -> None:
        """Empties what jobs keep of one member; that they touched it stays."""
        ...

    def jobs_of(self, member_id: str, limit: int) -> Sequence[Job]:
        """Jobs that touched the member, newest first."""
        ...
