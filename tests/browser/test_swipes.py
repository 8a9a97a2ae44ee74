"""A magnetic card at the page: a bank card is sent away with a sentence, the member's card pays."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import BrowserContext

from daemon.web.server import WebSettings
from tests.browser.conftest import PAGE
from tests.browser.counter import expect, signed_in
from tests.browser.words import Language
from tests.swipes.desk import CARD, swipe_desk
from tests.web.till import CASHIER, MEMBER_PIN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BANK = "%B4111111111111111^A/B^3012201?;4111111111111111=3012201?\n"
SENT_AWAY = {"zh-CN": "这是银行卡", "en": "That is a bank card"}


async def test_a_bank_card_is_sent_away_and_the_members_card_pays(
    visitor: BrowserContext, language: Language, tmp_path: Path
) -> None:
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    async with swipe_desk(tmp_path, WebSettings(port=0)) as desk:
        member_id = await desk.member()
        till = await signed_in(visitor, desk.counter.address, language, CASHIER)
        page = till.page
        await till.scene("idle")

        sale_id = await desk.counter.begin(1_850)
        await till.scene("awaiting_card")
        await desk.swipe(BANK)
        notice = page.locator(".notice").filter(has_text=SENT_AWAY[language])
        await expect(notice).to_have_count(1)
        await till.look("swipe-bank-card")
        assert "4111" not in await page.content()

        await desk.swipe(CARD)
        await desk.sale_in(sale_id, "awaiting_pin")
        given = {"pin": MEMBER_PIN}
        await desk.counter.post(f"/sales/{sale_id}/pin", given, expect=202)
        await till.scene("approved")
        await till.look("swipe-approved")
        assert await desk.counter.balance(member_id) == (48_150, 5_000)
        await page.close()
        assert till.complaints == []
