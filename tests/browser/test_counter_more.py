"""The counter beyond the sale, as a cashier meets it: what needs a manager's yes, the services on a
card with their fees, coupons and gifts, a shift with another cashier, and who stands there.

One salon for all of it. Whatever a test takes away it does not count on later."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Browser, Locator

from tests.browser.counter import PIN, expect
from tests.browser.desk import Desk
from tests.browser.office import Office, open_office
from tests.browser.running import Appliance, Shop
from tests.browser.salon import HAND_PIN
from tests.browser.words import Language, yuan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MANAGER, SECOND, STYLIST = "1001", "1003", "2001"
QUICK_CUT, QUICK_CUT_FEN = "c5", 4_800
CARDS = {"carol": "2468", "dave": "1357", "bob": "5678", "alice": "1234"}
"""Whose card, and the last digits of the phone."""


@pytest.fixture(scope="module")
def language() -> Language:
    return "zh-CN"


@pytest.fixture(scope="module")
def appliance(salon_house: Appliance) -> Appliance:
    return salon_house


@pytest_asyncio.fixture(loop_scope="module")
async def office(chromium: Browser, appliance: Appliance) -> AsyncIterator[Office]:
    """The manager at the office, at the same time."""
    office = await open_office(chromium, appliance.page)
    yield office
    await office.close()


# -- a manager's yes ------------------------------------------------------------------------------


async def test_a_refund_needs_a_managers_yes(desk: Desk, shop: Shop, office: Office) -> None:
    till = desk.till
    await desk.code(QUICK_CUT).click()
    await desk.priced(yuan(QUICK_CUT_FEN))
    await desk.pay_cash()
    await till.stage.locator(".stage-detail").click()
    sold = till.where.get_by_role("dialog").first
    await sold.get_by_role("button", name="全部退").click()
    refund = sold.locator(".modal-foot .danger")
    await expect(refund).to_contain_text(yuan(QUICK_CUT_FEN))
    await refund.click()
    await expect(desk.approval).to_contain_text("退款")

    problem = desk.approval.get_by_role("alert")
    await desk.approve(MANAGER, "000000")
    await expect(problem).to_contain_text("店长工号或密码不对 · 还可以试 4 次")
    await till.look("cashier-approval")
    await desk.approve(STYLIST, "314159")
    await expect(problem).to_contain_text("这位同事没有这项权限")
    for left in ("4", "3", "2", "1"):
        await desk.approve(SECOND, "000000")
        await expect(problem).to_contain_text(f"还可以试 {left} 次")
    await desk.approve(SECOND, "000000")
    await expect(problem).to_contain_text("输错太多次，暂时不能批准")
    await desk.approve(SECOND, HAND_PIN)
    await expect(problem).to_contain_text("输错太多次，暂时不能批准")

    await desk.approval.get_by_role("button", name="不做了").click()
    await expect(desk.approval).to_have_count(0)
    await expect(sold.locator(".sold-done")).to_have_count(0)
    await refund.click()
    await desk.approve(MANAGER, PIN[MANAGER])
    await expect(sold.locator(".sold-done")).to_contain_text(f"已退 {yuan(QUICK_CUT_FEN)}")

    await office.go("/log")
    await office.page.get_by_label("同意人", exact=True).fill(MANAGER)
    row = office.page.locator("tbody tr").filter(has_text="退").first
    await expect(row).to_contain_text("1002 收银 Wu")
    await expect(row).to_contain_text("1001 店长 Lin")
    await office.look("the log")
    await office.picture("log")


# -- services on a card ---------------------------------------------------------------------------


async def refused(desk: Desk, card: str, title: str) -> None:
    """The card at a tap: told why, nothing taken."""
    till = desk.till
    await desk.shop.eject()
    await till.keys("F3")
    await till.charge("1")
    await desk.shop.tap(card)
    await till.scene("declined")
    await expect(till.stage.locator(".stage-title")).to_have_text(title)
    await desk.shop.eject()
    await till.keys("Escape", "F3")


async def test_a_lost_card_is_replaced_for_its_fee(desk: Desk, shop: Shop) -> None:
    till = desk.till
    await shop.rack_create("carol-new")
    papers = len(await shop.papers())
    await desk.card_service(CARDS["carol"], "补卡")
    await expect(desk.dialog.locator(".sum")).to_contain_text(yuan(1_000))
    await till.look("cashier-card-service")
    await desk.confirm()
    await expect(desk.dialog.locator(".pay-due")).to_contain_text(yuan(1_000))
    await till.keys("Enter")
    await desk.approve(MANAGER, PIN[MANAGER])
    await expect(desk.dialog.locator("[data-state=awaiting_card]")).to_be_visible()
    await till.look("cashier-new-card")
    await shop.tap("carol-new")
    await desk.served()
    await expect(desk.dialog).to_contain_text(f"已收费用 {yuan(1_000)}")
    await desk.printed(papers + 1)
    await desk.dialog.get_by_role("button", name="小票").click()
    await desk.paper_is_shown()
    await till.look("cashier-fee-paper")
    await till.keys("Escape", "Escape")
    await refused(desk, "carol", "这张卡已被新卡替换")
    await till.keys("F3")
    await till.charge("1.20")
    await shop.tap("carol-new")
    await till.scene("approved")


async def test_loss_and_lock_and_back(desk: Desk, shop: Shop) -> None:
    """Dave's card was reported lost. Only to unlock needs somebody else."""
    await desk.card_service(CARDS["dave"], "解除挂失")
    await desk.confirm()
    await desk.served()
    await desk.till.keys("Escape")
    await desk.card_service(CARDS["dave"], "锁定")
    await desk.confirm()
    await desk.served()
    await desk.till.keys("Escape")
    await refused(desk, "dave", "这张卡已锁定")
    await desk.card_service(CARDS["dave"], "解锁")
    await desk.confirm()
    await desk.approve(MANAGER, PIN[MANAGER])
    await desk.served()
    await desk.till.keys("Escape")
    await desk.card_service(CARDS["dave"], "挂失")
    await desk.confirm()
    await desk.served()
    await desk.till.keys("Escape")
    await refused(desk, "dave", "这张卡已挂失")
    await shop.use("dave")


