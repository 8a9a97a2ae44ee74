"""A person at the simulated counter: a real browser, the real card rack, the real printer.

Only two far sides stand in: a listener takes the place of the reader's driver, and a small page
that of the daemon's cashier screen.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RECEIPT = (
    b"\x1b@\x1ba\x01\x1d!\x11\x1c!\x0c"
    + "好邻居便利店\n".encode("gb18030")
    + b"\x1d!\x00\x1c!\x00\x1ba\x00"
    + "合计 ￥18.50\n".encode("gb18030")
    + b"\x1bp\x00\x19\xfa\x1dVB\x00"
)
PATIENCE_MS = 20_000
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@dataclass
class Counter:
    """A running desk: its address, and the printer's raw port."""

    url: str
    raw_port: int

    async def print(self, data: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.raw_port)
        writer.write(data)
        await writer.drain()
        writer.close()


async def program(stack: AsyncExitStack, *arguments: str) -> str:
    """Starts `python -m ...`; answers its line that says ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE
    )

    async def end() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while "ready" not in (line := (await process.stdout.readline()).decode()):
            assert line, f"{arguments[0]} ended before it was ready"
    return line


def address_in(line: str) -> str:
    match = re.search(r"http://[^/\s]+", line)
    assert match is not None
    return match[0]


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A reader that powers no card: it only keeps the connection."""
    while await reader.read(64):
        continue
    writer.close()


