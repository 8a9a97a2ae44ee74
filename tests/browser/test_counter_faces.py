"""Who comes to the counter for the first time, in both languages: a new member of whom the shop
asks more than name and phone, somebody who buys a card that belongs to nobody known, and somebody
whose price is changed with a manager's yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from tests.browser.counter import PIN, expect
from tests.browser.desk import Desk
from tests.browser.running import Appliance, Shop
from tests.browser.words import Language, yuan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ASKED: Final[list[dict[str, Any]]] = [
    {"field": "hair", "name": "发质", "kind": "choice", "personal": False, "required": True,
     "choices": [{"choice": "dry", "name": "干性"}, {"choice": "oily", "name": "油性"}]},
    {"field": "size", "name": "尺码", "kind": "number", "personal": False, "required": True},
    {"field": "wedding", "name": "纪念日", "kind": "date", "personal": False, "required": True},
    {"field": "plate", "name": "车牌", "kind": "text", "personal": True, "required": True},
    {"field": "note", "name": "备注", "kind": "text", "personal": False},
]  # fmt: skip
LACKING: Final[dict[Language, str]] = {
    "zh-CN": "请填写：发质、尺码、纪念日、车牌",
    "en": "Please fill in: 发质, 尺码, 纪念日, 车牌",
}
PHONES: Final[dict[Language, str]] = {"zh-CN": "13500005701", "en": "13500005702"}


@pytest.fixture(scope="module")
def appliance(salon_house: Appliance) -> Appliance:
    return salon_house


# -- a new member ---------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def asking(shop: Shop) -> AsyncIterator[None]:
    """While the shop asks more of a new member."""
    await put_fields(shop, ASKED)
    yield
    await put_fields(shop, [])


async def put_fields(shop: Shop, fields: list[dict[str, Any]]) -> None:
    now = await shop.call("GET", "rules/fields")
    body = {"base_version": now["version"], "content": {"fields": fields}, "note": "asked"}
    await shop.call("PUT", "rules/fields", body)


async def test_the_shops_own_fields_are_asked_for(
    asking: None, desk: Desk, shop: Shop, language: Language
) -> None:
    """Each with the input of its kind; one that is missing is named, and nobody is added."""
    till, phone, name = desk.till, PHONES[language], f"asked-{language.lower()}"
    await shop.rack_create(name)
    await till.keys("F9")
    await desk.dialog.locator(".new-member").click()
    asked = desk.dialog
    await asked.locator("input[name=member-name]").fill("小雅")
    await asked.locator("input[name=phone]").fill(phone)
    await asked.locator("[type=submit]").click()
    await expect(asked.locator(".form-say")).to_have_text(LACKING[language])
    await expect(asked.get_by_label("发质")).to_be_focused()
    await till.look("cashier-member-asked")
    assert (await shop.call("GET", f"members?q={phone}"))["members"] == []

    await asked.get_by_label("发质").select_option("oily")
    await asked.get_by_label("尺码").fill("42")
    await asked.get_by_label("纪念日").fill("2015-10-01")
    await asked.get_by_label("车牌").fill("粤B12345")
    await expect(asked.locator(".form-say")).to_be_hidden()
    await asked.locator("summary").click()
    await asked.get_by_label("备注").fill("左撇子")
    await till.look("cashier-member-filled")
    await asked.locator("[type=submit]").click()
    await expect(desk.dialog.locator("[data-state=awaiting_card]")).to_be_visible()
    await shop.tap(name)
    await desk.served()
    await till.keys("Escape")
    await shop.eject()

    (member,) = (await shop.call("GET", f"members?q={phone}"))["members"]
    file = await shop.call("GET", f"members/{member['member_id']}/file")
    assert file["fields"] == {
        "hair": "oily",
        "size": 42,
        "wedding": "2015-10-01",
        "note": "左撇子",
    }
    assert list(file["personal_fields"]) == ["plate"]


# -- a card that belongs to nobody known ----------------------------------------------------------

FEE_FEN: Final = 500
LOAD_FEN: Final = 20_000
THE_LAWS_MOST: Final = "1,000.00"


async def test_an_unnamed_card_is_sold_and_loaded(
    desk: Desk, shop: Shop, language: Language
) -> None:
    """Its fee first, then the card, then its first load, up to what the law allows."""
    till, name = desk.till, f"nobody-{language.lower()}"
    await shop.rack_create(name)
    papers = len(await shop.papers())
    await till.keys("F9")
    await till.look("cashier-members")
    await desk.dialog.locator(".unnamed-card").click()
    await expect(desk.dialog.locator(".pay-due")).to_contain_text(yuan(FEE_FEN))
    await till.look("cashier-unnamed-fee")
    await till.keys("Enter")
    await expect(desk.dialog.locator("[data-state=awaiting_card]")).to_be_visible()
    await expect(desk.dialog).to_contain_text("礼品卡（不记名）")
    await shop.tap(name)
    await desk.served()
    await till.look("cashier-unnamed-made")

    await desk.dialog.locator(".modal-foot .primary").click()
    await expect(desk.dialog.locator(".recharge-name")).to_have_text("礼品卡（不记名）")
    await till.keys(*"1500")
    await expect(desk.dialog.locator(".recharge-say .problem")).to_contain_text(THE_LAWS_MOST)
    await till.look("cashier-unnamed-too-much")
    await till.keys(*["Backspace"] * 4, *str(LOAD_FEN // 100))
    await expect(desk.dialog.locator(".recharge-say .problem")).to_have_count(0)
    await till.keys("Enter")
    await expect(desk.dialog.locator(".recharge-amount")).to_have_text(yuan(LOAD_FEN))
    await desk.printed(papers + 2)
    await till.keys("Escape")
    await shop.eject()

    await shop.tap(name)
    await expect(till.member).to_contain_text("礼品卡（不记名）")
    await till.look("cashier-unnamed-there")
    await shop.eject()


# -- a price that is changed ----------------------------------------------------------------------

CUT, CUT_FEN, CHANGED_FEN = "c5", 4_800, 4_000
REASON: Final[dict[Language, str]] = {"zh-CN": "补偿", "en": "Goodwill"}
CHANGED: Final[dict[Language, str]] = {"zh-CN": "改价", "en": "New price"}


async def test_a_price_is_changed_with_a_managers_yes(
    desk: Desk, shop: Shop, language: Language
) -> None:
    """Asked for with its reason, told in the basket and the price, sold after the yes."""
    till = desk.till
    papers = len(await shop.papers())
    await desk.code(CUT).click()
    await desk.priced(yuan(CUT_FEN))
    await till.where.locator(".basket-what").click()
    await desk.dialog.locator(".line-reprice").click()
    await desk.dialog.get_by_role("button", name=REASON[language]).click()
    await till.keys(*"48")
    await expect(desk.dialog.locator(".reprice-apply")).to_have_attribute("aria-disabled", "true")
    await till.keys("Backspace", "0")
    await till.look("cashier-reprice")
    await till.keys("Enter")
    await desk.dialog.locator(".modal-foot .primary").click()
    await desk.priced(yuan(CHANGED_FEN))
    line = till.where.locator(".basket-line")
    await expect(line).to_contain_text(f"{CHANGED[language]} · {REASON[language]}")
    await till.look("cashier-repriced")
    await till.where.locator(".basket-sum").click()
    step = desk.dialog.locator(".price-step")
    await expect(step).to_contain_text(f"{CHANGED[language]} · {REASON[language]}")
    await till.keys("Escape")

    await till.keys("F6")
    await expect(desk.dialog.locator(".pay")).to_be_focused()
    await till.keys("Enter")
    await expect(desk.approval).to_be_visible()
    await desk.approve("1001", PIN["1001"])
    await till.scene("approved")
    await desk.printed(papers + 1)
    (sold, *_) = (await shop.call("GET", "log"))["entries"]
    assert (sold["event"], sold["actor"], sold["approver"]) == ("sale", "1002", "1001")
    assert sold["facts"]["override_fen"] == CUT_FEN - CHANGED_FEN
