"""The office as a manager meets it (E1 to E4, B1 to B3, F5): the guided set-up to the first sale,
an import with bad rows, a blind count with a difference, and every page judged by axe.

One appliance whose shop is empty: nothing was sold, nobody is a member."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import pytest
import pytest_asyncio

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from simulator.demo_shop import EMPLOYEES
from tests.browser.conftest import CHROMIUM, PAGE
from tests.browser.counter import PIN, Counter, expect
from tests.browser.office import DESK, PHONE, Office, open_office
from tests.browser.running import LOOK_EVERY_S, WAIT_S, Appliance, Shop, run_appliance
from tests.browser.words import LANGUAGES, Language, yuan

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGES: Final = (
    *("/", "/set-up", "/members", "/members/import", "/coupons", "/stock", "/messages"),
    *("/records", "/shifts", "/statements", "/log", "/staff"),
    *("/rules/store", "/rules/receipt", "/rules/parameters", "/rules/shifts", "/rules/staff"),
    *("/rules/catalogue", "/rules/promotions", "/rules/campaigns", "/rules/recharge"),
    *("/rules/member_categories", "/rules/levels", "/rules/points", "/rules/fields"),
    *("/rules/triggers", "/chain", "/rules/chain"),
)
SHOWN: Final = {
    **{f"/{name}": name for name in ("coupons", "log", "records", "shifts", "staff", "statements")},
    **{f"/rules/{name}": name for name in ("catalogue", "levels", "parameters", "points", "store")},
    "/rules/member_categories": "member-categories",
}
"""Pages that docs show, and under which name."""
CUT_FEN: Final = 6_800
NAMES: Final = (
    "王小明",
    "韩梅梅",
    "张建国",
    "刘芳",
    "陈晓东",
    "杨丽",
    "赵敏",
    "周杰",
    "吴倩",
    "孙浩",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Appliance]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    if not (PAGE.parent / "office.html").exists():
        pytest.skip("the office is not built")
    state = tmp_path_factory.mktemp("office") / "state"
    state.mkdir()
    (state / "filled").touch()  # Nobody fills this shop but the test.
    async with run_appliance(state) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(empty: Appliance) -> AsyncIterator[Shop]:
    async with aiohttp.ClientSession() as http:
        shop = Shop(http, empty)
        await shop.sign_in(EMPLOYEES[0])
        yield shop


@pytest_asyncio.fixture(loop_scope="module")
async def office(chromium: Browser, empty: Appliance) -> AsyncIterator[Office]:
    """In Chinese, at the desk's size."""
    office = await open_office(chromium, empty.page)
    yield office
    await office.close()


async def test_the_set_up_leads_to_the_first_sale(office: Office, api: Shop) -> None:
    page = office.page
    await office.go("/")
    await page.get_by_role("link", name="继续").click()
    await page.locator("[data-sample=hair_salon]").click()
    await page.locator(".el-message-box").get_by_role("button", name="用这家").click()
    await expect(page.locator("[data-step=codes] .tag")).to_have_text("已完成")
    await expect(page.locator("[data-step=categories] .tag")).to_have_text("已完成")

    await office.picture("set-up")

    await page.locator("[data-step=shop]").get_by_role("link", name="去填写").click()
    await office.fill("商户名称", "小美理发")
    await office.button("保存").click()
    await expect(page.locator(".save-last")).to_contain_text("店长")

    await office.go("/staff")
    await office.button("新增员工").click()
    await office.fill("工号", "2001")
    await office.fill("姓名", "阿强")
    await page.locator("input[name=new-pin]").fill("112233")
    await office.button("保存").click()
    await expect(page.get_by_role("cell", name="阿强")).to_be_visible()

    await office.go("/set-up")
    await page.locator("[data-step=cards]").get_by_role("button", name="先跳过").click()
    await expect(page.locator(".setup-done")).to_be_visible()

    await page.locator(".setup-done .button").click()
    papers = len(await api.papers())
    await sell_a_cut(Counter(page, page, "zh-CN"))
    assert (await api.call("GET", "status"))["device"]["shop"] == "小美理发"
    (sale,) = await api.sales()
    assert (sale["status"], sale["amount_fen"]) == ("approved", CUT_FEN)
    async with asyncio.timeout(WAIT_S):
        while len(await api.papers()) == papers:
            await asyncio.sleep(LOOK_EVERY_S)

    await office.go("/records")
    row = page.locator("tbody tr").filter(has_text="剪发").first
    await expect(row).to_contain_text("68.00")


async def sell_a_cut(till: Counter) -> None:
    """On the cashier page, where the set-up leads: one touch for the cut, and a hundred in cash."""
    await till.choose_language()
    await expect(till.where.locator(".top-store")).to_contain_text("小美理发")
    await till.where.locator(".code").filter(has=till.page.get_by_text("c1", exact=True)).click()
    await expect(till.where.locator(".basket-due")).to_contain_text(yuan(CUT_FEN))
    await till.keys("F6")
    dialog = till.where.get_by_role("dialog")
    await dialog.get_by_role("button", name=yuan(10_000), exact=True).click()
    await till.keys("Enter")
    await till.scene("approved")
    await expect(till.stage.locator(".taken-left dd")).to_have_text(yuan(10_000 - CUT_FEN))
    await till.picture("first-sale")


