"""The first sale, as a person makes it: at the simulated counter, with the mouse and the keyboard.

Signs in, charges, taps, sees paper; recharges with a bonus; voids. Everything goes through the desk
page: the cashier page in its frame, the cards in their tray, the paper out of the printer.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.browser.counter import AXE, GOOD, PIN, Counter, expect
from tests.browser.running import Appliance, Shop
from tests.browser.words import WORD, Language, yuan

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Locator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(
    appliance: Appliance, shop: Shop, visitor: BrowserContext, language: Language
) -> AsyncIterator[Counter]:
    """The desk page in the language under test; nobody is signed in. The last sale was of another
    amount: the same again within seconds would be asked about."""
    await shop.sell("alice", 100)
    await shop.clear()
    page = await visitor.new_page()
    await page.goto(appliance.desk)
    await page.locator(".languages").get_by_text(WORD["language"][language]).click()
    for lamp in ("cashier", "rack", "printer"):
        await expect(page.locator(f"#lamp-{lamp}")).to_have_attribute("data-state", "on")
    await expect(page.frame_locator("#cashier").locator("form")).to_be_visible()
    frame = next(each for each in page.frames if each.url.startswith(appliance.page))
    counter = Counter(page, frame, language)
    counter.listen()
    await counter.choose_language()
    yield counter
    assert counter.complaints == []


async def test_axe_is_there() -> None:
    """What axe-core finds in each state is asserted there; without it that says nothing."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: accessibility was not checked")


async def test_first_sale(desk: Counter, shop: Shop) -> None:
    await sign_in_wrong_then_right(desk)
    before = await shop.purse("alice")
    papers = len(await shop.papers())
    taken = await charge_and_click_alice(desk, before)
    await see_paper(desk, papers + 1)
    await desk.picture("desk")
    assert await desk.violations() == []
    left = (before[0] - taken[0], before[1] - taken[1])
    assert await shop.purse("alice") == left
    await recharge_alice(desk, left, papers + 2)
    assert await shop.purse("alice") == (left[0] + 50_000, left[1] + 5_000)
    await void_the_sale(desk)
    assert await shop.purse("alice") == (before[0] + 50_000, before[1] + 5_000)
    await see_paper(desk, papers + 3)


async def sign_in_wrong_then_right(desk: Counter) -> None:
    await desk.sign_in("1002", "000000")
    alert = desk.where.get_by_role("alert")
    title, advice = desk.said("sign_in_failed", left=4)
    await expect(alert).to_have_text(f"{title} · {advice}")
    assert await desk.violations() == []
    await desk.picture("desk-sign-in")
    await expect(desk.where.locator("input[name=pin]")).to_be_focused()
    await desk.keys(*PIN["1002"], "Enter")
    await desk.ready()
    await desk.says("idle")


async def charge_and_click_alice(desk: Counter, before: tuple[int, int]) -> tuple[int, int]:
    """Principal pays first; returns what was taken."""
    await desk.charge("18.50")
    await desk.says("awaiting_card", amount=yuan(1850))
    await card(desk, "alice").click()
    await desk.scene("approved")
    await desk.says("approved", amount=yuan(1850))
    await desk.announces(desk.said("approved", amount=yuan(1850))[0])
    await expect(desk.member).to_contain_text("艾*")
    await expect(desk.member).to_contain_text("138****1234")
    await expect(desk.member).not_to_contain_text("艾丽")
    await expect(desk.member).to_contain_text(desk.word("secure_card"))
    taken = (min(1850, before[0]), max(0, 1850 - before[0]))
    await desk.shows_money(taken, sum(before) - 1850)
    await expect(desk.member).to_contain_text(yuan(before[0] - taken[0]))
    await expect(desk.member).to_contain_text(yuan(before[1] - taken[1]))
    return taken


async def see_paper(desk: Counter, count: int) -> None:
    """The newest sheet under the printer is that one, drawn and loaded; the page says printed."""
    sheet = desk.page.locator("#papers li").first
    await expect(sheet).to_have_attribute("data-n", str(count))
    await desk.page.wait_for_function(
        "() => { const image = document.querySelector('#papers li img');"
        " return image.complete && image.naturalWidth === 576; }"
    )
    tag = desk.where.locator(".paper .tag")
    await expect(tag).to_have_text(desk.word("printed"))
    await expect(desk.badge("printer")).to_have_class(GOOD)


async def recharge_alice(desk: Counter, before: tuple[int, int], paper: int) -> None:
    """Found by the phone's last digits: 500 brings 50."""
    await desk.where.locator(".amount-figure").click()
    await desk.keys("F4")
    dialog = desk.where.get_by_role("dialog")
    await dialog.locator("input[type=search]").fill("1234")
    await dialog.get_by_role("button", name="艾*").click()
    await dialog.get_by_role("button", name=re.compile(r"¥500")).click()
    sums = dialog.locator(".sum dd")
    await expect(sums).to_have_text([yuan(50_000), yuan(5_000), yuan(sum(before) + 55_000)])
    await dialog.get_by_role("button", name=desk.word("recharge_do")).last.click()
    done = dialog.get_by_role("status").filter(has_text=desk.word("recharge_done"))
    await expect(done).to_be_visible()
    gift = desk.word("gift", amount=yuan(5_000))
    await expect(done).to_contain_text(gift)
    after = (before[0] + 50_000, before[1] + 5_000)
    await expect(sums).to_have_text([yuan(after[0]), yuan(after[1]), yuan(sum(after))])
    await see_paper(desk, paper)
    assert await desk.violations() == []
    await desk.picture("desk-recharge")
    await dialog.get_by_role("button", name=desk.word("done")).click()


async def void_the_sale(desk: Counter) -> None:
    await desk.stage.get_by_role("button", name=desk.word("void")).click()
    question = desk.where.get_by_role("alertdialog")
    await expect(question).to_contain_text(desk.word("void_title"))
    await expect(question).to_contain_text(yuan(1850))
    assert await desk.violations() == []
    await question.get_by_role("button", name=desk.word("void_yes")).click()
    await desk.scene("voided")
    await desk.says("voided", amount=yuan(1850))
    assert await desk.violations() == []


def card(desk: Counter, name: str) -> Locator:
    return desk.page.locator(f"[data-card={name}]")
