"""The cashier page as a person meets it: what is typed and pressed, and what is then to be seen.

`look` is how every telling state is judged: at both sizes nothing runs over the edge, axe-core
finds nothing, and where COUNTERD_SCREENSHOTS is set a picture is kept: of the states that docs
show with COUNTERD_SCREENSHOTS=1, of every state with COUNTERD_SCREENSHOTS=all.
"""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import BrowserContext, ConsoleMessage, Frame, Locator, Page
from playwright.async_api import expect as expect

from tests.browser.words import WORD, Language, said, yuan

ROOT: Final = Path(__file__).parents[2]
AXE: Final = ROOT / "web_ui" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = ROOT / "docs" / "images"
SIZES: Final = {"desk": (1280, 800), "phone": (390, 844)}
PATIENCE_MS: Final = int(os.environ.get("COUNTERD_PATIENCE_MS", "60000"))
"""Generous, for a busy machine: nothing here is judged by how long it takes."""
KEEP: Final = os.environ.get("COUNTERD_SCREENSHOTS", "")
SHOWN_IN_DOCS: Final = (
    *("desk", "desk-recharge", "approved", "card-torn", "card-rolled-back", "pin"),
    *("cashier-basket", "cashier-benefits", "cashier-tender", "cashier-paid", "cashier-refund"),
    *("cashier-count", "cashier-amount", "cashier-approval", "cashier-card-service"),
    *("cashier-gifts", "cashier-member", "cashier-z", "cashier-return-refused"),
    *("chain-split", "chain-settled", "chain-credit"),
)
COLOURS: Final = 256
"""A palette makes the pictures a third of their size, and nobody sees it."""
PIN: Final = {"1001": "246810", "1002": "135790"}

GOOD: Final = re.compile(r"\bbadge-good\b")
BAD: Final = re.compile(r"\bbadge-bad\b")
BROWSERS_OWN: Final = "Failed to load resource"

RUN_AXE: Final = """async () => {
  const found = await axe.run(document, { iframes: false });
  return found.violations.map((it) => [it.id, it.help, it.nodes.map((node) => node.html)]);
}"""


