"""A scanner of the device at the page: goods go into the basket, a member is the one whom the sale
is for, what nobody has is told, and a sale that waits for its card keeps what it has."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import BrowserContext

from daemon.web.server import WebSettings
from tests.browser.conftest import PAGE
from tests.browser.counter import GOOD, expect, signed_in
from tests.browser.words import Language
from tests.swipes.test_scans import PHONE, open_till
from tests.web.till import CASHIER

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NOBODY = {"zh-CN": "没有会员或商品用这个码", "en": "Nobody and nothing has this code"}
UNDER_WAY = {"zh-CN": "有一笔消费还没结束", "en": "A sale is under way"}


async def test_scans_reach_the_counter_page(
    visitor: BrowserContext, language: Language, tmp_path: Path
) -> None:
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    async with open_till(tmp_path, WebSettings(port=0)) as desk:
        counter = desk.counter
        member = await counter.member("张伟", PHONE)
        issued = await counter.post(
            "/coupons", {"campaign": "welcome", "count": 1}, key=counter.new_key()
        )
        till = await signed_in(visitor, counter.address, language, CASHIER)
        page = till.page
        await expect(till.badge("line")).to_have_class(GOOD)
        await expect(page.locator(".basket-none")).to_be_visible()

        await desk.scan("R1")
        await desk.scan("R1")
        lines = page.locator(".basket-line")
        await expect(lines).to_have_count(1)
        await expect(lines.first).to_contain_text("洗发水")
        await desk.scan(issued["coupons"][0]["printed"])
        taken = page.locator(".notice").filter(has_text="新人券")
        await expect(taken).to_have_count(1)
        assert await desk.scan(PHONE) == {"kind": "member", "member_id": member["member_id"]}
        await expect(till.member).to_contain_text("张")
        # 59.90 and half of it, less the coupon's 10 yuan.
        await expect(page.locator(".basket-sum")).to_contain_text("¥79.85")
        await desk.scan("nothing of ours")
        await expect(page.locator(".notice").filter(has_text=NOBODY[language])).to_have_count(1)
        await till.look("scan-told")
        assert PHONE not in await page.content()

        sale_id = await counter.begin(1_850)
        await till.scene("awaiting_card")
        await desk.scan("C1")
        await expect(page.locator(".notice").filter(has_text=UNDER_WAY[language])).to_have_count(1)
        await counter.post(f"/sales/{sale_id}/cancel")
        await expect(lines).to_have_count(1)
        await page.close()
        assert till.complaints == []
