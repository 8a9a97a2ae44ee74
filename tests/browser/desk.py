"""What a cashier does again and again on the cashier page, and how its paper is compared with what
the page shows."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass

import pytest
from PIL import Image

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Locator

from tests.browser.counter import Counter, expect
from tests.browser.running import LOOK_EVERY_S, WAIT_S, Shop

DARK = 128


@dataclass
class Desk:
    """The cashier page and the paper that lies beside it."""

    till: Counter
    shop: Shop

    # -- goods and money --------------------------------------------------------------------------

    def code(self, name: str) -> Locator:
        """The button of a code that is sold."""
        page = self.till.page
        return self.till.where.locator(".code").filter(has=page.get_by_text(name, exact=True))

    @property
    def due(self) -> Locator:
        return self.till.where.locator(".basket-due")

    @property
    def dialog(self) -> Locator:
        """The one on top."""
        return self.till.where.get_by_role("dialog").last

    async def priced(self, amount: str) -> None:
        """The device has made the price of what lies there."""
        await expect(self.due).to_contain_text(amount)
        await expect(self.till.where.locator(".basket-sum")).not_to_contain_class("stale")

    async def pay_cash(self) -> None:
        """The exact sum in cash, by F6 and Enter."""
        await self.till.keys("F6")
        await expect(self.dialog.locator(".pay")).to_be_focused()
        await self.till.keys("Enter")
        await self.till.scene("approved")
        # The line may tell it before the dialog has its answer; keys are the dialog's until then.
        await expect(self.till.where.locator(".pay")).to_have_count(0)

    async def noticed(self, text: str) -> None:
        await expect(self.till.where.locator(".notice").filter(has_text=text).first).to_be_visible()

    # -- a manager's yes --------------------------------------------------------------------------

    async def approve(self, number: str, pin: str) -> None:
        """Types both into the dialog that asks for a manager, and Enter."""
        await self.till.where.locator("input[name=approver]").fill(number)
        await self.till.where.locator("input[name=approver-pin]").fill(pin)
        await self.till.keys("Enter")

    @property
    def approval(self) -> Locator:
        return self.till.where.locator(".approval")

    # -- members and cards ------------------------------------------------------------------------

    async def find(self, words: str) -> None:
        """By F9; the member's file is open then."""
        await self.till.keys("F9")
        await self.dialog.locator("input[type=search]").fill(words)
        await self.dialog.locator(".hit").first.click()
        await expect(self.dialog.locator(".detail")).to_be_visible()

    async def serve(self, words: str) -> None:
        """The next sale is for whom the search finds."""
        await self.find(words)
        await self.dialog.locator(".modal-foot .primary").click()
        await expect(self.dialog).to_have_count(0)

    async def card_service(self, words: str, service: str) -> None:
        """The member's first card that is in use; `service` as the list calls it."""
        await self.find(words)
        await self.choose_service(service)

    async def find_by_card(self) -> None:
        """Whose card lies on the reader is found by it."""
        await self.till.keys("F9")
        await expect(self.dialog.locator(".detail")).to_be_visible()

    async def choose_service(self, service: str) -> None:
        await self.dialog.get_by_role("button", name="卡服务").first.click()
        name = self.till.page.locator("strong", has_text=re.compile(f"^{service}$"))
        row = self.dialog.locator(".able").filter(has=name)
        await row.get_by_role("button").click()

    async def confirm(self) -> None:
        """The service as it was quoted."""
        await expect(self.dialog.locator(".sum")).to_be_visible()
        await self.dialog.locator(".modal-foot .primary").click()

    async def served(self) -> None:
        await expect(self.dialog.locator("[data-state=done]")).to_be_visible()

    # -- paper ------------------------------------------------------------------------------------

    async def printed(self, count: int) -> None:
        """As many papers lie under the printer."""
        async with asyncio.timeout(WAIT_S):
            while len(await self.shop.papers()) < count:
                await asyncio.sleep(LOOK_EVERY_S)

    async def paper_is_shown(self) -> None:
        """The newest paper is, dot by dot, the picture in the dialog that is open."""
        shown = self.dialog.locator(".paper-image")
        await expect(shown).to_be_visible()
        path = await shown.get_attribute("src")
        page = self.till.page
        answer = await page.request.get(f"{page.url.split('#')[0].rstrip('/')}{path}")
        assert answer.ok, await answer.text()
        newest = (await self.shop.papers())[-1]
        assert _ink(await answer.body()) == _ink(await self.shop.paper(int(newest["n"])))


def _ink(png: bytes) -> tuple[tuple[int, int], bytes]:
    """The dots of a picture within its margins."""
    with Image.open(io.BytesIO(png)) as picture:
        dots = picture.convert("L").point(lambda shade: 255 if shade < DARK else 0)
    inked = dots.crop(dots.getbbox())
    return inked.size, inked.tobytes()


async def open_desk(shop: Shop, till: Counter) -> Desk:
    """`till`'s page when its goods are there."""
    await expect(till.where.locator(".code").first).to_be_visible()
    return Desk(till, shop)
