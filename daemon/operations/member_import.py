"""Members from a file (B2): read, looked through, taken in, and what did not fit handed back.

    upload -> rows kept with the job -> mapping of columns -> preview -> start -> done
                                             ^ changed by hand, previewed again

A row means a member by its number, or else by its phone; otherwise it is a new one. Empty cells say
nothing. Nothing is changed before the start, and what is bad never stops what is good: bad rows are
kept for some days, to be mended in a file of the same columns and loaded again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import IO, Any, Final

from daemon.core.csv_table import (
    LONGEST_LINE,
    find_encoding,
    guess_mapping,
    read_rows,
    require_mapping,
)
from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, Conflict, NotFound
from daemon.core.permissions import Permission
from daemon.core.records import Member, Personal
from daemon.operations.import_rows import Problem, Reading, RowReader, Twins, whom
from daemon.operations.import_undo import REVERSIBLE, Added, Touched, as_before, take_back
from daemon.operations.jobs import (
    MOST_WORDS_WAITING,
    WORDS_OF_A_MEMBER,
    JobRunner,
    actor_of,
    digest_of,
    require_room,
)
from daemon.operations.member_form import changed_member, custom_fields, new_member
from daemon.operations.members import append_event, next_numbers
from daemon.operations.shop import Actor, Shop
from daemon.operations.xlsx_table import read_xlsx
from daemon.ports.ledger import Books
from daemon.ports.office_books import Job, JobRow, JobState

KIND: Final = "import"
LARGEST_FILE_BYTES: Final = 64 * 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024
ROWS_AT_ONCE: Final = 200
"""Rows that are kept or looked through in one go, some milliseconds."""
SAMPLES: Final = 20
ZIP: Final = b"PK\x03\x04"
MATCHES: Final = ("change", "skip")


async def receive(shop: Shop, actor: Actor, source: IO[bytes], runner: JobRunner) -> dict[str, Any]:
    """Reads an uploaded file into a job that waits, with a mapping of its columns by their headings
    and a preview.

    Raises BadRequest("file_empty" | "file_malformed" | "file_encoding_unknown" | "file_too_wide" |
    "file_too_long" | "file_too_large"), Conflict("jobs_too_many")."""
    source.seek(0)
    if source.read(4) == ZIP:
        rows, encoding = read_xlsx(source), "xlsx"
    else:
        encoding = await asyncio.to_thread(find_encoding, _chunks(source))
        rows = _slowly(read_rows(_lines(source, encoding)))
    headings = await anext(rows, None)
    if headings is None:
        raise BadRequest("file_empty")
    mapping = guess_mapping(headings, custom_fields(shop.rules))
    job = Job(
        shop.clock.new_id(),
        KIND,
        JobState.READY,
        actor.number,
        shop.clock.now_ms(),
        {
            "headings": headings,
            "encoding": encoding,
            "mapping": mapping,
            "on_match": "change",
            "language": shop.language,
            REVERSIBLE: 1,
        },
        answer={"reading": True},
    )
    await shop.ledger.write(lambda books: _open(books, job))
    try:
        total = await _keep(shop, job, rows)
        if not total:
            raise BadRequest("file_empty")
    except BaseException:
        # Nothing of a file that cannot be read stays, nor of one whose sender went away.
        await asyncio.shield(shop.ledger.write(lambda books: books.remove_job(job.job_id)))
        raise
    return await look_through(shop, runner, replace(job, total=total))


def _open(books: Books, job: Job) -> None:
    require_room(books)
    books.put_job(job)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    source.seek(0)
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def _lines(source: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends. What begins no row (U+2028 and its like) ends none either."""
    source.seek(0)
    # A descriptor of its own: the file is closed by who opened it, whenever that is.
    with open(os.dup(source.fileno()), encoding=encoding, newline="") as text:
        while line := text.readline(LONGEST_LINE + 1):
            yield line


async def _slowly(rows: Iterator[list[str]]) -> AsyncIterator[list[str]]:
    """Lets the counter in between: whoever takes the rows waits for the ledger now and then."""
    for row in rows:
        yield row


async def _keep(shop: Shop, job: Job, rows: AsyncIterator[list[str]]) -> int:
    kept, total = [], 0
    async for row in rows:
        kept.append(JobRow(total, content=row))
        total += 1
        if len(kept) == ROWS_AT_ONCE:
            await _put(shop, job.job_id, kept)
            kept = []
    if kept:
        await _put(shop, job.job_id, kept)
    return total


async def _put(shop: Shop, job_id: str, rows: list[JobRow]) -> None:
    await shop.ledger.write(lambda books: books.put_job_rows(job_id, rows))


