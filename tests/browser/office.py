"""The office as a person meets it: one browser, who is signed in, what is typed and pressed, and
how each page and dialog is judged."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import ConsoleMessage, Locator, Page

from tests.browser.counter import (
    AXE,
    BROWSERS_OWN,
    COLOURS,
    KEEP,
    PATIENCE_MS,
    PICTURES,
    PIN,
    RUN_AXE,
    expect,
)
from tests.browser.words import Language

if TYPE_CHECKING:
    from playwright.async_api import Browser

DESK: Final = (1280, 800)
PHONE: Final = (390, 844)
MANAGER: Final = "1001"

LISTS_ARE_GONE: Final = """() => [...document.querySelectorAll(".el-select-dropdown")].every(
  (list) => list.offsetParent === null
)"""
"""A list that closes has no height at once, but is there for two frames more."""
_WORD: Final = re.compile(r"\w+")


@dataclass
class Office:
    """One browser that is signed in as the manager."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """The page may not complain on its console, nor break the content policy."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(BROWSERS_OWN):
            self.complaints.append(message.text)

    async def sign_in(self, employee: str, pin: str) -> None:
        await self.page.locator("input[name=employee]").fill(employee)
        await self.page.locator("input[name=pin]").fill(pin)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator(".bar")).to_be_visible()

    async def close(self) -> None:
        """Nothing was complained of."""
        await self.page.context.close()
        assert self.complaints == []

    @property
    def dialog(self) -> Locator:
        """The one that is open."""
        return self.page.locator(".el-dialog:visible")

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.url}/office#{path}")
        await expect(self.page.locator("main h1").first).to_be_visible()

    def button(self, name: str) -> Locator:
        """On top of whatever is open."""
        return self.page.get_by_role("button", name=name, exact=True).last

    async def fill(self, name: str, text: str) -> None:
        place = self.page.get_by_label(name, exact=True).last
        await place.fill(text)

    async def choose(self, name: str, option: str) -> None:
        """One of a list that opens."""
        place = self.page.get_by_role("combobox", name=name, exact=True)
        await self.dialog.locator(".el-select").filter(has=place).click()
        await self.page.get_by_role("option", name=option, exact=True).click()
        await self.page.wait_for_function(LISTS_ARE_GONE)

    async def look(self, name: str) -> None:
        """Nothing runs over the edge, axe finds nothing. With COUNTERD_SCREENSHOTS=all a picture is
        kept."""
        await self.page.wait_for_function(
            "() => !document.querySelector('main [role=status]')?.textContent.includes('…')"
            " && document.getAnimations().every((it) => it.playState !== 'running')"
        )
        width = self.page.viewport_size
        assert width is not None
        across = await self.page.evaluate("document.documentElement.scrollWidth")
        assert across <= width["width"], f"{name} is {across} wide"
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(RUN_AXE)
        assert found == [], f"{name}: {found}"
        if KEEP == "all":
            language = await self.page.evaluate("document.documentElement.lang.slice(0, 2)")
            await self._keep("-".join([*_WORD.findall(name), str(width["width"]), language]))

    async def picture(self, name: str) -> None:
        """For the docs, where COUNTERD_SCREENSHOTS is set."""
        if not KEEP or not name:
            return
        await self.page.mouse.move(0, 0)
        await self._keep(name)

    async def _keep(self, name: str) -> None:
        with Image.open(io.BytesIO(await self.page.screenshot())) as shot:
            few = shot.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)
            few.save(PICTURES / f"office-{name}.png", optimize=True)


async def open_office(
    chromium: Browser,
    url: str,
    language: Language = "zh-CN",
    size: tuple[int, int] = DESK,
    signed: tuple[str, str] = (MANAGER, PIN[MANAGER]),
) -> Office:
    """A browser that was never here before, signed in with that number and PIN."""
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    await context.add_init_script(f"localStorage.setItem('counterd.language', '{language}')")
    office = Office(await context.new_page(), url)
    office.listen()
    await office.page.goto(f"{url}/office")
    await office.sign_in(*signed)
    return office
