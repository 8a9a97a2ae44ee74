"""A line's price changed at the counter (改价), over HTTP: who may, how far, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.till import CASHIER, MANAGER, Counter, customer, desfire

from .shop import snapshot
from .test_baskets import line, sell

CASH = [{"kind": "cash"}]


def changed(price_fen: int, reason: str = "damaged") -> dict[str, Any]:
    return {"override": {"price_fen": price_fen, "reason": reason}}


async def test_a_changed_price_is_explained_everywhere(salon: Counter) -> None:
    """Two bottles at 40 yuan instead of 59.90, where the second would have been at half price; the
    cut beside them as ever. The quote, the paper, the log and the shift's report say so."""
    await salon.post("/shifts", {"float_fen": 0}, key="open", expect=200)
    lines = [line("1", "R1", 2, **changed(4_000)), line("2", "C1")]
    quote = await salon.post("/quotes", {"lines": lines})
    assert (quote["list_fen"], quote["paid_fen"]) == (18_780, 14_800)
    step = {"kind": "override", "rule_id": "override:damaged", "rule": "override:damaged"}
    assert quote["lines"][0]["steps"] == [{**step, "fen": 3_980}]
    sale = await sell(salon, lines=lines, tenders=CASH)
    assert (sale["status"], sale["amount_fen"]) == ("approved", 14_800)
    await salon.papers(1)
    assert "Price changed damaged" in str(salon.printer.papers[-1].blocks)

    (entry,) = [each for each in (await salon.get("/log"))["entries"] if each["event"] == "sale"]
    assert (entry["facts"]["overrides"], entry["facts"]["override_fen"]) == (1, 3_980)
    report = (await salon.get("/shifts/current/report"))["report"]
    assert report["overrides"] == {"count": 1, "fen": 3_980}
    assert report["discount_fen"] == 3_980


async def test_what_was_sold_at_a_changed_price_comes_back_at_it(salon: Counter) -> None:
    before = await salon.ledger.read(snapshot)
    sale = await sell(salon, lines=[line("1", "R1", 3, **changed(3_333))], tenders=CASH)
    path = f"/sales/{sale['sale_id']}/refunds"
    one = await salon.post(path, {"lines": {"1": 1}}, key="one", expect=200)
    rest = await salon.post(path, {}, key="rest", expect=200)
    assert one["paid_fen"] + rest["paid_fen"] == sale["amount_fen"] == 9_999
    assert await salon.ledger.read(snapshot) == before


async def test_a_manager_says_yes_and_both_are_named(salon: Counter) -> None:
    """Anybody may see what it would come to; selling it needs the permission."""
    await salon.sign_in(CASHIER)
    order = {"lines": [line("1", "C1", **changed(5_000, "goodwill"))], "tenders": CASH}
    assert (await salon.post("/quotes", {"lines": order["lines"]}))["paid_fen"] == 5_000
    refused = await salon.ask("POST", "/sales", order, key="k")
    assert (refused.status, refused.key) == (403, "permission_needed")
    assert refused.body["facts"] == {"permission": "price_override"}
    assert (await salon.get("/sales"))["sales"] == []

    number, pin = MANAGER
    asked = {"employee": number, "pin": pin, "permission": "price_override"}
    token = (await salon.post("/approvals", asked))["token"]
    sale = await salon.post("/sales", order, key="k", expect=202, headers={"Approval": token})
    assert (sale["status"], sale["amount_fen"]) == ("approved", 5_000)
    await salon.sign_in(MANAGER)
    (entry,) = [each for each in (await salon.get("/log"))["entries"] if each["event"] == "sale"]
    assert (entry["actor"], entry["approver"]) == (CASHIER[0], number)


async def test_the_yes_is_kept_with_a_sale_that_is_set_aside(salon: Counter) -> None:
    member = await customer(salon, desfire())
    await salon.sign_in(CASHIER)
    number, pin = MANAGER
    asked = {"employee": number, "pin": pin, "permission": "price_override"}
    token = (await salon.post("/approvals", asked))["token"]
    body = {"lines": [line("1", "C1", **changed(5_000))]}
    sale = await salon.post("/sales", body, key="k", expect=202, headers={"Approval": token})
    await salon.post(f"/sales/{sale['sale_id']}/park", {})
    await salon.post(f"/sales/{sale['sale_id']}/resume", {}, expect=202)
    await salon.tap(member.card)
    assert (await salon.get(f"/sales/{sale['sale_id']}"))["amount_fen"] == 5_000
    await salon.sign_in(MANAGER)
    (entry,) = [each for each in (await salon.get("/log"))["entries"] if each["event"] == "sale"]
    assert (entry["actor"], entry["approver"]) == (CASHIER[0], number)


async def test_a_member_pays_the_changed_price_and_no_more_is_taken_off(salon: Counter) -> None:
    member = await customer(salon, desfire())
    sale = await sell(salon, lines=[line("1", "C1", **changed(6_000)), line("2", "C1")])
    await salon.tap(member.card)
    done = await salon.get(f"/sales/{sale['sale_id']}")
    first, second = done["lines"]
    assert (first["paid_fen"], [step["kind"] for step in first["steps"]]) == (6_000, ["override"])
    assert second["paid_fen"] <= 6_800
    assert done["status"] == "approved"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (line("1", "C1", **changed(6_800)), (409, "override_not_lower")),
        (line("1", "C1", **changed(9_000)), (409, "override_not_lower")),
        (line("1", "P10", **changed(100)), (409, "override_not_for_this")),
        ({"line_id": "1", "category": "cut", "quantity": 900, **changed(1)}, (422, None)),
        (line("1", "R1", gift=True, **changed(1)), (422, None)),
        (line("1", "C1", **changed(1, "because")), (422, "request_invalid")),
        (line("1", "C1", **changed(-1)), (422, "request_invalid")),
    ],
)
async def test_what_cannot_be_changed(
    salon: Counter, asked: dict[str, Any], answer: tuple[int, str | None]
) -> None:
    body = {"lines": [asked], "tenders": CASH}
    # What gives a pass is priced when it is known who holds it.
    paths = [("/quotes", None), ("/sales", "k")][: 1 if asked.get("code") == "P10" else 2]
    for path, key in paths:
        reply = await salon.ask("POST", path, body, key=key)
        assert reply.status == answer[0], reply.body
        assert reply.key == (answer[1] or "override_not_for_this")
    assert (await salon.get("/sales"))["sales"] == []