async def change_mapping(
    shop: Shop,
    actor: Actor,
    runner: JobRunner,
    job_id: str,
    mapping: Sequence[str],
    on_match: str,
) -> dict[str, Any]:
    """Another meaning of the columns, and another preview. `on_match`: whether members that are
    there are changed or skipped.

    Raises NotFound("job_unknown"), Conflict("job_state"), BadRequest("mapping_malformed")."""
    actor.require(Permission.MEMBER_IMPORT)
    job = await shop.ledger.read(lambda books: books.job(job_id))
    if job is None or job.kind != KIND:
        raise NotFound("job_unknown")
    if job.state is not JobState.READY or "reading" in job.answer:
        raise Conflict("job_state", state=job.state.value)
    require_mapping(mapping, len(job.request["headings"]), custom_fields(shop.rules))
    if on_match not in MATCHES:
        raise BadRequest("mapping_malformed", why="on_match")
    request = {**job.request, "mapping": list(mapping), "on_match": on_match}
    return await look_through(shop, runner, replace(job, request=request))


async def look_through(shop: Shop, runner: JobRunner, job: Job) -> dict[str, Any]:
    """Reads every row by the mapping and says what would be added and changed and what is bad. Bad
    rows are noted with their reasons."""
    reader = RowReader(shop.rules, job.request["mapping"])
    twins = Twins()
    counts = {"add": 0, "change": 0, "bad": 0, "duplicates": 0}
    samples: list[dict[str, Any]] = []
    job = replace(job, answer={"reading": True})
    await shop.ledger.write(lambda books: books.put_job(job))
    for first in range(0, job.total, ROWS_AT_ONCE):

        def look(books: Books, first: int = first) -> tuple[list[JobRow], list[Reading], Any]:
            rows = list(books.job_rows(job.job_id, first, ROWS_AT_ONCE))
            readings = [reader.read(row.row, row.content) for row in rows]
            again = sum(twins.note(reader, reading) for reading in readings)
            known = whom(books, reader, readings, on_match=job.request["on_match"])
            return rows, readings, (again, known)

        rows, readings, (again, known) = await shop.ledger.read(look)
        counts["duplicates"] += again
        noted = []
        for row, reading in zip(rows, readings, strict=True):
            what = "bad" if reading.problems else "change" if reading.row in known else "add"
            counts[what] += 1
            problem = [each.as_json() for each in reading.problems] or None
            if problem != row.problem:
                noted.append(replace(row, problem=problem))
            if what == "bad" or len(samples) < SAMPLES:
                sample = {"row": row.row, "what": what, "cells": row.content, "problems": problem}
                samples = _with_sample(samples, sample)
        if noted:
            await _put(shop, job.job_id, noted)
        await asyncio.sleep(0)
    job = replace(job, answer={"preview": counts, "samples": samples})
    await shop.ledger.write(lambda books: books.put_job(job))
    return import_view(runner, job)


def _with_sample(samples: list[dict[str, Any]], sample: dict[str, Any]) -> list[dict[str, Any]]:
    """At most SAMPLES good ones and as many bad ones."""
    alike = sum((each["what"] == "bad") == (sample["what"] == "bad") for each in samples)
    return samples if alike >= SAMPLES else [*samples, sample]


def import_view(runner: JobRunner, job: Job) -> dict[str, Any]:
    return {
        **runner.view(job),
        "headings": job.request["headings"],
        "mapping": job.request["mapping"],
        "on_match": job.request["on_match"],
        "encoding": job.request["encoding"],
    }


