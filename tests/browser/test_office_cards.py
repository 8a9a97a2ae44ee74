"""Cards, money, papers and offers at the office, as a manager meets them (B2, B4, C1, C8, D1, D4).

A card reissued on the reader with its fee, a balance paid out by the law, a paper unmasked
with a trace, coupons to a filter's result, an import taken back, a promotion switched off where it
is explained.

One salon for all of it, with members of these tests' own."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Browser, Locator

from tests.browser.counter import expect
from tests.browser.office import DESK, LISTS_ARE_GONE, PHONE, Office, open_office
from tests.browser.running import Appliance, Shop
from tests.browser.words import LANGUAGES, Language, yuan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAPER: Final = "110101199003070134"
SETTLED: Final = ("done", "stopped", "undone")
_phones = itertools.count(13_300_000_001)
_cards = itertools.count(1)


@pytest.fixture(scope="module")
def appliance(salon_house: Appliance) -> Appliance:
    return salon_house


@pytest_asyncio.fixture(loop_scope="module")
async def office(chromium: Browser, appliance: Appliance, shop: Shop) -> AsyncIterator[Office]:
    """The manager at the office, nothing on the reader."""
    await shop.clear()
    office = await open_office(chromium, appliance.page)
    yield office
    await office.close()


async def add(shop: Shop, name: str, **more: Any) -> str:
    """A member of the test's own; the id."""
    body = {"name": name, "phone": str(next(_phones)), **more}
    return str((await shop.call("POST", "members", body))["member_id"])


async def blank(shop: Shop) -> str:
    """A new card as delivered; its name on the rack."""
    card = f"office-{next(_cards)}"
    await shop.rack_create(card)
    return card


async def carded(shop: Shop, name: str, **more: Any) -> str:
    """A member with a card."""
    member_id = await add(shop, name, **more)
    order = {"service": "issue", "member_id": member_id}
    fee_fen = (await shop.call("POST", "card-service-quotes", order))["fee_fen"]
    paid = {"tenders": [{"kind": "cash"}]} if fee_fen else {}
    issue = await shop.call("POST", "card-services", {**order, **paid})
    await shop.tap(await blank(shop))
    await shop.until(f"card-services/{issue['service_id']}", "status", ("done",))
    await shop.eject()
    return member_id


async def file_of(shop: Shop, member_id: str) -> dict[str, Any]:
    file = await shop.call("GET", f"members/{member_id}/file")
    assert isinstance(file, dict)
    return file


async def cards_of(shop: Shop, member_id: str) -> list[str]:
    return [card["status"] for card in (await file_of(shop, member_id))["cards"]]


async def choose_service(office: Office, member_id: str, service: str) -> Locator:
    """Opens what can be done to the member's first card; the dialog."""
    await office.go(f"/members/{member_id}")
    await office.page.get_by_test_id("cards").get_by_role("button", name="办理").first.click()
    await office.page.locator(f"[data-service={service}]").click()
    return office.dialog


async def turn_on(dialog: Locator, name: str) -> None:
    """The switch beside that word: its own input is too small to press."""
    await dialog.locator(".field-line").filter(has_text=name).locator(".el-switch").click()


async def choose(office: Office, name: str, option: str) -> None:
    await office.dialog.locator(".field-line").filter(has_text=name).locator(".el-select").click()
    await office.page.get_by_role("option", name=option, exact=True).click()
    await office.page.wait_for_function(LISTS_ARE_GONE)


# -- cards ----------------------------------------------------------------------------------------


async def test_a_lost_card_is_reissued_on_the_reader_with_its_fee(
    office: Office, shop: Shop
) -> None:
    member = await carded(shop, "林补卡")
    dialog = await choose_service(office, member, "reissue")
    await expect(dialog.get_by_test_id("costs")).to_contain_text(yuan(1_000))
    await dialog.get_by_label("收到现金").fill("20")
    await office.look("reissuing")
    await office.picture("card-reissue")
    await dialog.get_by_role("button", name=f"收 {yuan(1_000)}，办理").click()
    follow = dialog.locator(".card-follow")
    await expect(follow).to_have_attribute("data-state", "awaiting_card")
    await expect(follow).to_contain_text("读卡器：")
    await office.look("waiting for the card")
    await shop.tap(await blank(shop))
    await expect(follow).to_have_attribute("data-state", "done")
    await expect(follow).to_contain_text(f"已收 {yuan(1_000)} · 找零 {yuan(1_000)}")
    await dialog.get_by_role("button", name="完成").click()
    await expect(office.page.get_by_test_id("cards")).to_contain_text("已换卡")
    assert await cards_of(shop, member) == ["active", "replaced"]


