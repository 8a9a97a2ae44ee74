"""Money from the account onto the purse of the card that lies there."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.cards.purse_memory import DEMO_PIN
from tests.fakes.purse_plastic import PursePlastic
from tests.purse.test_purse_sales import account, on_card, sold, with_purse
from tests.web.till import MANAGER, Counter, Customer, Reply, uid_card

BEFORE = {"mode": "remove", "ins": "8052", "when": "before"}
AFTER = {"mode": "remove", "ins": "8052", "when": "after"}
SHOWN: list[dict[str, Any]] = [{}, {}]
"""A card that is laid down is shown first: whose it is, and what is on it."""


async def load(
    counter: Counter, card: PursePlastic, fen: int, pin: str = DEMO_PIN, key: str = ""
) -> Reply:
    await counter.lay(card)
    body = {"amount_fen": fen, "purse_pin": pin}
    answer = await counter.ask("POST", "/purse-loads", body, key=key or counter.new_key())
    await counter.lift()
    return answer


async def loading(counter: Counter, member: Customer) -> int:
    return await account(counter, f"card:{member.card_id}", "purse_loading")


async def test_principal_goes_onto_the_card(counter: Counter) -> None:
    member, card = await with_purse(counter, 0, fen=50_000)
    done = (await load(counter, card, 20_000, key="once")).body
    assert (done["status"], done["on_card_fen"]) == ("done", 20_000)
    assert card.chip.memory.balance == 20_000 == await on_card(counter, member)
    assert await counter.balance(member.member_id) == (30_000, 5_000)
    kept = await counter.ledger.receipt(done["receipt_id"])
    assert kept is not None
    paper = kept.document
    assert "On the card" in str(paper) and "200.00" in str(paper)
    again = (await load(counter, card, 20_000, key="once")).body
    assert again["load_id"] == done["load_id"] and card.chip.memory.balance == 20_000
    # The account has something left, but no PIN to take it with: the purse pays.
    sale = await sold(counter, card, 100)
    assert sale["tenders"] == [{"kind": "purse", "amount_fen": 100}]


async def test_what_cannot_be_loaded_moves_nothing(counter: Counter) -> None:
    member, card = await with_purse(counter, 0, fen=1_000)
    for fen, pin, status, key in (
        (1_001, DEMO_PIN, 409, "insufficient_funds"),
        (100, "000000", 403, "purse_pin_wrong"),
    ):
        answer = await load(counter, card, fen, pin)
        assert (answer.status, answer.key) == (status, key)
    nothing = await counter.ask(
        "POST", "/purse-loads", {"amount_fen": 5, "purse_pin": DEMO_PIN}, key="n"
    )
    assert (nothing.status, nothing.key) == (409, "purse_not_there")
    await counter.lay(uid_card(7))
    other = await counter.ask(
        "POST", "/purse-loads", {"amount_fen": 5, "purse_pin": DEMO_PIN}, key="o"
    )
    await counter.lift()
    assert (other.status, other.key) == (409, "purse_not_there")
    assert await counter.balance(member.member_id) == (1_000, 0)
    assert card.chip.memory.balance == 0 == await loading(counter, member)


@pytest.mark.parametrize("tear", [BEFORE, AFTER])
async def test_a_torn_load_is_unknown_and_its_money_waits(
    counter: Counter, tear: dict[str, Any]
) -> None:
    member, card = await with_purse(counter, 0, fen=10_000)
    card.strikes = [*SHOWN, tear]
    torn = (await load(counter, card, 4_000)).body
    assert (torn["status"], torn["receipt_id"]) == ("unknown", None)
    assert await counter.balance(member.member_id) == (6_000, 0)
    assert await loading(counter, member) == 4_000 and await on_card(counter, member) == 0
    # The next load settles it with the card's PIN, whichever way it ended.
    done = (await load(counter, card, 500)).body
    assert done["status"] == "done"
    landed = 4_500 if tear is AFTER else 500
    assert card.chip.memory.balance == landed == await on_card(counter, member)
    assert await loading(counter, member) == 0
    assert await counter.balance(member.member_id) == (10_000 - landed, 0)


async def test_a_load_that_was_done_shows_at_any_tap(counter: Counter) -> None:
    member, card = await with_purse(counter, 0, fen=10_000)
    card.strikes = [*SHOWN, AFTER]
    assert (await load(counter, card, 4_000)).body["status"] == "unknown"
    await counter.tap(card)
    assert await on_card(counter, member) == 4_000 and await loading(counter, member) == 0


@pytest.mark.parametrize("outcome", ["done", "not_done"])
@pytest.mark.parametrize("tear", [BEFORE, AFTER])
async def test_the_card_corrects_the_office_about_a_load(
    counter: Counter, tear: dict[str, Any], outcome: str
) -> None:
    member, card = await with_purse(counter, 0, fen=10_000)
    card.strikes = [*SHOWN, tear]
    torn = (await load(counter, card, 4_000)).body
    await counter.sign_in(MANAGER)
    body = {"outcome": outcome, "reason": "核对过"}
    path = f"/purse-deeds/{torn['deed_id']}/decision"
    assert (await counter.ask("POST", path, body, key="d")).status == 200
    assert await loading(counter, member) == 0
    await load(counter, card, 100)
    landed = 4_100 if tear is AFTER else 100
    assert card.chip.memory.balance == landed == await on_card(counter, member)
    principal, _ = await counter.balance(member.member_id)
    doubt = await account(counter, "shop", "purse_doubt")
    assert principal + landed + doubt == 10_000 and doubt in (0, -4_000)
