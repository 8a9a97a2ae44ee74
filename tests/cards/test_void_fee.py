"""A fee that was taken by mistake goes back the way it came (C7); the service stays done."""

from __future__ import annotations

from typing import Any

from tests.shifts.till_cash import close_shift, open_shift, x_report
from tests.web.till import MEMBER_PIN, Counter, customer, desfire

from .desk import as_manager, balance, category, put_rules, tiers, words
from .test_card_services import serve

MIX = [
    {"kind": "stored", "amount_fen": 1_200},
    {"kind": "wechat", "amount_fen": 800},
    {"kind": "cash"},
]


async def transferred(counter: Counter) -> tuple[str, dict[str, Any]]:
    """A transfer for 30.00: 12.00 of stored value, 8.00 by WeChat, 10.00 in cash. The manager did
    it and is signed in."""
    put_rules(counter, recharge=tiers(), member_categories=category(fees={"transfer_fen": 3_000}))
    who = await customer(counter, desfire(1), fen=10_000)
    taker = (await counter.member("李四", ""))["member_id"]
    await as_manager(counter)
    asked = {"member_id": who.member_id, "to_member_id": taker, "tenders": MIX, "pin": MEMBER_PIN}
    return who.member_id, await serve(counter, "transfer", **asked)


async def tenders(counter: Counter) -> dict[str, int]:
    return {name: await balance(counter, f"tender:{name}", "taken") for name in ("cash", "wechat")}


async def test_a_fee_goes_back_by_every_tender(counter: Counter) -> None:
    """Float 100.00, a recharge of 100.00 in cash, the fee's 10.00 in cash and back again."""
    await open_shift(counter, 10_000)
    member_id, done = await transferred(counter)
    assert (done["fee_fen"], done["fee_voided"]) == (3_000, False)
    before = await tenders(counter)
    path = f"/card-services/{done['service_id']}/void-fee"
    voided = await counter.post(path, key="v1")
    assert voided == {**done, "fee_voided": True, "member": voided["member"]}
    assert await counter.post(path, key="v1") == voided
    twice = await counter.ask("POST", path, {}, key="v2")
    assert (twice.status, twice.key) == (409, "already_voided")
    assert await counter.get(f"/card-services/{done['service_id']}") == voided

    after = await tenders(counter)
    assert {name: after[name] - before[name] for name in after} == {"cash": 1_000, "wechat": 800}
    assert await counter.balance(member_id) == (1_200, 0)
    assert await balance(counter, "shop", "fees") == 0

    paper = (await counter.get("/receipts?limit=1"))["receipts"][0]
    assert (paper["kind"], paper["service_id"]) == ("void_fee", done["service_id"])
    said = await words(counter, paper["receipt_id"])
    for word in ("VOID RECEIPT", "￥30.00", "Cash 10.00", "WeChat Pay 8.00", "12.00"):
        assert word in said, word
    await counter.papers(3)
    assert counter.printer.papers[-1].open_drawer

    report = await x_report(counter)
    assert report["fees"] == {"count": 1, "fen": 3_000}
    assert report["voids"] == {"count": 1, "fen": 3_000}
    flows = {each["tender"]: each for each in report["tenders"]}
    assert flows["wechat"] == {"tender": "wechat", "taken_fen": 800, "paid_out_fen": 800}
    assert flows["stored"] == {"tender": "stored", "taken_fen": 1_200, "paid_out_fen": 1_200}
    closed = await close_shift(counter, 20_000)
    assert closed["report"]["cash"]["difference_fen"] == 0


async def test_whose_fee_it_is_and_how_long(counter: Counter) -> None:
    """As with sales: one's own within the window, else a manager."""
    _, done = await transferred(counter)
    path = f"/card-services/{done['service_id']}/void-fee"
    await counter.sign_in()
    others = await counter.ask("POST", path, {}, key="v1")
    assert (others.status, others.key) == (403, "void_not_allowed")
    unknown = await counter.ask(
        "POST", f"/card-services/{done['member']['member_id']}/void-fee", {}, key="u"
    )
    assert (unknown.status, unknown.key) == (404, "service_unknown")
    counter.clock.advance(counter.policy.void_window_ms / 1000 + 1)
    await as_manager(counter)
    assert (await counter.post(path, key="v2"))["fee_voided"]


async def test_what_cost_nothing_has_no_fee_to_give_back(counter: Counter) -> None:
    who = await customer(counter, desfire(1), fen=0)
    await as_manager(counter)
    done = await serve(counter, "report_lost", card_id=who.card_id)
    path = f"/card-services/{done['service_id']}/void-fee"
    reply = await counter.ask("POST", path, {}, key="v")
    assert (reply.status, reply.key) == (409, "not_voidable")


async def test_the_void_of_a_mixed_recharge_names_every_tender(counter: Counter) -> None:
    member_id = (await counter.member())["member_id"]
    mix = [{"kind": "wechat", "amount_fen": 12_000}, {"kind": "cash"}]
    body = {"member_id": member_id, "amount_fen": 20_000, "tenders": mix}
    made = await counter.post("/recharges", body, key="mix")
    await counter.post(f"/recharges/{made['recharge_id']}/void", key="v")
    paper = (await counter.get("/receipts?limit=1"))["receipts"][0]
    said = await words(counter, paper["receipt_id"])
    for word in ("￥200.00", "WeChat Pay 120.00", "Cash 80.00"):
        assert word in said, word
    await counter.papers(2)
    assert counter.printer.papers[-1].open_drawer
