"""Coupons and stock over HTTP, with real figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from daemon.core.loyalty.coupon_code import LENGTH, read_code
from daemon.ports.ledger import Books
from tests.loyalty.shop import CAMPAIGNS, do, done, put_rules
from tests.web.till import CASHIER, Counter

DAY_S = 86_400


async def test_a_campaign_issues_no_more_than_it_may(counter: Counter) -> None:
    members = [(await counter.member(name, ""))["member_id"] for name in ("张一", "张二")]
    issued = await done(counter, "/coupons", {"campaign": "spring", "member_ids": members})
    assert issued["count"] == 2
    assert {coupon["member_id"] for coupon in issued["coupons"]} == set(members)
    assert all(coupon["to_day"] == "2026-09-16" for coupon in issued["coupons"])
    printed = await done(counter, "/coupons", {"campaign": "spring", "count": 3})
    codes = {coupon["code"] for coupon in [*issued["coupons"], *printed["coupons"]]}
    assert len(codes) == 5 and all(len(code) == LENGTH for code in codes)
    assert all(read_code(coupon["printed"]) == coupon["code"] for coupon in printed["coupons"])
    over = await do(counter, "/coupons", {"campaign": "spring", "count": 1})
    assert (over.status, over.key, over.body["facts"]) == (409, "campaign_used_up", {"left": 0})
    for campaign, key in (("closed", "campaign_off"), ("nothing", "campaign_unknown")):
        assert (await do(counter, "/coupons", {"campaign": campaign, "count": 1})).key == key
    listed = await counter.get("/coupons?campaign=spring&limit=2")
    assert listed["counts"] == {"issued": 5, "redeemed": 0, "withdrawn": 0, "expired": 0}
    more = await counter.get(f"/coupons?campaign=spring&after={listed['coupons'][1]['code']}")
    seen = [coupon["code"] for coupon in [*listed["coupons"], *more["coupons"]]]
    assert len(seen) == 5 and set(seen) == codes
    told = (await counter.get(f"/members/{members[0]}/messages"))["messages"]
    assert [message["kind"] for message in told] == ["coupon"]


async def test_the_same_key_issues_the_same_coupons(counter: Counter) -> None:
    body = {"campaign": "spring", "count": 2}
    first = await do(counter, "/coupons", body, key="print")
    second = await do(counter, "/coupons", body, key="print")
    assert first.body == second.body
    campaigns = (await counter.get("/coupon-campaigns"))["campaigns"]
    assert [(each["campaign"], each["counts"]["issued"]) for each in campaigns] == [
        ("spring", 2),
        ("closed", 0),
    ]


async def test_a_coupon_says_what_it_would_do_and_why_not(counter: Counter) -> None:
    who, other = [(await counter.member(name, ""))["member_id"] for name in ("张一", "张二")]
    issued = await done(counter, "/coupons", {"campaign": "spring", "member_ids": [who]})
    code = issued["coupons"][0]["code"]

    async def check(member_id: str | None, typed: str = code) -> tuple[bool, str | None]:
        body = await counter.post("/coupons/check", {"code": typed, "member_id": member_id})
        return body["usable"], body["reason"]

    assert await check(who) == (True, None)
    assert await check(who, f"{code[:4]}-{code[4:8].lower()} {code[8:]}") == (True, None)
    assert await check(other) == (False, "other_member")
    slip = ("1" if code[0] != "1" else "2") + code[1:]
    assert (await do(counter, "/coupons/check", {"code": slip})).key == "coupon_unknown"
    counter.clock.advance(7 * DAY_S)
    await counter.sign_in(("9", "987654"))
    assert await check(who) == (False, "over")
    extended = await done(counter, "/coupons/extend", {"code": code, "to_day": "2026-09-30"})
    assert extended["to_day"] == "2026-09-30"
    assert await check(who) == (True, None)
    late = await do(counter, "/coupons/extend", {"code": code, "to_day": "2026-09-01"})
    assert (late.status, late.key) == (409, "day_is_over")
    withdrawn = await done(counter, "/coupons/withdraw", {"code": code, "reason": "mistake"})
    assert withdrawn["state"] == "withdrawn"
    assert await check(who) == (False, "withdrawn")
    again = await do(counter, "/coupons/withdraw", {"code": code, "reason": "mistake"})
    assert (again.status, again.key) == (409, "coupon_withdrawn")


async def test_conditions_of_the_campaign_stand_in_the_way(counter: Counter) -> None:
    row = {**CAMPAIGNS["campaigns"][0], "conditions": {"levels": ["gold"]}}
    put_rules(counter, campaigns={"campaigns": [row]})
    who = (await counter.member())["member_id"]
    issued = await done(counter, "/coupons", {"campaign": "spring", "member_ids": [who]})
    code = issued["coupons"][0]["code"]
    body = await counter.post("/coupons/check", {"code": code, "member_id": who})
    assert body["reason"] == "other_level"
    await done(counter, f"/members/{who}/level", {"level": "gold", "reason": "goodwill"})
    body = await counter.post("/coupons/check", {"code": code, "member_id": who})
    assert (body["usable"], body["name"], body["effect"]) == (True, "春天", "percent_off")


async def test_a_coupon_is_redeemed_once_under_concurrent_attempts(counter: Counter) -> None:
    issued = await done(counter, "/coupons", {"campaign": "spring", "count": 1})
    code = issued["coupons"][0]["code"]
    ledger = counter.shop.ledger

    def redeem(op_id: str) -> Callable[[Books], bool]:
        def work(books: Books) -> bool:
            return books.redeem_coupon(code, op_id)

        return work

    won = await asyncio.gather(*(ledger.write(redeem(f"op-{n}")) for n in range(20)))
    assert sum(won) == 1
    winner = f"op-{won.index(True)}"
    kept = await ledger.read(lambda books: books.coupon(code))
    assert kept is not None and (kept.state, kept.used_op) == ("redeemed", winner)
    used = await do(counter, "/coupons/withdraw", {"code": code, "reason": "mistake"})
    assert used.key == "coupon_used"
    await ledger.write(lambda books: books.free_coupon(code, winner))
    assert await ledger.write(lambda books: books.redeem_coupon(code, "next"))


async def test_stock_is_counted_and_moved_with_a_reason(counter: Counter) -> None:
    rows = (await counter.get("/stock"))["stock"]
    assert rows == [{"code": "MUG", "name": "马克杯", "on_hand": None, "low": False}]
    body = {"code": "MUG", "change": -1, "reason": "broken"}
    assert (await do(counter, "/stock", body)).key == "stock_not_counted"
    counted = await done(counter, "/stock", {"code": "MUG", "on_hand": 8, "reason": "counted"})
    assert (counted["before"], counted["on_hand"]) == (None, 8)
    assert (await done(counter, "/stock", {**body, "change": -3}))["on_hand"] == 5
    short = await do(counter, "/stock", {**body, "change": -6})
    assert (short.status, short.key, short.body["facts"]) == (409, "stock_short", {"on_hand": 5})
    assert (await counter.get("/stock"))["stock"][0]["low"] is True
    assert (await counter.get("/stock?low=4"))["stock"][0]["low"] is False
    for wrong in ({"code": "MUG", "reason": "x"}, {**body, "on_hand": 3}):
        assert (await do(counter, "/stock", wrong)).status == 422
    unknown = await do(counter, "/stock", {"code": "NONE", "on_hand": 1, "reason": "counted"})
    assert unknown.key == "code_unknown"
    await counter.sign_in(CASHIER)
    assert (await do(counter, "/stock", body)).key == "permission_needed"


async def test_a_level_is_set_by_hand_and_told(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    path = f"/members/{who}/level"
    assert (await do(counter, path, {"level": "iron", "reason": "x"})).key == "level_unknown"
    changed = await done(counter, path, {"level": "gold", "reason": "goodwill"})
    assert (changed["before"], changed["level"]) == (None, "gold")
    wallet = await counter.get(f"/members/{who}/wallet")
    assert wallet["level"]["now"]["points_bp"] == 15_000 and wallet["level"]["next"] is None
    back = await done(counter, path, {"level": None, "reason": "mistake"})
    assert (back["before"], back["level"]) == ("gold", None)
    told = (await counter.get(f"/members/{who}/messages"))["messages"]
    assert [message["kind"] for message in told] == ["level_down", "level_up"]


async def test_a_message_is_withdrawn_once(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await done(counter, "/coupons", {"campaign": "spring", "member_ids": [who]})
    message = (await counter.get("/messages?state=waiting"))["messages"][0]
    path = f"/messages/{message['message_id']}/withdraw"
    assert (await counter.post(path))["state"] == "withdrawn"
    assert (await counter.post(path))["state"] == "withdrawn"
    assert (await counter.get("/messages?state=waiting"))["messages"] == []
    ledger = counter.shop.ledger
    assert await ledger.read(lambda books: books.waiting_messages(10)) == []


async def job_done(counter: Counter, job_id: str, state: str) -> dict[str, Any]:
    """Waits until the job rests there."""
    while True:
        job: dict[str, Any] = await counter.get(f"/jobs/{job_id}")
        if job["state"] == state:
            return job
        assert job["state"] in ("running", "undoing"), job
        await asyncio.sleep(0.01)


async def test_a_filter_gets_its_coupons_between_sales_and_gives_them_back(
    counter: Counter,
) -> None:
    row = {**CAMPAIGNS["campaigns"][0], "most_issued": 50}
    put_rules(counter, campaigns={"campaigns": [row]})
    members = [(await counter.member(f"张{n}", ""))["member_id"] for n in range(12)]
    for who in members[:9]:
        await done(counter, f"/members/{who}/level", {"level": "gold", "reason": "goodwill"})
    whom = [{"field": "level", "op": "is", "value": "gold"}]
    body = {"campaign": "spring", "filter": whom}
    job = await counter.post("/coupon-jobs", body, expect=201)
    assert (job["kind"], job["state"], job["total"]) == ("coupons", "ready", 9)
    assert (await counter.get("/coupons?campaign=spring"))["counts"]["issued"] == 0
    await counter.post(f"/jobs/{job['job_id']}/start")
    ended = await job_done(counter, job["job_id"], "done")
    assert (ended["done"], ended["refused"], ended["answer"]["changed"]) == (9, 0, 9)
    listed = await counter.get("/coupons?campaign=spring")
    assert {coupon["member_id"] for coupon in listed["coupons"]} == set(members[:9])
    used = listed["coupons"][0]["code"]
    assert await counter.shop.ledger.write(lambda books: books.redeem_coupon(used, "sale"))
    await counter.post(f"/jobs/{job['job_id']}/undo")
    undone = await job_done(counter, job["job_id"], "undone")
    assert undone["answer"]["left_count"] == 1
    counts = (await counter.get("/coupons?campaign=spring"))["counts"]
    assert counts == {"issued": 9, "redeemed": 1, "withdrawn": 8, "expired": 0}
    waiting = await counter.get("/messages?state=waiting")
    assert [each["facts"]["code"] for each in waiting["messages"] if each["kind"] == "coupon"] == [
        used
    ]


async def test_a_filter_gets_no_more_than_the_campaign_has(counter: Counter) -> None:
    members = [(await counter.member(f"张{n}", ""))["member_id"] for n in range(6)]
    body = {"campaign": "spring", "member_ids": members}
    refused = await do(counter, "/coupon-jobs", body)
    assert (refused.key, refused.body["facts"]) == ("campaign_used_up", {"left": 5})
    job = await counter.post("/coupon-jobs", {**body, "member_ids": members[:4]}, expect=201)
    await done(counter, "/coupons", {"campaign": "spring", "count": 2})
    await counter.post(f"/jobs/{job['job_id']}/start")
    stopped = await job_done(counter, job["job_id"], "stopped")
    assert stopped["answer"]["reason"] == "campaign_used_up"
    assert (await counter.get("/coupons?campaign=spring"))["counts"]["issued"] <= 5
