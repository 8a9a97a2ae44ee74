"""Recharges over HTTP: tiers and campaigns, lots, mixes of tenders, the law (C1, C8)."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.lot_rule import lot_rule
from daemon.core.records import Holding
from tests.web.till import Counter, customer, desfire

from .desk import DAY_S, balance, category, put_rules, tiers, words


async def lots(counter: Counter, member_id: str) -> list[Holding]:
    return list(await counter.ledger.read(lambda books: books.holdings(f"member:{member_id}")))


async def test_lots_keep_what_they_were_bought_under(counter: Counter) -> None:
    put_rules(
        counter,
        recharge=tiers((50_000, 1_000, 0), (100_000, 1_500, 5_000), days=90),
        parameters={"refund_method": "whole"},
    )
    member_id = (await counter.member())["member_id"]
    made = await counter.recharge(member_id, 100_000)
    assert (made["bonus_fen"], made["rule"]) == (20_000, "bonus:100000:1500:5000")
    assert made["bonus_to_day"] == "2026-12-08"
    principal, bonus = await lots(counter, member_id)
    assert (principal.balance, bonus.balance) == (100_000, 20_000)
    kept, given = lot_rule(principal.rule), lot_rule(bonus.rule)
    assert (kept.given, kept.to_day, kept.method) == ("bonus:100000:1500:5000", "", "whole")
    assert (given.to_day, given.paid_fen, given.bonus_fen) == ("2026-12-08", 100_000, 20_000)
    assert kept.bought_ms == given.bought_ms == made["created_ms"]
    paper = await words(counter, made["receipt_id"])
    assert "from 1000.00 +15 % +50.00" in paper and "within 7 days" in paper
    assert f"Lot {principal.account.lot}: principal 1000.00, never ends" in paper
    assert f"Lot {bonus.account.lot}: bonus 200.00, until 2026-12-08" in paper


async def test_a_quote_says_what_it_would_bring_and_writes_nothing(counter: Counter) -> None:
    put_rules(
        counter,
        recharge=tiers((50_000, 1_000, 0)),
        promotions={
            "promotions": [
                {
                    "promotion_id": "autumn",
                    "name": "秋季",
                    "group": "campaign",
                    "effect": {
                        "kind": "recharge_bonus",
                        "tiers": [{"from_fen": 40_000, "bonus_bp": 0, "bonus_fen": 3_000}],
                    },
                },
                {
                    "promotion_id": "big",
                    "name": "大额",
                    "group": "big",
                    "effect": {
                        "kind": "recharge_bonus",
                        "tiers": [{"from_fen": 200_000, "bonus_bp": 0, "bonus_fen": 9_000}],
                    },
                },
            ]
        },
    )
    member_id = (await counter.member())["member_id"]
    asked = {"member_id": member_id, "amount_fen": 60_000}
    told = await counter.post("/recharge-quotes", asked)
    assert (told["bonus_fen"], told["refusals"]) == (9_000, [])
    assert [(one["rule"], one["fen"]) for one in told["given"]] == [
        ("autumn:40000:0:3000", 3_000),
        ("bonus:50000:1000:0", 6_000),
    ]
    assert told["given"][0]["name"].startswith("秋季")
    assert [(one["rule"], one["short_fen"]) for one in told["not_applied"]] == [("big", 140_000)]
    assert told["balance_after"] == {"principal_fen": 60_000, "bonus_fen": 9_000}
    assert await counter.balance(member_id) == (0, 0)
    made = await counter.recharge(member_id, 60_000)
    assert (made["bonus_fen"], made["rule"]) == (9_000, "autumn:40000:0:3000+bonus:50000:1000:0")


async def test_any_mix_of_tenders_pays_exactly(counter: Counter) -> None:
    member_id = (await counter.member())["member_id"]
    mix = [
        {"kind": "wechat", "amount_fen": 12_000},
        {"kind": "bank_card", "amount_fen": 5_000},
        {"kind": "cash", "amount_fen": 5_000},
    ]
    body: dict[str, Any] = {"member_id": member_id, "amount_fen": 20_000, "tenders": mix}
    made = await counter.post("/recharges", body, key="mix")
    assert (made["tender"], made["change_fen"]) == ("wechat", 2_000)
    assert {one["kind"]: one["amount_fen"] for one in made["tenders"]} == {
        "cash": 3_000,
        "bank_card": 5_000,
        "wechat": 12_000,
    }
    for tender, fen in (("cash", -3_000), ("bank_card", -5_000), ("wechat", -12_000)):
        assert await balance(counter, f"tender:{tender}", "taken") == fen
    assert await counter.post("/recharges", body, key="mix") == made
    await counter.post(f"/recharges/{made['recharge_id']}/void", key="v")
    assert await balance(counter, "tender:wechat", "taken") == 0
    for tenders, key in (
        ([{"kind": "wechat", "amount_fen": 30_000}], "tender_too_much"),
        ([{"kind": "cash", "amount_fen": 30}], "tender_short"),
        ([{"kind": "cash"}, {"kind": "wechat"}], "tender_unclear"),
    ):
        refused = await counter.ask("POST", "/recharges", {**body, "tenders": tenders}, key=key)
        assert (refused.status, refused.key) == (409, key)
    both = await counter.ask("POST", "/recharges", {**body, "tender": "cash"}, key="b")
    assert both.status == 422
    assert await counter.balance(member_id) == (0, 0)


async def test_the_law_refuses_with_the_reason(counter: Counter) -> None:
    put_rules(
        counter,
        recharge=tiers((10_000_000, 1, 0)),
        parameters={
            "limits": {
                "real_name_fen": 100_000,
                "person_transfer_fen": 200_000,
                "unit_transfer_fen": 50_000,
            }
        },
    )
    member_id = (await counter.member())["member_id"]

    async def reason(amount_fen: int, **more: Any) -> list[str]:
        body = {"member_id": member_id, "amount_fen": amount_fen, **more}
        told = await counter.post("/recharge-quotes", body)
        reasons = [one["reason"] for one in told["refusals"]]
        if "tenders" not in body:
            body["tender"] = "cash"
        made = await counter.ask("POST", "/recharges", body, key=counter.new_key())
        assert (made.status, made.key if made.status != 200 else "") == (
            (409, reasons[0]) if reasons else (200, "")
        )
        if made.status == 200:
            path = f"/recharges/{made.body['recharge_id']}/void"
            await counter.post(path, key=counter.new_key())
        return reasons

    transfer = [{"kind": "bank_transfer"}]
    assert await reason(99_999) == []
    assert await reason(100_000) == ["buyer_not_identified"]
    assert await reason(60_000, company=True) == ["transfer_only"]
    assert await reason(60_000, company=True, tenders=transfer) == []
    assert await reason(200_000) == ["buyer_not_identified", "transfer_only"]
    assert await reason(1_000, agent=True) == ["agent_not_identified"]
    assert await reason(500_001) == ["balance_ceiling", "buyer_not_identified", "transfer_only"]
    paper = {"kind": "id_card", "number": "11010119900307 7571", "name": "张伟"}
    await counter.post(f"/members/{member_id}/identity", paper)
    assert await reason(100_000) == []
    assert await reason(500_000, tenders=transfer) == []
    assert await reason(1_000, agent=True) == ["agent_not_identified"]
    agent = {"kind": "passport", "number": "E12345678", "name": "李四"}
    await counter.post(f"/members/{member_id}/identity", {**paper, "agent": agent})
    assert await reason(1_000, agent=True) == []


async def test_a_membership_that_is_over_gets_no_bonus(counter: Counter) -> None:
    put_rules(counter, recharge=tiers((10_000, 1_000, 0)), member_categories=category())
    who = await customer(counter, desfire(), fen=0)

    def end(books: Any) -> None:
        from dataclasses import replace

        member = books.member(who.member_id)
        books.change_member(replace(member, valid_to="2026-09-10"))

    await counter.ledger.write(end)
    assert (await counter.recharge(who.member_id, 10_000))["bonus_fen"] == 1_000
    counter.clock.advance(DAY_S)
    await counter.sign_in()
    assert (await counter.recharge(who.member_id, 10_000))["bonus_fen"] == 0


async def test_recharges_count_for_the_level(counter: Counter) -> None:
    member_id = (await counter.member())["member_id"]
    made = await counter.recharge(member_id, 30_000)
    await counter.recharge(member_id, 20_000)

    async def recharged() -> int:
        found = await counter.ledger.read(lambda books: books.standing(member_id))
        return found.recharged_fen

    assert await recharged() == 50_000
    await counter.post(f"/recharges/{made['recharge_id']}/void", key="v")
    assert await recharged() == 20_000


@pytest.mark.parametrize("tender", ["cash", "bank_card", "wechat", "alipay", "bank_transfer"])
async def test_each_tender(counter: Counter, tender: str) -> None:
    member_id = (await counter.member())["member_id"]
    made = await counter.recharge(member_id, 12_345, tender)
    assert made["tender"] == tender
    assert await balance(counter, f"tender:{tender}", "taken") == -12_345


async def test_a_recharge_lifts_the_level(counter: Counter) -> None:
    rungs = [{"level": "gold", "name": "金卡", "from_value": 50_000}]
    put_rules(counter, recharge=tiers(), levels={"measure": "recharge", "rungs": rungs})
    member_id = (await counter.member())["member_id"]

    async def level() -> str | None:
        found = await counter.ledger.read(lambda books: books.member(member_id))
        assert found is not None
        return found.level

    await counter.recharge(member_id, 49_999)
    assert await level() is None
    await counter.recharge(member_id, 1)
    assert await level() == "gold"
