"""Baskets over HTTP: prices that explain themselves, every way of paying, and the books then."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.campaign import IssuedCoupon
from tests.fakes.card_readers import Fault
from tests.web.till import CASHIER, MEMBER_PIN, Counter, Customer, customer, desfire, uid_card

from .shop import folded, put_rules, snapshot


async def sell(counter: Counter, **body: Any) -> dict[str, Any]:
    sale: dict[str, Any] = await counter.post("/sales", body, key=counter.new_key(), expect=202)
    return sale


def line(line_id: str, code: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"line_id": line_id, "code": code, "quantity": quantity, **more}


async def wallet(counter: Counter, member_id: str) -> dict[str, int]:
    """Balances by asset."""
    held = await counter.ledger.read(lambda books: books.holdings(f"member:{member_id}"))
    sums: dict[str, int] = {}
    for each in held:
        sums[each.account.asset] = sums.get(each.account.asset, 0) + each.balance
    return sums


async def give_points(counter: Counter, member_id: str, points: int) -> None:
    """As a sale earns them: 100 yuan of haircuts a point costs too long."""
    await counter.post(
        f"/members/{member_id}/points",
        {"points": points, "reason": "goodwill"},
        key=counter.new_key(),
        expect=200,
    )


async def issue_coupon(counter: Counter, code: str, member_id: str | None = None) -> None:
    coupon = IssuedCoupon(code, "welcome", 0, "op", member_id)
    assert await counter.ledger.write(lambda books: books.add_coupon(coupon))


async def total(counter: Counter, owner: str, asset: str) -> int:
    held = await counter.ledger.read(lambda books: books.holdings(owner))
    return sum(each.balance for each in held if each.account.asset == asset)


async def test_cash_with_change_is_paid_at_once(salon: Counter) -> None:
    sale = await sell(
        salon, lines=[line("1", "C1")], tenders=[{"kind": "cash", "amount_fen": 10_000}]
    )
    assert (sale["status"], sale["amount_fen"], sale["change_fen"]) == ("approved", 6_800, 3_200)
    assert sale["member"] is None and sale["technology"] is None and sale["balance"] is None
    assert sale["tenders"] == [{"kind": "cash", "amount_fen": 6_800}]
    assert await total(salon, "tender:cash", "taken") == -6_800
    assert await total(salon, "shop", "sales") == 6_800
    await salon.papers(1)
    assert salon.printer.papers[-1].open_drawer
    assert (await salon.counter())["state"] == "done"


async def test_a_member_pays_the_members_price_with_the_card(salon: Counter) -> None:
    member = await customer(salon, desfire())
    sale = await sell(salon, lines=[line("1", "C1"), line("2", "R1", 3)])
    assert (sale["status"], sale["amount_fen"]) == ("awaiting_card", 6_800 + 14_975)
    await salon.tap(member.card)
    sale = await salon.sale(sale["sale_id"])
    # 90 % of 68.00; of three bottles one is half: 2 x 59.90 + 29.95.
    assert (sale["status"], sale["amount_fen"], sale["list_fen"]) == ("approved", 21_095, 24_770)
    steps = {each["line_id"]: each["steps"] for each in sale["lines"]}
    assert [(step["kind"], step["rule"], step["fen"]) for step in steps["1"]] == [
        ("member", "普通", 680)
    ]
    assert [(step["kind"], step["rule"], step["fen"]) for step in steps["2"]] == [
        ("promotion", "洗发水第二瓶半价", 2_995)
    ]
    assert sale["taken"] == {"principal_fen": 21_095, "bonus_fen": 0}
    assert sale["points_earned"] == 210 and sale["points_left"] == 210
    assert (await wallet(salon, member.member_id))["points"] == 210


async def test_a_quote_explains_and_keeps_nothing(salon: Counter) -> None:
    member = await customer(salon, desfire())
    before = await salon.ledger.read(snapshot)
    quoted = await salon.post(
        "/quotes",
        {
            "lines": [line("1", "K1"), line("2", "C1")],
            "member_id": member.member_id,
            "points_to_use": 500,
            "tenders": [{"kind": "stored", "amount_fen": 10_000}, {"kind": "wechat"}],
        },
    )
    # 380.00 - 30.00; 68.00 at 90 %.
    assert (quoted["list_fen"], quoted["paid_fen"]) == (44_800, 41_120)
    assert quoted["saved_fen"] == 3_680 and quoted["short_fen"] == 0
    assert quoted["tenders"] == [
        {"kind": "stored", "amount_fen": 10_000},
        {"kind": "wechat", "amount_fen": 31_120},
    ]
    assert quoted["needs"] == "pin"
    reasons = {each["rule_id"]: each["reason"] for each in quoted["not_applied"]}
    assert reasons["points_offset"] == "points_short"
    nobody = await salon.post("/quotes", {"lines": [line("2", "C1")]})
    assert (nobody["paid_fen"], nobody["short_fen"], nobody["needs"]) == (6_800, 6_800, "card")
    assert await salon.ledger.read(snapshot) == before
    assert len((await salon.get("/sales"))["sales"]) == 0


async def test_the_card_that_lies_there_is_priced(salon: Counter) -> None:
    member = await customer(salon, desfire())
    await salon.lay(member.card)
    quoted = await salon.post("/quotes", {"lines": [line("1", "C1")]})
    assert (quoted["member_id"], quoted["paid_fen"]) == (member.member_id, 6_120)
    sale = await sell(salon, lines=[line("1", "C1")], tenders=[{"kind": "alipay"}])
    assert (sale["status"], sale["amount_fen"]) == ("approved", 6_120)
    assert sale["member"]["member_id"] == member.member_id
    assert member.card.counter == 0
    assert (await wallet(salon, member.member_id))["points"] == 61


async def test_mixed_tender_points_coupon_and_commission(salon: Counter) -> None:
    member = await customer(salon, desfire())
    await give_points(salon, member.member_id, 1_000)
    await issue_coupon(salon, "ABC123", member.member_id)
    staff = await salon.ledger.read(lambda books: books.employee_by_number("1"))
    assert staff is not None
    share = [{"employee_id": staff.employee_id}]
    sale = await sell(
        salon,
        lines=[line("1", "C1", staff=share), line("2", "K1", staff=share)],
        coupons=["ABC123"],
        points_to_use=1_000,
        tenders=[{"kind": "stored", "amount_fen": 20_000}, {"kind": "bank_card"}],
    )
    assert sale["status"] == "awaiting_card"
    await salon.tap(member.card)
    sale = await salon.sale(sale["sale_id"])
    assert sale["status"] == "approved", sale
    # 61.20 + 380.00 - 30.00 (full) - 10.00 (coupon) - 10.00 (points).
    assert sale["amount_fen"] == 6_120 + 35_000 - 1_000 - 1_000
    assert sale["tenders"] == [
        {"kind": "stored", "amount_fen": 20_000},
        {"kind": "bank_card", "amount_fen": 19_120},
    ]
    assert sale["coupons"] == ["ABC123"] and sale["points_used"] == 1_000
    owner = f"employee:{staff.employee_id}"
    colour = next(each for each in sale["lines"] if each["line_id"] == "2")
    assert await total(salon, owner, "commission") == 1_000 + (colour["paid_fen"] + 5) // 10
    kept = await salon.ledger.read(lambda books: books.coupon("ABC123"))
    assert kept is not None and (kept.state, kept.used_op) == ("redeemed", sale["sale_id"])
    assert sale["level"] == {"before": None, "after": "silver", "changed": True}
    told = await salon.ledger.read(lambda books: books.messages(limit=10))
    assert "level_up" in {each.kind for each in told}
    again = await salon.ask(
        "POST", "/sales", {"lines": [line("1", "C1")], "coupons": ["NO"]}, key="no"
    )
    assert (again.status, again.key) == (404, "coupon_unknown")


async def buy_pass(salon: Counter, member: Customer) -> dict[str, Any]:
    return await sell(
        salon,
        lines=[line("1", "P10")],
        member_id=member.member_id,
        tenders=[{"kind": "cash", "amount_fen": 50_000}],
    )


async def test_a_pass_is_bought_and_used(salon: Counter) -> None:
    member = await customer(salon, desfire())
    bought = await buy_pass(salon, member)
    assert bought["status"] == "approved" and bought["lines"][0]["uses_granted"] == 10
    assert (await wallet(salon, member.member_id))["pass:P10"] == 10
    held = await salon.ledger.read(lambda books: books.holdings(f"member:{member.member_id}"))
    lot = next(each.account.lot for each in held if each.account.asset == "pass:P10")
    use = {"line_id": "1", "pass_id": f"pass:P10@{lot}", "count": 2}
    sale = await sell(salon, lines=[line("1", "C1", 2)], passes=[use])
    await salon.tap(member.card)
    sale = await salon.sale(sale["sale_id"])
    assert (sale["status"], sale["amount_fen"], sale["list_fen"]) == ("approved", 0, 13_600)
    assert sale["lines"][0]["passes"][0]["name"] == "剪发十次卡"
    assert (await wallet(salon, member.member_id))["pass:P10"] == 8
    nobody = await sell(salon, lines=[line("1", "P10")], tenders=[{"kind": "cash"}])
    assert nobody["status"] == "awaiting_card"
    await salon.post(f"/sales/{nobody['sale_id']}/cancel")


async def test_gifts_take_points_and_stock(salon: Counter) -> None:
    member = await customer(salon, uid_card())
    await give_points(salon, member.member_id, 500)
    await salon.ledger.write(lambda books: books.put_stock("G1", 1))
    body: dict[str, Any] = {"lines": [line("1", "G1", 1, gift=True)], "member_id": member.member_id}
    sale = await sell(salon, **body)
    assert sale["status"] == "awaiting_pin" and sale["member"]["member_id"] == member.member_id
    done = await salon.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (done["status"], done["points_used"], done["points_left"]) == ("approved", 200, 300)
    assert await salon.ledger.read(lambda books: books.stock("G1")) == 0
    sale = await sell(salon, **body)
    out = await salon.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (out["status"], out["reason"]) == ("declined", "stock_short")


async def test_points_with_a_card_that_is_a_number_ask_for_the_pin(salon: Counter) -> None:
    member = await customer(salon, uid_card())
    await give_points(salon, member.member_id, 300)
    sale = await sell(salon, lines=[line("1", "C1")], points_to_use=100, tenders=[{"kind": "cash"}])
    await salon.tap(member.card)
    assert (await salon.sale(sale["sale_id"]))["status"] == "awaiting_pin"
    done = await salon.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (done["status"], done["amount_fen"]) == ("approved", 6_020)


async def test_stored_value_without_the_card_asks_for_the_pin(salon: Counter) -> None:
    member = await customer(salon, desfire())
    body: dict[str, Any] = {"lines": [line("1", "C1")], "member_id": member.member_id}
    sale = await sell(salon, **body)
    assert sale["status"] == "awaiting_pin"
    wrong = await salon.ask("POST", f"/sales/{sale['sale_id']}/pin", {"pin": "1111"})
    assert (wrong.status, wrong.key) == (403, "pin_wrong")
    done = await salon.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (done["status"], done["amount_fen"], done["weak"]) == ("approved", 6_120, True)
    # 200 yuan a day without the card.
    over = await sell(salon, lines=[line("1", "C1", 3)], member_id=member.member_id)
    out = await salon.post(f"/sales/{over['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (out["status"], out["reason"]) == ("declined", "day_limit")
    assert out["facts"] == {"limit_fen": 20_000, "left_fen": 13_880}


async def test_the_members_card_pays_while_the_pin_is_awaited(salon: Counter) -> None:
    """Another's card is refused by name and changes nothing; the member's own is taken."""
    member = await customer(salon, desfire(1))
    other = await customer(salon, desfire(2), name="李四")
    asked: dict[str, Any] = {"lines": [line("1", "C1")], "member_id": member.member_id}
    sale = await sell(salon, **asked)
    assert sale["status"] == "awaiting_pin"
    for wrong in (other.card, uid_card(9)):
        await salon.tap(wrong)
        now = await salon.counter()
        assert (now["state"], now["ask"]) == ("awaiting_pin", "card_of_other")
        assert now["sale"]["sale_id"] == sale["sale_id"]
    await salon.tap(member.card)
    done = await salon.sale(sale["sale_id"])
    assert (done["status"], done["amount_fen"], done["weak"]) == ("approved", 6_120, False)
    assert done["member"]["member_id"] == member.member_id
    assert (await salon.counter())["ask"] is None
    assert await salon.balance(other.member_id) == (50_000, 5_000)

    again = await sell(salon, **asked)
    await salon.tap(other.card)
    paid = await salon.post(f"/sales/{again['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (paid["status"], paid["weak"]) == ("approved", True)


async def test_a_shop_may_want_the_card_always(salon: Counter) -> None:
    put_rules(salon, parameters={"member_without_card": {"allowed": False}})
    member = await customer(salon, desfire(1))
    other = await customer(salon, desfire(2), name="李四")
    body: dict[str, Any] = {
        "lines": [line("1", "C1")],
        "member_id": member.member_id,
        "tenders": [{"kind": "cash"}],
    }
    sale = await sell(salon, **body)
    assert sale["status"] == "awaiting_card"
    await salon.tap(other.card)
    assert (await salon.sale(sale["sale_id"]))["reason"] == "card_of_other_member"
    sale = await sell(salon, **body)
    await salon.tap(member.card)
    sale = await salon.sale(sale["sale_id"])
    assert (sale["status"], sale["amount_fen"]) == ("approved", 6_120)


@pytest.mark.parametrize("fault", [Fault.TORN_COMMITTED, Fault.TORN_UNCOMMITTED])
async def test_a_torn_tap_ends_at_the_price_that_was_agreed(salon: Counter, fault: Fault) -> None:
    member = await customer(salon, desfire())
    sale = await sell(salon, lines=[line("1", "C1")])
    member.card.fault = fault
    await salon.tap(member.card)
    torn = await salon.sale(sale["sale_id"])
    assert (torn["status"], torn["amount_fen"]) == ("unknown", 6_120)
    put_rules(salon, member_categories={"member_categories": [
        {"category": "standard", "name": "普通"}
    ]})  # fmt: skip
    await salon.tap(member.card)
    done = await salon.sale(sale["sale_id"])
    assert (done["status"], done["amount_fen"]) == ("approved", 6_120)
    assert done["lines"][0]["steps"][0]["rule"] == "普通"
    after = await sell(salon, lines=[line("1", "C1")])
    await salon.tap(member.card)
    assert (await salon.sale(after["sale_id"]))["amount_fen"] == 6_800


async def test_a_torn_tap_is_paid_from_what_is_there_when_it_ends(salon: Counter) -> None:
    member = await customer(salon, desfire(), fen=0)
    first = await salon.recharge(member.member_id, 10_000)
    await salon.recharge(member.member_id, 15_000)
    sale = await sell(salon, lines=[line("1", "C1")])
    member.card.fault = Fault.TORN_COMMITTED
    await salon.tap(member.card)
    await salon.post(f"/recharges/{first['recharge_id']}/void", key="v")
    await salon.tap(member.card)
    done = await salon.sale(sale["sale_id"])
    assert (done["status"], done["amount_fen"]) == ("approved", 6_120)
    assert await salon.balance(member.member_id) == (8_880, 0)


async def test_a_basket_is_parked_and_taken_up_again(salon: Counter) -> None:
    member = await customer(salon, desfire())
    sale = await sell(salon, lines=[line("1", "C1")], member_id=member.member_id)
    assert sale["status"] == "awaiting_pin"
    assert (await salon.post(f"/sales/{sale['sale_id']}/park"))["status"] == "parked"
    cash = await sell(salon, lines=[line("1", "C1")], tenders=[{"kind": "cash"}])
    assert cash["status"] == "approved"
    again = await salon.post(f"/sales/{sale['sale_id']}/resume", expect=202)
    assert again["status"] == "awaiting_pin" and again["basket"]["lines"][0]["code"] == "C1"
    done = await salon.post(f"/sales/{sale['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert done["status"] == "approved"
    kept, fold = await salon.ledger.read(folded)
    assert kept == fold


async def test_what_cannot_be_sold_is_refused_at_once(salon: Counter) -> None:
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"lines": [line("1", "NO")]}, 404, "code_unknown"),
        ({"lines": [line("1", "C1"), line("1", "K1")]}, 422, "line_twice"),
        ({"lines": [line("1", "C1", 100)]}, 422, "amount_too_large"),
        (
            {"lines": [line("1", "C1")], "member_id": "01JD8ZK3V7Q4M9T2X6R5W1C0BA"},
            404,
            "member_unknown",
        ),
        (
            {"lines": [line("1", "C1")], "tenders": [{"kind": "wechat", "amount_fen": 9_999}]},
            409,
            "tender_too_much",
        ),
    ]
    for body, status, key in refused:
        reply = await salon.ask("POST", "/sales", body, key=salon.new_key())
        assert (reply.status, reply.key) == (status, key), body
    malformed: list[dict[str, Any]] = [
        {},
        {"lines": []},
        {"amount_fen": 100, "lines": [line("1", "C1")]},
        {"lines": [{"line_id": "1"}]},
        {"lines": [{"line_id": "1", "code": "C1", "category": "cut"}]},
        {"lines": [line("1", "C1", 0)]},
    ]
    for body in malformed:
        reply = await salon.ask("POST", "/sales", body, key=salon.new_key())
        assert (reply.status, reply.key) == (422, "request_invalid"), body
    assert (await salon.get("/sales"))["sales"] == []


async def test_keyed_amounts_need_their_permission(salon: Counter) -> None:
    put_rules(
        salon,
        staff={
            "roles": [
                {"role": "manager", "name": "店长", "permissions": ["staff", "rules_change"]},
                {"role": "cashier", "name": "收银", "permissions": ["sell"]},
            ]
        },
    )
    await salon.sign_in(CASHIER)
    refused = await salon.ask("POST", "/sales", {"amount_fen": 100}, key="k")
    assert (refused.status, refused.key) == (403, "permission_needed")
    assert refused.body["facts"] == {"permission": "open_amount"}
    sale = await sell(salon, lines=[line("1", "C1")], tenders=[{"kind": "cash"}])
    assert sale["status"] == "approved"