async def test_a_card_is_returned_and_its_money_paid_out(desk: Desk, shop: Shop) -> None:
    """Two hundred: more than may be paid out in cash goes to the member's own account."""
    principal, _ = await shop.purse("bob")
    await desk.card_service(CARDS["bob"], "退卡")
    dialog = desk.dialog
    await expect(dialog.locator(".sum")).to_contain_text(yuan(principal))
    await dialog.get_by_label("已出示证件").check()
    await expect(dialog.get_by_role("alert")).to_contain_text("须退到账户")
    await desk.till.look("cashier-return-refused")
    await dialog.get_by_role("button", name="银行转账").click()
    await dialog.get_by_label("转账凭证号").fill("T20261122")
    await dialog.get_by_label("收款账户与会员同名").check()
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await desk.till.look("cashier-card-return")
    await desk.confirm()
    await desk.approve(MANAGER, PIN[MANAGER])
    await desk.served()
    await expect(desk.dialog).to_contain_text(f"已退 {yuan(principal)}")
    assert await shop.purse("bob") == (0, 0)
    await desk.till.keys("Escape")
    await refused(desk, "bob", "这张卡已退卡")


async def test_what_a_card_holds_goes_to_somebody_else(desk: Desk, shop: Shop) -> None:
    """Dave's to Carol, for the fee that a standard member pays."""
    await shop.use("dave")
    before, held = await shop.purse("carol"), await shop.purse("dave")
    papers = len(await shop.papers())
    await desk.card_service(CARDS["dave"], "转卡")
    await desk.dialog.locator("input[type=search]").fill(CARDS["carol"])
    await desk.dialog.locator(".hit").first.click()
    await expect(desk.dialog.locator(".sum")).to_contain_text(yuan(sum(held)))
    await desk.till.look("cashier-card-transfer")
    await desk.confirm()
    await expect(desk.dialog.locator(".pay-due")).to_contain_text(yuan(2_000))
    await desk.till.keys("Enter")
    await desk.approve(MANAGER, PIN[MANAGER])
    await desk.served()
    assert await shop.purse("carol") == (before[0] + held[0], before[1] + held[1])
    assert await shop.purse("dave") == (0, 0)
    await desk.printed(papers + 1)


async def test_an_unnamed_card_is_extended_for_its_fee(desk: Desk, shop: Shop) -> None:
    await shop.rack_create("gift")
    order = {"service": "issue", "category": "gift_card", "fee_fen": 500}
    asked = await shop.call("POST", "card-services", {**order, "tenders": [{"kind": "cash"}]})
    await shop.tap("gift")
    path = f"card-services/{asked['service_id']}"
    issued = await shop.until(path, "status", ("done", "failed"))
    assert issued["status"] == "done", issued
    await shop.eject()
    await shop.tap("gift")
    await desk.find_by_card()
    await desk.choose_service("延期")
    await desk.dialog.get_by_role("button", name="365 天").click()
    await expect(desk.dialog.locator(".sum")).to_contain_text(yuan(1_000))
    await desk.confirm()
    await desk.till.keys("Enter")
    await desk.approve(MANAGER, PIN[MANAGER])
    await desk.served()
    await expect(desk.dialog).to_contain_text(f"已收费用 {yuan(1_000)}")
    await desk.till.look("cashier-extended")
    await desk.till.keys("Escape")
    await shop.eject()