async def test_nobody_waits_for_a_card_whose_dialog_was_closed(office: Office, shop: Shop) -> None:
    member = await carded(shop, "何放弃")
    dialog = await choose_service(office, member, "repair")
    await dialog.get_by_role("button", name=f"收 {yuan(500)}，办理").click()
    await expect(dialog.locator(".card-follow")).to_have_attribute("data-state", "awaiting_card")
    await dialog.get_by_role("button", name="完成").click()
    await expect(office.dialog).to_have_count(0)
    card = await blank(shop)
    await shop.tap(card)
    await shop.eject()
    assert await cards_of(shop, member) == ["active"]


async def test_loss_lock_extension_and_return(office: Office, shop: Shop) -> None:
    member = await carded(shop, "礼品卡", category="gift_card")
    money = {"member_id": member, "amount_fen": 5_000, "tender": "cash"}
    await shop.call("POST", "recharges", money)
    for service, name, status in [
        ("report_lost", "挂失", "lost"),
        ("lift_loss", "解挂", "active"),
        ("lock", "锁定", "locked"),
        ("unlock", "解锁", "active"),
    ]:
        dialog = await choose_service(office, member, service)
        await dialog.get_by_role("button", name=name, exact=True).click()
        await expect(dialog.locator(".card-follow")).to_have_attribute("data-state", "done")
        await dialog.get_by_role("button", name="完成").click()
        assert await cards_of(shop, member) == [status]
    before = (await file_of(shop, member))["valid_to"]
    dialog = await choose_service(office, member, "extend")
    await dialog.get_by_role("button", name=f"收 {yuan(1_000)}，办理").click()
    await expect(dialog.locator(".card-follow")).to_contain_text("有效期到")
    await dialog.get_by_role("button", name="完成").click()
    assert (await file_of(shop, member))["valid_to"] > before

    dialog = await choose_service(office, member, "return")
    await expect(dialog.get_by_test_id("back")).to_contain_text(yuan(5_000))
    await turn_on(dialog, "已核对收款人的证件")
    await office.look("returning a card")
    await dialog.get_by_role("button", name="退卡", exact=True).click()
    await expect(dialog.locator(".card-follow")).to_contain_text(f"已退 {yuan(5_000)}")
    await dialog.get_by_role("button", name="完成").click()
    assert await cards_of(shop, member) == ["returned"]
    assert (await file_of(shop, member))["standing"]["principal_fen"] == 0


async def test_an_account_is_given_to_another_member(office: Office, shop: Shop) -> None:
    giver, taker = await carded(shop, "送卡人"), await add(shop, "受让人")
    money = {"member_id": giver, "amount_fen": 12_300, "tender": "wechat"}
    await shop.call("POST", "recharges", money)
    dialog = await choose_service(office, giver, "transfer")
    await dialog.get_by_role("searchbox").fill((await file_of(shop, taker))["number"])
    await dialog.locator(".pick-found button").click()
    await expect(dialog.get_by_test_id("costs")).to_contain_text(yuan(12_300))
    await office.look("a transfer")
    await dialog.get_by_role("button", name=f"收 {yuan(2_000)}，办理").click()
    await expect(dialog.locator(".card-follow")).to_have_attribute("data-state", "done")
    moved = [(await file_of(shop, who))["standing"]["principal_fen"] for who in (giver, taker)]
    assert moved == [0, 12_300]


async def test_the_office_sends_the_counter_to_the_first_card(office: Office, shop: Shop) -> None:
    """A fee for the first card is told and taken at the counter too."""
    member, page = await add(shop, "新卡", category="gift_card"), office.page
    await office.go(f"/members/{member}")
    await page.get_by_test_id("cards").get_by_role("button", name="办卡").click()
    await expect(office.dialog.get_by_test_id("costs")).to_contain_text(yuan(500))
    await office.dialog.get_by_role("link", name="到收银台办理").click()
    issuing = page.get_by_role("dialog")
    await expect(issuing.locator(".issue-fee")).to_contain_text(yuan(500))
    assert page.url.endswith("/") and "#" not in page.url
    await office.look("the counter takes a fee for a first card")
    await issuing.get_by_role("button", name=re.compile("^微信")).click()
    await issuing.get_by_role("button", name="确认办理").click()
    await expect(issuing.locator(".issue")).to_have_attribute("data-state", "awaiting_card")
    await shop.tap(await blank(shop))
    await expect(issuing.locator(".issue")).to_have_attribute("data-state", "done")
    await expect(issuing).to_contain_text(f"已收费用 {yuan(500)}")
    assert await cards_of(shop, member) == ["active"]


