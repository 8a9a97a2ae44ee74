"""The office beyond its pages: one change to many members, undone; a filter that is kept; data that
is read in full, taken along and erased, each with its trace.

The same salon as the counter's tests; the members here have a tag of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Browser, Locator

from tests.browser.counter import PIN, expect
from tests.browser.office import Office, open_office
from tests.browser.running import Appliance, Shop
from tests.browser.salon import HAND_PIN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MANAGER, SUPERVISOR = "1001", "1005"
CHOSEN = 24
TAG = "老客"
PHONE, NAME = "13311110007", "顾七"


@pytest.fixture(scope="module")
def appliance(salon_house: Appliance) -> Appliance:
    return salon_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(shop: Shop) -> int:
    """Two dozen members with the tag, and one without."""
    for at in range(CHOSEN):
        member = {"name": f"顾{at}", "phone": f"133111100{at:02}", "tags": [TAG]}
        await shop.call("POST", "members", member)
    await shop.call("POST", "members", {"name": NAME, "phone": "13322220000"})
    return CHOSEN


@pytest_asyncio.fixture(loop_scope="module")
async def office(chromium: Browser, appliance: Appliance, people: int) -> AsyncIterator[Office]:
    office = await open_office(chromium, appliance.page)
    yield office
    await office.close()


async def filter_by_tag(office: Office, count: int = CHOSEN) -> None:
    """One condition: has the tag."""
    page = office.page
    await office.go("/members")
    await office.button("加一个条件").click()
    row = page.locator(".filter-row")
    await row.get_by_label("按什么").select_option("tags")
    value = row.get_by_label("值", exact=True)
    await value.fill(TAG)
    await value.press("Tab")
    await expect(page.locator("strong[role=status]")).to_have_text(f"共 {count} 人")


async def batch(office: Office, category: str) -> Locator:
    """Changes the category of the filter's members; the dialog, with its preview."""
    await office.button("批量操作").click()
    await office.choose("做什么", "改会员类别")
    await office.choose("改成", category)
    await expect(office.dialog).to_contain_text(f"对筛选出来的 {CHOSEN} 人")
    await office.look("a batch")
    await office.button("先看看会改什么").click()
    await expect(office.dialog.locator("tbody tr").first).to_contain_text(category)
    return office.dialog


async def test_a_batch_over_a_filter_and_back(office: Office, shop: Shop) -> None:
    page = office.page
    await filter_by_tag(office)
    await office.button("保存筛选").click()
    await office.fill("名称", "老客户")
    await office.dialog.get_by_role("button", name="保存").click()
    kept = page.locator(".members-saved").filter(has_text="老客户")
    await expect(kept).to_be_visible()

    dialog = await batch(office, "银卡")
    await expect(dialog).to_contain_text(f"（共 {CHOSEN} 人）")
    await office.look("what a batch would change")
    await office.picture("batch")
    await office.button("开始").click()
    job = dialog.locator(".job")
    await expect(job).to_contain_text("已完成")
    await expect(job).to_contain_text(f"改动 {CHOSEN} 人")
    await office.look("a batch that is done")
    assert await tally(shop, "category") == {"silver": CHOSEN}
    await job.get_by_role("button", name="撤销").click()
    await expect(job).to_contain_text("已撤销")
    assert await tally(shop, "category") == {"standard": CHOSEN}
    await dialog.get_by_role("button", name="关闭", exact=True).last.click()

    await office.go("/")
    await office.go("/members")
    await kept.get_by_role("button", name="老客户", exact=True).click()
    await expect(page.locator("strong[role=status]")).to_have_text(f"共 {CHOSEN} 人")
    await expect(page.locator(".member-row").first).to_contain_text(TAG)
    await kept.get_by_role("button", name="删除 老客户").click()
    await expect(kept).to_have_count(0)


async def tally(shop: Shop, name: str) -> dict[str, int]:
    """How many of the tagged members have which category, or status."""
    asked = f'filter=[{{"field":"tags","op":"has","value":"{TAG}"}}]&limit=100'
    found = (await shop.call("GET", f"office/members?{asked}"))["members"]
    kinds = [str(each[name]) for each in found]
    return {kind: kinds.count(kind) for kind in kinds}