class Import:
    """`daemon.operations.jobs.Work` for imports.

    Members are added first; when all or very many are, the words that they are found by are put in
    their place: `finding` in the answer says how many hundredths of that are done."""

    kind = KIND
    permission = Permission.MEMBER_IMPORT

    def undoable(self, job: Job) -> bool:
        """Imports of versions that kept nothing to put back are not."""
        return REVERSIBLE in job.request

    def step(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        if "finding" in job.answer:
            return _find(books, job, most)
        rows = books.job_rows(job.job_id, job.done, most)
        reader = RowReader(shop.rules, job.request["mapping"])
        readings = [reader.read(row.row, row.content) for row in rows if row.problem is None]
        known = whom(books, reader, readings, on_match=job.request["on_match"])
        changed = self._change(shop, books, job, reader, readings, known)
        added = self._add(shop, books, job, readings, known)
        befores = {**changed, **{row: each.before for row, each in added.items()}}
        subjects = {**known, **{row: each.member_id for row, each in added.items()}}
        problems = {reading.row: reading.problems for reading in readings}
        told = [
            _ended(row, problems.get(row.row), subjects.get(row.row), befores.get(row.row))
            for row in rows
        ]
        books.put_job_rows(job.job_id, [row for row in told if row is not None])
        touched = sorted((row, subjects[row]) for row in befores)
        if touched:
            detail: dict[str, int | str] = {
                "event": "import_members",
                "job": job.job_id,
                "from_row": rows[0].row,
                "added": len(added),
                "changed": len(changed),
                "members_sha256": digest_of([member_id for _, member_id in touched]),
            }
            now_ms = shop.clock.now_ms()
            append_event(shop, books, actor_of(job), Kind.IMPORTED, None, detail, now_ms)
        done = job.done + len(rows)
        bad = len(rows) - len(readings) + sum(bool(reading.problems) for reading in readings)
        # The samples have served: each step writes the job again.
        answer = {name: value for name, value in job.answer.items() if name != "samples"}
        for name, count in (("added", len(added)), ("changed", len(changed))):
            answer[name] = int(answer.get(name, 0)) + count
        ended = done >= job.total or not rows
        waiting = books.words_waiting()
        if waiting >= MOST_WORDS_WAITING or (ended and waiting):
            answer["finding"] = 0
        state = JobState.DONE if ended and not waiting else job.state
        return replace(job, state=state, done=done, refused=job.refused + bad, answer=answer)

    def _change(
        self,
        shop: Shop,
        books: Books,
        job: Job,
        reader: RowReader,
        readings: Sequence[Reading],
        known: dict[int, str],
    ) -> dict[int, Any]:
        """The rows whose member really changed, with what undo puts back."""
        if not known:
            return {}
        listed = {each.member.member_id: each for each in books.listed(list(known.values()))}
        changed: dict[int, Any] = {}
        for reading in readings:
            found = listed.get(known.get(reading.row, ""))
            if found is None:
                continue
            if found.personal is None:
                reading.problems.append(Problem(reader.column_of("number"), "member_erased"))
                continue
            member, personal = changed_member(
                shop.rules, found.member, found.personal, reading.form, checked=True
            )
            if reading.referrer and member.referrer is None:
                member = replace(member, referrer=_referrer(books, reading, member))
            if reading.level and reading.level != member.level:
                note_level(shop, books, job, member, reading.level)
                member = replace(member, level=reading.level)
            if member != found.member:
                books.change_member(member)
            if personal != found.personal:
                books.change_personal(member.member_id, personal)
            if member != found.member or personal != found.personal:
                was = Touched(found.member, found.personal)
                changed[reading.row] = as_before(books, was, Touched(member, personal))
        return changed

    def _add(
        self,
        shop: Shop,
        books: Books,
        job: Job,
        readings: Sequence[Reading],
        known: dict[int, str],
    ) -> dict[int, Added]:
        now_ms, rules = shop.clock.now_ms(), shop.rules
        today = shop.day(now_ms)
        made: dict[int, tuple[Member, Personal]] = {}
        for reading in readings:
            if reading.row in known or reading.problems:
                continue
            member_id = shop.clock.new_id()
            member, personal = new_member(
                rules, reading.form, member_id, now_ms, today, checked=True
            )
            if reading.referrer:
                member = replace(member, referrer=_referrer(books, reading, member))
            made[reading.row] = (member, personal)
        unnumbered = [row for row, (member, _) in made.items() if not member.number]
        for row, number in zip(
            unnumbered, _free_numbers(shop, books, made, len(unnumbered)), strict=True
        ):
            member, personal = made[row]
            made[row] = (replace(member, number=number), personal)
        levels = {reading.row: reading.level for reading in readings if reading.level}
        for row in made.keys() & levels.keys():
            member, personal = made[row]
            note_level(shop, books, job, member, levels[row])
            made[row] = (replace(member, level=levels[row]), personal)
        if made:
            books.add_members(list(made.values()))
        return {
            row: Added(member.member_id, 1 if row in levels else 0)
            for row, (member, _) in made.items()
        }

    def undo(self, shop: Shop, books: Books, job: Job, most: int) -> Job:
        return take_back(shop, books, job, most)

    def end(self, shop: Shop, books: Books, job: Job) -> None:
        """The steps have forgotten what they took in."""


def _find(books: Books, job: Job, most: int) -> Job:
    """Puts words of members who were added in their place."""
    way = books.settle_words(most * WORDS_OF_A_MEMBER)
    answer = {name: value for name, value in job.answer.items() if name != "finding"}
    if way is not None:
        return replace(job, answer={**answer, "finding": way})
    state = job.state if job.done < job.total else JobState.DONE
    return replace(job, state=state, answer=answer)


def _free_numbers(
    shop: Shop, books: Books, made: dict[int, tuple[Member, Personal]], count: int
) -> list[str]:
    """Running numbers that neither the books nor this step have."""
    given = {member.number for member, _ in made.values()}
    free: list[str] = []
    while len(free) < count:
        more = next_numbers(shop, books, count - len(free))
        free += [number for number in more if number not in given]
    return free


def _referrer(books: Books, reading: Reading, member: Member) -> str | None:
    found = books.numbered([reading.referrer]).get(reading.referrer)
    return None if found == member.member_id else found


def note_level(shop: Shop, books: Books, job: Job, member: Member, level: str) -> None:
    """A level that a file says. Nobody is told and nothing is given for it: an old customer comes
    over with the rank they had."""
    detail: dict[str, int | str] = {
        "event": "set_level",
        "before": member.level or "",
        "after": level,
        "reason": KIND,
        "job": job.job_id,
    }
    actor, now_ms = actor_of(job), shop.clock.now_ms()
    append_event(shop, books, actor, Kind.LEVEL, member.member_id, detail, now_ms)


def _ended(
    row: JobRow, problems: Sequence[Problem] | None, subject: str | None, before: Any
) -> JobRow | None:
    """The row as it is kept: a good one without its content, a bad one with its reasons. `problems`
    is None where it was bad before."""
    if problems is None:
        return None
    if problems:
        return replace(row, problem=[each.as_json() for each in problems])
    return JobRow(row.row, subject=subject, before=before)