# -- coupons, stock, gifts ------------------------------------------------------------------------


async def test_a_coupon_of_a_batch_is_used_once_and_comes_back(desk: Desk, office: Office) -> None:
    till, page = desk.till, office.page
    await office.go("/coupons")
    row = page.locator("tbody tr").filter(has_text="回归剪发八折")
    await row.get_by_role("button", name="发券").click()
    await office.fill("发多少", "3")
    await office.look("issuing coupons")
    await office.dialog.get_by_role("button", name="发券").click()
    drawer = page.locator(".el-drawer:visible")
    await expect(drawer.locator("tbody tr")).to_have_count(3)
    await office.look("the codes of a campaign")
    await office.picture("coupon-codes")
    printed = await drawer.locator("tbody td").first.inner_text()
    await page.keyboard.press("Escape")

    await desk.code("c1").click()
    await till.where.locator(".goods-entry").fill(printed)
    await till.keys("Enter")
    await desk.noticed("已加上")
    await desk.priced(yuan(5_440))
    await till.look("cashier-coupon")
    await desk.pay_cash()
    await look_up(office, printed, "已经用过")

    await till.stage.get_by_role("button", name="作废").click()
    await till.where.get_by_role("alertdialog").get_by_role("button", name="确认作废").click()
    await till.scene("voided")
    await look_up(office, printed, "可以使用")


async def look_up(office: Office, code: str, says: str) -> None:
    await office.page.get_by_label("券号", exact=True).fill(code)
    await office.button("查找").click()
    await expect(office.page.locator(".coupon-found .tag")).to_have_text(says)


async def test_a_gift_is_given_and_the_stock_goes_down(
    desk: Desk, shop: Shop, office: Office
) -> None:
    """Twenty counted, two damaged, one given for 400 points."""
    till = desk.till
    await office.go("/stock")
    await correct(office, "盘点后的数量", 20)
    await correct(office, "减少", 2, "损坏")
    await shop.tap("alice")
    await expect(till.member).to_contain_text("艾*")
    points = till.member.locator(".chip").first.locator("strong")
    await expect(points).not_to_have_text("0")
    before = int(await points.inner_text())
    await till.member.locator(".chip").first.click()
    await desk.dialog.locator(".ticket").filter(has_text="旅行套装").click()
    await desk.noticed("已加入：旅行套装")
    await till.look("cashier-gifts")
    await till.keys("Escape", "F2")
    await till.scene("approved")
    await till.look("cashier-gift-given")
    await expect(points).to_have_text(str(before - 400))
    await office.page.reload()
    await expect(stock_of(office)).to_contain_text("17")


def stock_of(office: Office) -> Locator:
    return office.page.locator("tbody tr").filter(has_text="旅行套装")


async def correct(office: Office, how: str, pieces: int, reason: str = "") -> None:
    await stock_of(office).get_by_role("button", name="盘点").click()
    await office.choose("怎么改", how)
    await office.fill("数量", str(pieces))
    if reason:
        await office.choose("原因", reason)
    await office.look(f"stock: {how}")
    await office.dialog.get_by_role("button", name="保存").click()
    await expect(office.dialog).to_have_count(0)


# -- who stands there -----------------------------------------------------------------------------


