"""Members in great numbers: their words wait and are put in their place, whatever comes between. A
search finds exactly whom somebody who reads through all names would find."""

from __future__ import annotations

import asyncio
import sqlite3
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.csv_table import write_rows
from daemon.core.ids import make_id
from daemon.core.pinyin import name_words, typed_words
from daemon.core.records import Member, Personal
from daemon.ledger import words_desk
from daemon.ledger.books import SqlBooks
from daemon.ledger.migrate import migrate
from daemon.ledger.readings import readings_of, syllables
from daemon.ledger.vault import Vault
from daemon.operations import jobs, member_import
from tests.web.till import MANAGER, Counter

from .conftest import ended
from .test_files import load

GIVEN_NAMES = "伟芳娜秀英敏静丽强磊"
ROWS = 60


def table() -> bytes:
    rows = [["会员号", "姓名", "手机号", "生日"]]
    for number in range(ROWS):
        name = "单" + GIVEN_NAMES[number // 10] + GIVEN_NAMES[number % 10]
        rows.append([f"B{number:03d}", name, f"139{number:08d}", "1990-05-17"])
    return write_rows(rows).encode()


def held(monkeypatch: pytest.MonkeyPatch, steps: int) -> asyncio.Event:
    """The runner stands still after that many steps, as if the power had gone there: each of its
    steps is one transaction. The event is set when it stands."""
    there = asyncio.Event()
    made = 0

    async def give_way(self: jobs.JobRunner) -> None:
        nonlocal made
        made += 1
        if made == steps:
            there.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(jobs.JobRunner, "_give_way", give_way)
    return there


def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_desk, "MANY", 2)
    for name in ("MOST_ROWS", "QUIET_ROWS"):
        monkeypatch.setattr(jobs, name, 10)
    # A run of ten members has four words of its stretch at the least: some are settled in a step.
    monkeypatch.setattr(member_import, "WORDS_OF_A_MEMBER", 1)


async def whole(counter: Counter) -> None:
    """Everybody is there once, and found by whatever they are found by."""

    def look(books: Any) -> None:
        assert books.words_waiting() == 0
        count = books._connection.execute
        assert count("SELECT count(*) FROM member").fetchone() == (ROWS,)
        rows = count("SELECT member_id FROM member").fetchall()
        for (member_id,) in rows:
            words = books._vault.words(books.personal(member_id)).numbers()
            kept = count("SELECT word FROM member_word WHERE member_id = ?", (member_id,))
            assert {word for (word,) in kept.fetchall()} == words

    await counter.ledger.read(look)
    found = (await counter.get("/members?q=swf&limit=50"))["members"]
    assert [member["number"] for member in found] == ["B001"]


