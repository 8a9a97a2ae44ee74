"""From a swipe to a sale, over HTTP, with the real ledger: a magnetic card is given to a member by
a swipe, pays with the member's PIN up to its limit of a day, and is refused where it should be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.card import Technology
from daemon.core.swipe import card_uid
from daemon.web.server import WebSettings
from tests.swipes.desk import CARD, OTHER, Desk, swipe_desk
from tests.web.till import MEMBER_PIN, uid_card


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with swipe_desk(tmp_path, WebSettings(port=0, static=tmp_path / "static")) as desk:
        yield desk


async def test_a_swipe_pays_with_the_pin(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    member_id = await desk.member()
    sale_id = await desk.counter.begin(1_850)
    await desk.swipe(CARD)
    asked = await desk.sale_in(sale_id, "awaiting_pin")
    assert asked["weak"] and asked["technology"] == "magstripe" and asked["member"]["name"] == "张*"
    wrong = await desk.counter.ask("POST", f"/sales/{sale_id}/pin", {"pin": "1111"})
    assert wrong.status == 403 and wrong.key == "pin_wrong"
    sale = await desk.counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert sale["status"] == "approved"
    assert sale["taken"] == {"principal_fen": 1_850, "bonus_fen": 0}
    assert await desk.counter.balance(member_id) == (48_150, 5_000)
    assert "0010086" not in caplog.text
    assert card_uid("0010086").hex() not in caplog.text
    await desk.counter.ledger.verify_chain()


async def test_the_card_row_holds_16_bytes_and_no_track(desk: Desk) -> None:
    await desk.member()
    uid = card_uid("0010086")
    card = await desk.counter.ledger.read(lambda books: books.card_by_uid(uid))
    assert card is not None and card.technology is Technology.MAGSTRIPE and card.uid == uid


async def test_a_day_of_swipes_has_a_limit(desk: Desk) -> None:
    await desk.member()
    assert (await desk.pay(15_000))["status"] == "approved"
    declined = await desk.pay(5_001)
    assert (declined["status"], declined["reason"]) == ("declined", "day_limit")
    assert declined["facts"] == {"limit_fen": 20_000, "left_fen": 5_000}
    assert (await desk.pay(5_000))["status"] == "approved"


async def test_swipe_first_then_charge(desk: Desk) -> None:
    member_id = await desk.member()
    await desk.swipe(CARD)
    while (await desk.counter.counter())["card"] is None:
        await asyncio.sleep(0.005)
    assert (await desk.counter.counter())["card"]["technology"] == "magstripe"
    body = {"amount_fen": 990}
    sale = await desk.counter.post("/sales", body, key="first", expect=202)
    sale_id = sale["sale_id"]
    assert (await desk.counter.sale(sale_id))["status"] == "awaiting_pin"
    await desk.counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert await desk.counter.balance(member_id) == (49_010, 5_000)
    # The swipe has paid: it does not lie there for the next sale.
    again = await desk.counter.begin(100)
    assert (await desk.counter.counter())["ask"] is None
    await desk.counter.post(f"/sales/{again}/cancel")


async def test_the_same_again_is_asked_about_and_needs_no_second_swipe(desk: Desk) -> None:
    member_id = await desk.member()
    assert (await desk.pay(500))["status"] == "approved"
    sale_id = await desk.counter.begin(500)
    await desk.swipe(CARD)
    while (await desk.counter.counter())["ask"] != "double_tap":
        await asyncio.sleep(0.005)
    asked = await desk.counter.post(f"/sales/{sale_id}/confirm", expect=202)
    assert asked["status"] == "awaiting_pin"
    sale = await desk.counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert sale["status"] == "approved"
    assert await desk.counter.balance(member_id) == (49_000, 5_000)


async def test_a_card_nobody_has_and_one_that_is_taken(desk: Desk) -> None:
    await desk.member()
    declined = await desk.pay(100, OTHER)
    assert (declined["status"], declined["reason"]) == ("declined", "card_unknown")
    other = await desk.counter.member("李娜", "")
    body = {"member_id": other["member_id"]}
    asked = await desk.counter.post("/card-issues", body, expect=202)
    await desk.swipe(CARD)
    issue = await desk.issued(asked["issue_id"], "done", "failed")
    assert (issue["status"], issue["reason"]) == ("failed", "card_already_issued")


async def test_a_bank_card_leaves_the_sale_as_it_was(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await desk.member()
    page = desk.counter.events.listen(None, b"page")
    sale_id = await desk.counter.begin(100)
    await desk.swipe("%B4111111111111111^A/B^3012201?;4111111111111111=3012201?\n")
    told = b""
    while b"event: swipe" not in told:
        told += await page.next(20) or b""
    assert b'{"reader":"swipe","reason":"bank_card_refused"}' in told and b"4111" not in told
    assert (await desk.counter.sale(sale_id))["status"] == "awaiting_card"
    await desk.swipe(CARD)
    await desk.sale_in(sale_id, "awaiting_pin")
    assert "4111" not in caplog.text


async def test_chips_and_swipes_side_by_side(desk: Desk) -> None:
    member_id = await desk.member()
    await desk.counter.issue(member_id, uid_card())
    sale_id = await desk.counter.begin(200)
    await desk.counter.tap(uid_card())
    assert (await desk.sale_in(sale_id, "awaiting_pin"))["technology"] == "uid"
    names = [each["name"] for each in (await desk.counter.get("/status"))["readers"]]
    assert "swipe" in names