async def test_a_friend_is_brought_on_the_birthday(desk: Desk, shop: Shop, office: Office) -> None:
    """A new member whom alice brought, born today: greeted, checked in, and both thanked."""
    till = desk.till
    await shop.rack_create("emma")
    alice = await shop.member("alice")
    await till.keys("F9")
    await desk.dialog.get_by_role("button", name="新会员").click()
    await desk.dialog.get_by_label("姓名").fill("爱玛")
    await desk.dialog.get_by_label("手机号").fill("13500008642")
    # The shop's day, which begins eight hours before that of the Prime Meridian.
    today = await till.page.evaluate("new Date().toLocaleDateString('sv-SE').slice(5, 10)")
    await desk.dialog.locator("input[name=birthday]").fill(f"1990-{today}")
    await desk.dialog.locator("input[name=referrer]").fill(str(alice["number"]))
    await till.look("cashier-new-member")
    await desk.dialog.get_by_role("button", name="保存并发卡").click()
    await expect(desk.dialog.locator("[data-state=awaiting_card]")).to_be_visible()
    await shop.tap("emma")
    await desk.served()
    await till.keys("Escape")
    await shop.eject()
    await shop.tap("emma")
    await expect(till.member).to_contain_text("今天生日")
    await till.member.get_by_role("button", name="签到").click()
    await desk.noticed("签到成功，得 2 积分，连续 1 天")
    await expect(till.member).to_contain_text("今天已签到")
    await till.look("cashier-member")

    await desk.code(QUICK_CUT).click()
    await desk.priced(yuan(QUICK_CUT_FEN))
    await desk.pay_cash()
    # Two for the check-in, a hundred for being brought, and the cut's own.
    points = till.member.locator(".chip").first.locator("strong")
    await expect(points).to_have_text(str(2 + 100 + QUICK_CUT_FEN // 100))
    await shop.eject()
    await office.go(f"/members/{alice['member_id']}")
    await expect(office.page.get_by_test_id("wallet")).to_contain_text("带来的朋友")
    await expect(office.page.get_by_test_id("wallet")).to_contain_text("+300")
    await office.look("who was brought")
    await office.picture("friends")


# -- a shift --------------------------------------------------------------------------------------


async def test_a_shift_that_changes_hands(desk: Desk, shop: Shop, office: Office) -> None:
    """500 float, 100 put in, 50 taken out, 48 sold: 598; 600 are counted."""
    till = desk.till
    await till.keys("F10")
    await desk.dialog.locator("form .primary").click()
    await desk.noticed("已开班")
    for button, amount, why in (("放入现金", "100", "换零钱"), ("取出现金", "50", "买水")):
        await desk.dialog.get_by_role("button", name=button).click()
        await desk.dialog.locator("input").first.fill(amount)
        await desk.dialog.get_by_label("原因").fill(why)
        await till.keys("Enter")
        await desk.approve(MANAGER, PIN[MANAGER])
        await expect(desk.dialog.locator(".shift-do")).to_be_visible()
    await till.keys("Escape")
    await desk.code(QUICK_CUT).click()
    await desk.priced(yuan(QUICK_CUT_FEN))
    await desk.pay_cash()

    await till.keys("F10")
    await desk.dialog.get_by_role("button", name="中途报表（X）").click()
    await desk.approve(MANAGER, PIN[MANAGER])
    await expect(desk.dialog.locator(".z")).to_contain_text(yuan(59_800))
    await till.look("cashier-x")
    await desk.dialog.get_by_role("button", name="完成").click()

    await desk.dialog.get_by_role("button", name="交接").click()
    await till.look("cashier-hand-over")
    await desk.dialog.locator(".shift-who input").nth(0).fill("1004")
    await desk.dialog.locator(".shift-who input").nth(1).fill(HAND_PIN)
    await till.keys("Enter")
    await desk.noticed("已交接")
    await expect(desk.dialog).to_contain_text("1004")
    await till.keys("Escape")
    await close_blind(desk, shop)

    await office.go("/shifts")
    row = office.page.locator("tbody tr").first
    await expect(row).to_contain_text("1004")
    await expect(row).to_contain_text(yuan(200))
    await row.get_by_role("button", name="看报表").click()
    report = office.page.get_by_test_id("shift-report")
    await expect(report).to_contain_text(yuan(59_800))
    await office.look("a Z report")
    await office.picture("shift-report")


async def close_blind(desk: Desk, shop: Shop) -> None:
    """The other cashier signs in, counts, and has the Z on paper."""
    till = desk.till
    await till.where.get_by_role("button", name="退出登录").click()
    await till.sign_in("1004", HAND_PIN)
    await till.ready()
    papers = len(await shop.papers())
    await till.keys("F10")
    await desk.dialog.get_by_role("button", name="交班盘点").click()
    await desk.dialog.locator(".note input").first.fill("6")
    await expect(desk.dialog).not_to_contain_text("598")
    await till.look("cashier-count")
    await desk.dialog.locator(".primary").click()
    await expect(desk.dialog.locator(".z-difference")).to_have_text(f"多出 {yuan(200)}")
    await till.look("cashier-z")
    await desk.printed(papers + 1)
    await desk.dialog.get_by_role("button", name="小票").click()
    await desk.paper_is_shown()
    await till.look("cashier-z-paper")
    await till.keys("Escape", "Escape")
