"""Whole sales: from the amount to the paper, and every way in which one does not come off."""

from __future__ import annotations

import asyncio

import pytest

from daemon.core.policy import Policy
from tests.fakes.card_readers import Fault

from .till import MANAGER, MEMBER_PIN, Counter, customer, desfire, living, uid_card


async def test_desfire_sale_from_amount_to_paper(counter: Counter) -> None:
    member = await customer(counter, desfire())
    assert await counter.balance(member.member_id) == (50_000, 5_000)
    sale_id = await counter.begin(1_850)
    assert (await counter.counter())["state"] == "awaiting_card"
    await counter.lay(member.card)
    sale = await counter.sale(sale_id)
    assert sale["status"] == "approved" and sale["reason"] is None
    assert sale["taken"] == {"principal_fen": 1_850, "bonus_fen": 0}
    assert sale["balance"] == {"principal_fen": 48_150, "bonus_fen": 5_000}
    assert sale["member"]["name"] == "张*" and sale["technology"] == "desfire"
    assert sale["voidable"] and not sale["voided"] and not sale["weak"]
    assert member.card.counter == 1
    await counter.papers(2)  # the recharge's and the sale's
    assert counter.printer.papers[-1].receipt_id == sale["receipt_id"]
    assert (await counter.counter())["state"] == "done"


async def test_insufficient_funds_says_what_is_missing(counter: Counter) -> None:
    member = await customer(counter, desfire(), fen=1_000)
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "insufficient_funds")
    assert sale["facts"] == {"short_fen": 850, "available_fen": 1_000}
    assert member.card.counter == 0
    assert await counter.balance(member.member_id) == (1_000, 0)


async def test_bonus_pays_when_principal_is_spent(counter: Counter) -> None:
    member = await customer(counter, desfire(), fen=20_000)  # and 1 000 bonus
    sale_id = await counter.begin(20_500)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert sale["taken"] == {"principal_fen": 20_000, "bonus_fen": 500}
    voided = await counter.post(f"/sales/{sale_id}/void", key="v")
    assert voided["voided"] and not voided["voidable"]
    assert await counter.balance(member.member_id) == (20_000, 1_000)


async def test_uid_card_spends_with_the_members_pin(counter: Counter) -> None:
    member = await customer(counter, uid_card())
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert sale["status"] == "awaiting_pin" and sale["weak"] and sale["member"]["name"] == "张*"
    listed = await counter.get("/sales?status=awaiting_pin")
    assert [one["sale_id"] for one in listed["sales"]] == [sale_id]
    assert (await counter.get("/sales?status=awaiting_card"))["sales"] == []
    wrong = await counter.ask("POST", f"/sales/{sale_id}/pin", {"pin": "1111"})
    assert (wrong.status, wrong.key, wrong.body["facts"]) == (403, "pin_wrong", {"left": 4})
    right = await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert right["status"] == "approved" and right["weak"]
    assert await counter.balance(member.member_id) == (48_150, 5_000)


async def test_five_wrong_pins_lock_and_a_restart_does_not_unlock(counter: Counter) -> None:
    member = await customer(counter, uid_card())
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    for left in (4, 3, 2, 1):
        wrong = await counter.ask("POST", f"/sales/{sale_id}/pin", {"pin": "1111"})
        assert (wrong.key, wrong.body["facts"]["left"]) == ("pin_wrong", left)
    locked = await counter.ask("POST", f"/sales/{sale_id}/pin", {"pin": "1111"})
    assert (locked.status, locked.key) == (429, "pin_locked")
    assert locked.headers["Retry-After"] == str(locked.body["facts"]["seconds"]) == "60"
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "pin_locked")

    await counter.stop()
    async with living(counter.reborn()) as again:
        sale_id = await again.begin(1_850)
        await again.tap(member.card)
        still = await again.ask("POST", f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN})
        assert (still.status, still.key) == (429, "pin_locked")
        again.clock.advance(61)
        sale_id = await again.begin(1_850)
        await again.tap(member.card)
        right = await again.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
        assert right["status"] == "approved"
    await counter.start()


async def test_uid_card_without_a_pin_cannot_spend(counter: Counter) -> None:
    member = await customer(counter, uid_card(), pin=False)
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "pin_required_but_unset")