# -- money and papers -----------------------------------------------------------------------------


async def test_a_recharge_and_a_payout_by_the_law(office: Office, shop: Shop) -> None:
    member, page = await add(shop, "钱来来"), office.page
    await office.go(f"/members/{member}")
    await office.button("充值").click()
    await office.dialog.get_by_role("button", name=yuan(50_000), exact=True).click()
    await expect(office.dialog.get_by_test_id("brings")).to_contain_text(yuan(3_000))
    await office.dialog.get_by_label("收到现金").fill("600")
    await expect(office.dialog.get_by_test_id("brings")).to_contain_text(yuan(10_000))
    await office.look("a recharge")
    await office.picture("recharge")
    await office.dialog.get_by_role("button", name=f"收款 {yuan(50_000)}").click()
    await expect(office.dialog).to_contain_text(f"已充值 {yuan(50_000)}，赠送 {yuan(3_000)}")
    await office.dialog.get_by_role("button", name="完成").click()
    await expect(page.get_by_test_id("account")).to_contain_text(yuan(50_000))

    await office.button("退余额").click()
    dialog = office.dialog
    await expect(dialog.get_by_test_id("back")).to_contain_text(yuan(50_000))
    await expect(dialog.get_by_test_id("back")).to_contain_text(yuan(3_000))
    await expect(dialog.get_by_role("alert")).to_contain_text("须退到账户")
    await expect(dialog.get_by_role("button", name=f"退 {yuan(50_000)}")).to_have_attribute(
        "aria-disabled", "true"
    )
    await choose(office, "怎么退", "银行转账")
    await dialog.get_by_label("转账凭证号").fill("20260910-17")
    await turn_on(dialog, "收款账户是购卡人本人的")
    await turn_on(dialog, "已核对收款人的证件")
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await office.look("a payout")
    await office.picture("payout")
    await dialog.get_by_role("button", name=f"退 {yuan(50_000)}").click()
    await expect(dialog).to_contain_text(f"已退 {yuan(50_000)}（银行转账）")
    await dialog.get_by_role("button", name="完成").click()
    standing = (await file_of(shop, member))["standing"]
    assert (standing["principal_fen"], standing["bonus_fen"]) == (0, 0)
    await expect(page.get_by_role("button", name="退余额")).to_have_count(0)


async def test_a_recharge_is_voided_where_it_was_made(office: Office, shop: Shop) -> None:
    member = await add(shop, "钱去去")
    await office.go(f"/members/{member}")
    await office.button("充值").click()
    await office.fill("充值金额", "100")
    await office.dialog.get_by_role("button", name=f"收款 {yuan(10_000)}").click()
    await office.dialog.get_by_role("button", name="作废这笔充值").click()
    await expect(office.dialog).to_contain_text("这笔充值已作废")
    await office.dialog.get_by_role("button", name="完成").click()
    assert (await file_of(shop, member))["standing"]["principal_fen"] == 0


async def test_a_paper_is_masked_and_unmasked_with_a_trace(office: Office, shop: Shop) -> None:
    member, page = await add(shop, "实名人"), office.page
    await office.go(f"/members/{member}")
    paper = page.get_by_test_id("identity")
    await paper.get_by_role("button", name="登记证件").click()
    await office.fill("证件上的姓名", "实名人")
    await office.fill("证件号码", PAPER.replace("134", "135"))
    await office.button("保存").click()
    await expect(office.dialog.get_by_role("alert")).to_contain_text("证件号码有误")
    await office.fill("证件号码", PAPER)
    await office.look("keeping a paper")
    await office.button("保存").click()
    masked = f"1{'*' * 16}4"
    await expect(paper).to_contain_text(masked)
    assert PAPER not in await page.content()
    await paper.get_by_role("button", name="查看完整证件").click()
    await expect(paper).to_contain_text(PAPER)
    await office.look("a paper in full")
    await paper.get_by_role("button", name="遮住").click()
    await expect(paper).to_contain_text(masked)
    entries = (await shop.call("GET", "log?event=unmask_identity&limit=5"))["entries"]
    assert [entry["member"]["member_id"] for entry in entries][:1] == [member]


# -- many members ---------------------------------------------------------------------------------


