"""A shift from its float to its Z report: figures worked out by hand, blind, and once."""

from __future__ import annotations

import json

from daemon.core.entry import Account
from daemon.core.receipt import Receipt, Text
from daemon.core.shift_report import DRAWER, OVER_SHORT
from tests.staff.salon import line, open_salon, refund, sell, set_rules
from tests.web.till import MANAGER, Counter, customer, desfire, living

from .till_cash import CASH, balance, close_shift, move_cash, notes, open_shift, token, x_report


async def test_a_day_with_mixed_tenders(counter: Counter) -> None:
    """Float 200.00. Recharges 500.00 cash (bonus 50.00), 300.00 WeChat, 200.00 cash and voided.
    A sale of 18.50 from the card, one of 30.00 voided. In 100.00, out 150.00.

    Expected: 200 + 500 + 200 - 200 + 100 - 150 = 650.00; counted 645.00; short 5.00."""
    opened = await open_shift(counter)
    assert (opened["number"], opened["held_by"], opened["report"]) == (1, "1", None)
    who = await customer(counter, desfire())  # 500.00 in cash
    await counter.recharge(who.member_id, 30_000, "wechat")
    wrong = await counter.recharge(who.member_id, 20_000)
    await counter.post(f"/recharges/{wrong['recharge_id']}/void", key="v1")
    await counter.begin(1_850)
    await counter.tap(who.card)
    counter.clock.advance(60)
    second = await counter.begin(3_000)
    await counter.tap(who.card)
    await counter.post(f"/sales/{second}/void", key="v2")
    await move_cash(counter, "in", 10_000)
    await move_cash(counter, "out", 15_000)
    seen = await x_report(counter)
    assert seen["cash"]["expected_fen"] == 65_000 and seen["cash"]["counted_fen"] is None

    closed = await close_shift(counter, 64_500)
    report = closed["report"]
    assert report["sales"] == {"count": 2, "fen": 4_850}
    assert report["voids"] == {"count": 1, "fen": 3_000}
    assert report["recharges"] == {"count": 3, "fen": 100_000}
    assert report["recharge_voids"] == {"count": 1, "fen": 20_000}
    assert report["cash"] == {
        "float_fen": 20_000,
        "taken_fen": 70_000,
        "paid_out_fen": 20_000,
        "in_fen": 10_000,
        "out_fen": 15_000,
        "found_fen": 0,
        "expected_fen": 65_000,
        "counted_fen": 64_500,
        "difference_fen": -500,
    }
    assert report["tenders"] == [
        {"tender": "cash", "taken_fen": 70_000, "paid_out_fen": 20_000},
        {"tender": "stored", "taken_fen": 4_850, "paid_out_fen": 3_000},
        {"tender": "wechat", "taken_fen": 30_000, "paid_out_fen": 0},
    ]
    (cashier,) = report["cashiers"]
    assert cashier["number"] == "1" and cashier["cash_fen"] == 50_000
    assert closed["counted"] == {"10000": 6, "2000": 2, "500": 1}
    assert await balance(counter, CASH) == 0
    assert await balance(counter, OVER_SHORT) == -500
    # 200 + 100 went in, 150 and the counted 645 came out.
    assert await balance(counter, DRAWER) == 30_000 - 15_000 - 64_500
    assert await balance(counter, Account("tender:wechat", "taken")) == -30_000


async def test_what_should_be_there_is_in_no_answer_before_the_count(counter: Counter) -> None:
    """Neither as a figure nor as paper, for who holds the shift."""
    await open_shift(counter, 12_300)
    member = await counter.member()
    await counter.recharge(member["member_id"], 45_600)
    headers = await token(counter, "shift_any")
    printed = await counter.post("/shifts/current/report", key="x", headers=headers)
    assert printed["report"]["cash"]["expected_fen"] == 57_900
    for path in ("/shifts/current", "/shifts", "/receipts", "/session", "/status"):
        told = json.dumps(await counter.get(path))
        assert "57900" not in told and "expected" not in told
    shift = (await counter.get("/shifts/current"))["shift"]
    kept = await counter.get(f"/shifts/{shift['shift_id']}")
    assert kept["report"] is None and kept["receipt_id"] is None
    refused = await counter.ask("GET", "/shifts/current/report")
    assert refused.body["facts"] == {"permission": "shift_any"}
    for method, ending in (("GET", ".png"), ("POST", "/reprint")):
        paper = await counter.ask(method, f"/receipts/{printed['receipt_id']}{ending}")
        assert (paper.status, paper.key) == (403, "permission_needed")
    closed = await close_shift(counter, 57_900)
    assert closed["report"]["cash"]["difference_fen"] == 0