async def test_uid_card_has_a_limit_a_day_and_a_void_gives_it_back(counter: Counter) -> None:
    member = await customer(counter, uid_card())

    async def spend(amount_fen: int) -> str:
        sale_id = await counter.begin(amount_fen)
        await counter.tap(member.card)
        if (await counter.sale(sale_id))["status"] == "awaiting_pin":
            await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
        return sale_id

    first = await spend(15_000)
    over = await counter.sale(await spend(5_001))
    assert (over["status"], over["reason"]) == ("declined", "day_limit")
    assert over["facts"] == {"limit_fen": 20_000, "left_fen": 5_000}
    await counter.post(f"/sales/{first}/void", key=counter.new_key())
    again = await counter.sale(await spend(20_000))
    assert again["status"] == "approved"
    counter.clock.advance(24 * 3600)
    await counter.sign_in()
    assert (await counter.sale(await spend(20_000)))["status"] == "approved"


async def test_large_desfire_sale_asks_for_the_pin_of_that_card(counter: Counter) -> None:
    member = await customer(counter, desfire(), fen=100_000)
    sale_id = await counter.begin(60_000)
    await counter.lay(member.card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_pin"
    # The card still lies there: it is charged as soon as the PIN is right.
    sale = await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert sale["status"] == "approved" and member.card.counter == 1


async def test_pin_given_for_one_card_does_not_pay_with_another(counter: Counter) -> None:
    member = await customer(counter, desfire(1), fen=100_000)
    other = await customer(counter, desfire(2), fen=100_000, name="李四")
    sale_id = await counter.begin(60_000)
    await counter.tap(member.card)
    waiting = await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert waiting["status"] == "awaiting_card"
    assert (await counter.counter())["ask"] == "tap_again"
    await counter.tap(other.card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_pin"
    assert await counter.balance(other.member_id) == (100_000, 15_000)


async def test_double_tap_is_asked_about(counter: Counter) -> None:
    member = await customer(counter, desfire())
    await counter.begin(1_850)
    await counter.tap(member.card)
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_card"
    assert (await counter.counter())["ask"] == "double_tap"
    assert member.card.counter == 1
    confirmed = await counter.post(f"/sales/{sale_id}/confirm", expect=202)
    assert confirmed["status"] == "awaiting_card"  # the card was lifted
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    twice = await counter.ask("POST", f"/sales/{sale_id}/confirm", {})
    assert (twice.status, twice.key) == (409, "nothing_to_confirm")


async def test_a_void_is_no_reason_to_ask_about_the_next_sale(counter: Counter) -> None:
    member = await customer(counter, desfire())
    first = await counter.begin(1_850)
    await counter.tap(member.card)
    await counter.post(f"/sales/{first}/void", key=counter.new_key())
    again = await counter.begin(1_850)
    await counter.tap(member.card)
    assert (await counter.sale(again))["status"] == "approved"


async def test_double_tap_with_the_card_still_there(counter: Counter) -> None:
    member = await customer(counter, desfire())
    await counter.begin(1_850)
    await counter.tap(member.card)
    sale_id = await counter.begin(1_850)
    await counter.lay(member.card)
    confirmed = await counter.post(f"/sales/{sale_id}/confirm", expect=202)
    assert confirmed["status"] == "approved" and member.card.counter == 2


async def test_park_and_resume(counter: Counter) -> None:
    member = await customer(counter, desfire())
    first = await counter.begin(1_000)
    parked = await counter.post(f"/sales/{first}/park")
    assert parked["status"] == "parked" and (await counter.counter())["state"] == "idle"
    second = await counter.begin(2_000)
    busy = await counter.ask("POST", f"/sales/{first}/resume", {})
    assert (busy.status, busy.key) == (409, "counter_busy")
    await counter.tap(member.card)
    listed = await counter.get("/sales?status=parked")
    assert [one["sale_id"] for one in listed["sales"]] == [first]
    resumed = await counter.post(f"/sales/{first}/resume", expect=202)
    assert resumed["status"] == "awaiting_card"
    again = await counter.ask("POST", f"/sales/{first}/resume", {})
    assert (again.status, again.key) == (409, "counter_busy")
    await counter.tap(member.card)
    assert (await counter.sale(first))["status"] == "approved"
    assert (await counter.sale(second))["status"] == "approved"
    ended = await counter.ask("POST", f"/sales/{first}/resume", {})
    assert (ended.status, ended.key) == (409, "sale_not_parked")
    assert await counter.balance(member.member_id) == (47_000, 5_000)


async def test_parked_sale_outlives_a_restart_and_can_be_cancelled(counter: Counter) -> None:
    sale_id = await counter.begin(1_000)
    await counter.post(f"/sales/{sale_id}/park")
    await counter.stop()
    async with living(counter.reborn()) as again:
        assert (await again.sale(sale_id))["status"] == "parked"
        cancelled = await again.post(f"/sales/{sale_id}/cancel")
        assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "cancelled_by_cashier")
    await counter.start()


async def test_a_second_sale_is_refused_while_one_waits(counter: Counter) -> None:
    sale_id = await counter.begin(1_000)
    busy = await counter.ask("POST", "/sales", {"amount_fen": 500}, key="other")
    assert (busy.status, busy.key) == (409, "counter_busy")
    cancelled = await counter.post(f"/sales/{sale_id}/cancel")
    assert cancelled["status"] == "cancelled"
    # The refused key is still free: nothing was kept of that request.
    later = await counter.post("/sales", {"amount_fen": 500}, key="other", expect=202)
    assert later["status"] == "awaiting_card"


async def test_cancel_of_what_has_ended_changes_nothing(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    for _ in range(3):
        assert (await counter.post(f"/sales/{sale_id}/cancel"))["status"] == "approved"
    await counter.papers(2)
    assert (await counter.post(f"/sales/{sale_id}/cancel"))["status"] == "approved"
    assert (await counter.counter())["state"] == "idle"
    assert await counter.balance(member.member_id) == (49_000, 5_000)


@pytest.mark.parametrize("wait", ["card", "pin"])
async def test_waiting_ends(counter: Counter, wait: str) -> None:
    member = await customer(counter, uid_card())
    await counter.stop()
    quick = counter.reborn()
    quick.policy = Policy(card_wait_ms=30, pin_wait_ms=30)
    async with living(quick):
        sale_id = await quick.begin(1_000)
        if wait == "pin":
            await quick.tap(member.card)
        while (await quick.sale(sale_id))["status"].startswith("awaiting"):
            await asyncio.sleep(0.01)
        sale = await quick.sale(sale_id)
        assert (sale["status"], sale["reason"]) == ("cancelled", "timed_out")
    await counter.start()


async def test_tap_first_then_charge(counter: Counter) -> None:
    member = await customer(counter, desfire())
    await counter.lay(member.card)
    shown = await counter.counter()
    assert shown["state"] == "amount" and shown["sale"] is None and shown["refusal"] is None
    assert shown["card"]["member"]["member_id"] == member.member_id
    sale = await counter.post("/sales", {"amount_fen": 1_850}, key="k", expect=202)
    assert sale["status"] == "approved"
    # Still the same card: the next sale must not take from it unasked.
    second = await counter.post("/sales", {"amount_fen": 700}, key="k2", expect=202)
    assert second["status"] == "awaiting_card"
    assert (await counter.counter())["ask"] == "tap_again"
    await counter.lift()
    await counter.tap(member.card)
    assert (await counter.sale(second["sale_id"]))["status"] == "approved"


async def test_only_the_card_that_is_shown_pays(counter: Counter) -> None:
    first = await customer(counter, desfire(1))
    second = await customer(counter, desfire(2), name="李四")
    await counter.lay(first.card, "desk")
    await counter.lay(second.card, "window")
    assert (await counter.counter())["card"]["member"]["member_id"] == second.member_id
    sale = await counter.post("/sales", {"amount_fen": 1_850}, key="k", expect=202)
    assert sale["member"]["member_id"] == second.member_id
    assert await counter.balance(first.member_id) == (50_000, 5_000)


async def test_the_card_that_is_shown_goes_although_another_lies_there(counter: Counter) -> None:
    first = await customer(counter, desfire(1))
    second = await customer(counter, desfire(2), name="李四")
    await counter.lay(first.card, "desk")
    await counter.lay(second.card, "window")
    await counter.lift("window")
    assert (await counter.counter())["state"] == "idle"
    sale = await counter.post("/sales", {"amount_fen": 1_850}, key="k", expect=202)
    assert sale["status"] == "awaiting_card"
    assert await counter.balance(first.member_id) == (50_000, 5_000)


async def test_unknown_card_without_a_sale_says_so(counter: Counter) -> None:
    await counter.lay(uid_card(77))
    shown = await counter.counter()
    assert (shown["state"], shown["card"]) == ("declined", None)
    assert shown["refusal"] == {"reason": "card_unknown", "facts": {}}
    await counter.lift()
    await counter.begin(100)
    assert (await counter.counter())["refusal"] is None


@pytest.mark.parametrize("status", ["lost", "locked"])
async def test_reported_card_is_declined_until_it_is_lifted(counter: Counter, status: str) -> None:
    member = await customer(counter, desfire())
    told = await counter.post(
        f"/cards/{member.card_id}/status", {"status": status, "reason": "told_by_phone"}
    )
    assert told["cards"][0]["status"] == status
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", f"card_{status}")
    if status == "locked":
        await counter.sign_in(MANAGER)
    await counter.post(f"/cards/{member.card_id}/status", {"status": "active"})
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"


async def test_blank_forged_and_keyless_cards(counter: Counter) -> None:
    member = await customer(counter, desfire())
    forged = member.card.copy()
    forged.genuine = False
    keyless = member.card.copy()
    keyless.fault = Fault.KEYLESS
    for card, reason in (
        (desfire(99), "card_blank"),
        (forged, "card_forged"),
        (keyless, "card_key_missing"),
        (uid_card(98), "card_unknown"),
    ):
        sale_id = await counter.begin(1_000)
        await counter.tap(card)
        sale = await counter.sale(sale_id)
        assert (sale["status"], sale["reason"]) == ("declined", reason)
    assert await counter.balance(member.member_id) == (50_000, 5_000)


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.GARBLED, Fault.GONE, Fault.READER])
async def test_lost_contact_is_no_verdict(counter: Counter, fault: Fault) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    member.card.fault = fault
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_card"
    assert (await counter.counter())["ask"] == "tap_again"
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert await counter.balance(member.member_id) == (49_000, 5_000)