async def test_coupons_to_a_filters_result_and_back(office: Office, shop: Shop) -> None:
    tagged = [await add(shop, f"护发{at}", tags=["护发"]) for at in range(2)]
    page = office.page
    await office.go("/coupons")
    row = page.locator("tbody tr").filter(has_text="染发满300减50")
    await row.get_by_role("button", name="发给会员").click()
    dialog = office.dialog
    await dialog.get_by_role("button", name="加一个条件").click()
    await dialog.get_by_label("按什么").select_option(label="标签")
    await dialog.get_by_label("怎么比").select_option(label="有")
    await dialog.get_by_label("值", exact=True).fill("护发")
    await dialog.get_by_label("值", exact=True).blur()
    await expect(dialog).to_contain_text("符合条件的有 2 人")
    await office.look("coupons for a filter")
    await office.picture("coupon-job")
    await dialog.get_by_role("button", name="先看看发给多少人").click()
    await expect(dialog.get_by_test_id("each-gets")).to_contain_text("「染发满300减50」，共 2 人")
    assert await coupons_of(shop, tagged[0]) == []
    await dialog.get_by_role("button", name="开始").click()
    await expect(dialog.locator(".job")).to_contain_text("已完成")
    await expect(dialog.locator(".job")).to_contain_text("改动 2 人")
    assert [await coupons_of(shop, who) for who in tagged] == [["染发满300减50"]] * 2
    await dialog.get_by_role("button", name="撤销").click()
    await expect(dialog.locator(".job")).to_contain_text("已撤销")
    assert [await coupons_of(shop, who) for who in tagged] == [[], []]


async def coupons_of(shop: Shop, member_id: str) -> list[str]:
    wallet = await shop.call("GET", f"members/{member_id}/wallet")
    return [coupon["name"] for coupon in wallet["coupons"]]


async def test_those_who_are_ticked_get_a_coupon(office: Office, shop: Shop) -> None:
    member, page = await add(shop, "勾选人"), office.page
    number = (await file_of(shop, member))["number"]
    await office.go("/members")
    await page.get_by_role("searchbox").fill(number)
    await expect(office.button("给找到的 1 人发券")).to_be_enabled()
    await page.locator(".member-row").filter(has_text=number).locator(".el-checkbox").click()
    await office.button("给所选 1 人发券").click()
    await expect(office.dialog).to_contain_text("对所选的 1 人")
    await choose(office, "哪个券活动", "回归剪发八折")
    await office.dialog.get_by_role("button", name="先看看发给多少人").click()
    await office.dialog.get_by_role("button", name="开始").click()
    await expect(office.dialog.locator(".job")).to_contain_text("已完成")
    assert await coupons_of(shop, member) == ["回归剪发八折"]


async def test_who_searches_gives_to_those_found_and_to_nobody_else(
    office: Office, shop: Shop
) -> None:
    member, page = await add(shop, "搜索人"), office.page
    number = (await file_of(shop, member))["number"]
    await office.go("/members")
    await page.get_by_role("searchbox").fill("没有这个人")
    await expect(office.button("给找到的 0 人发券")).to_be_disabled()
    await page.get_by_role("searchbox").fill(number)
    await office.button("给找到的 1 人发券").click()
    await expect(office.dialog).to_contain_text("对所选的 1 人")
    await choose(office, "哪个券活动", "回归剪发八折")
    await office.dialog.get_by_role("button", name="先看看发给多少人").click()
    await expect(office.dialog.get_by_test_id("each-gets")).to_contain_text("共 1 人")
    await office.dialog.get_by_role("button", name="开始").click()
    await expect(office.dialog.locator(".job")).to_contain_text("改动 1 人")
    assert await coupons_of(shop, member) == ["回归剪发八折"]


async def test_an_import_is_taken_back_on_its_page(
    office: Office, shop: Shop, tmp_path: Path
) -> None:
    page, file = office.page, tmp_path / "members.csv"
    level = (await shop.call("GET", "rules/levels"))["content"]["rungs"][0]["name"]
    rows = [f"QX{at},导入{at},1350000000{at},{level}" for at in range(4)]
    file.write_text("\n".join(["会员号,姓名,手机号,等级", *rows]), encoding="utf-8")
    await office.go("/members/import")
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="开始导入 4 人").click()
    job = page.get_by_test_id("import-job")
    await expect(job).to_contain_text("新增 4 人")
    (stays,) = (await shop.call("GET", "members?q=QX2"))["members"]
    money = {"member_id": stays["member_id"], "amount_fen": 1_000, "tender": "cash"}
    await shop.call("POST", "recharges", money)

    await office.go("/members")
    # The list has come: before that the page of imports would not have been left.
    await expect(page.get_by_role("searchbox")).to_be_visible()
    await office.go("/members/import")
    earlier = page.get_by_test_id("earlier").locator("li").first
    await expect(earlier).to_contain_text("新增 4")
    await office.look("earlier imports")
    await earlier.get_by_role("button", name="打开").click()
    await job.get_by_role("button", name="撤回这次导入").click()
    await page.locator(".el-message-box").get_by_role("button", name="撤回这次导入").click()
    await expect(job).to_contain_text("已撤回：删除 3 人，恢复 0 人")
    await expect(job).to_contain_text("没有动：QX2")
    await office.look("an import taken back")
    await office.picture("import-back")
    found = [(await shop.call("GET", f"members?q=QX{at}"))["members"] for at in range(4)]
    assert [len(each) for each in found] == [0, 0, 1, 0]


