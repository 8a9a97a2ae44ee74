"""Offline credit above the merchant's limit: a manager is asked, at the counter that is cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud.books import CloudStore
from daemon.core.entry import Funding
from tests.chain.branch import Branch, Town, town_of
from tests.web.till import CASHIER, MANAGER, Counter, Customer, customer, desfire


@pytest.fixture
async def town(tmp_path: Path, store: CloudStore) -> AsyncIterator[Town]:
    async with town_of(tmp_path, store) as made:
        yield made


async def _cut_off_with_credit(town: Town) -> tuple[Branch, Customer]:
    """50.00 is held here, the network is gone, and a manager is asked for any credit."""
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=5_000)
    await a.settle()
    limits = replace(
        town.policy, credit_sale_fen=3_000, credit_member_fen=5_000, credit_day_fen=9_000
    )
    a.counter.shop.rules_cell.put(replace(a.counter.shop.rules, chain=limits))
    a.cut = True
    a.link.lost()
    await a.counter.sign_in(CASHIER)
    return a, buyer


async def _say_yes(counter: Counter) -> str:
    employee, pin = MANAGER
    body = {"permission": "credit", "employee": employee, "pin": pin}
    return str((await counter.post("/approvals", body))["token"])


async def test_a_manager_says_yes_to_credit(town: Town) -> None:
    """Asked for as any other approval: the same request again, with the yes; both names are with
    the sale, and the request sent once more finds it."""
    a, buyer = await _cut_off_with_credit(town)
    till = a.counter
    order, key = {"amount_fen": 7_000, "credit_fen": 2_000}, till.new_key()
    refused = await till.post("/sales", order, key=key, expect=403)
    assert (refused["key"], refused["facts"]) == ("permission_needed", {"permission": "credit"})
    token = await _say_yes(till)
    sale = await till.post("/sales", order, key=key, headers={"Approval": token}, expect=202)
    assert sale["status"] == "awaiting_card"
    await till.tap(buyer.card)
    sold = await till.sale(sale["sale_id"])
    assert sold["status"] == "approved", sold
    assert {"kind": "owed", "amount_fen": 2_000} in sold["tenders"]
    again = await till.post("/sales", order, key=key, headers={"Approval": token}, expect=202)
    assert (again["sale_id"], again["status"]) == (sale["sale_id"], "approved")
    entry = await till.ledger.read(lambda books: books.entry_of(sale["sale_id"]))
    assert entry is not None
    assert (entry.draft.actor, entry.draft.detail["approver"]) == (CASHIER[0], MANAGER[0])
    owed = [p for p in entry.draft.postings if p.account.owner.startswith("credit:")]
    assert [(p.amount, p.funding) for p in owed] == [(-2_000, Funding.CREDIT)]
    await till.papers(1)
    a.cut = False
    await town.settle()
    assert (await town.sums())["owed"]["settled"] == 2_000


async def test_a_yes_is_for_so_much_and_never_above_the_limits(town: Town) -> None:
    a, buyer = await _cut_off_with_credit(town)
    till = a.counter

    async def charged(amount_fen: int, credit_fen: int) -> dict[str, Any]:
        sale = await till.post(
            "/sales",
            {"amount_fen": amount_fen, "credit_fen": credit_fen},
            key=till.new_key(),
            headers={"Approval": await _say_yes(till)},
            expect=202,
        )
        await till.tap(buyer.card)
        return await till.sale(sale["sale_id"])

    more = await charged(7_000, 1_999)
    assert (more["reason"], more["facts"]["credit_fen"]) == ("credit_needs_manager", 2_000)
    above = await charged(9_000, 4_000)
    assert (above["status"], above["reason"]) == ("declined", "needs_network")
    unneeded = await charged(4_000, 2_000)
    assert unneeded["status"] == "approved"
    assert [each["kind"] for each in unneeded["tenders"]] == ["stored"]


async def test_a_yes_stays_with_a_sale_that_is_set_aside(town: Town) -> None:
    a, buyer = await _cut_off_with_credit(town)
    till = a.counter
    order = {"amount_fen": 7_000, "credit_fen": 2_000}
    token = await _say_yes(till)
    sale = await till.post(
        "/sales", order, key=till.new_key(), headers={"Approval": token}, expect=202
    )
    sale_id = sale["sale_id"]
    await till.post(f"/sales/{sale_id}/park")
    await till.post(f"/sales/{sale_id}/resume", expect=202)
    await till.tap(buyer.card)
    assert (await till.sale(sale_id))["status"] == "approved"
    entry = await till.ledger.read(lambda books: books.entry_of(sale_id))
    assert entry is not None and entry.draft.detail["approver"] == MANAGER[0]
