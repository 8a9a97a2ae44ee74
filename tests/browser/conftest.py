"""One appliance for each module, one browser, and a visitor for each test.

Everything here needs Chromium and Playwright, and is skipped by name where one of them is not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from simulator.demo_shop import EMPLOYEES
from tests.browser.running import Appliance, Shop, run_appliance, run_for_all
from tests.browser.salon import furnish
from tests.browser.words import LANGUAGES, Language

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext

    from tests.browser.counter import Counter
    from tests.browser.desk import Desk

PAGE = Path(__file__).parents[2] / "daemon" / "web" / "static" / "index.html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(params=LANGUAGES, scope="module")
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def appliance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Appliance]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    async with run_appliance(tmp_path_factory.mktemp("appliance") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def salon_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One appliance for every module that asks for it: the demo shop made into a salon."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    with run_for_all(tmp_path_factory.mktemp("salon") / "state") as running:
        asyncio.run(furnish(running))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(appliance: Appliance) -> AsyncIterator[Shop]:
    """The counter by its API, signed in as the manager."""
    async with aiohttp.ClientSession() as http:
        shop = Shop(http, appliance)
        await shop.sign_in(EMPLOYEES[0])
        yield shop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(chromium: Browser, language: Language) -> AsyncIterator[BrowserContext]:
    """A browser that was never here before, on a touch screen of the appliance's size."""
    from tests.browser.counter import PATIENCE_MS, SIZES, expect

    width, height = SIZES["desk"]
    context = await chromium.new_context(
        viewport={"width": width, "height": height},
        locale=language,
        timezone_id="Asia/Shanghai",
        has_touch=True,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def counter(
    appliance: Appliance, shop: Shop, visitor: BrowserContext, language: Language
) -> AsyncIterator[Counter]:
    """The cashier page, signed in as the cashier, nothing on the reader, nothing under way."""
    from tests.browser.counter import signed_in

    await shop.clear()
    counter = await signed_in(visitor, appliance.page, language)
    await counter.ready()
    yield counter
    assert counter.complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def desk(
    appliance: Appliance, shop: Shop, visitor: BrowserContext, language: Language
) -> AsyncIterator[Desk]:
    """The cashier page with its goods, the cashier signed in, nothing on the reader."""
    from tests.browser.counter import signed_in
    from tests.browser.desk import open_desk

    await shop.clear()
    till = await signed_in(visitor, appliance.page, language)
    yield await open_desk(shop, till)
    assert till.complaints == []
