"""What a counter of a chain marks to go up: each key once, in the order of its last change, and for
members who are added together in as many statements for a thousand as for one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.records import Member, Personal
from daemon.ledger import branch_desk
from daemon.ledger.books import SqlBooks
from daemon.ledger.store import SqlLedger
from daemon.ports.ledger import Books
from tests.ledger.shop import TickClock, member


def people(clock: TickClock, count: int, first: int = 1) -> list[tuple[Member, Personal]]:
    numbers = range(first, first + count)
    return [(member(clock, str(number)), Personal(name=f"n{number}")) for number in numbers]


def marks(books: Books) -> list[tuple[str, str]]:
    return [(each.dataset, each.key) for each in books.outgoing(100_000)]


def ids(added: list[tuple[Member, Personal]]) -> list[tuple[str, str]]:
    return [("members", who.member_id) for who, _ in added]


async def test_members_go_up_in_the_order_in_which_they_were_added(
    sql: SqlLedger, clock: TickClock
) -> None:
    first, second = people(clock, 3), people(clock, 2, 11)

    def work(books: Books) -> None:
        books.join_chain()
        books.add_members(first)
        books.add_members([])
        books.add_members(second)
        assert marks(books) == ids(first) + ids(second)
        books.change_personal(first[0][0].member_id, Personal(name="changed"))
        assert marks(books) == ids(first)[1:] + ids(second) + ids(first)[:1]
        numbers = [each.cseq for each in books.outgoing(100)]
        assert numbers == [2, 3, 4, 5, 6]

    await sql.write(work)


async def test_a_shop_without_a_cloud_marks_nothing(sql: SqlLedger, clock: TickClock) -> None:
    def work(books: Books) -> None:
        books.add_members(people(clock, 3))
        assert marks(books) == []

    await sql.write(work)


async def test_a_thousand_take_no_more_statements_than_one(
    sql: SqlLedger, clock: TickClock
) -> None:
    def work(books: Books) -> dict[int, int]:
        assert isinstance(books, SqlBooks)
        books.join_chain()
        counted = {}
        for count, first in ((1, 1), (1_000, 10)):
            added = people(clock, count, first)
            said: list[str] = []
            books._connection.set_trace_callback(said.append)
            books.add_members(added)
            books._connection.set_trace_callback(None)
            counted[count] = sum("chain_state" in each or "outgoing" in each for each in said)
        return counted

    assert await sql.write(work) == {1: 2, 1_000: 2}


@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
async def test_what_a_shop_had_goes_up_when_it_joins(
    sql: SqlLedger, clock: TickClock, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(branch_desk, "AT_ONCE", at_once)
    had = people(clock, 5)

    def work(books: Books) -> None:
        books.add_members(had)
        books.join_chain()
        books.mark_all_outgoing()
        assert marks(books) == sorted(ids(had))

    await sql.write(work)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=6))
async def test_one_by_one_and_together_is_the_same(sql: SqlLedger, steps: list[list[int]]) -> None:
    """Any members again and again, also the same one twice in a step."""

    def work(books: Books) -> list[Any]:
        assert isinstance(books, SqlBooks)
        books.join_chain()
        told = []
        for together in (True, False):
            books._change("DELETE FROM outgoing")
            for step in steps:
                keys = [f"m{number}" for number in step]
                if together:
                    books._all_go_up("members", keys)
                else:
                    for key in keys:
                        books._goes_up("members", key)
            told.append(marks(books))
        return told

    together, one_by_one = await sql.write(work)
    assert together == one_by_one