@pytest.mark.parametrize("steps", [1, 3, 6, 7, 9, 40])
async def test_an_import_goes_on_where_it_was_cut(
    office: Counter, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """While members are added (six steps and more), and while their words are put in place."""
    job_id = (await load(office, table())).body["job_id"]
    with monkeypatch.context() as patched:
        small_steps(patched)
        there = held(patched, steps)
        await office.post(f"/jobs/{job_id}/start")
        await there.wait()
        job = await office.get(f"/jobs/{job_id}")
        assert job["state"] == "running"
        assert ("finding" in job["answer"]) == (job["done"] == ROWS)
        await office.stop()
    reborn = office.reborn()
    await reborn.start()
    try:
        await reborn.sign_in(MANAGER)
        job = await ended(reborn, job_id)
        assert (job["state"], job["done"], job["answer"]["added"]) == ("done", ROWS, ROWS)
        assert "finding" not in job["answer"]
        await whole(reborn)
    finally:
        await reborn.stop()
        await office.start()


async def test_who_is_added_is_found_by_number_and_phone_at_once(
    office: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = (await load(office, table())).body["job_id"]
    with monkeypatch.context() as patched:
        small_steps(patched)
        there = held(patched, 2)
        await office.post(f"/jobs/{job_id}/start")
        await there.wait()
        added = (await office.get(f"/jobs/{job_id}"))["done"]
        assert 0 < added < ROWS
        for number in range(added):
            for query in (f"B{number:03d}", f"139{number:08d}"):
                (member,) = (await office.get(f"/members?q={query}"))["members"]
                assert member["number"] == f"B{number:03d}"
        assert (await office.get("/members?q=swf"))["members"] == []
        # Nobody gets a phone twice meanwhile.
        twice = {"name": "李四", "phone": "13900000001"}
        assert (await office.ask("POST", "/members", twice)).key == "phone_taken"


@pytest.mark.parametrize("steps", [2, 8])
async def test_an_import_that_is_stopped_leaves_nobody_unfindable(
    office: Counter, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    small_steps(monkeypatch)
    job_id = (await load(office, table())).body["job_id"]
    plain = jobs.JobRunner._give_way
    there = held(monkeypatch, steps)
    await office.post(f"/jobs/{job_id}/start")
    await there.wait()
    await office.post(f"/jobs/{job_id}/stop")
    await office.stop()
    monkeypatch.setattr(jobs.JobRunner, "_give_way", plain)
    reborn = office.reborn()
    await reborn.start()
    try:
        await reborn.sign_in(MANAGER)
        assert (await ended(reborn, job_id))["state"] == "stopped"
        while await reborn.ledger.read(lambda books: books.words_waiting()):
            await asyncio.sleep(0.005)
        found = (await reborn.get("/members?q=swf"))["members"]
        assert [member["number"] for member in found] == ["B001"]
        await reborn.post(f"/jobs/{job_id}/start")
        assert (await ended(reborn, job_id))["state"] == "done"
        await whole(reborn)
    finally:
        await reborn.stop()
        await office.start()


# -- a search finds whom a reader would ------------------------------------------------------------

NAMES = st.one_of(
    st.text("单曾王仇李吕伟芳", min_size=1, max_size=4),
    st.sampled_from(["Mary Ann Lee", "Ａｎｎ", "欧阳娜娜", "阿·买"]),
)
PHONES = st.one_of(st.just(""), st.text("01", min_size=5, max_size=6))
WHO = st.builds(Personal, NAMES, PHONES)
QUERIES = st.one_of(
    NAMES,
    st.text("01", min_size=4, max_size=6),
    st.sampled_from(["s", "sw", "shan", "dan", "shanw", "zengw", "chou", "lv", "lu", "ma", "mary"]),
)
DOINGS = st.one_of(
    st.tuples(st.just("add"), st.lists(WHO, min_size=1, max_size=5)),
    st.tuples(st.just("change"), st.integers(0, 30), WHO),
    st.tuples(st.just("erase"), st.integers(0, 30)),
    st.tuples(st.just("settle"), st.integers(1, 9)),
)


def reads(who: Personal, query: str) -> bool:
    """Whether somebody who reads this person's data would say that the query means them."""
    text = plainly(query)
    if plainly(who.name).startswith(text):
        return True
    if text.isdigit() and who.phone and (text == who.phone or text == who.phone[-4:]):
        return True
    return not typed_words(query, syllables()).isdisjoint(name_words(who.name, readings_of))


def plainly(text: str) -> str:
    """Width, case and blanks do not matter to a reader."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


@settings(max_examples=60, deadline=None)
@given(st.lists(DOINGS, min_size=1, max_size=8), st.lists(QUERIES, min_size=1, max_size=4))
def test_a_search_finds_whom_a_reader_finds(doings: list[Any], queries: list[str]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    books = SqlBooks(connection, Vault(bytes(32)), writable=True)
    people: dict[str, Personal] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words_desk, "MANY", 2)
        for what, *rest in doings:
            ids = sorted(people)
            if what == "add":
                added = []
                for who in rest[0]:
                    number = len(people) + len(added)
                    member_id = make_id(number, bytes(10))
                    added.append((Member(member_id, f"N{number}", "x", "active", 0), who))
                books.add_members(added)
                people |= {member.member_id: who for member, who in added}
            elif what == "settle":
                books.settle_words(rest[0])
            elif ids and (member_id := ids[rest[0] % len(ids)]):
                if books.personal(member_id) is None:
                    continue
                if what == "change":
                    books.change_personal(member_id, rest[1])
                    people[member_id] = rest[1]
                else:
                    books.erase_personal(member_id)
                    people[member_id] = Personal("")
        for settled in (False, True):
            for query in queries:
                if not query.strip():
                    continue
                found = list(books.found_members(query, 100, None).member_ids)
                read = [
                    member_id
                    for member_id, who in sorted(people.items(), reverse=True)
                    if who.name and reads(who, query)
                ]
                if settled:
                    assert found == read, query
                else:
                    assert set(found) <= set(read), query
                    phoned = {each for each in read if people[each].phone == query}
                    assert phoned <= set(found), query
            while books.settle_words(1) is not None:
                pass
    connection.close()


def test_words_of_one_stretch_are_settled_in_bounded_steps() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    books = SqlBooks(connection, Vault(bytes(32)), writable=True)
    for run in range(6):
        books.add_members(
            [
                (
                    Member(make_id(run * 100 + n, bytes(10)), f"{run}-{n}", "x", "active", 0),
                    Personal("王伟", "", "m"),
                )
                for n in range(40)
            ]
        )
    settled = []
    while books.words_waiting():
        before = connection.execute("SELECT count(*) FROM member_word").fetchone()[0]
        assert books.settle_words(80) is not None
        after = connection.execute("SELECT count(*) FROM member_word").fetchone()[0]
        settled.append(after - before)
    assert max(settled) <= 80
    assert sum(settled) == 240 * len(books._vault.words(Personal("王伟", "", "m")).others)
    assert books.settle_words(80) is None
    connection.close()
