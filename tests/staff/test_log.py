"""The log: found by who, what, whom and when; exported; proved."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import openpyxl
import pytest

from daemon.core.entry import Draft, Kind
from daemon.operations import audit_log
from tests.web.till import CASHIER, MANAGER, Counter, customer, desfire

DAY_S = 86_400


@pytest.fixture
async def busy(counter: Counter) -> Counter:
    """The cashier's morning, then the manager looks."""
    who = await customer(counter, desfire())
    await counter.begin(1_850)
    await counter.tap(who.card)
    await counter.sign_in(MANAGER)
    return counter


async def log(counter: Counter, query: str = "") -> list[dict[str, Any]]:
    return list((await counter.get(f"/log?{query}"))["entries"])


async def test_newest_first_with_everything_that_is_told(busy: Counter) -> None:
    entries = await log(busy)
    numbers = [entry["dseq"] for entry in entries]
    assert numbers == sorted(numbers, reverse=True) and numbers[-1] == 1
    assert entries[0]["event"] == "signed_in" and entries[0]["actor"] == MANAGER[0]
    sale = next(entry for entry in entries if entry["kind"] == "sale")
    assert sale["actor"] == CASHIER[0] and sale["member"]["name"] == "张*"
    assert sale["card_id"] and len(sale["chain"]) == 16
    chains = await busy.ledger.read(lambda books: books.leaves(sale["dseq"], 1))
    assert chains[0][2].hex().startswith(sale["chain"])


async def test_filters(busy: Counter) -> None:
    member_id = (await busy.get("/members?q=张伟"))["members"][0]["member_id"]
    every = await log(busy)
    for query, fits in (
        ("employee=1", lambda entry: entry["actor"] == "1"),
        ("kind=recharge", lambda entry: entry["kind"] == "recharge"),
        ("event=signed_in", lambda entry: entry["event"] == "signed_in"),
        (f"member_id={member_id}", lambda entry: (entry["member"] or {}).get("number") is not None),
        ("approver=9", lambda entry: entry["approver"] == "9"),
    ):
        found = await log(busy, query)
        assert [entry["dseq"] for entry in found] == [
            entry["dseq"] for entry in every if fits(entry)
        ], query
    assert (await busy.ask("GET", "/log?kind=nothing")).key == "kind_unknown"
    assert (await busy.ask("GET", "/log?from_day=2026-13-40")).key == "day_malformed"


async def test_approvers_are_found(busy: Counter) -> None:
    await busy.sign_in()
    body = {"permission": "log", "employee": MANAGER[0], "pin": MANAGER[1]}
    given = (await busy.post("/approvals", body))["token"]
    found = await busy.get("/log?approver=9", headers={"Approval": given})
    assert [entry["event"] for entry in found["entries"]] == ["approval_used", "approval_given"]


async def test_a_period_is_whole_days_of_the_shop(busy: Counter) -> None:
    today = busy.shop.day(busy.clock.now_ms())
    before = len(await log(busy))
    busy.clock.advance(DAY_S)
    await busy.sign_in(MANAGER)
    tomorrow = busy.shop.day(busy.clock.now_ms())
    assert len(await log(busy, f"from_day={today}&to_day={today}")) == before
    (only,) = await log(busy, f"from_day={tomorrow}")
    assert only["event"] == "signed_in"
    assert await log(busy, "from_day=2026-01-01&to_day=2026-01-02") == []


async def test_pages_join_without_a_gap(busy: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a search looks through few entries at a time and comes back with none."""
    every = [entry["dseq"] for entry in await log(busy)]
    monkeypatch.setattr(audit_log, "WINDOW", 2)
    monkeypatch.setattr(audit_log, "MOST_WINDOWS", 1)
    for query, expected in (
        ("limit=3", every),
        ("limit=1&kind=member_added", None),
    ):
        joined: list[int] = []
        page = await busy.get(f"/log?{query}")
        joined += [entry["dseq"] for entry in page["entries"]]
        while page["next"] is not None:
            page = await busy.get(f"/log?{query}&before={page['next']}")
            joined += [entry["dseq"] for entry in page["entries"]]
        if expected is None:
            assert len(joined) == 1
        else:
            assert joined == expected


async def test_it_needs_the_permission(counter: Counter) -> None:
    for method, path in (("GET", "/log"), ("GET", "/log/verify"), ("POST", "/log/verify")):
        reply = await counter.ask(method, path, {})
        assert reply.body["facts"] == {"permission": "log"}


async def test_the_chain_is_proved_on_demand(busy: Counter) -> None:
    assert (await busy.get("/log/verify"))["state"] == "never"
    begun = await busy.post("/log/verify", expect=202)
    assert begun["state"] == "running"
    proof = begun
    while proof["state"] == "running":
        await asyncio.sleep(0.01)
        proof = await busy.get("/log/verify")
    head = await busy.ledger.read(lambda books: books.head())
    assert proof["state"] == "holds" and proof["checked"] == proof["total"] == head.dseq
    assert proof["since_ms"] <= busy.clock.now_ms() and proof["broken_at"] is None


async def test_export(busy: Counter) -> None:
    """A fact that looks like a formula stays text, in every format."""

    def work(books: Any) -> None:
        books.append(
            Draft("op-x", Kind.RULES_CHANGED, 1, "=cmd|' /C calc'!A0", detail={"event": "@odd"})
        )

    await busy.ledger.write(work)
    for encoding, codec in (("utf-8", "utf-8-sig"), ("gb18030", "gb18030")):
        body = {"format": "csv", "encoding": encoding}
        reply = await busy.ask("POST", "/log/export", body)
        assert reply.status == 200
        assert "attachment" in reply.headers["Content-Disposition"]
        assert reply.body.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8")
        rows = list(csv.reader(io.StringIO(reply.body.decode(codec))))
        assert rows[0][:2] == ["序号", "时间"]
        odd = next(row for row in rows if row[2] == "rules_changed")
        assert odd[3] == "'@odd" and odd[4].startswith("'=cmd")
    reply = await busy.ask("POST", "/log/export", {"format": "xlsx", "language": "en"})
    sheet = openpyxl.load_workbook(io.BytesIO(reply.body)).active
    assert sheet is not None
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0][0] == "Entry"
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    exported = await log(busy, "kind=exported")
    assert len(exported) == 3
    # Each file has what was there before it, and its own trace comes after.
    assert exported[0]["facts"] == {"rows": len(cells) - 1}