async def test_card_lifted_before_the_commit(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    member.card.fault = Fault.GONE_BEFORE_COMMIT
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_card"
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved" and member.card.counter == 1


async def test_void_rules(counter: Counter) -> None:
    member = await customer(counter, desfire())
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    first = await counter.post(f"/sales/{sale_id}/void", key="v1")
    assert first["voided"]
    assert (await counter.counter())["sale"]["voided"]
    assert (await counter.post(f"/sales/{sale_id}/void", key="v1"))["voided"]
    again = await counter.ask("POST", f"/sales/{sale_id}/void", {}, key="v2")
    assert (again.status, again.key) == (409, "already_voided")
    assert await counter.balance(member.member_id) == (50_000, 5_000)

    old = await counter.begin(2_000)
    await counter.tap(member.card)
    counter.clock.advance(31 * 60)
    await counter.sign_in()
    late = await counter.ask("POST", f"/sales/{old}/void", {}, key="v3")
    assert (late.status, late.key) == (403, "void_not_allowed")
    await counter.sign_in(MANAGER)
    assert (await counter.post(f"/sales/{old}/void", key="v3"))["voided"]
    waiting = await counter.begin(3_000)
    undone = await counter.ask("POST", f"/sales/{waiting}/void", {}, key="v4")
    assert (undone.status, undone.key) == (409, "not_voidable")


async def test_printer_out_of_paper_holds_up_nobody(counter: Counter) -> None:
    member = await customer(counter, desfire())
    await counter.papers(1)
    counter.printer.run_out_of_paper()
    sale_id = await counter.begin(1_000)
    await counter.tap(member.card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    next_id = await counter.begin(1_100)
    await counter.tap(member.card)
    assert (await counter.sale(next_id))["status"] == "approved"
    counter.printer.refill()
    await counter.papers(3)
    states = {one["sale_id"]: one["state"] for one in (await counter.get("/receipts"))["receipts"]}
    assert states[sale_id] == states[next_id] == "printed"