async def test_a_mistake_is_told_at_its_field_and_a_version_comes_back(office: Office) -> None:
    page = office.page
    await office.go("/rules/parameters")
    before = await page.get_by_label("单笔最多", exact=True).last.input_value()
    await office.fill("单笔最多", "4000")
    await office.fill("记名卡余额上限", "6000")
    await office.button("保存").click()
    await expect(page.locator(".mistakes")).to_contain_text("比法规宽，最多 ¥5,000.00")
    await office.picture("mistake")
    await office.fill("记名卡余额上限", "5000")
    await office.button("保存").click()
    await expect(page.locator(".save-bar")).not_to_have_class(re.compile(r"\bon\b"))

    await office.button("历史版本").click()
    await page.get_by_role("button", name="看改动").first.click()
    await expect(page.locator(".versions")).to_contain_text("单笔最多")
    await page.locator(".versions").get_by_role("button", name="回到这一版").first.click()
    await page.locator(".el-message-box").get_by_role("button", name="回到这一版").click()
    await expect(page.get_by_label("单笔最多", exact=True).last).to_have_value(before)


async def test_a_promotion_says_what_it_means(office: Office, api: Shop) -> None:
    page = office.page
    await office.go("/rules/promotions")
    await office.button("加一个促销").click()
    drawer = page.locator(".el-drawer:visible")
    await drawer.get_by_label("名称", exact=True).first.fill("工作日满减")
    for day in ("周一", "周二", "周三", "周四", "周五"):
        await drawer.locator(".el-checkbox").filter(has_text=day).click()
    await expect(drawer.locator(".note")).to_contain_text("满100减15，周一至周五")
    await drawer.get_by_role("button", name="完成").click()
    await office.button("保存").click()
    await expect(page.locator(".save-bar")).not_to_have_class(re.compile(r"\bon\b"))
    await office.picture("promotions")
    kept = (await api.call("GET", "rules/promotions"))["content"]["promotions"][-1]
    assert kept["conditions"]["weekdays"] == [0, 1, 2, 3, 4]
    tier = {"from_fen": 10_000, "off_fen": 1_500, "off_bp": 0}
    assert kept["effect"]["tiers"] == [tier]


async def test_bad_rows_of_an_import_come_back_to_be_mended(
    office: Office, api: Shop, tmp_path: Path
) -> None:
    page = office.page
    file = tmp_path / "会员.csv"
    good = [f"{name},139000000{at:02},," for at, name in enumerate(NAMES, 1)]
    bad_ones = ["李雷,12ab,,", ",13900000099,1990-05-01,", "韩*,13900000098,,", "林涛,,,铂金"]
    rows = ["姓名,手机号,生日,会员类别", *good, *bad_ones]
    file.write_bytes("\r\n".join(rows).encode("gb18030"))
    await office.go("/members/import")
    await page.locator("input[type=file]").set_input_files(file)
    preview = page.get_by_test_id("import-preview")
    await expect(preview).to_contain_text(f"新增 {len(NAMES)} 人")
    await expect(preview).to_contain_text("4 行有问题")
    for why in ("手机号不对", "没有姓名", "带星号，是脱敏的导出", "没有这个会员类别"):
        await expect(preview.locator(".field-bad").filter(has_text=why)).to_have_count(1)
    await office.look("the preview of an import")
    await office.picture("import")
    await preview.get_by_role("button", name=f"开始导入 {len(NAMES)} 人").click()
    job = page.get_by_test_id("import-job")
    await expect(job).to_contain_text("已完成")
    async with page.expect_download() as downloading:
        await job.get_by_role("button", name="下载有问题的行").click()
    bad = Path(await (await downloading.value).path()).read_bytes().decode("gb18030")
    assert "李雷" in bad and NAMES[0] not in bad

    await office.go("/members")
    await expect(page.locator(".member-row")).to_have_count(len(NAMES))
    await office.picture("members")
    found = await api.call("GET", "members?q=13900000001")
    assert len(found["members"]) == 1


async def test_a_blind_count_tells_the_difference_afterwards(office: Office, api: Shop) -> None:
    page = office.page
    await office.go("/shifts")
    await office.button("开班").click()
    dialog = page.locator(".el-dialog:visible")
    await dialog.get_by_label("备用金").fill("200")
    await dialog.get_by_role("button", name="开班").click()
    current = page.get_by_test_id("current-shift")
    await expect(current).to_contain_text("¥200.00")
    await api.call("POST", "drawer/cash", {"way": "in", "amount_fen": 5_000, "reason": "换零钱"})

    await office.button("交班（盲点现金）").click()
    count = page.locator(".el-dialog:visible")
    assert "250" not in await count.inner_text(), "the count is blind"
    await count.locator("[data-note='10000']").fill("2")
    await count.locator("[data-note='1000']").fill("4")
    await count.get_by_role("button", name="数好了，交班").click()
    report = page.get_by_test_id("shift-report")
    await expect(report.get_by_test_id("difference")).to_have_text("−¥10.00")
    await expect(report).to_contain_text("¥250.00")
    (shift, *_) = (await api.call("GET", "shifts"))["shifts"]
    assert shift["report"]["cash"]["difference_fen"] == -1_000


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_for_everybody(
    chromium: Browser, empty: Appliance, api: Shop, language: Language, size: tuple[int, int]
) -> None:
    office = await open_office(chromium, empty.page, language, size)
    members = await api.call("GET", "members?q=13900000001")
    files = [f"/members/{each['member_id']}" for each in members["members"][:1]]
    for path in (*PAGES, *files):
        await office.go(path)
        await office.look(f"{path} in {language}")
        if language == "zh-CN" and size == DESK:
            await office.picture(SHOWN.get(path, "member" if path in files else ""))
    await office.close()


async def test_what_a_role_may_not_is_hidden(chromium: Browser, empty: Appliance) -> None:
    office = await open_office(chromium, empty.page)
    await office.page.get_by_role("button", name="退出登录").click()
    await office.sign_in("1002", PIN["1002"])
    await expect(office.page.get_by_role("link", name="日志")).to_have_count(0)
    await office.page.goto(f"{office.url}/office#/log")
    await expect(office.page.get_by_test_id("not-allowed")).to_be_visible()
    await office.close()
