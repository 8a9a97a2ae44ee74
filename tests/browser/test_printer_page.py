"""The printers of the counter on its page, each tried with a manager's yes (A5)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import BrowserContext

from daemon.core.printer_model import MODELS, Role
from daemon.ports.printing import PlacedPrinter
from daemon.web.server import WebSettings
from tests.browser.conftest import PAGE
from tests.browser.counter import expect, signed_in
from tests.browser.words import Language
from tests.fakes.clock import HandClock
from tests.fakes.receipt_printer import MemoryPrinter
from tests.web.till import CASHIER, MANAGER, Counter, living

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TRY: Final = {"zh-CN": "打印测试页", "en": "Print a test page"}
PRINTED: Final = {"zh-CN": "测试页已打印", "en": "The page is printed"}
NO_PAPER: Final = {"zh-CN": "打印机缺纸", "en": "Out of paper"}


async def test_each_printer_is_tried_on_the_page(
    visitor: BrowserContext, language: Language, tmp_path: Path
) -> None:
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    kitchen = MemoryPrinter()
    counter = Counter(tmp_path, HandClock(), settings=WebSettings(port=0))
    narrow = MODELS["generic-58"]
    counter.printers = {
        Role.CUSTOMER: PlacedPrinter(
            "till", Role.CUSTOMER, "network", MODELS["xprinter-xp-80"], counter.printer
        ),
        Role.KITCHEN: PlacedPrinter("back room", Role.KITCHEN, "serial", narrow, kitchen),
    }
    async with living(counter):
        await counter.hire()
        till = await signed_in(visitor, counter.address, language, CASHIER)
        await till.badge("printer").click()
        rows = till.where.locator(".printers li")
        await expect(rows).to_have_count(2)
        await till.look("printers")

        first = rows.first
        await first.get_by_role("button", name=TRY[language]).click()
        await till.where.locator("input[name=approver]").fill(MANAGER[0])
        await till.where.locator("input[name=approver-pin]").fill(MANAGER[1])
        await till.page.keyboard.press("Enter")
        await expect(first.get_by_role("status")).to_have_text(PRINTED[language])
        assert [paper.number for paper in counter.printer.papers] == ["TEST"]

        kitchen.run_out_of_paper()
        await rows.last.get_by_role("button", name=TRY[language]).click()
        await till.where.locator("input[name=approver]").fill(MANAGER[0])
        await till.where.locator("input[name=approver-pin]").fill(MANAGER[1])
        await till.page.keyboard.press("Enter")
        await expect(rows.last.get_by_role("status")).to_have_text(NO_PAPER[language])
        await till.look("printers-tried")
        await till.page.close()