@dataclass
class Counter:
    """`where` is the frame that shows the cashier page: the page itself, or the desk's iframe."""

    page: Page
    where: Page | Frame
    language: Language
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """The page may not complain on its console. The browser's own line about an answer that is
        no success is not the page's."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(BROWSERS_OWN):
            self.complaints.append(message.text)

    # -- what a person sees -----------------------------------------------------------------------

    def word(self, key: str, **facts: object) -> str:
        return WORD[key][self.language].format(**facts)

    def said(self, key: str, **facts: object) -> tuple[str, str]:
        return said(key, self.language, **facts)

    @property
    def stage(self) -> Locator:
        return self.where.get_by_test_id("stage")

    @property
    def member(self) -> Locator:
        return self.where.get_by_test_id("member")

    def badge(self, name: str) -> Locator:
        return self.where.locator(f"[data-badge={name}]")

    def button(self, key: str) -> Locator:
        """By its word, on top of whatever is open."""
        return self.where.get_by_role("button", name=self.word(key)).last

    async def scene(self, name: str) -> None:
        await expect(self.stage).to_have_attribute("data-scene", name)

    async def says(self, key: str, **facts: object) -> None:
        """The banner's title and advice, word for word."""
        title, advice = self.said(key, **facts)
        await expect(self.stage.locator(".stage-title")).to_have_text(title)
        await expect(self.stage.locator(".stage-advice")).to_have_text(advice)

    async def announces(self, text: str) -> None:
        """An assertive live region has said it."""
        await expect(
            self.where.locator("[aria-live=assertive]").filter(has_text=text)
        ).to_have_count(1)

    async def shows_money(self, taken: tuple[int, int], left_fen: int) -> None:
        figures = self.stage.locator(".taken div")
        wanted = (
            (self.word("principal_taken"), yuan(taken[0])),
            (self.word("bonus_taken"), yuan(taken[1])),
            (self.word("balance_now"), yuan(left_fen)),
        )
        for at, (name, amount) in enumerate(wanted):
            await expect(figures.nth(at).locator("dt")).to_have_text(name)
            await expect(figures.nth(at).locator("dd")).to_have_text(amount)

    # -- what a person does -----------------------------------------------------------------------

    async def choose_language(self) -> None:
        button = self.where.locator("button.language")
        if await self.where.locator("html").get_attribute("lang") != self.language:
            await button.click()
        await expect(self.where.locator("html")).to_have_attribute("lang", self.language)

    async def sign_in(self, employee: str, pin: str) -> None:
        """By keyboard, from the empty form."""
        await self.where.locator("input[name=employee]").fill(employee)
        await self.where.locator("input[name=pin]").fill(pin)
        await self.where.locator("input[name=pin]").press("Enter")

    async def ready(self) -> None:
        """Signed in, all of the page here, the line live and the device's state known."""
        await expect(self.where.locator("html")).to_have_attribute("data-whole", "")
        for badge in ("line", "reader", "printer"):
            await expect(self.badge(badge)).to_have_class(GOOD)
        await expect(self.stage).to_be_visible()

    async def keys(self, *names: str) -> None:
        for name in names:
            await self.page.keyboard.press(name)

    async def charge(self, amount: str) -> None:
        """Types the amount and presses Enter, until the counter asks for the card."""
        await self.where.locator(".amount-figure").click()
        await self.keys(*amount, "Enter")
        await self.scene("awaiting_card")

    # -- how it is judged -------------------------------------------------------------------------

    async def look(self, name: str, *sizes: str) -> None:
        """Both sizes by default. The viewport is left as it was."""
        before = self.page.viewport_size
        assert before is not None
        for size in sizes or SIZES:
            width, height = SIZES[size]
            await self.page.set_viewport_size({"width": width, "height": height})
            await self._settled()
            across = await self.where.evaluate("document.documentElement.scrollWidth")
            assert across <= width, f"{name} is {across} wide at {size}"
            found = await self.violations()
            assert found == [], f"{name} at {size} in {self.language}: {found}"
            await self.picture(name, size)
        await self.page.set_viewport_size(before)

    async def picture(self, name: str, size: str = "") -> None:
        if KEEP != "all" and (not KEEP or name not in SHOWN_IN_DOCS):
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        language = {"zh-CN": "zh", "en": ""}[self.language]
        path = PICTURES / ("-".join(part for part in (name, size, language) if part) + ".png")
        with Image.open(io.BytesIO(await self.page.screenshot())) as shot:
            few = shot.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)
            few.save(path, optimize=True)

    async def violations(self) -> list[Any]:
        """What axe-core finds; [] where it is not installed (test_axe_is_there says so)."""
        if not AXE.exists():
            return []
        if not await self.where.evaluate("'axe' in window"):
            await self.where.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.where.evaluate(RUN_AXE)
        assert isinstance(found, list)
        return found

    async def _settled(self) -> None:
        """Pictures loaded, animations over: a contrast is not measured half-way."""
        await self.where.wait_for_function(
            """() => [...document.images].every((image) => image.complete)
              && document.getAnimations().every((it) =>
                   it.playState !== "running" || it.effect.getTiming().iterations === Infinity)"""
        )


async def signed_in(
    visitor: BrowserContext,
    address: str,
    language: Language,
    who: tuple[str, str] = ("1002", PIN["1002"]),
) -> Counter:
    """The cashier page at `address` in `language`, the employee of that number and PIN signed in;
    what it complains of is heard from its first byte on."""
    employee, pin = who
    signed = {"employee": employee, "pin": pin}
    answer = await visitor.request.post(f"{address}/api/v1/session", data=signed)
    assert answer.ok, await answer.text()
    page = await visitor.new_page()
    counter = Counter(page, page, language)
    counter.listen()
    await page.goto(address)
    await counter.choose_language()
    return counter
