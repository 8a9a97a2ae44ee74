"""What sales and loyalty do to each other, over HTTP, with real figures."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.loyalty.shop import do, done, give, put_rules
from tests.web.till import MANAGER, MEMBER_PIN, Counter, Reply, customer, living, uid_card

FIRST_VISIT = {
    "triggers": [
        {
            "trigger_id": "hello",
            "name": "欢迎",
            "on": "first_visit",
            "campaign": "spring",
            "points": 5,
            "message_kind": "welcome",
        },
        {"trigger_id": "up", "name": "升级", "on": "promoted", "points": 30},
    ]
}


async def buy(counter: Counter, member_id: str, quantity: int = 1, **more: Any) -> Reply:
    body = {
        "lines": [{"line_id": "1", "code": "TEA", "quantity": quantity}],
        "member_id": member_id,
        "tenders": [{"kind": "cash"}],
        **more,
    }
    return await counter.ask("POST", "/sales", body, key=counter.new_key())


async def points(counter: Counter, member_id: str) -> int:
    found: int = (await counter.get(f"/members/{member_id}/points"))["available"]
    return found


async def test_a_friend_s_first_sale_thanks_who_brought_them(counter: Counter) -> None:
    referrer = await counter.member("张伟", "13800000001")
    body = {"name": "李四", "phone": "13800000002", "referrer": referrer["number"]}
    friend = await counter.post("/members", body, expect=201)
    mine = {**body, "phone": "13800000001", "phone_may_repeat": True}
    assert (await counter.ask("POST", "/members", mine)).key == "referral_self"
    sold = await buy(counter, friend["member_id"])
    assert sold.body["status"] == "approved", sold
    held = [await points(counter, each["member_id"]) for each in (referrer, friend)]
    assert held == [100, 20]
    wallet = await counter.get(f"/members/{referrer['member_id']}/wallet")
    assert [(each["name"], each["points"]) for each in wallet["friends"]["brought"]] == [
        ("李*", 100)
    ]
    assert (await buy(counter, friend["member_id"])).body["status"] == "approved"
    assert await points(counter, referrer["member_id"]) == 100


async def test_thanks_go_back_with_a_void(counter: Counter) -> None:
    referrer = await counter.member("张伟", "13800000001")
    body = {"name": "李四", "phone": "13800000002", "referrer": referrer["number"]}
    friend = await counter.post("/members", body, expect=201)
    sold = await buy(counter, friend["member_id"])
    voided = await counter.ask(
        "POST", f"/sales/{sold.body['sale_id']}/void", {}, key=counter.new_key()
    )
    assert voided.status == 200, voided
    held = [await points(counter, each["member_id"]) for each in (referrer, friend)]
    assert held == [0, 0]


async def test_a_first_visit_brings_a_coupon_that_is_used_once(counter: Counter) -> None:
    put_rules(counter, triggers=FIRST_VISIT)
    member = await customer(counter, uid_card(), fen=0)
    who = member.member_id
    await buy(counter, who)
    await buy(counter, who)
    wallet = await counter.get(f"/members/{who}/wallet")
    assert wallet["points"]["available"] == 5
    (coupon,) = wallet["coupons"]
    # A member's own coupon is theirs alone: without the card the PIN says who they are. A person
    # typed it, in groups and small letters.
    sold = await buy(counter, who, coupons=[coupon["printed"].lower()])
    assert sold.body["status"] == "awaiting_pin", sold
    path = f"/sales/{sold.body['sale_id']}/pin"
    await counter.post(path, {"pin": MEMBER_PIN}, expect=202)
    await counter.desk.finish()
    shown = await counter.sale(sold.body["sale_id"])
    assert (shown["status"], shown["amount_fen"]) == ("approved", 1_200)
    checked = await counter.post("/coupons/check", {"code": coupon["code"], "member_id": who})
    assert (checked["usable"], checked["reason"], checked["used_op"]) == (
        False,
        "used",
        sold.body["sale_id"],
    )
    counts = (await counter.get("/coupons?campaign=spring"))["counts"]
    assert counts == {"issued": 1, "redeemed": 1, "withdrawn": 0, "expired": 0}


async def test_a_level_that_a_sale_brings_is_told_and_thanked(counter: Counter) -> None:
    put_rules(counter, triggers=FIRST_VISIT)
    who = (await counter.member())["member_id"]
    await buy(counter, who, quantity=7)
    wallet = await counter.get(f"/members/{who}/wallet")
    # 105 yuan are silver from 100; 395 are missing to gold. 5 for the visit, 30 for the level.
    assert wallet["level"]["level"] == "silver"
    assert wallet["level"]["next"]["missing"] == 39_500
    assert wallet["points"]["available"] == 35
    kinds = {each["kind"] for each in (await counter.get(f"/members/{who}/messages"))["messages"]}
    assert kinds == {"level_up", "welcome", "coupon"}


async def test_of_many_sales_one_gets_the_coupon(counter: Counter) -> None:
    issued = await done(counter, "/coupons", {"campaign": "spring", "count": 1})
    code = issued["coupons"][0]["code"]
    members = [(await counter.member(f"张{n}", ""))["member_id"] for n in range(6)]
    sold = await asyncio.gather(*(buy(counter, who, coupons=[code]) for who in members))
    paid = sorted(each.body["amount_fen"] for each in sold if each.body.get("status") == "approved")
    assert paid.count(1_200) == 1
    assert set(paid) <= {1_200, 1_500}
    assert (await counter.get("/coupons?campaign=spring"))["counts"]["redeemed"] == 1


async def test_a_gift_takes_points_and_a_piece(counter: Counter) -> None:
    member = await customer(counter, uid_card())
    await give(counter, member.member_id, 350)
    await done(counter, "/stock", {"code": "MUG", "on_hand": 2, "reason": "counted"})
    body = {"lines": [{"line_id": "1", "code": "MUG", "gift": True}]}
    sale = await counter.post("/sales", body, key=counter.new_key(), expect=202)
    await counter.tap(member.card)
    shown = await counter.sale(sale["sale_id"])
    assert shown["status"] == "awaiting_pin"
    await counter.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    await counter.desk.finish()
    assert (await counter.sale(sale["sale_id"]))["status"] == "approved"
    assert await points(counter, member.member_id) == 50
    gifts = (await counter.get(f"/members/{member.member_id}/gifts"))["gifts"]
    assert (gifts[0]["on_hand"], gifts[0]["affordable"]) == (1, False)


async def test_whose_card_lies_there_is_checked_in(counter: Counter) -> None:
    member = await customer(counter, uid_card(), fen=0)
    none = await do(counter, "/check-ins")
    assert (none.status, none.key) == (409, "no_card_there")
    await counter.lay(member.card)
    checked = await done(counter, "/check-ins")
    assert (checked["member_id"], checked["points"]) == (member.member_id, 10)
    assert (await do(counter, "/check-ins")).key == "checked_in_already"
    await counter.lift()
    assert (await do(counter, "/check-ins")).key == "no_card_there"


async def test_the_round_runs_at_a_start_and_says_how_far_it_is(counter: Counter) -> None:
    member = await customer(counter, uid_card(), fen=0)
    await give(counter, member.member_id, 70)
    await counter.nightly.catch_up()
    shown = await counter.get("/nightly")
    assert (shown["day"], shown["stage"], shown["expired"]) == ("2026-09-10", "done", 0)
    counter.clock.advance(45 * 86_400)
    await counter.stop()
    again = counter.reborn()
    async with living(again):
        put_rules(again)
        await again.sign_in(MANAGER)
        while (shown := await again.get("/nightly"))["stage"] != "done":
            await asyncio.sleep(0.01)
        assert (shown["day"], shown["since"]) == ("2026-10-25", "2026-09-10")
        assert shown["expired"] == 1
        assert await points(again, member.member_id) == 0
    await counter.start()


async def test_a_pass_ends_with_the_uses_that_are_left(counter: Counter) -> None:
    member = await customer(counter, uid_card(), fen=0)
    sold = await buy(counter, member.member_id, lines=[{"line_id": "1", "code": "TEN"}])
    assert sold.body["status"] == "approved"
    (held,) = (await counter.get(f"/members/{member.member_id}/wallet"))["passes"]
    assert (held["name"], held["codes"], held["left"]) == ("奶茶十次卡", ["TEA"], 10)
    assert held["to_day"] == "2026-10-09"
    use = [{"line_id": "1", "pass_id": held["pass_id"], "count": 1}]
    used = await buy(counter, member.member_id, passes=use, tenders=[])
    assert used.body["status"] == "awaiting_pin", used
    path = f"/sales/{used.body['sale_id']}/pin"
    await counter.post(path, {"pin": MEMBER_PIN}, expect=202)
    await counter.desk.finish()
    wallet = await counter.get(f"/members/{member.member_id}/wallet")
    assert [each["left"] for each in wallet["passes"]] == [9]
    counter.clock.advance(30 * 86_400)
    await counter.sign_in(MANAGER)
    assert (await counter.get(f"/members/{member.member_id}/wallet"))["passes"] == []
    await counter.nightly.catch_up()
    told = (await counter.get(f"/members/{member.member_id}/messages"))["messages"]
    ended = [each["facts"]["uses"] for each in told if each["kind"] == "expired"]
    assert ended == [9]
