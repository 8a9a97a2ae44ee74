"""A drawer is counted between two sales: what waits for its card is in no count."""

from __future__ import annotations

from daemon.core.entry import Account
from tests.fakes.card_readers import Fault
from tests.staff.salon import line, open_salon, set_rules
from tests.web.till import Counter, Customer, customer, desfire

from .till_cash import CASH, balance, close_shift, notes, open_shift


async def mixed_sale(counter: Counter) -> str:
    """A cut for 68.00: 20.00 from the card, 48.00 in cash, handed over; the card is awaited."""
    body = {
        "lines": [line("1", "cut")],
        "tenders": [{"kind": "stored", "amount_fen": 2_000}, {"kind": "cash"}],
    }
    sale = await counter.post("/sales", body, key=counter.new_key(), expect=202)
    assert sale["status"] == "awaiting_card"
    return str(sale["sale_id"])


async def salon(counter: Counter) -> Customer:
    """500.00 on the card, taken in an earlier shift."""
    await open_salon(counter)
    who = await customer(counter, desfire())
    await set_rules(counter, "shifts", {"required": True})
    return who


async def refused(counter: Counter, sale_id: str, counted_fen: int) -> None:
    body = {"counted": notes(counted_fen)}
    reply = await counter.ask("POST", "/shifts/current/close", body, key="too-early")
    assert (reply.status, reply.key) == (409, "sale_waits")
    assert reply.body["facts"] == {"sale_id": sale_id, "amount_fen": 6_800}


async def test_a_mixed_sale_belongs_to_the_shift_that_takes_its_cash(bare: Counter) -> None:
    """Float 100.00; the sale waits, is refused a count, is parked; the Z report knows nothing of
    it. In the next shift it is taken up: 48.00 in cash, 20.00 from the card."""
    who = await salon(bare)
    before = await balance(bare, CASH)
    await open_shift(bare, 10_000)
    sale_id = await mixed_sale(bare)
    await refused(bare, sale_id, 10_000)
    hand_over = {"to": "1", "pin": "123456", "counted": notes(10_000)}
    reply = await bare.ask("POST", "/shifts/current/hand-over", hand_over, key="h")
    assert (reply.status, reply.key) == (409, "sale_waits")

    await bare.post(f"/sales/{sale_id}/park")
    first = (await close_shift(bare, 10_000))["report"]
    assert first["sales"] == {"count": 0, "fen": 0} and first["cash"]["difference_fen"] == 0
    early = await bare.ask("POST", f"/sales/{sale_id}/resume", {})
    assert (early.status, early.key) == (409, "shift_not_open")

    await open_shift(bare, 5_000)
    await bare.post(f"/sales/{sale_id}/resume", expect=202)
    await refused(bare, sale_id, 5_000)
    await bare.tap(who.card)
    assert (await bare.sale(sale_id))["status"] == "approved"
    second = (await close_shift(bare, 9_800))["report"]
    assert second["sales"] == {"count": 1, "fen": 6_800}
    assert second["tenders"] == [
        {"tender": "cash", "taken_fen": 4_800, "paid_out_fen": 0},
        {"tender": "stored", "taken_fen": 2_000, "paid_out_fen": 0},
    ]
    cash = second["cash"]
    assert (cash["expected_fen"], cash["difference_fen"]) == (9_800, 0)
    assert await balance(bare, CASH) == before
    assert await balance(bare, Account("shop", "over_short")) == 0


async def test_a_sale_that_was_cancelled_or_paid_lets_the_shift_close(bare: Counter) -> None:
    who = await salon(bare)
    await open_shift(bare, 10_000)
    given_up = await mixed_sale(bare)
    await bare.post(f"/sales/{given_up}/cancel")
    paid = await mixed_sale(bare)
    await bare.tap(who.card)
    assert (await bare.sale(paid))["status"] == "approved"
    report = (await close_shift(bare, 14_800))["report"]
    assert report["sales"]["count"] == 1 and report["cash"]["difference_fen"] == 0


async def test_a_torn_sale_holds_the_shift_open_until_its_card_tells(bare: Counter) -> None:
    who = await salon(bare)
    await open_shift(bare, 10_000)
    sale_id = await mixed_sale(bare)
    who.card.fault = Fault.TORN_COMMITTED
    await bare.tap(who.card)
    assert (await bare.sale(sale_id))["status"] == "unknown"
    await refused(bare, sale_id, 10_000)
    await bare.tap(who.card)
    assert (await bare.sale(sale_id))["status"] == "approved"
    report = (await close_shift(bare, 14_800))["report"]
    assert report["cash"]["difference_fen"] == 0


async def test_a_card_that_is_being_made_holds_the_shift_open(bare: Counter) -> None:
    """Its fee is taken when it is made."""
    who = await salon(bare)
    await open_shift(bare, 0)
    issue = await bare.post("/card-issues", {"member_id": who.member_id}, expect=202)
    reply = await bare.ask("POST", "/shifts/current/close", {"counted": []}, key="c")
    assert (reply.status, reply.key) == (409, "counter_busy")
    gone = await bare.ask("DELETE", f"/card-issues/{issue['issue_id']}")
    assert gone.status == 200, gone
    assert (await close_shift(bare, 0))["report"]["cash"]["difference_fen"] == 0