async def test_a_change_to_a_few_that_were_ticked_is_given_up(office: Office, shop: Shop) -> None:
    await filter_by_tag(office)
    for at in range(2):
        await office.page.locator(".member-row .el-checkbox").nth(at).click()
    await office.button("批量操作所选 2 人").click()
    await office.choose("做什么", "冻结")
    await office.button("先看看会改什么").click()
    await expect(office.dialog.locator("tbody tr")).to_have_count(2)
    await office.button("取消").click()
    await expect(office.dialog).to_have_count(0)
    assert await tally(shop, "status") == {"active": CHOSEN}


async def test_data_read_in_full_leaves_a_trace(
    chromium: Browser, appliance: Appliance, office: Office, shop: Shop
) -> None:
    """A supervisor may change members and not read them in full: a manager agrees, once."""
    (member,) = (await shop.call("GET", f"members?q={PHONE}"))["members"]
    theirs = await open_office(chromium, appliance.page, signed=(SUPERVISOR, HAND_PIN))
    page = theirs.page
    await theirs.go(f"/members/{member['member_id']}")
    person = page.get_by_test_id("person")
    await expect(person).to_contain_text("133****0007")
    await theirs.button("查看完整资料").click()
    await theirs.choose("原因", "联系会员")
    await theirs.look("why it is read")
    await theirs.dialog.get_by_role("button", name="查看完整资料").click()
    approval = page.locator(".approval")
    await expect(approval).to_be_visible()
    await theirs.look("a manager is asked")
    await theirs.picture("approval")
    await page.locator("input[name=approver]").fill(MANAGER)
    await page.locator("input[name=approver-pin]").fill("000000")
    await page.keyboard.press("Enter")
    await expect(approval.get_by_role("alert")).to_contain_text("店长工号或密码不对")
    await page.locator("input[name=approver-pin]").fill(PIN[MANAGER])
    await page.keyboard.press("Enter")
    await expect(person).to_contain_text(PHONE)
    await theirs.picture("unmasked")
    await page.reload()
    await expect(person).to_contain_text("133****0007")
    await theirs.close()

    await office.go("/log")
    await office.page.get_by_label("所有事件").select_option(label="查看完整资料")
    row = office.page.locator("tbody tr").first
    await expect(row).to_contain_text("1005 值班长 He")
    await expect(row).to_contain_text("1001 店长 Lin")
    await expect(row).to_contain_text("顾*")


async def test_an_erased_member_leaves_the_books_whole(office: Office, shop: Shop) -> None:
    page = office.page
    (member,) = (await shop.call("GET", f"members?q={PHONE}"))["members"]
    member_id = member["member_id"]
    money = {"member_id": member_id, "amount_fen": 10_000, "tender": "cash"}
    await shop.call("POST", "recharges", money)
    await office.go(f"/members/{member_id}")
    await office.button("删除个人资料").click()
    await office.look("a member is erased")
    await office.dialog.get_by_role("button", name="删除个人资料").click()
    await expect(office.dialog.get_by_role("alert")).to_be_visible()
    await office.look("why not yet")
    await office.dialog.locator(".el-switch").click()
    await office.dialog.get_by_role("button", name="删除个人资料").click()
    await expect(office.dialog).to_have_count(0)
    await expect(page.get_by_test_id("person")).not_to_contain_text("0007")
    await expect(page.get_by_test_id("account")).to_contain_text("¥100.00")
    await office.picture("erased")
    assert (await shop.call("GET", f"members?q={PHONE}"))["members"] == []

    await office.go("/log")
    await office.button("检查日志是否完整").click()
    await expect(page.locator(".log-proof")).to_contain_text("完整：")
    await expect(page.locator("tbody")).to_contain_text("删除会员资料")


async def test_the_members_of_a_filter_as_a_file(office: Office) -> None:
    await filter_by_tag(office, CHOSEN - 1)
    await office.button("导出").click()
    await office.choose("格式", "CSV")
    await office.choose("编码", "GB18030（老版本 Excel）")
    await office.look("an export")
    async with office.page.expect_download() as downloading:
        await office.dialog.get_by_role("button", name="导出").click()
    file = await downloading.value
    assert file.suggested_filename == "members.csv"
    lines = Path(await file.path()).read_bytes().decode("gb18030").splitlines()
    assert len(lines) == CHOSEN
    assert "133****0008" in "\n".join(lines), "masked where nobody asked for more"
    await office.go("/log")
    await office.page.get_by_label("所有事件").select_option(label="导出会员")
    await expect(office.page.locator("tbody tr").first).to_contain_text("1001")