async def cashier_page(request: web.Request) -> web.Response:
    return web.Response(text="<h1>cashier</h1>", content_type="text/html")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    """One for all tests here: starting three programs takes longer than using them."""
    tmp_path = tmp_path_factory.mktemp("counter")
    async with AsyncExitStack() as stack:
        driver = await asyncio.start_server(hold, "127.0.0.1", 0)
        stack.callback(driver.close)
        app = web.Application()
        app.router.add_get("/", cashier_page)
        cashier = await stack.enter_async_context(TestServer(app, host="127.0.0.1"))
        port = driver.sockets[0].getsockname()[1]
        rack = await program(
            stack, "simulator.cards", "--state", str(tmp_path / "cards"), "--seed", "demo",
            "--vpcd-port", str(port),
        )  # fmt: skip
        printer = await program(
            stack, "simulator.printer", "--state", str(tmp_path / "papers"),
            "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
        )  # fmt: skip
        raw = re.search(r"ready at 127\.0\.0\.1:(\d+)", printer)
        assert raw is not None
        desk = await program(
            stack, "simulator.desk", "--listen", "127.0.0.1:0",
            "--cashier-url", str(cashier.make_url("/")),
            "--rack-url", address_in(rack), "--printer-url", address_in(printer),
        )  # fmt: skip
        yield Counter(f"{address_in(desk)}/", int(raw[1]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(counter: Counter, browser: Browser) -> AsyncIterator[Page]:
    """A fresh visitor, no card on the reader; the page may not complain on its console."""
    page = await browser.new_page(
        viewport={"width": 1280, "height": 800}, locale="zh-CN", reduced_motion="reduce"
    )
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    await page.goto(counter.url)
    await expect(page.locator("#lamp-printer")).to_have_attribute("data-state", "on")
    await expect(page.locator("#lamp-rack")).to_have_attribute("data-state", "on")
    await page.keyboard.press("0")
    yield page
    await page.close()
    assert complaints == []


async def test_a_person_taps_cards_and_sees_paper(counter: Counter, page: Page) -> None:
    await expect(page.frame_locator("#cashier").locator("h1")).to_have_text("cashier")
    alice = page.locator("[data-card=alice]")
    await expect(alice).to_contain_text("艾丽的会员卡")
    await alice.click()
    await expect(alice).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#on-reader")).to_contain_text("艾丽的会员卡")
    await alice.click()
    await expect(alice).to_have_attribute("aria-pressed", "false")
    await expect(page.locator("#on-reader")).to_be_empty()

    sheet = page.locator("#papers li")
    before = await sheet.count()
    await counter.print(RECEIPT)
    await expect(sheet).to_have_count(before + 1)
    await expect(page.locator("#printer-drawer")).to_contain_text(str(before + 1))
    loaded = "image => image.complete && image.naturalWidth"
    await page.wait_for_function(f"({loaded})(document.querySelector('.sheet img'))")
    assert await sheet.first.locator("img").evaluate(loaded) == 576
    await sheet.first.locator("button").click()
    await expect(page.locator("#paper-text")).to_contain_text("合计 ￥18.50")
    await page.keyboard.press("Escape")
    await counter.print(RECEIPT)
    await expect(sheet).to_have_count(before + 2)
    await expect(sheet.first).to_have_attribute("data-n", str(before + 2))


async def test_keyboard_alone_is_enough(page: Page) -> None:
    bob = page.locator("[data-card=bob]")
    await bob.focus()
    await page.keyboard.press("Enter")
    await expect(bob).to_have_attribute("aria-pressed", "true")
    await expect(bob).to_be_focused()
    await page.keyboard.press("1")
    await expect(page.locator("[data-card=alice]")).to_have_attribute("aria-pressed", "true")
    await expect(bob).to_have_attribute("aria-pressed", "false")
    await page.keyboard.press("0")
    await expect(page.locator("#eject")).to_be_disabled()
    await page.locator("[data-more=alice]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#card-dialog")).to_be_visible()
    await page.get_by_role("button", name="提交之后、应答之前拔出").press("Enter")
    await expect(page.locator("#card-dialog")).to_be_hidden()
    await expect(page.locator("[data-card=alice]")).to_have_attribute("aria-pressed", "true")


async def test_forgeries_are_made_and_thrown_away(page: Page) -> None:
    cards = page.locator(".card")
    await expect(cards).to_have_count(5)
    await page.locator("[data-more=alice]").click()
    await page.get_by_text("照现在的样子复制一张").click()
    await expect(cards).to_have_count(6)
    copy = page.locator("[data-more^=copy-]")
    await copy.click()
    await page.get_by_text("收走这张卡").click()
    await expect(cards).to_have_count(5)


async def test_printer_faults_are_given_shown_and_mended(counter: Counter, page: Page) -> None:
    await expect(page.locator("#printer-state")).to_have_text("正常")
    before = await page.locator("#papers li").count()
    await page.locator("#fault").select_option("paper-out")
    await expect(page.locator("#printer-state")).to_contain_text("缺纸")
    await expect(page.locator("#lamp-printer")).to_have_attribute("data-state", "warn")
    await counter.print(RECEIPT)
    await page.locator("#mend").click()
    await expect(page.locator("#printer-state")).to_have_text("正常")
    await expect(page.locator("#papers li")).to_have_count(before + 1)


async def test_both_languages(page: Page) -> None:
    await expect(page).to_have_title("模拟收银台")
    await page.get_by_role("button", name="English").click()
    await expect(page).to_have_title("Simulated counter")
    await expect(page.locator("[data-card=alice]")).to_contain_text("Alice's card")
    await expect(page.locator("#printer-state")).to_have_text("Working")
    await page.reload()
    await expect(page).to_have_title("Simulated counter")
    for text in await page.locator("[data-word]").all_text_contents():
        assert not re.search(r"[\u4e00-\u9fff]", text)


async def test_targets_are_large_and_nothing_overflows(counter: Counter, page: Page) -> None:
    await expect(page.locator(".card")).to_have_count(5)
    for width, height in ((1280, 800), (1920, 1080), (900, 800), (420, 800)):
        await page.set_viewport_size({"width": width, "height": height})
        small = await page.evaluate(
            """() => [...document.querySelectorAll("button, select")]
              .map((each) => [each.id || each.className, each.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.width < 44 || box.height < 44))
              .map(([name]) => name)"""
        )
        assert small == []
        across = await page.evaluate("document.documentElement.scrollWidth")
        assert across <= width
