"""A balance paid out over HTTP, with figures worked out by hand (C1, C8, 退余额 and 退卡)."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.entry import Kind
from tests.web.till import MANAGER, Counter, Customer, customer, desfire

from .desk import DAY_S, as_manager, balance, category, entries, pay, put_rules, tiers, words

BANK = {
    "tender": "bank_transfer",
    "voucher": "20260910-17",
    "same_name": True,
    "paper_shown": True,
}


async def three_and_one(counter: Counter, method: str = "in_ratio", **more: Any) -> Customer:
    """3 000 paid and 1 000 given, 1 000 consumed."""
    put_rules(
        counter,
        recharge=tiers((300_000, 0, 100_000)),
        parameters={"refund_method": method},
        **more,
    )
    who = await customer(counter, desfire(), fen=300_000)
    for fen in (40_000, 35_000, 25_000):
        await pay(counter, who.card, fen)
    return who


async def after_seven_days(counter: Counter) -> None:
    counter.clock.advance(8 * DAY_S)
    await as_manager(counter)


@pytest.mark.parametrize(("method", "back_fen"), [("in_ratio", 225_000), ("whole", 200_000)])
async def test_the_method_of_the_day_of_the_recharge(
    counter: Counter, method: str, back_fen: int
) -> None:
    who = await three_and_one(counter, method)
    put_rules(counter, parameters={"refund_method": "in_ratio" if method == "whole" else "whole"})
    await after_seven_days(counter)
    asked = {"member_id": who.member_id, **BANK}
    told = await counter.post("/balance-refund-quotes", asked)
    assert (told["refund_fen"], told["fee_fen"], told["refusals"]) == (back_fen, 0, [])
    (lot,) = told["lots"]
    assert (lot["paid_fen"], lot["bonus_fen"], lot["cooling_off"]) == (300_000, 100_000, False)
    assert (lot["principal_left_fen"], lot["bonus_left_fen"]) == (200_000, 100_000)
    assert told["evidence"]["visits"] == 3
    assert await counter.balance(who.member_id) == (200_000, 100_000)
    done = await counter.post("/balance-refunds", asked, key="back")
    assert done["refund_fen"] == back_fen
    assert await counter.post("/balance-refunds", asked, key="back") == done
    assert await counter.balance(who.member_id) == (0, 0)
    assert await balance(counter, "tender:bank_transfer", "taken") == back_fen
    # Of the 1 000 that were given, 250 paid for the difference where the ratio is the rule.
    more = back_fen - 200_000
    assert await balance(counter, "shop", "bonus_given") == -100_000 + 100_000 - more
    assert await balance(counter, "shop", "kept") == 0
    entry = (await entries(counter))[-1].draft
    assert (entry.kind, entry.detail["event"]) == (Kind.BALANCE_REFUND, "refund_balance")
    assert "20260910" not in str(entry), "a voucher is not for the journal"
    paper = await words(counter, done["receipt_id"])
    assert "BALANCE REFUND" in paper and "20260910-17" in paper
    again = await counter.ask("POST", "/balance-refunds", asked, key="again")
    assert (again.status, again.key) == (409, "nothing_to_refund")


async def test_within_seven_days_it_is_in_ratio_whatever_was_disclosed(counter: Counter) -> None:
    who = await three_and_one(counter, "whole")
    counter.clock.advance(7 * DAY_S)
    await as_manager(counter)
    asked = {"member_id": who.member_id, **BANK}
    told = await counter.post("/balance-refund-quotes", asked)
    assert (told["refund_fen"], told["lots"][0]["cooling_off"]) == (225_000, True)
    same = await counter.post("/balance-refund-quotes", {**asked, "had_same_before": True})
    assert (same["refund_fen"], same["lots"][0]["cooling_off"]) == (200_000, False)


async def test_the_shop_keeps_what_the_whole_method_leaves_it(counter: Counter) -> None:
    """Bonus first: 1 000 consumed are the bonus; by the whole method 2 000 of 3 000 come back."""
    put_rules(
        counter,
        recharge=tiers((300_000, 0, 100_000)),
        parameters={"refund_method": "whole", "spend_order": "bonus_first"},
    )
    who = await customer(counter, desfire(), fen=300_000)
    for fen in (40_000, 35_000, 25_000):
        await pay(counter, who.card, fen)
    assert await counter.balance(who.member_id) == (300_000, 0)
    await after_seven_days(counter)
    done = await counter.post("/balance-refunds", {"member_id": who.member_id, **BANK}, key="back")
    assert (done["refund_fen"], done["lots"][0]["from_shop_fen"]) == (200_000, -100_000)
    assert await balance(counter, "shop", "kept") == 100_000
    assert await balance(counter, "shop", "bonus_given") == -100_000


async def test_a_bonus_that_ended_was_given_for_nothing(counter: Counter) -> None:
    put_rules(counter, recharge=tiers((300_000, 0, 100_000), days=30))
    who = await customer(counter, desfire(), fen=300_000)
    await pay(counter, who.card, 40_000)
    counter.clock.advance(31 * DAY_S)
    await as_manager(counter)
    told = await counter.post("/balance-refund-quotes", {"member_id": who.member_id, **BANK})
    (lot,) = told["lots"]
    assert (lot["bonus_fen"], lot["bonus_ended_fen"]) == (0, 100_000)
    assert told["refund_fen"] == 260_000


async def test_fee_of_unnamed_cards_alone(counter: Counter) -> None:
    fees = category(fees={"return_fen": 1_000})
    put_rules(counter, recharge=tiers(), member_categories=fees)
    named = await customer(counter, desfire(1), fen=30_000)
    unnamed = await customer(counter, desfire(2), fen=30_000, name="李四")
    await make_unnamed(counter, unnamed.member_id)
    await after_seven_days(counter)
    first = await counter.post("/balance-refunds", {"member_id": named.member_id, **BANK}, key="1")
    assert (first["refund_fen"], first["fee_fen"]) == (30_000, 0)
    second = await counter.post(
        "/balance-refunds", {"member_id": unnamed.member_id, **BANK}, key="2"
    )
    assert (second["refund_fen"], second["fee_fen"]) == (29_000, 1_000)
    assert await balance(counter, "shop", "fees") == 1_000
    assert await balance(counter, "tender:bank_transfer", "taken") == 59_000


async def make_unnamed(counter: Counter, member_id: str) -> None:
    from dataclasses import replace

    def change(books: Any) -> None:
        books.change_member(replace(books.member(member_id), named=False))

    await counter.ledger.write(change)


async def test_the_law_of_a_payout(counter: Counter) -> None:
    who = await customer(counter, desfire(), fen=10_001)
    await as_manager(counter)

    async def reasons(**more: Any) -> list[str]:
        asked = {"member_id": who.member_id, **more}
        told = await counter.post("/balance-refund-quotes", asked)
        found = [one["reason"] for one in told["refusals"]]
        if found:
            refused = await counter.ask("POST", "/balance-refunds", asked, key=counter.new_key())
            assert (refused.status, refused.key) == (409, found[0])
        return found

    assert await reasons(tender="cash") == ["refund_to_account_only", "receiver_not_identified"]
    assert await reasons(tender="wechat", paper_shown=True) == [
        "refund_to_other_name",
        "voucher_missing",
    ]
    assert await reasons(**BANK) == []
    assert await counter.balance(who.member_id) == (10_001, 0)
    paper = {"kind": "passport", "number": "E12345678", "name": "张伟"}
    await counter.post(f"/members/{who.member_id}/identity", paper)
    assert await reasons(tender="cash") == ["refund_to_account_only"]
    await pay(counter, who.card, 1)
    assert await reasons(tender="cash") == []


async def test_a_cashier_needs_a_manager(counter: Counter) -> None:
    who = await customer(counter, desfire(), fen=5_000)
    asked = {"member_id": who.member_id, "tender": "cash", "paper_shown": True}
    refused = await counter.ask("POST", "/balance-refunds", asked, key="k")
    assert (refused.status, refused.key) == (403, "permission_needed")
    assert refused.body["facts"] == {"permission": "balance_refund"}
    number, pin = MANAGER
    approval = await counter.post(
        "/approvals", {"employee": number, "pin": pin, "permission": "balance_refund"}
    )
    done = await counter.post(
        "/balance-refunds", asked, key="k", headers={"Approval": approval["token"]}
    )
    assert done["refund_fen"] == 5_000
    detail = (await entries(counter))[-1].draft.detail
    assert detail["approver"] == number


async def test_more_lots_than_one_entry_holds(counter: Counter) -> None:
    put_rules(counter, recharge=tiers((1_000, 1_000, 0)))
    member_id = (await counter.member())["member_id"]
    for _ in range(45):
        await counter.recharge(member_id, 1_000)
    await as_manager(counter)
    done = await counter.post("/balance-refunds", {"member_id": member_id, **BANK}, key="back")
    assert (done["refund_fen"], len(done["lots"])) == (45_000, 45)
    assert await counter.balance(member_id) == (0, 0)
    assert await balance(counter, "tender:bank_transfer", "taken") == 45_000
    refunds = [e for e in await entries(counter) if e.draft.kind is Kind.BALANCE_REFUND]
    assert len(refunds) == 3


async def test_level_progress_goes_with_the_money(counter: Counter) -> None:
    who = await three_and_one(counter)
    await after_seven_days(counter)
    await counter.post("/balance-refunds", {"member_id": who.member_id, **BANK}, key="back")
    kept = await counter.ledger.read(lambda books: books.standing(who.member_id))
    assert kept.recharged_fen == 75_000
