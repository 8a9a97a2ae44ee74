"""From a swipe to a sale, over HTTP, with the real ledger: a magnetic card is given to a member by
a swipe, pays with the member's PIN up to its limit of a day, and is refused where it should be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.card import Technology
from daemon.core.swipe import Form, card_uid
from daemon.ports.cards import CardReaders
from daemon.readers.swipes import SwipeReaders, SwipeSource
from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.swipes.node import MAGTEK, Nodes
from tests.web.till import MEMBER_PIN, Counter, living, uid_card

CARD, OTHER = "%B0010086^ZHANG/WEI^?;0010086=99?\n", ";0010087=99?\n"


class Desk:
    """A counter with a swipe reader beside its card readers."""

    def __init__(self, counter: Counter, nodes: Nodes, path: str) -> None:
        self.counter, self.nodes, self.path = counter, nodes, path

    async def swipe(self, text: str) -> None:
        await self.nodes.type(self.path, text)

    async def sale_in(self, sale_id: str, *statuses: str) -> dict[str, Any]:
        while (sale := await self.counter.sale(sale_id))["status"] not in statuses:
            await asyncio.sleep(0.005)
        return sale

    async def issued(self, issue_id: str, *statuses: str) -> dict[str, Any]:
        while True:
            issue = await self.counter.get(f"/card-issues/{issue_id}")
            if issue["status"] in statuses:
                kept: dict[str, Any] = issue
                return kept
            await asyncio.sleep(0.005)

    async def member(self, swipe: str = CARD, fen: int = 50_000) -> str:
        member_id = str((await self.counter.member("张伟", ""))["member_id"])
        await self.counter.recharge(member_id, fen)
        reply = await self.counter.ask("PUT", f"/members/{member_id}/pin", {"pin": MEMBER_PIN})
        assert reply.status == 204
        asked = await self.counter.post("/card-issues", {"member_id": member_id}, expect=202)
        await self.swipe(swipe)
        issue = await self.issued(asked["issue_id"], "done", "failed")
        assert issue["status"] == "done" and issue["card"]["technology"] == "magstripe"
        return member_id

    async def pay(self, amount_fen: int, swipe: str = CARD) -> dict[str, Any]:
        sale_id = await self.counter.begin(amount_fen)
        await self.swipe(swipe)
        sale = await self.sale_in(sale_id, "awaiting_pin", "declined")
        if sale["status"] == "declined":
            return sale
        body: dict[str, Any] = await self.counter.post(
            f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202
        )
        return body


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    nodes = Nodes()
    path = nodes.plug()
    source = SwipeSource("swipe", MAGTEK, form=Form(idle_ms=60))
    swipes: CardReaders = SwipeReaders([source], nodes, look_s=0.01)
    settings = WebSettings(port=0, static=tmp_path / "static")
    made = Counter(tmp_path, HandClock(), settings=settings, swipes=swipes)
    async with living(made) as counter:
        await counter.hire()
        await counter.sign_in()
        while not nodes.is_held(path):
            await asyncio.sleep(0.005)
        yield Desk(counter, nodes, path)
    nodes.clear()


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
