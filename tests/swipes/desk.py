"""A whole counter with a swipe reader beside its card readers, and what people do there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from daemon.core.swipe import Form
from daemon.readers.feed import SwipeSource
from daemon.readers.swipes import SwipeReaders
from daemon.readers.wedge import TypingReaders
from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.swipes.node import MAGTEK, Nodes
from tests.web.till import MEMBER_PIN, Counter, living

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


@asynccontextmanager
async def swipe_desk(folder: Path, settings: WebSettings) -> AsyncIterator[Desk]:
    """Its reader is taken hold of and the cashier signed in."""
    nodes = Nodes()
    path = nodes.plug()
    source = SwipeSource("swipe", MAGTEK, form=Form(idle_ms=300))
    swipes = SwipeReaders([source], [TypingReaders(nodes)], look_s=0.01)
    made = Counter(folder, HandClock(), settings=settings, swipes=swipes)
    async with living(made) as counter:
        await counter.hire()
        await counter.sign_in()
        while not nodes.is_held(path):
            await asyncio.sleep(0.005)
        yield Desk(counter, nodes, path)
    nodes.clear()
