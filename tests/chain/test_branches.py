"""Two real counters and a real cloud: one balance between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.books import CloudStore
from daemon.core.entry import Funding, Kind
from daemon.core.lease.policy import ChainPolicy
from tests.chain.branch import Town, town_of
from tests.web.till import MANAGER, customer, desfire


@pytest.fixture
async def town(tmp_path: Path, store: CloudStore) -> AsyncIterator[Town]:
    async with town_of(tmp_path, store) as made:
        yield made


async def test_a_sale_by_lease_goes_up(town: Town) -> None:
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    sale = await a.counter.begin(1_850)
    await a.counter.tap(buyer.card)
    sold = await a.counter.sale(sale)
    assert sold["status"] == "approved", sold
    entry = await a.counter.ledger.read(lambda books: books.entry_of(sale))
    assert entry is not None and entry.draft.kind is Kind.SALE
    member = [p for p in entry.draft.postings if p.account.owner.startswith("member:")]
    assert {p.funding for p in member} == {Funding.LEASE}
    assert all(p.account.lot >> 40 == 1 for p in member)
    await a.settle()
    principal = (await town.sums())["principal"]
    assert (principal["funded"], principal["settled"]) == (50_000, 1_850)
    assert await town.found() == []


async def known_at(town: Town, *names: str) -> None:
    await town.settle()
    for name in names:
        await town.branches[name].settle()


async def test_one_balance_at_two_counters(town: Town) -> None:
    """Paid in at a, tapped at b: the card came down, the money is called in while the member
    waits."""
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    async with a.listening():
        sale = await b.counter.begin(10_000)
        await b.counter.tap(buyer.card)
    sold = await b.counter.sale(sale)
    assert sold["status"] == "approved", sold
    entry = await b.counter.ledger.read(lambda books: books.entry_of(sale))
    assert entry is not None
    spent = [p for p in entry.draft.postings if p.account.owner.startswith("member:")]
    assert {p.funding for p in spent if p.amount < 0} == {Funding.ONLINE}
    await town.settle()
    principal = (await town.sums())["principal"]
    assert (principal["funded"], principal["settled"]) == (50_000, 10_000)
    assert (principal["in_debit"], principal["overspent"], principal["at_risk"]) == (0, 0, 0)
    assert await town.found() == []


async def test_no_answer_leaves_an_intent_that_is_reversed(town: Town) -> None:
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    b.lose_answers = True
    sale = await b.counter.begin(10_000)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(sale)
    assert refused["status"] == "declined", refused
    assert refused["reason"] == "needs_network"
    intent = await b.counter.ledger.read(lambda books: books.debit(sale))
    assert intent is not None and intent.state.value == "asked"
    b.lose_answers = False
    await town.settle()
    intent = await b.counter.ledger.read(lambda books: books.debit(sale))
    assert intent is not None and intent.state.value == "reversed"
    principal = (await town.sums())["principal"]
    assert (principal["funded"], principal["settled"], principal["in_debit"]) == (50_000, 0, 0)
    async with a.listening():
        again = await b.counter.begin(10_000)
        await b.counter.tap(buyer.card)
    assert (await b.counter.sale(again))["status"] == "approved"


async def test_a_copy_of_a_question_that_was_answered_no_is_reversed(town: Town) -> None:
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    said: list[bytes] = []
    speak = b.link.report

    async def overheard(*about: int, **more: bool) -> bytes:
        said.append(await speak(*about, **more))
        return said[-1]

    b.link.report = overheard  # type: ignore[method-assign]
    sale = await b.counter.begin(10_000)
    await b.counter.tap(buyer.card)
    assert (await b.counter.sale(sale))["status"] == "declined"
    intent = await b.counter.ledger.read(lambda books: books.debit(sale))
    assert intent is not None and intent.state.value in ("refused", "asked", "reversing")
    await a.settle()
    for message in said:
        await town.cloud.exchange(message, device="b")
    assert (await town.sums())["principal"]["in_debit"] == 10_000
    await town.settle()
    principal = (await town.sums())["principal"]
    assert (principal["in_debit"], principal["settled"], principal["overspent"]) == (0, 0, 0)
    await town.settle()
    again = await b.counter.begin(10_000)
    await b.counter.tap(buyer.card)
    assert (await b.counter.sale(again))["status"] == "approved"


async def test_cut_off_what_is_here_is_spent_and_no_more(town: Town) -> None:
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    async with a.listening():
        sale = await b.counter.begin(10_000)
        await b.counter.tap(buyer.card)
    await town.settle()
    held = await b.counter.ledger.read(
        lambda books: sum(
            each.balance
            for each in books.holdings(f"member:{buyer.member_id}")
            if each.account.asset in ("principal", "bonus")
        )
    )
    b.cut = a.cut = True
    b.link.lost()
    sale = await b.counter.begin(held + 100)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(sale)
    assert refused["status"] == "declined"
    assert refused["reason"] == "needs_network"
    if held:
        sale = await b.counter.begin(held)
        await b.counter.tap(buyer.card)
        assert (await b.counter.sale(sale))["status"] == "approved"
    a.cut = b.cut = False
    await town.settle()
    principal = (await town.sums())["principal"]
    assert principal["overspent"] == 0
    assert await town.found() == []


async def test_credit_inside_the_policy(town: Town) -> None:
    """Cut off, a member of whom nothing is here buys on credit: so much and no more, and the cloud
    takes it from what there is."""
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    limits = replace(
        town.policy,
        credit_sale_fen=3_000,
        credit_member_fen=5_000,
        credit_day_fen=9_000,
        credit_in_a_row=2,
        credit_pin_above_fen=3_000,
    )
    b.counter.shop.rules_cell.put(replace(b.counter.shop.rules, chain=limits))
    b.cut = True
    b.link.lost()
    held = await b.counter.ledger.read(
        lambda books: sum(
            each.balance
            for each in books.holdings(f"member:{buyer.member_id}")
            if each.account.asset in ("principal", "bonus")
        )
    )
    too_much = await b.counter.begin(held + 3_001)
    await b.counter.tap(buyer.card)
    assert (await b.counter.sale(too_much))["status"] == "declined"
    sale = await b.counter.begin(held + 2_500)
    await b.counter.tap(buyer.card)
    sold = await b.counter.sale(sale)
    assert sold["status"] == "approved", sold
    assert {"kind": "owed", "amount_fen": 2_500} in sold["tenders"]
    entry = await b.counter.ledger.read(lambda books: books.entry_of(sale))
    assert entry is not None
    owed = [p for p in entry.draft.postings if p.account.owner.startswith("credit:")]
    assert [(p.amount, p.funding) for p in owed] == [(-2_500, Funding.CREDIT)]
    assert owed[0].account.asset == "owed"
    second = await b.counter.begin(2_600)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(second)
    assert refused["status"] == "declined", "the member's limit is 50.00"
    b.cut = False
    await town.settle()
    assert {"GRANT_FORGED", "OVERDRAWN", "DEBIT_FORGED"}.isdisjoint(await town.found())
    sums = await town.sums()
    assert sums["principal"]["settled"] + sums["bonus"]["settled"] == held
    assert sums["owed"]["settled"] == 2_500


async def test_credit_that_needs_a_manager_leaves_what_is_here(town: Town) -> None:
    """Not given without a yes; the sale says what can be spent here beside another tender."""
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=5_000)
    await a.settle()
    limits = replace(
        town.policy, credit_sale_fen=3_000, credit_member_fen=5_000, credit_day_fen=9_000
    )
    a.counter.shop.rules_cell.put(replace(a.counter.shop.rules, chain=limits))
    a.cut = True
    a.link.lost()
    sale = await a.counter.begin(7_000)
    await a.counter.tap(buyer.card)
    refused = await a.counter.sale(sale)
    assert (refused["status"], refused["reason"]) == ("declined", "credit_needs_manager")
    assert refused["facts"] == {
        "credit_fen": 2_000,
        "usable_here_fen": 5_000,
        "available_fen": 5_000,
        "short_fen": 2_000,
    }


async def test_a_card_that_is_new_elsewhere_is_fetched(town: Town) -> None:
    """Issued at a, never heard of at b: the tap itself brings the member, the card, the money."""
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await a.settle()
    assert await b.counter.ledger.read(lambda books: books.card(buyer.card_id)) is None
    async with a.listening():
        sale = await b.counter.begin(10_000)
        await b.counter.tap(buyer.card)
    sold = await b.counter.sale(sale)
    assert sold["status"] == "approved", sold
    member = await b.counter.get(f"/members/{buyer.member_id}")
    assert member["name"] == "张*"
    await town.settle()
    assert (await town.sums())["principal"]["settled"] == 10_000


async def test_a_cut_off_counter_says_what_is_here_and_who_holds_the_rest(town: Town) -> None:
    a, b = await town.open("a"), await town.open("b")
    buyer = await customer(a.counter, desfire(), fen=50_000)
    await known_at(town)
    b.counter.shop.rules_cell.put(
        replace(b.counter.shop.rules, chain=ChainPolicy(debit_deadline_ms=1_000))
    )
    a.cut = True
    town.clock.advance(120)
    sale = await b.counter.begin(10_000)
    await b.counter.tap(buyer.card)
    refused = await b.counter.sale(sale)
    assert refused["reason"] == "held_elsewhere", refused
    assert refused["usable_here_fen"] == 0
    there = refused["elsewhere"]
    assert [(each["store"], each["fen"]) for each in there] == [("S-a", 55_000)]
    assert there[0]["offline_since"] is not None
    b.cut = True
    b.link.lost()
    cash = await b.counter.post(
        "/sales",
        {
            "amount_fen": 900,
            "member_id": buyer.member_id,
            "tenders": [{"kind": "cash", "amount_fen": 900}],
        },
        key=b.counter.new_key(),
        expect=202,
    )
    if cash["status"] == "approved":
        await b.counter.papers(1)
        assert "Sold offline" in str(b.counter.printer.papers[-1])


async def test_leases_end_and_an_unset_clock_spends_little(town: Town) -> None:
    """Too long without a word: what is held stays held and is not spent. A word brings it back."""
    a = await town.open("a")
    buyer = await customer(a.counter, desfire(), fen=80_000)
    await a.settle()
    a.cut = True
    a.link.lost()
    town.clock.advance(73 * 3600)
    a.counter.token = None
    await a.counter.sign_in(MANAGER)
    sale = await a.counter.begin(1_000)
    await a.counter.tap(buyer.card)
    refused = await a.counter.sale(sale)
    assert (refused["status"], refused["reason"]) == ("declined", "lease_expired")
    a.cut = False
    await a.settle()
    sale = await a.counter.begin(1_000)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(sale))["status"] == "approved"
    await a.settle()
    await a.stop()
    a.cut, a.synced = True, False
    await a.start()
    a.counter.token = None
    await a.counter.sign_in(MANAGER)
    over = await a.counter.begin(50_001)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(over))["reason"] == "clock_unsynced_much"
    within = await a.counter.begin(40_000)
    await a.counter.tap(buyer.card)
    paid = await a.counter.sale(within)
    assert paid["status"] == "approved", paid
    rest = await a.counter.begin(10_001)
    await a.counter.tap(buyer.card)
    assert (await a.counter.sale(rest))["reason"] == "clock_unsynced_much"
