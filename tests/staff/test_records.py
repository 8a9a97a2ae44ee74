"""Consumption records: by member, card, code, category, employee, period and kind; summed, paged,
exported."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from daemon.operations import records as looking
from tests.staff.salon import line, open_salon, refund, sell
from tests.web.till import CASHIER, MANAGER, Counter, customer, desfire

Row = tuple[str, str, int, int]


@pytest.fixture
async def salon(bare: Counter) -> Counter:
    """A cut and an oil in cash, one of two oils brought back, a recharge of 500.00, and a dye from
    the card by the cashier."""
    await open_salon(bare)
    await sell(bare, [line("1", "cut"), line("2", "oil")], [{"kind": "cash"}])
    oils = await sell(bare, [line("1", "oil", 2)], [{"kind": "wechat"}])
    await refund(bare, oils, {"1": 1})
    await bare.sign_in(CASHIER)
    who = await customer(bare, desfire())
    body = {"lines": [line("1", "dye")]}
    await bare.post("/sales", body, key="dye", expect=202)
    await bare.tap(who.card)
    await bare.sign_in(MANAGER)
    return bare


async def records(counter: Counter, query: str = "") -> list[dict[str, Any]]:
    return list((await counter.get(f"/records?{query}"))["records"])


def rows(found: list[dict[str, Any]]) -> list[Row]:
    return [(row["kind"], row["code"], row["quantity"], row["paid_fen"]) for row in found]


DYE: Row = ("sale", "dye", 1, 38_000)
RECHARGE: Row = ("recharge", "", 0, 50_000)
BACK: Row = ("refund", "oil", -1, -9_900)
OILS: Row = ("sale", "oil", 2, 19_800)
OIL: Row = ("sale", "oil", 1, 9_900)
CUT: Row = ("sale", "cut", 1, 6_800)


async def test_newest_first(salon: Counter) -> None:
    found = await records(salon)
    assert rows(found) == [DYE, RECHARGE, BACK, OILS, OIL, CUT]
    assert found[0]["member"]["name"] == "张*" and found[0]["employee"] == "1"
    assert found[2]["member"] is None


async def test_filters(salon: Counter) -> None:
    dye = (await records(salon))[0]
    member_id = dye["member"]["member_id"]
    today = salon.shop.day(salon.clock.now_ms())
    for query, expected in (
        ("code=oil", [BACK, OILS, OIL]),
        ("category=hair", [DYE, CUT]),
        ("employee=1", [DYE, RECHARGE]),
        ("kind=sale", [DYE, OILS, OIL, CUT]),
        ("kind=refund,recharge", [RECHARGE, BACK]),
        (f"member_id={member_id}", [DYE, RECHARGE]),
        (f"card_id={dye['card_id']}", [DYE]),
        (f"from_day={today}&to_day={today}&code=cut", [CUT]),
        ("from_day=2026-01-01&to_day=2026-01-31", []),
    ):
        assert rows(await records(salon, query)) == expected, query
    for query, key in (
        ("kind=nonsense", "kind_unknown"),
        ("from_day=2026-02-30", "day_malformed"),
        ("after=x", "cursor_malformed"),
    ):
        reply = await salon.ask("GET", f"/records?{query}")
        assert (reply.status, reply.key) == (422, key)


async def test_sums_are_over_all_that_fits(salon: Counter) -> None:
    told = await salon.get("/records?limit=1&sums=true")
    assert len(told["records"]) == 1
    sums = {row["kind"]: row for row in told["sums"]}
    assert sums["sale"]["count"] == 4 and sums["sale"]["quantity"] == 5
    assert sums["sale"]["paid_fen"] == sums["sale"]["list_fen"] == 74_500
    assert sums["sale"]["discount_fen"] == 0
    assert (sums["refund"]["count"], sums["refund"]["paid_fen"]) == (1, -9_900)
    assert sums["recharge"]["paid_fen"] == 50_000


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_join(salon: Counter, limit: int) -> None:
    every = await records(salon)
    joined: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await salon.get(f"/records?limit={limit}&after={after}")
        joined += page["records"]
        if page["next"] is None:
            break
        after = page["next"]
    assert joined == every


async def test_a_search_in_many_windows_finds_the_same(
    salon: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is given up on the way and goes on from there."""
    every = await salon.get("/records?sums=true")
    monkeypatch.setattr(looking, "WINDOW_MS", 20)
    monkeypatch.setattr(looking, "MOST_WINDOWS", 50)
    today = salon.shop.day(salon.clock.now_ms())
    begun = every["records"][-1]["at_ms"] - 1_000

    def soon(shop: Any, *_: Any, **__: Any) -> tuple[int, int]:
        return begun, salon.clock.now_ms() + 1

    monkeypatch.setattr(looking, "period", soon)
    page = await salon.get(f"/records?from_day={today}&sums=true&limit=2")
    joined, pages = list(page["records"]), 1
    assert page["sums"] == every["sums"]
    while page["next"] is not None:
        page = await salon.get(f"/records?limit=2&after={page['next']}")
        joined += page["records"]
        pages += 1
    assert joined == every["records"] and pages > 3


async def test_at_the_counter_only_ones_member(salon: Counter) -> None:
    member_id = (await records(salon))[0]["member"]["member_id"]
    await salon.sign_in(CASHIER)
    for query in ("", "code=oil", f"member_id={member_id}&sums=true"):
        reply = await salon.ask("GET", f"/records?{query}")
        assert reply.body["facts"] == {"permission": "records"}
    assert rows(await records(salon, f"member_id={member_id}")) == [DYE, RECHARGE]


async def test_export(salon: Counter) -> None:
    reply = await salon.ask("POST", "/records/export", {"kind": "sale", "language": "en"})
    table = list(csv.reader(io.StringIO(reply.body.decode("utf-8-sig"))))
    assert table[0][:2] == ["Time", "Kind"] and len(table) == 5
    assert [row[10] for row in table[1:]] == ["380.00", "198.00", "99.00", "68.00"]
    assert "张" not in reply.body.decode("utf-8-sig")
    await salon.sign_in(CASHIER)
    refused = await salon.ask("POST", "/records/export", {})
    assert refused.body["facts"] == {"permission": "export"}
    body = {"permission": "export", "employee": MANAGER[0], "pin": MANAGER[1]}
    given = (await salon.post("/approvals", body))["token"]
    done = await salon.ask("POST", "/records/export", {}, headers={"Approval": given})
    assert done.status == 200
    await salon.sign_in(MANAGER)
    first, second = (await salon.get("/log?kind=exported"))["entries"]
    assert (first["actor"], first["approver"], first["facts"]) == ("1", "9", {"rows": 6})
    assert (second["actor"], second["facts"]) == ("9", {"rows": 4})
