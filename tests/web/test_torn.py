"""Cards torn out while they commit, clones and rolled-back copies, and what a restart makes of a
sale that was under way. In every case the money moves exactly once or not at all."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.card_readers import Fault, PlasticCard

from .till import Counter, Customer, customer, desfire, living, uid_card

TORN = [Fault.TORN_COMMITTED, Fault.TORN_UNCOMMITTED]
FROZEN = [Fault.FROZEN_COMMITTED, Fault.FROZEN_UNCOMMITTED]


async def torn_sale(counter: Counter, member: Customer, fault: Fault) -> str:
    sale_id = await counter.begin(1_000)
    member.card.fault = fault
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("unknown", "card_torn")
    return sale_id


@pytest.mark.parametrize("fault", TORN)
async def test_torn_sale_is_settled_by_the_next_tap(counter: Counter, fault: Fault) -> None:
    member = await customer(counter, desfire())
    sale_id = await torn_sale(counter, member, fault)
    shown = await counter.counter()
    assert (shown["state"], shown["ask"]) == ("unknown", "tap_again")
    busy = await counter.ask("POST", "/sales", {"amount_fen": 5}, key="b")
    assert (busy.status, busy.key) == (409, "counter_busy")
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("approved", None)
    assert member.card.counter == 1
    assert await counter.balance(member.member_id) == (49_000, 5_000)
    # And the card goes on as before.
    next_id = await counter.begin(500)
    await counter.tap(member.card)
    assert (await counter.sale(next_id))["status"] == "approved" and member.card.counter == 2


@pytest.mark.parametrize("fault", TORN)
async def test_another_card_does_not_settle_a_torn_sale(counter: Counter, fault: Fault) -> None:
    member = await customer(counter, desfire(1))
    other = await customer(counter, desfire(2), name="李四")
    sale_id = await torn_sale(counter, member, fault)
    for card in (other.card, uid_card(9), desfire(9)):
        await counter.tap(card)
        assert (await counter.sale(sale_id))["status"] == "unknown"
    assert (await counter.counter())["ask"] in ("tap_same_card", "tap_again")
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert await counter.balance(other.member_id) == (50_000, 5_000)


@pytest.mark.parametrize("fault", TORN)
async def test_cancelled_torn_sale_moves_nothing_and_accuses_nobody(
    counter: Counter, fault: Fault
) -> None:
    member = await customer(counter, desfire())
    sale_id = await torn_sale(counter, member, fault)
    assert (await counter.post(f"/sales/{sale_id}/cancel"))["status"] == "cancelled"
    assert await counter.balance(member.member_id) == (50_000, 5_000)
    next_id = await counter.begin(700)
    await counter.tap(member.card)
    assert (await counter.sale(next_id))["status"] == "approved"
    assert await counter.balance(member.member_id) == (49_300, 5_000)


async def test_torn_again_while_settling(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await torn_sale(counter, member, Fault.TORN_UNCOMMITTED)
    for fault in (Fault.GONE, Fault.SILENT, Fault.TORN_UNCOMMITTED, Fault.TORN_COMMITTED):
        member.card.fault = fault
        await counter.tap(member.card)
        assert (await counter.sale(sale_id))["status"] == "unknown"
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert member.card.counter == 1
    assert await counter.balance(member.member_id) == (49_000, 5_000)


async def test_torn_sale_whose_card_was_reported_lost_meanwhile(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await torn_sale(counter, member, Fault.TORN_COMMITTED)
    await counter.post(f"/cards/{member.card_id}/status", {"status": "lost"})
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "card_lost")
    assert await counter.balance(member.member_id) == (50_000, 5_000)


async def clone_of(counter: Counter, member: Customer) -> PlasticCard:
    """A copy of the card from before its last sale."""
    old = member.card.copy()
    await counter.begin(1_000)
    await counter.tap(member.card)
    assert member.card.counter == old.counter + 1
    return old


async def test_rolled_back_copy_is_declined_and_the_card_locked(counter: Counter) -> None:
    member = await customer(counter, desfire())
    old = await clone_of(counter, member)
    sale_id = await counter.begin(2_000)
    await counter.tap(old)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "card_rolled_back")
    assert old.counter == 0
    # Which of the two is the member's is not known: neither may spend now.
    sale_id = await counter.begin(2_000)
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["reason"] == "card_locked"
    assert await counter.balance(member.member_id) == (49_000, 5_000)


async def test_rolled_back_copy_is_remembered_without_a_sale_too(counter: Counter) -> None:
    member = await customer(counter, desfire())
    old = await clone_of(counter, member)
    await counter.tap(old)
    assert (await counter.counter())["refusal"]["reason"] == "card_rolled_back"
    cards = (await counter.get(f"/members/{member.member_id}"))["cards"]
    assert [card["status"] for card in cards] == ["locked"]


async def test_card_that_was_used_elsewhere(counter: Counter) -> None:
    member = await customer(counter, desfire())
    member.card.counter = 5
    sale_id = await counter.begin(2_000)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "card_counter_ahead")
    assert await counter.balance(member.member_id) == (50_000, 5_000)


async def test_copy_under_another_uid_is_forged(counter: Counter) -> None:
    member = await customer(counter, desfire())
    copy = member.card.copy()
    copy.uid = desfire(44).uid
    sale_id = await counter.begin(2_000)
    await counter.tap(copy)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "card_forged")
    # The true card is not punished for it.
    sale_id = await counter.begin(2_000)
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"


@pytest.mark.parametrize("fault", FROZEN)
async def test_power_cut_in_the_middle_of_a_commit(counter: Counter, fault: Fault) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    member.card.fault = fault
    laying = asyncio.create_task(counter.lay(member.card))
    await counter.readers.frozen.wait()
    await counter.stop()
    laying.cancel()

    async with living(counter.reborn()) as again:
        sale = await again.sale(sale_id)
        assert (sale["status"], sale["reason"]) == ("unknown", "card_torn")
        assert sale["member"]["member_id"] == member.member_id
        status = await again.get("/status")
        assert (status["counter"]["state"], status["counter"]["ask"]) == ("unknown", "tap_again")
        assert [one["sale_id"] for one in status["last_run"]["sales"]] == [sale_id]
        await again.tap(member.card)
        assert (await again.sale(sale_id))["status"] == "approved"
        assert member.card.counter == 1
        assert await again.balance(member.member_id) == (49_000, 5_000)
        # The receipt names who began the sale, and a second tap does not pay again.
        paper = next(p for p in (await _papers(again)) if sale_id in _words(p))
        assert "1" in _words(paper)
        next_id = await again.begin(300)
        assert (await again.get("/status"))["last_run"] is None
        await again.tap(member.card)
        assert (await again.sale(next_id))["status"] == "approved"
        assert await again.balance(member.member_id) == (48_700, 5_000)
    await counter.start()


async def _papers(counter: Counter) -> list[object]:
    kept = (await counter.get("/receipts?limit=100"))["receipts"]
    stored = [await counter.ledger.receipt(one["receipt_id"]) for one in kept]
    return [one.document for one in stored if one is not None]


def _words(document: object) -> str:
    return str(document)


async def test_power_cut_while_a_card_is_awaited(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    await counter.stop()
    async with living(counter.reborn()) as again:
        sale = await again.sale(sale_id)
        assert (sale["status"], sale["reason"]) == ("declined", "restarted")
        status = await again.get("/status")
        assert status["counter"]["state"] == "idle"
        assert [one["reason"] for one in status["last_run"]["sales"]] == ["restarted"]
        assert await again.balance(member.member_id) == (50_000, 5_000)
    await counter.start()


async def test_two_power_cuts_leave_one_sale_to_ask_about(counter: Counter) -> None:
    first = await customer(counter, desfire(1))
    second = await customer(counter, desfire(2), name="李四")
    await torn_sale(counter, first, Fault.TORN_COMMITTED)
    await counter.stop()
    again = counter.reborn()
    await again.start()
    # The cashier gives that one up and goes on; the next one is torn as well.
    await again.post(f"/sales/{(await again.counter())['sale']['sale_id']}/cancel")
    sale_id = await torn_sale(again, second, Fault.TORN_COMMITTED)
    await again.stop()
    async with living(again.reborn()) as third:
        await third.tap(second.card)
        assert (await third.sale(sale_id))["status"] == "approved"
        next_id = await third.begin(100)
        await third.tap(first.card)
        assert (await third.sale(next_id))["status"] == "approved"
    await counter.start()


async def test_large_torn_sale_asks_for_the_pin_again_after_a_restart(counter: Counter) -> None:
    member = await customer(counter, desfire(), fen=100_000)
    sale_id = await counter.begin(60_000)
    await counter.lay(member.card)
    member.card.fault = Fault.TORN_COMMITTED
    torn = await counter.post(f"/sales/{sale_id}/pin", {"pin": "2468"}, expect=202)
    assert torn["status"] == "unknown"
    await counter.stop()
    async with living(counter.reborn()) as again:
        await again.lay(member.card)
        assert (await again.sale(sale_id))["status"] == "awaiting_pin"
        paid = await again.post(f"/sales/{sale_id}/pin", {"pin": "2468"}, expect=202)
        assert paid["status"] == "approved" and member.card.counter == 1
        assert await again.balance(member.member_id) == (40_000, 15_000)
    await counter.start()


async def test_receipts_that_were_not_printed_are_printed_after_the_restart(
    counter: Counter,
) -> None:
    member = await customer(counter, desfire())
    await counter.papers(1)
    counter.printer.run_out_of_paper()
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    await counter.stop()
    async with living(counter.reborn()) as again:
        assert (await again.get("/status"))["last_run"]["receipts_waiting"] == 1
        await again.papers(1)
        assert again.printer.papers[0].receipt_id == (await again.sale(sale_id))["receipt_id"]
    await counter.start()
