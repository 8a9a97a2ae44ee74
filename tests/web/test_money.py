"""Recharges, idempotency, members, cards and receipts over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from .till import MANAGER, Counter, customer, desfire, uid_card


async def test_recharge_brings_the_tiers_bonus_and_a_void_takes_it_back(counter: Counter) -> None:
    assert (await counter.get("/recharge-rules"))["tiers"] == [
        {"from_fen": 20_000, "bonus_bp": 500, "bonus_fen": 0},
        {"from_fen": 50_000, "bonus_bp": 1_000, "bonus_fen": 0},
        {"from_fen": 100_000, "bonus_bp": 1_500, "bonus_fen": 0},
    ]
    member = await counter.member()
    made = await counter.recharge(member["member_id"], 50_000, "wechat")
    assert (made["bonus_fen"], made["tender"], made["voided"]) == (5_000, "wechat", False)
    assert made["balance"] == {"principal_fen": 50_000, "bonus_fen": 5_000}
    path = f"/recharges/{made['recharge_id']}"
    assert (await counter.get(path))["recharge_id"] == made["recharge_id"]
    voided = await counter.post(f"{path}/void", key="v")
    assert voided["voided"]
    assert await counter.balance(member["member_id"]) == (0, 0)
    receipts = (await counter.get("/receipts"))["receipts"]
    assert [one["kind"] for one in receipts] == ["void", "recharge"]
    assert {one["recharge_id"] for one in receipts} == {made["recharge_id"]}


async def test_ceiling_and_spent_recharge_are_refused(counter: Counter) -> None:
    member = await customer(counter, desfire(), fen=0)
    first = await counter.recharge(member.member_id, 400_000)
    body = {"member_id": member.member_id, "amount_fen": 100_000, "tender": "cash"}
    over = await counter.ask("POST", "/recharges", body, key="over")
    assert (over.status, over.key) == (409, "balance_ceiling")
    assert over.body["facts"] == {"ceiling_fen": 500_000, "room_fen": 40_000}
    assert (over.body["fault"], over.body["retry"]) == ("shop", "after_change")
    await counter.begin(1_000)
    await counter.tap(member.card)
    spent = await counter.ask("POST", f"/recharges/{first['recharge_id']}/void", {}, key="v")
    assert (spent.status, spent.key) == (409, "recharge_spent")
    assert await counter.balance(member.member_id) == (399_000, 60_000)


async def test_the_same_key_finds_the_first_answer(counter: Counter) -> None:
    member = await counter.member()
    body = {"member_id": member["member_id"], "amount_fen": 30_000, "tender": "cash"}
    first = await counter.post("/recharges", body, key="once")
    again = await counter.post("/recharges", body, key="once")
    assert first == again
    other = await counter.ask("POST", "/recharges", {**body, "amount_fen": 1}, key="once")
    assert (other.status, other.key) == (409, "idempotency_key_reused")
    sale = await counter.ask("POST", "/sales", {"amount_fen": 5}, key="once")
    assert (sale.status, sale.key) == (409, "idempotency_key_reused")
    assert await counter.balance(member["member_id"]) == (30_000, 1_500)
    # Another employee's key is another key.
    await counter.sign_in(MANAGER)
    await counter.post("/recharges", body, key="once")
    assert await counter.balance(member["member_id"]) == (60_000, 3_000)


async def test_concurrent_duplicates_move_money_once(counter: Counter) -> None:
    member = await counter.member()
    body = {"member_id": member["member_id"], "amount_fen": 10_000, "tender": "cash"}
    made = await asyncio.gather(*(counter.post("/recharges", body, key="same") for _ in range(12)))
    assert len({one["recharge_id"] for one in made}) == 1
    assert await counter.balance(member["member_id"]) == (10_000, 0)
    path = f"/recharges/{made[0]['recharge_id']}/void"
    voids = await asyncio.gather(
        *(counter.ask("POST", path, {}, key=f"v{n % 2}") for n in range(8))
    )
    assert sorted({one.status for one in voids}) == [200, 409]
    assert await counter.balance(member["member_id"]) == (0, 0)
    sales = await asyncio.gather(
        *(counter.post("/sales", {"amount_fen": 700}, key="s", expect=202) for _ in range(8))
    )
    assert len({one["sale_id"] for one in sales}) == 1


async def test_sale_key_answers_with_the_sale_as_it_stands(counter: Counter) -> None:
    member = await customer(counter, desfire())
    begun = await counter.post("/sales", {"amount_fen": 700}, key="s", expect=202)
    await counter.tap(member.card)
    later = await counter.post("/sales", {"amount_fen": 700}, key="s", expect=202)
    assert (later["sale_id"], later["status"]) == (begun["sale_id"], "approved")
    assert await counter.balance(member.member_id) == (49_300, 5_000)


@pytest.mark.parametrize("path", ["/sales", "/recharges", "/sales/{0}/void", "/recharges/{0}/void"])
async def test_money_needs_an_idempotency_key(counter: Counter, path: str) -> None:
    member = await counter.member()
    bodies = {
        "/sales": {"amount_fen": 1},
        "/recharges": {"member_id": member["member_id"], "amount_fen": 1, "tender": "cash"},
    }
    place = path.format(member["member_id"])
    missing = await counter.ask("POST", place, bodies.get(path, {}))
    assert (missing.status, missing.key) == (422, "idempotency_key_missing")
    for bad in ("", "x" * 65, "with space", "é"):
        refused = await counter.ask("POST", place, bodies.get(path, {}), key=bad)
        assert refused.status in (404, 422), bad
        if refused.status == 422:
            assert refused.key == "idempotency_key_malformed"


async def test_members(counter: Counter) -> None:
    made = await counter.member("欧阳娜娜", "138 1234-1234")
    assert (made["name"], made["phone"], made["number"]) == ("欧阳**", "138****1234", "S1000001")
    assert (made["has_pin"], made["cards"], made["status"]) == (False, [], "active")
    for query in ("欧阳", "欧阳娜娜", "13812341234", "1234", "S1000001"):
        found = (await counter.ask("GET", f"/members?q={query}")).body["members"]
        assert [one["member_id"] for one in found] == [made["member_id"]], query
    assert (await counter.get("/members"))["members"] == []
    assert (await counter.get("/members?q=nobody"))["members"] == []
    taken = await counter.ask("POST", "/members", {"name": "A", "number": "S1000001"})
    assert (taken.status, taken.key) == (409, "member_number_taken")
    bad = await counter.ask("POST", "/members", {"name": "  "})
    assert (bad.status, bad.key) == (422, "name_malformed")


async def test_running_number_steps_over_numbers_given_by_hand(counter: Counter) -> None:
    for number in ("S1000001", "S1000002"):
        await counter.post("/members", {"name": "A", "number": number}, expect=201)
    assert (await counter.member("A", ""))["number"] == "S1000003"
    assert (await counter.member("A", ""))["number"] == "S1000004"


async def test_card_issue(counter: Counter) -> None:
    member = await counter.member()
    issue = await counter.post("/card-issues", {"member_id": member["member_id"]}, expect=202)
    assert (issue["status"], issue["card"]) == ("awaiting_card", None)
    for path, body in (
        ("/sales", {"amount_fen": 1}),
        ("/card-issues", {"member_id": member["member_id"]}),
    ):
        busy = await counter.ask("POST", path, body, key="k")
        assert (busy.status, busy.key) == (409, "counter_busy")
    card = desfire()
    await counter.tap(card)
    done = await counter.get(f"/card-issues/{issue['issue_id']}")
    assert (done["status"], done["card"]["technology"]) == ("done", "desfire")
    assert card.card_id == done["card"]["card_id"]
    second = await counter.post("/card-issues", {"member_id": member["member_id"]}, expect=202)
    await counter.tap(card)
    again = await counter.get(f"/card-issues/{second['issue_id']}")
    assert (again["status"], again["reason"]) == ("failed", "card_already_issued")
    cards = (await counter.get(f"/members/{member['member_id']}"))["cards"]
    assert [one["card_id"] for one in cards] == [card.card_id]


async def test_card_issue_is_cancelled_or_runs_out(counter: Counter) -> None:
    member = await counter.member()
    body = {"member_id": member["member_id"]}
    issue = await counter.post("/card-issues", body, expect=202)
    path = f"/card-issues/{issue['issue_id']}"
    cancelled = await counter.ask("DELETE", path)
    assert (cancelled.status, cancelled.body["reason"]) == (200, "cancelled_by_cashier")
    issue = await counter.post("/card-issues", body, expect=202)
    counter.clock.advance(121)
    await counter.post("/sales", {"amount_fen": 1}, key="k", expect=202)
    ended = await counter.get(f"/card-issues/{issue['issue_id']}")
    assert (ended["status"], ended["reason"]) == ("failed", "timed_out")


async def test_issue_takes_the_card_that_lies_there(counter: Counter) -> None:
    member = await counter.member()
    await counter.lay(uid_card())
    issue = await counter.post("/card-issues", {"member_id": member["member_id"]}, expect=202)
    assert (issue["status"], issue["card"]["technology"]) == ("done", "uid")


async def test_receipt_is_drawn_and_printed_again(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    await counter.papers(2)
    receipt_id = (await counter.sale(sale_id))["receipt_id"]
    picture = await counter.ask("GET", f"/receipts/{receipt_id}.png")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.body.startswith(b"\x89PNG") and picture.headers["Cache-Control"] == "no-store"
    queued = await counter.post(f"/receipts/{receipt_id}/reprint", expect=202)
    assert (queued["sale_id"], queued["state"]) == (sale_id, "waiting")
    await counter.papers(3)
    assert (counter.printer.papers[-1].receipt_id, counter.printer.papers[-1].copy) == (
        receipt_id,
        1,
    )
    listed = (await counter.get("/receipts?limit=1"))["receipts"]
    assert (listed[0]["receipt_id"], listed[0]["prints"]) == (receipt_id, 2)
