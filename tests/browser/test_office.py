"""The office as a manager meets it (E1 to E4, B1 to B3, F5): the guided set-up to the first sale,
an import with bad rows, a blind count with a difference, and every page judged by axe.

One appliance whose shop is empty: nothing was sold, nobody is a member."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import ConsoleMessage, Locator, Page

from simulator.demo_shop import EMPLOYEES
from tests.browser.conftest import CHROMIUM, PAGE
from tests.browser.counter import (
    AXE,
    BROWSERS_OWN,
    COLOURS,
    KEEP,
    PATIENCE_MS,
    PICTURES,
    PIN,
    RUN_AXE,
    expect,
)
from tests.browser.running import Appliance, Shop, run_appliance
from tests.browser.words import LANGUAGES, Language

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DESK: Final = (1280, 800)
PHONE: Final = (390, 844)
MANAGER: Final = "1001"
PAGES: Final = (
    *("/", "/set-up", "/members", "/members/import", "/coupons", "/stock", "/messages"),
    *("/records", "/shifts", "/statements", "/log", "/staff"),
    *("/rules/store", "/rules/receipt", "/rules/parameters", "/rules/shifts", "/rules/staff"),
    *("/rules/catalogue", "/rules/promotions", "/rules/campaigns", "/rules/recharge"),
    *("/rules/member_categories", "/rules/levels", "/rules/points", "/rules/fields"),
    "/rules/triggers",
)
SHOWN: Final = {
    "/members/import": "import",
    **{f"/{name}": name for name in ("coupons", "log", "records", "shifts", "staff", "statements")},
    **{f"/rules/{name}": name for name in ("catalogue", "levels", "parameters", "points", "store")},
    "/rules/member_categories": "member-categories",
}
"""Pages that docs show, and under which name."""
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


@dataclass
class Office:
    """One browser that is signed in as the manager."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """The page may not complain on its console, nor break the content policy."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(BROWSERS_OWN):
            self.complaints.append(message.text)

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.url}/office#{path}")
        await expect(self.page.locator("main h1").first).to_be_visible()

    def button(self, name: str) -> Locator:
        """On top of whatever is open."""
        return self.page.get_by_role("button", name=name, exact=True).last

    async def fill(self, name: str, text: str) -> None:
        place = self.page.get_by_label(name, exact=True).last
        await place.fill(text)

    async def look(self, name: str) -> None:
        """Nothing runs over the edge, axe finds nothing."""
        await self.page.wait_for_function(
            "() => !document.querySelector('main [role=status]')?.textContent.includes('…')"
            " && document.getAnimations().every((it) => it.playState !== 'running')"
        )
        width = self.page.viewport_size
        assert width is not None
        across = await self.page.evaluate("document.documentElement.scrollWidth")
        assert across <= width["width"], f"{name} is {across} wide"
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        assert await self.page.evaluate(RUN_AXE) == [], name

    async def picture(self, name: str) -> None:
        """For the docs, where COUNTERD_SCREENSHOTS is set."""
        if not KEEP or not name:
            return
        await self.page.mouse.move(0, 0)
        with Image.open(io.BytesIO(await self.page.screenshot())) as shot:
            few = shot.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)
            few.save(PICTURES / f"office-{name}.png", optimize=True)


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


async def _office(
    chromium: Browser, empty: Appliance, language: Language, size: tuple[int, int] = DESK
) -> Office:
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    await context.add_init_script(f"localStorage.setItem('counterd.language', '{language}')")
    office = Office(await context.new_page(), empty.page)
    office.listen()
    await office.page.goto(f"{empty.page}/office")
    await office.page.locator("input[name=employee]").fill(MANAGER)
    await office.page.locator("input[name=pin]").fill(PIN[MANAGER])
    await office.page.keyboard.press("Enter")
    await expect(office.page.locator(".bar")).to_be_visible()
    return office


@pytest_asyncio.fixture(loop_scope="module")
async def office(chromium: Browser, empty: Appliance) -> AsyncIterator[Office]:
    """In Chinese, at the desk's size."""
    office = await _office(chromium, empty, "zh-CN")
    yield office
    await office.page.context.close()
    assert office.complaints == []


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

    catalogue = await api.call("GET", "catalogue")
    code = next(each for each in catalogue["codes"] if each["parts"] == 1 and each["price_fen"])
    sale = await api.call(
        "POST",
        "sales",
        {"lines": [{"line_id": "1", "code": code["code"], "quantity": 1}],
         "tenders": [{"kind": "cash"}]},
    )  # fmt: skip
    assert sale["status"] == "approved", sale
    assert (await api.call("GET", "status"))["device"]["shop"] == "小美理发"

    await office.go("/records")
    row = page.locator("tbody tr").filter(has_text=code["name"]).first
    await expect(row).to_contain_text(f"{code['price_fen'] / 100:,.2f}")


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
    good = [f"{name},139000000{at:02}," for at, name in enumerate(NAMES, 1)]
    rows = ["姓名,手机号,生日", *good, "李雷,12ab,", ",13900000099,1990-05-01"]
    file.write_bytes("\r\n".join(rows).encode("gb18030"))
    await office.go("/members/import")
    await page.locator("input[type=file]").set_input_files(file)
    preview = page.get_by_test_id("import-preview")
    await expect(preview).to_contain_text(f"新增 {len(NAMES)} 人")
    await expect(preview).to_contain_text("2 行有问题")
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
    office = await _office(chromium, empty, language, size)
    members = await api.call("GET", "members?q=13900000001")
    files = [f"/members/{each['member_id']}" for each in members["members"][:1]]
    for path in (*PAGES, *files):
        await office.go(path)
        await office.look(f"{path} in {language}")
        if language == "zh-CN" and size == DESK:
            await office.picture(SHOWN.get(path, "member" if path in files else ""))
    await office.page.context.close()
    assert office.complaints == []


async def test_what_a_role_may_not_is_hidden(chromium: Browser, empty: Appliance) -> None:
    office = await _office(chromium, empty, "zh-CN")
    await office.page.get_by_role("button", name="退出登录").click()
    await office.page.locator("input[name=employee]").fill("1002")
    await office.page.locator("input[name=pin]").fill(PIN["1002"])
    await office.page.keyboard.press("Enter")
    await expect(office.page.locator(".bar")).to_be_visible()
    await expect(office.page.get_by_role("link", name="日志")).to_have_count(0)
    await office.page.goto(f"{office.url}/office#/log")
    await expect(office.page.get_by_test_id("not-allowed")).to_be_visible()
    await office.page.context.close()
    assert office.complaints == []