async def test_one_shift_is_open_and_numbers_have_no_gap(counter: Counter) -> None:
    none = await counter.ask("POST", "/shifts/current/close", {"counted": []}, key="c")
    assert (none.status, none.key) == (409, "shift_not_open")
    for number in (1, 2, 3):
        first = await counter.post("/shifts", {"float_fen": 100}, key=f"o{number}")
        assert first["number"] == number
        again = await counter.post("/shifts", {"float_fen": 100}, key=f"o{number}")
        assert again == first
        second = await counter.ask("POST", "/shifts", {"float_fen": 100}, key=f"p{number}")
        assert (second.status, second.key) == (409, "shift_open")
        body = {"counted": notes(100)}
        closed = await counter.post("/shifts/current/close", body, key=f"c{number}")
        assert await counter.post("/shifts/current/close", body, key=f"c{number}") == closed
    listed = (await counter.get("/shifts"))["shifts"]
    assert [shift["number"] for shift in listed] == [3, 2, 1]
    older = (await counter.get("/shifts?before=3&limit=1"))["shifts"]
    assert [shift["number"] for shift in older] == [2]


async def test_hand_over_with_and_without_a_count(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    body = {"number": "2", "name": "李四", "role": "cashier", "pin": "222222"}
    await bare.post("/staff", body, expect=201)
    await bare.sign_in()
    await open_shift(bare, 10_000)
    path = "/shifts/current/hand-over"
    wrong = await bare.ask("POST", path, {"to": "2", "pin": "000000"}, key="h0")
    assert (wrong.status, wrong.key) == (403, "take_over_refused")
    counted = {"to": "2", "pin": "222222", "counted": notes(10_050)}
    done = await bare.post(path, counted, key="h1")
    assert done["shift"]["held_by"] == "2" and done["difference_fen"] == 50
    assert await bare.post(path, counted, key="h1") == done
    mine = await bare.ask("POST", "/shifts/current/close", {"counted": []}, key="c")
    assert mine.body["facts"] == {"permission": "shift_any"}
    await bare.sign_in(("2", "222222"))
    back = await bare.post(path, {"to": "1", "pin": "123456"}, key="h2")
    assert back["shift"]["held_by"] == "1" and back["difference_fen"] is None
    await bare.sign_in()
    closed = await close_shift(bare, 10_050)
    cash = closed["report"]["cash"]
    assert (cash["found_fen"], cash["expected_fen"], cash["difference_fen"]) == (50, 10_050, 0)
    overs = closed["report"]["hand_overs"]
    assert [(each["from"], each["to"], each["difference_fen"]) for each in overs] == [
        ("1", "2", 50),
        ("2", "1", 0),
    ]
    assert await balance(bare, OVER_SHORT) == 50


async def test_a_manager_closes_anothers_shift(bare: Counter) -> None:
    await bare.sign_in()
    opened = await open_shift(bare, 5_000)
    await bare.sign_in(MANAGER)
    closed = await close_shift(bare, 5_000)
    assert (closed["opened_by"], closed["closed_by"]) == ("1", "9")
    await bare.sign_in()
    reply = await bare.ask("GET", f"/shifts/{opened['shift_id']}")
    assert (reply.status, reply.body["facts"]) == (403, {"permission": "shift_any"})
    (listed,) = (await bare.get("/shifts"))["shifts"]
    assert listed["report"] is None


def is_z(paper: Receipt) -> bool:
    return any(isinstance(block, Text) and block.text == "Z REPORT" for block in paper.blocks)


async def test_over_midnight_and_a_power_cut(counter: Counter) -> None:
    """The count, the Z report and its paper are one transaction: a cut after it loses nothing."""
    await open_shift(counter, 10_000)
    member = await counter.member()
    await counter.recharge(member["member_id"], 20_000)
    await counter.stop()
    async with living(counter.reborn()) as second:
        second.clock.advance(16 * 3600)
        await second.sign_in()
        await second.recharge(member["member_id"], 30_000)
        second.printer.run_out_of_paper()
        closed = await close_shift(second, 60_000)
        assert not any(paper.number for paper in second.printer.papers if is_z(paper))
    async with living(counter.reborn()) as third:
        await third.sign_in()
        kept = await third.get(f"/shifts/{closed['shift_id']}")
        assert kept["report"] == closed["report"]
        await third.papers(1)
        assert [is_z(paper) for paper in third.printer.papers].count(True) == 1
        assert kept["report"]["cash"]["taken_fen"] == 50_000
        again = await third.post(f"/receipts/{kept['receipt_id']}/reprint", expect=202)
        assert again["kind"] == "shift_close"
    await counter.start()


async def test_a_shop_that_wants_shifts_sells_in_one(counter: Counter) -> None:
    count = await counter.ask("POST", "/shifts/current/close", {"counted": []}, key="c")
    assert count.key == "shift_not_open"
    wrong = await counter.ask(
        "POST", "/drawer/cash", {"way": "in", "amount_fen": 100, "reason": "x"}, key="m"
    )
    assert wrong.body["facts"] == {"permission": "cash_move"}
    await open_shift(counter, 0)
    for counted, key in (
        ([{"note_fen": 7, "count": 1}], "note_unknown"),
        ([{"note_fen": 100, "count": 1}, {"note_fen": 100, "count": 2}], "note_twice"),
    ):
        reply = await counter.ask("POST", "/shifts/current/close", {"counted": counted}, key="c")
        assert (reply.status, reply.key) == (422, key)
    assert (await close_shift(counter, 0))["report"]["cash"]["difference_fen"] == 0


async def test_the_drawer_is_opened_with_a_reason_and_a_slip(counter: Counter) -> None:
    headers = await token(counter, "cash_move")
    done = await counter.post("/drawer/open", {"reason": "换零钱"}, key="d", headers=headers)
    await counter.papers(1)
    assert counter.printer.papers[-1].open_drawer
    slip = next(
        row
        for row in (await counter.get("/receipts"))["receipts"]
        if row["receipt_id"] == done["receipt_id"]
    )
    assert slip["kind"] == "drawer_opened"
    blank = await counter.ask(
        "POST", "/drawer/open", {"reason": " "}, key="e", headers=await token(counter, "cash_move")
    )
    assert (blank.status, blank.key) == (422, "reason_missing")


async def test_where_shifts_are_required_nothing_is_sold_without(bare: Counter) -> None:
    await open_salon(bare)
    await set_rules(bare, "shifts", {"required": True, "float_fen": 20_000})
    body = {"lines": [line("1", "cut")], "tenders": [{"kind": "cash"}]}
    member = await bare.member()
    money = {"member_id": member["member_id"], "amount_fen": 100, "tender": "cash"}
    for path, asked in (("/sales", body), ("/recharges", money)):
        reply = await bare.ask("POST", path, asked, key="early")
        assert (reply.status, reply.key) == (409, "shift_not_open")
    now = await bare.get("/shifts/current")
    assert now["required"] and now["usual_float_fen"] == 20_000
    await open_shift(bare, now["usual_float_fen"])
    assert (await bare.ask("POST", "/recharges", money, key="early")).status == 200
    await sell(bare, body["lines"], body["tenders"])


async def test_a_salons_mixed_tenders_on_paper(bare: Counter) -> None:
    """Float 100.00. A cut 68.00: 20.00 by bank card, 50.00 in cash handed over, 2.00 change.
    An oil 99.00 by Alipay and two oils 198.00 in cash, of which one is brought back: 99.00 out.

    Sales 68 + 99 + 198 = 365.00, refunds 99.00; cash 48 + 198 - 99 + 100 = 247.00."""
    await open_salon(bare)
    await open_shift(bare, 10_000)
    mixed = [{"kind": "bank_card", "amount_fen": 2_000}, {"kind": "cash", "amount_fen": 5_000}]
    await sell(bare, [line("1", "cut")], mixed)
    await sell(bare, [line("1", "oil")], [{"kind": "alipay"}])
    two = await sell(bare, [line("1", "oil", 2)], [{"kind": "cash"}])
    await refund(bare, two, {"1": 1})
    closed = await close_shift(bare, 24_700)
    report = closed["report"]
    assert report["sales"] == {"count": 3, "fen": 36_500}
    assert report["refunds"] == {"count": 1, "fen": 9_900}
    assert report["tenders"] == [
        {"tender": "alipay", "taken_fen": 9_900, "paid_out_fen": 0},
        {"tender": "bank_card", "taken_fen": 2_000, "paid_out_fen": 0},
        {"tender": "cash", "taken_fen": 24_600, "paid_out_fen": 9_900},
    ]
    assert report["cash"]["expected_fen"] == 24_700
    assert report["cash"]["difference_fen"] == 0
    paper = await bare.ledger.receipt(closed["receipt_id"])
    assert paper is not None
    told = {block["left"]: block["right"] for block in paper.document["blocks"] if "left" in block}
    assert told["Sales x3"] == "365.00" and told["Refunds x1"] == "99.00"
    assert told["Expected"] == told["Counted"] == "￥247.00"
    assert told["Difference"] == "￥0.00"
