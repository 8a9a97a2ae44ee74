"""`counterd verify` after points, coupons of every kind, triggers, recharges that were taken back
and lots that ended; and what it finds in `lot_end`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import pytest

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.lot_rule import LotRule
from daemon.keys.files import KeyFolder
from daemon.ledger.proof.report import Report
from daemon.ledger.verify import verify
from daemon.operations.nightly import Nightly
from daemon.ports.ledger import Books
from tests.fakes.clock import HandClock
from tests.fakes.ledger import MemoryLedger
from tests.ledger.proof import proved
from tests.loyalty.shop import CAMPAIGNS, add_member, as_manager, done, give, make_shop, put_rules
from tests.loyalty.test_coupons_over_http import job_done
from tests.loyalty.test_rounds import TRIGGERS
from tests.web.till import Counter

DAY_S = 86_400
MANY = {"campaigns": [{**CAMPAIGNS["campaigns"][0], "most_issued": 100}]}


def found(counter: Counter) -> Report:
    keys = KeyFolder(counter.folder / "keys")
    return verify(counter.folder / "ledger.db", keys.ledger_key(), keys.signer().public_key)


async def test_coupons_of_every_kind(counter: Counter) -> None:
    """To members, to print, for a filter, by a trigger; withdrawn, extended, used, undone."""
    put_rules(counter, campaigns=MANY, triggers=TRIGGERS)
    members = [(await counter.member(f"张{n}", ""))["member_id"] for n in range(6)]
    body = {"campaign": "spring", "member_ids": members[:2]}
    first, second = (await done(counter, "/coupons", body))["coupons"]
    printed = (await done(counter, "/coupons", {"campaign": "spring", "count": 3}))["coupons"]
    await done(counter, "/coupons/withdraw", {"code": first["code"], "reason": "goodwill"})
    await done(counter, "/coupons/extend", {"code": second["code"], "to_day": "2026-12-24"})
    job = await counter.post(
        "/coupon-jobs", {"campaign": "spring", "member_ids": members}, expect=201
    )
    await counter.post(f"/jobs/{job['job_id']}/start")
    await job_done(counter, job["job_id"], "done")
    await _use(counter, printed[0]["code"], members[3])
    report = found(counter)
    assert report.ok, str(report)
    await counter.post(f"/jobs/{job['job_id']}/undo")
    await job_done(counter, job["job_id"], "undone")
    report = found(counter)
    assert report.ok, str(report)
    counts = (await counter.get("/coupons?campaign=spring"))["counts"]
    # A first visit brought one more; six of the job and one by hand are withdrawn.
    assert counts == {"issued": 12, "redeemed": 1, "withdrawn": 7, "expired": 0}


async def _use(counter: Counter, code: str, member_id: str) -> None:
    body = {
        "lines": [{"line_id": "1", "code": "TEA", "quantity": 2}],
        "coupons": [code],
        "member_id": member_id,
        "tenders": [{"kind": "cash"}],
    }
    sale = await counter.post("/sales", body, key=counter.new_key(), expect=202)
    assert (await counter.sale(sale["sale_id"]))["status"] == "approved"


async def test_recharges_that_are_taken_back(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    first = await counter.recharge(who, 30_000)
    await counter.recharge(who, 20_000)
    counter.clock.advance(DAY_S)
    await as_manager(counter)
    await counter.recharge(who, 10_000)
    await done(counter, f"/recharges/{first['recharge_id']}/void")
    assert found(counter).ok
    payout = {"tender": "bank_transfer", "voucher": "v", "same_name": True, "paper_shown": True}
    back = await done(counter, "/balance-refunds", {"member_id": who, **payout})
    report = found(counter)
    assert report.ok, str(report)
    standing = await counter.ledger.read(lambda books: books.standing(who))
    left_fen = 30_000 - sum(lot["refund_fen"] for lot in back["lots"])
    assert (standing.recharged_fen, standing.principal_fen) == (left_fen, 0)


async def test_lots_that_end(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await give(counter, who, 70)
    counter.clock.advance(10 * DAY_S)
    await as_manager(counter)
    await give(counter, who, 30)
    await counter.nightly.catch_up()
    assert found(counter).ok
    counter.clock.advance(25 * DAY_S)
    await counter.nightly.catch_up()
    report = found(counter)
    assert report.ok, str(report)
    standing = await counter.ledger.read(lambda books: books.standing(who))
    assert standing.points == 30


# -- what is found in lot_end --------------------------------------------------------------------


@pytest.fixture
async def ending() -> AsyncIterator[MemoryLedger]:
    """A lot that is held, one that was emptied before its day, and one that has ended."""
    ledger, clock = MemoryLedger(), HandClock()
    shop = make_shop(ledger, clock)
    member = await ledger.write(lambda books: add_member(shop, books, "1001"))
    owner = f"member:{member.member_id}"

    def post(books: Books, account: Account, amount: int, to_day: str = "") -> int:
        other = Account("shop", account.asset)
        postings = (Posting(account, amount), Posting(other, -amount))
        draft = Draft(clock.new_id(), Kind.POINTS, clock.now_ms(), "1", postings=postings)
        opened = {account: LotRule("test", to_day).as_text()} if to_day else None
        return books.append(draft, opened).dseq

    def work(books: Books) -> None:
        post(books, Account(owner, "points"), 5, "2027-01-31")
        emptied = post(books, Account(owner, "pass:WASH"), 2, "2027-02-28")
        post(books, Account(owner, "pass:WASH", emptied), -2)
        post(books, Account(owner, "points"), 9, "2026-09-01")

    await ledger.write(work)
    await Nightly(shop, pause_s=0.0).catch_up()
    yield ledger
    await ledger.close()


def differences(ledger: MemoryLedger) -> list[tuple[str, str, str]]:
    return [(each.table, each.key, each.detail) for each in proved(ledger.connection).problems]


@contextmanager
def spoilt(ledger: MemoryLedger, statement: str) -> Any:
    ledger.connection.execute("BEGIN")
    assert ledger.connection.execute(statement).rowcount == 1
    yield
    ledger.connection.execute("ROLLBACK")


def ends(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM lot_end ORDER BY to_day").fetchall()


async def test_an_end_that_is_missing_moved_or_too_many_is_named(ending: MemoryLedger) -> None:
    assert differences(ending) == []
    rows = ends(ending.connection)
    assert [row[0] for row in rows] == ["2027-01-31", "2027-02-28"]
    for row, held in zip(rows, (True, False), strict=True):
        key = " ".join(map(str, row))
        # The row of an emptied lot does nothing, until the schema needs it and puts it back.
        missing = [("lot_end", key, "missing")] if held else []
        with spoilt(ending, f"DELETE FROM lot_end WHERE to_day = '{row[0]}'"):
            assert differences(ending) == missing
        moved = f"UPDATE lot_end SET to_day = '2030-01-01' WHERE to_day = '{row[0]}'"
        with spoilt(ending, moved):
            stray = ("lot_end", key.replace(row[0], "2030-01-01"), "too many")
            assert differences(ending) == [*missing, stray]
    with spoilt(ending, "INSERT INTO lot_end VALUES ('2027-01-31', 'member:x', 'points', 1)"):
        assert differences(ending) == [("lot_end", "2027-01-31 member:x points 1", "too many")]