# -- offers ---------------------------------------------------------------------------------------


async def test_a_promotion_is_left_out_and_switched_off_where_it_is_explained(
    office: Office, shop: Shop
) -> None:
    page = office.page
    await office.go("/try")
    for code in ("k1", "k2"):
        await page.get_by_test_id("try-code").select_option(code)
    quote = page.get_by_test_id("try-quote")
    due = quote.locator(".sums-main dd")
    await expect(due).to_have_text(yuan(54_000))
    await office.look("a price tried out")
    await office.picture("try")
    step = quote.locator("[data-rule=colour-care]").first
    await step.get_by_role("button", name="这一单不用").click()
    await expect(due).to_have_text(yuan(60_000))
    left = quote.locator("[data-rule=colour-care]")
    await expect(left).to_contain_text("这次不用")
    await left.get_by_role("button", name="还是要用").click()
    await expect(due).to_have_text(yuan(54_000))

    await step.get_by_role("button", name="停用").click()
    await expect(due).to_have_text(yuan(60_000))
    kept = await shop.call("GET", "rules/promotions")
    care = {each["promotion_id"]: each["active"] for each in kept["content"]["promotions"]}
    assert care["colour-care"] is False and kept["note"] == "试算时停用：烫染满500减60"
    resting = page.get_by_test_id("try-off")
    await resting.get_by_role("button", name="启用").click()
    await expect(due).to_have_text(yuan(54_000))
    await expect(resting).to_have_count(0)


# -- for everybody --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_form_is_for_everybody(
    chromium: Browser, appliance: Appliance, shop: Shop, language: Language, size: tuple[int, int]
) -> None:
    member = await carded(shop, "看页面")
    money = {"member_id": member, "amount_fen": 5_000, "tender": "cash"}
    await shop.call("POST", "recharges", money)
    office = await open_office(chromium, appliance.page, language, size)
    page, zh = office.page, language == "zh-CN"
    cancel = "取消" if zh else "Cancel"
    await office.go(f"/members/{member}")
    await expect(page.get_by_test_id("identity")).to_be_visible()
    await office.look("a member's file")
    if zh and size == DESK:
        await office.picture("member")
    for name, shown in [
        ("充值" if zh else "Recharge", ".dialog-fields"),
        ("退余额" if zh else "Pay the balance out", ".back-lots"),
        ("登记证件" if zh else "Put a paper on record", ".dialog-fields"),
        ("办卡" if zh else "Issue a card", ".told-sums"),
    ]:
        await page.get_by_role("button", name=name, exact=True).click()
        await expect(office.dialog.locator(shown).first).to_be_visible()
        await office.look(name)
        await office.dialog.get_by_role("button", name=cancel).click()
        await expect(office.dialog).to_have_count(0)
    await page.get_by_test_id("cards").get_by_role("button", expanded=False).click()
    for service in ("report_lost", "reissue", "transfer", "return"):
        await page.locator(f"[data-service={service}]").click()
        await expect(office.dialog.locator(".dialog-fields").first).to_be_visible()
        await office.look(service)
        await office.dialog.get_by_role("button", name=cancel).click()
        await expect(office.dialog).to_have_count(0)
    await office.go("/try")
    await office.look("an empty trial")
    await page.get_by_test_id("try-code").select_option("c1")
    await expect(page.get_by_test_id("try-quote").locator(".sums-main")).to_be_visible()
    await office.look("a trial")
    await office.go("/messages")
    await page.get_by_role("button", name="给会员发通知" if zh else "Message to members").click()
    await expect(office.dialog.locator(".whom strong")).not_to_contain_text("…")
    await office.look("a message to members")
    await office.close()
