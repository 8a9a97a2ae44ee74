"""Old books under a newer release: the pages of roles and of employees say which permissions are
new and who has them, until a person says that the roles stay."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Browser

from daemon.web.server import WebSettings
from tests.browser.conftest import PAGE
from tests.browser.counter import expect
from tests.browser.office import DESK, PHONE, open_office
from tests.browser.words import Language
from tests.fakes.clock import HandClock
from tests.staff.test_new_permissions import old_salon
from tests.web.till import MANAGER, Counter

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NEW = {
    "zh-CN": ("同意断网赊账：只有「店长」有（全部权限）", "保持不分配"),
    "en": ("Agree to credit while offline: only 店长, who may do everything", "Leave as it is"),
}


async def test_new_permissions_are_told_until_somebody_has_decided(
    chromium: Browser, language: Language, tmp_path: Path
) -> None:
    if not PAGE.exists():
        pytest.skip("the office is not built")
    counter = Counter(old_salon(tmp_path / "salon"), HandClock(), settings=WebSettings(port=0))
    await counter.start()
    told, leave = NEW[language]
    for size in (DESK, PHONE):
        office = await open_office(chromium, counter.address, language, size, MANAGER)
        note = office.page.locator(".new-permissions")
        await office.go("/staff")
        await expect(note).to_contain_text(told)
        await office.look("employees with new permissions")
        await office.go("/rules/staff")
        await expect(note).to_contain_text(told)
        await office.look("roles with new permissions")
        if size == PHONE:
            await office.button(leave).click()
            await expect(note).to_have_count(0)
            await office.go("/staff")
            await expect(office.page.locator("tbody tr").first).to_be_visible()
            await expect(note).to_have_count(0)
        await office.close()
    await counter.stop()
