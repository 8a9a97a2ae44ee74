"""Cards that must not pay: each says what is wrong and what to do, and no money moves; and what a
card that may pay needs for it: a PIN, or its bonus when the principal is spent."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.browser.counter import Counter, expect
from tests.browser.running import Shop
from tests.browser.words import yuan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BOBS_PIN = "135790"


@dataclass(frozen=True)
class Refusal:
    """A card of the rack, and the reason for which it is refused."""

    card: str
    reason: str
    amount: str = "18.50"


REFUSALS = (
    Refusal("stranger", "card_unknown"),
    Refusal("dave", "card_lost"),
    Refusal("alice-clone", "card_forged"),
    Refusal("alice-old", "card_rolled_back"),
    Refusal("carol", "insufficient_funds"),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda it: it.reason)
async def test_a_card_is_refused(counter: Counter, shop: Shop, refusal: Refusal) -> None:
    before, papers = await shop.money(), len(await shop.papers())
    left_fen = sum(before["carol"])
    facts = {"short": yuan(1850 - left_fen), "left": yuan(left_fen)}

    await counter.charge(refusal.amount)
    await shop.tap(refusal.card)
    await counter.scene("declined")
    await counter.says(refusal.reason, **facts)
    await counter.announces(counter.said(refusal.reason, **facts)[0])
    await counter.look(refusal.reason.replace("_", "-"))

    (sale, *_) = await shop.sales()
    assert (sale["status"], sale["reason"]) == ("declined", refusal.reason)
    assert sale["taken"] is None and sale["receipt_id"] is None
    assert await shop.money() == before
    assert len(await shop.papers()) == papers


@pytest.mark.parametrize("refusal", REFUSALS[:4], ids=lambda it: it.reason)
async def test_a_card_is_refused_before_an_amount_is_typed(
    counter: Counter, shop: Shop, refusal: Refusal
) -> None:
    before = await shop.money()
    await shop.tap(refusal.card)
    await counter.scene("declined")
    await counter.says(refusal.reason)
    assert await shop.money() == before


async def test_a_rolled_back_copy_locks_the_card(counter: Counter, shop: Shop) -> None:
    before = await shop.money()
    await shop.tap("alice-old")
    await counter.says("card_rolled_back")
    await shop.eject()
    await counter.charge("18.50")
    await shop.tap("alice")
    await counter.scene("declined")
    await counter.says("card_locked")
    assert await shop.money() == before


async def test_a_plain_card_asks_for_the_pin(counter: Counter, shop: Shop) -> None:
    before = await shop.money()
    await counter.charge("18.50")
    await shop.tap("bob")
    screen = counter.where.get_by_role("dialog")
    await expect(screen.get_by_role("heading")).to_have_text(counter.word("pin_title"))
    await expect(screen).to_contain_text(yuan(1850))
    await expect(screen).to_contain_text("阿*")
    await counter.look("pin")

    await counter.keys(*"000000", "Enter")
    title, advice = counter.said("pin_wrong", left=4)
    await expect(screen.get_by_role("alert")).to_contain_text(title)
    await expect(screen.get_by_role("alert")).to_contain_text(advice)
    assert await shop.money() == before

    await counter.keys(*BOBS_PIN, "Enter")
    await counter.scene("approved")
    await counter.says("approved", amount=yuan(1850))
    await expect(counter.member).to_contain_text(counter.word("plain_card"))
    await expect(counter.member).to_contain_text(counter.word("weak"))
    principal, bonus = before["bob"]
    await counter.shows_money((1850, 0), principal + bonus - 1850)
    assert await shop.money() == {**before, "bob": (principal - 1850, bonus)}


async def test_the_bonus_pays_what_the_principal_cannot(counter: Counter, shop: Shop) -> None:
    principal, bonus = await shop.purse("alice")
    if principal == 0:
        member = (await shop.member("alice"))["member_id"]
        money = {"member_id": member, "amount_fen": 10_000, "tender": "cash"}
        principal = (await shop.call("POST", "recharges", money))["balance"]["principal_fen"]
    await counter.charge(f"{principal // 100 + 1}.{principal % 100:02}")
    await shop.tap("alice")
    await counter.scene("approved")
    await counter.shows_money((principal, 100), bonus - 100)
    assert await shop.purse("alice") == (0, bonus - 100)
