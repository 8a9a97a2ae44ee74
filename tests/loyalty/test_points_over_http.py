"""Points, check-ins and the wallet over HTTP, with real figures."""

from __future__ import annotations

from tests.loyalty.shop import do, done, give, put_rules
from tests.web.till import CASHIER, Counter

DAY_S = 86_400


async def points(counter: Counter, member_id: str) -> int:
    found: int = (await counter.get(f"/members/{member_id}/points"))["available"]
    return found


async def test_points_are_adjusted_with_a_reason_and_undone(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    first = await give(counter, who, 500)
    assert first["available"] == 500
    path = f"/members/{who}/points"
    taken = await done(counter, path, {"points": -200, "reason": "mistake"})
    assert taken["available"] == 300
    undone = await done(counter, f"/points-adjustments/{taken['adjustment_id']}/undo")
    assert (undone["points"], undone["available"]) == (200, 500)
    assert undone["undoes"] == taken["adjustment_id"]
    again = await do(counter, f"/points-adjustments/{taken['adjustment_id']}/undo")
    assert (again.status, again.key) == (409, "adjustment_undone")
    short = await do(counter, path, {"points": -501, "reason": "mistake"})
    assert (short.status, short.key) == (409, "points_short")
    assert short.body["facts"] == {"short": 1, "available": 500}
    none = await do(counter, path, {"points": 0, "reason": "mistake"})
    assert (none.status, none.key) == (422, "points_malformed")
    assert (await do(counter, path, {"points": 5})).status == 422
    assert await points(counter, who) == 500


async def test_an_adjustment_is_made_once_for_its_key(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    body = {"points": 70, "reason": "goodwill"}
    first = await do(counter, f"/members/{who}/points", body, key="one")
    second = await do(counter, f"/members/{who}/points", body, key="one")
    assert first.body == second.body
    other = await do(counter, f"/members/{who}/points", {**body, "points": 71}, key="one")
    assert other.key == "idempotency_key_reused"
    assert await points(counter, who) == 70


async def test_a_cashier_adjusts_no_points(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await counter.sign_in(CASHIER)
    reply = await do(counter, f"/members/{who}/points", {"points": 5, "reason": "goodwill"})
    assert (reply.status, reply.key) == (403, "permission_needed")
    assert reply.body["facts"]["permission"] == "points_adjust"


async def test_a_streak_of_check_ins_brings_its_bonus(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await counter.sign_in(CASHIER)
    got = []
    for _ in range(4):
        checked = await done(counter, f"/members/{who}/check-ins")
        got.append((checked["streak"], checked["points"], checked["available"]))
        twice = await do(counter, f"/members/{who}/check-ins")
        assert (twice.status, twice.key) == (409, "checked_in_already")
        counter.clock.advance(DAY_S)
        await counter.sign_in(CASHIER)
    # 10 a day, and 50 more on the third in a row.
    assert got == [(1, 10, 10), (2, 10, 20), (3, 60, 80), (4, 10, 90)]
    counter.clock.advance(DAY_S)
    await counter.sign_in(CASHIER)
    assert (await done(counter, f"/members/{who}/check-ins"))["streak"] == 1


async def test_a_clock_that_is_set_back_checks_nobody_in_twice(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await done(counter, f"/members/{who}/check-ins")
    counter.clock.advance(-DAY_S)
    twice = await do(counter, f"/members/{who}/check-ins")
    assert twice.key == "checked_in_already"
    assert await points(counter, who) == 10


async def test_without_a_rule_nobody_checks_in(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    put_rules(counter, points={})
    assert (await do(counter, f"/members/{who}/check-ins")).key == "check_in_off"
    assert (await do(counter, "/members/01JD8ZK3V7Q4M9T2X6R5W1C0BA/check-ins")).status == 404


async def test_points_end_and_the_member_is_told(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    await give(counter, who, 100)
    counter.clock.advance(20 * DAY_S)
    await counter.sign_in()
    await counter.sign_in(("9", "987654"))
    await give(counter, who, 40)
    counter.clock.advance(10 * DAY_S)
    await counter.sign_in(("9", "987654"))
    # The last day is over: the points cannot be spent, whether or not the round has run.
    assert await points(counter, who) == 40
    await counter.nightly.catch_up()
    assert await points(counter, who) == 40
    kept = await counter.shop.ledger.read(lambda books: books.holdings(f"member:{who}"))
    assert [holding.balance for holding in kept] == [40]
    messages = (await counter.get(f"/members/{who}/messages"))["messages"]
    assert [(each["kind"], each["facts"]["points"]) for each in messages] == [("expired", 100)]


async def test_many_lots_are_put_together_and_no_day_is_lost(counter: Counter) -> None:
    who = (await counter.member())["member_id"]
    for _ in range(70):
        await give(counter, who, 3)
    body = await counter.get(f"/members/{who}/points")
    assert body["available"] == 210 and len(body["lots"]) <= 24
    spent = await done(counter, f"/members/{who}/points", {"points": -210, "reason": "mistake"})
    assert spent["available"] == 0


async def test_the_wallet_tells_everything(counter: Counter) -> None:
    who = await counter.member()
    await give(counter, who["member_id"], 320)
    await done(counter, "/coupons", {"campaign": "spring", "member_ids": [who["member_id"]]})
    wallet = await counter.get(f"/members/{who['member_id']}/wallet")
    assert wallet["points"]["available"] == 320
    assert [lot["to_day"] for lot in wallet["points"]["lots"]] == ["2026-10-09"]
    assert [coupon["campaign"] for coupon in wallet["coupons"]] == ["spring"]
    assert wallet["coupons"][0]["to_day"] == "2026-09-16"
    assert wallet["level"]["next"]["missing"] == 10_000
    assert wallet["check_in"] == {
        "offered": True,
        "done_today": False,
        "streak": 0,
        "last_day": None,
        "brings": 10,
        "next_bonus": {"in_days": 3, "points": 50},
    }
    assert wallet["friends"] == {"code": who["number"], "brought_by": None, "brought": []}
    gifts = await counter.get(f"/members/{who['member_id']}/gifts")
    assert [(g["code"], g["points"], g["affordable"], g["on_hand"]) for g in gifts["gifts"]] == [
        ("MUG", 300, True, None),
        ("BAG", 500, False, None),
    ]
