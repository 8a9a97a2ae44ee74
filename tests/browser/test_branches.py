"""Two branches and their cloud as a newcomer meets them on the page of `./dev run chain`: spends at
both, cuts one off, spends there from what it holds, asks for too much, pays the rest in cash, joins
it again and sees the settlement. One street for both languages."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from simulator.branches.street import Street
from simulator.demo_shop import EMPLOYEES, MEMBERS, ShopApi
from tests.browser.conftest import CHROMIUM, PAGE
from tests.browser.counter import PIN, SIZES, Counter, expect
from tests.browser.running import LOOK_EVERY_S, START_S, WAIT_S
from tests.browser.words import Language, yuan

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CARD = "alice"
PHONE = next(member.phone for member in MEMBERS if member.card == CARD)
PATIENT_MS = 25_000
"""For the cloud's answer: the machine may be busy, and this is no test of speed."""
MORE_FEN = 8_800
CREDIT_FEN = 3_000
CREDIT_LIMITS = {
    "credit_sale_fen": 5_000,
    "credit_member_fen": 5_000,
    "credit_day_fen": 50_000,
    "credit_pin_above_fen": 0,
}
"""Below what the first walk asks for: that is still told in its words."""
SAID: dict[str, dict[Language, str]] = {
    "online": {"zh-CN": "已联网", "en": "Cloud online"},
    "offline": {"zh-CN": r"^\d\d:\d\d 起断网$", "en": r"^Offline since \d\d:\d\d$"},
    "here": {"zh-CN": "本金 · 本店", "en": "Principal · here"},
    "usable": {"zh-CN": "本店现在可用 {usable}", "en": "{usable} can be spent here now"},
    "rest": {
        "zh-CN": r"^{short} 需要联网.*，\d\d:\d\d 起断网。没有扣款。$",
        "en": r"^{short} needs the network.*, offline since \d\d:\d\d\. Nothing was taken\.$",
    },
    "whole": {
        "zh-CN": r"^全部门店 {whole}（截至 \d\d:\d\d）$",
        "en": r"^All branches {whole} \(as of \d\d:\d\d\)$",
    },
    "credit": {"zh-CN": "店长同意赊账 {credit}", "en": "A manager agrees to {credit} on credit"},
    "agree": {"zh-CN": "断网赊账", "en": "credit while offline"},
    "held": {"zh-CN": "店内额度", "en": "Held here"},
    "share": {"zh-CN": "每家店先拿多少", "en": "A branch holds"},
}


@dataclass
class Branch:
    """`api` is signed in as the manager: what the walk compares the page with."""

    name: str
    slot: int
    page: str
    api: ShopApi

    async def held_fen(self) -> int:
        (member,) = (await self.api.call("GET", f"members?q={PHONE}"))["members"]
        return int(sum(member["balance"].values()))

    async def principal_sold_fen(self) -> int:
        """Bonus is given by the merchant: no branch owes it to another."""
        sales = (await self.api.call("GET", "sales?limit=20"))["sales"]
        taken = [sale["taken"] for sale in sales if sale["status"] == "approved"]
        return sum(int(each["principal_fen"]) for each in taken)


@dataclass
class Town:
    street: Street
    a: Branch
    b: Branch

    async def books(self) -> Any:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.street.page}/books.json") as answer,
        ):
            return await answer.json()

    async def whole_fen(self) -> int:
        """What the first member has, by the cloud's own books."""
        (account,) = [
            each for each in (await self.books())["accounts"] if each["member"] == "S01000001"
        ]
        return int(account["reserve_fen"] + account["held_fen"])

    async def settled_fen(self) -> int:
        """What B sold of A's money."""
        return sum(
            int(row["amount_fen"])
            for row in (await self.books())["settlement"]
            if (row["sold_at"], row["funded_at"]) == ("S02", "S01")
        )


async def whole_fen(branch: Branch) -> int:
    """As the branch has it from the cloud; asks for it anew by that."""
    (member,) = (await branch.api.call("GET", f"members?q={PHONE}"))["members"]
    chain = (await branch.api.call("GET", f"members/{member['member_id']}/wallet"))["chain"]
    whole = chain["whole"]
    return int(whole["principal_fen"] + whole["bonus_fen"]) if whole is not None else -1


async def until(what: str, look: Any) -> None:
    """Raises AssertionError: it did not come about."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not await look():
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise AssertionError(what) from None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    if not PAGE.exists():
        pytest.skip("the cashier page is not built")
    state: Path = tmp_path_factory.mktemp("street")
    street = Street(state, page_port=0, pcsc=False)
    try:
        async with asyncio.timeout(2 * START_S):
            await street.start()
            await street.fill()
        async with aiohttp.ClientSession() as at_a, aiohttp.ClientSession() as at_b:
            a, b = (
                Branch(each.name, each.slot, each.appliance.page, api)
                for each, api in zip(
                    street.branches,
                    (
                        ShopApi(at_a, street.branches[0].appliance.page, street.rack),
                        ShopApi(at_b, street.branches[1].appliance.page, street.rack),
                    ),
                    strict=True,
                )
            )
            made = Town(street, a, b)
            await be_patient(made)
            yield made
    finally:
        await street.stop()
        shutil.rmtree(state, ignore_errors=True)


async def be_patient(town: Town) -> None:
    """As the office would: the setting is kept at A and comes down to B, as the staff does."""
    await town.a.api.sign_in(EMPLOYEES[0])
    await set_chain(town, debit_deadline_ms=PATIENT_MS)

    async def signed_in() -> bool:
        try:
            await town.b.api.sign_in(EMPLOYEES[0])
        except RuntimeError:
            return False
        return True

    async def came_down() -> bool:
        there = await town.b.api.call("GET", "rules/chain")
        known = (await town.b.api.call("GET", f"members?q={PHONE}"))["members"]
        return bool(known) and there["content"]["debit_deadline_ms"] == PATIENT_MS

    await until("the staff came down to B", signed_in)
    await until("rules and members came down to B", came_down)


async def set_chain(town: Town, **settings: int) -> None:
    rules = await town.a.api.call("GET", "rules/chain")
    content = {**rules["content"], **settings}
    if content != rules["content"]:
        body = {"base_version": rules["version"], "content": content, "note": ""}
        await town.a.api.call("PUT", "rules/chain", body)


async def allow_credit(town: Town) -> None:
    await set_chain(town, **CREDIT_LIMITS)

    async def came_down() -> bool:
        there = (await town.b.api.call("GET", "rules/chain"))["content"]
        return all(there[name] == value for name, value in CREDIT_LIMITS.items())

    await until("what may be owed came down to B", came_down)


@dataclass
class Walk:
    """The page of both branches, with a counter in each frame."""

    town: Town
    page: Page
    language: Language
    counters: dict[str, Counter]

    def word(self, key: str, **facts: str) -> str:
        return SAID[key][self.language].format(**facts)

    def pattern(self, key: str, **facts: str) -> re.Pattern[str]:
        text = SAID[key][self.language]
        for name, fact in facts.items():
            text = text.replace(f"{{{name}}}", re.escape(fact))
        return re.compile(text)

    def section(self, branch: Branch) -> Locator:
        return self.page.locator(".branch").nth(branch.slot)

    async def tap(self, branch: Branch) -> None:
        """The card on the branch's reader, taken away once it has done."""
        await self.page.locator(f'[data-card="{CARD}:{branch.slot}"]').click()

    async def take_away(self) -> None:
        eject = self.page.locator("#eject")
        await expect(eject).to_be_enabled()
        await eject.click()
        await expect(eject).to_be_disabled()

    async def sell(self, branch: Branch, amount: str, *, scene: str = "approved") -> None:
        counter = self.counters[branch.name]
        await counter.charge(amount)
        await self.tap(branch)
        await counter.scene(scene)
        await self.take_away()

    async def turn_cable(self, branch: Branch, mode: str) -> None:
        section = self.section(branch)
        await section.locator(".cable").click()
        await expect(section).to_have_attribute("data-mode", mode)

    async def sound(self) -> None:
        """axe-core finds nothing, on the page and in both frames."""
        outer = Counter(self.page, self.page, self.language)
        for each in (outer, *self.counters.values()):
            assert await each.violations() == []

    async def picture(self, name: str) -> None:
        """From the top of each counter: what axe-core looked at may have been further down."""
        for each in self.counters.values():
            await each.where.evaluate("window.scrollTo(0, 0)")
        await self.counters["A"].picture(name)


@pytest_asyncio.fixture(loop_scope="module")
async def walk(town: Town, visitor: BrowserContext, language: Language) -> AsyncIterator[Walk]:
    page = await visitor.new_page()
    await page.goto(town.street.page)
    await page.locator(f"[data-language={'en' if language == 'en' else 'zh'}]").click()
    counters = {}
    for branch, number in ((town.a, "1001"), (town.b, "1002")):
        section = page.locator(".branch").nth(branch.slot)
        await expect(section.locator("iframe")).to_be_visible()
        await expect(section.frame_locator("iframe").locator("form")).to_be_visible()
        frame = next(each for each in page.frames if each.url.startswith(branch.page))
        counter = Counter(page, frame, language)
        await counter.choose_language()
        await counter.sign_in(number, PIN[number])
        await expect(counter.stage).to_be_visible()
        await expect(counter.badge("sync")).to_have_text(SAID["online"][language])
        # A street has no customer displays, and so none that is missing.
        await expect(counter.badge("panel")).to_have_count(0)
        counters[branch.name] = counter
    counters["A"].listen()
    yield Walk(town, page, language, counters)
    # What a cable that was pulled makes the browser say is not the page's complaint.
    assert counters["A"].complaints == []


async def test_a_newcomer_cuts_and_joins(walk: Walk) -> None:
    await spend_at_both(walk)
    await cut_off(walk)
    await sell_from_the_lease(walk)
    await ask_for_too_much(walk)
    await join(walk, await walk.town.b.principal_sold_fen())
    await look_at_a_phone(walk)
    await look_at_the_counter(walk)
    await look_at_the_office(walk)


async def test_a_manager_says_yes_to_credit(walk: Walk) -> None:
    """Cut off and short: the cashier's sale goes on with the manager's number and PIN."""
    branch, counter = walk.town.b, walk.counters["B"]
    await allow_credit(walk.town)
    await cut_off(walk)
    here_fen = await branch.held_fen()
    asked = f"{(here_fen + CREDIT_FEN) / 100:.2f}"
    await walk.sell(branch, asked, scene="declined")
    button = counter.stage.locator("[data-do=credit]")
    await expect(button).to_contain_text(walk.word("credit", credit=yuan(CREDIT_FEN)))
    await walk.sound()
    await walk.picture("chain-credit")
    await button.click()
    approval = counter.where.locator(".approval")
    await expect(approval).to_contain_text(walk.word("agree"))
    await walk.picture("chain-credit-asked")
    await walk.sound()
    await approval.locator("input[name=approver]").fill("1001")
    await approval.locator("input[name=approver-pin]").fill(PIN["1001"])
    await approval.locator("button[type=submit]").click()
    await counter.scene("awaiting_card")
    await walk.tap(branch)
    await counter.scene("approved")
    await walk.take_away()
    (sale, *_) = (await branch.api.call("GET", "sales?limit=1"))["sales"]
    paid = {part["kind"]: part["amount_fen"] for part in sale["tenders"] if part["amount_fen"]}
    assert paid == {"owed": CREDIT_FEN} | ({"stored": here_fen} if here_fen else {})
    assert sale["basket"].get("credit_fen") is None
    await walk.turn_cable(branch, "joined")
    await expect(counter.badge("sync")).to_have_text(walk.word("online"))

    async def repaid() -> bool:
        accounts = (await walk.town.books())["accounts"]
        return all(account["overspent_fen"] == 0 for account in accounts)

    await until("what was owed is taken from the rest of the balance", repaid)


async def spend_at_both(walk: Walk) -> None:
    town = walk.town
    await walk.sell(town.a, "18.50")
    await walk.sell(town.b, "20.00")
    await expect(walk.counters["B"].member).to_contain_text(walk.word("here"))

    async def held() -> bool:
        return await town.b.held_fen() > 1_500

    await until("B is a regular branch now and holds something", held)

    async def heard() -> bool:
        return await whole_fen(town.b) == await town.whole_fen()

    await until("B was told what the member has in all branches", heard)
    whole = walk.counters["B"].where.get_by_test_id("whole")
    await expect(whole).to_have_text(
        walk.pattern("whole", whole=yuan(await town.whole_fen())), timeout=WAIT_S * 1000
    )


async def cut_off(walk: Walk) -> None:
    """Told in a word, and nothing lies in the way."""
    await walk.turn_cable(walk.town.b, "refused")
    counter = walk.counters["B"]
    await expect(counter.badge("sync")).to_have_text(walk.pattern("offline"))
    await expect(walk.counters["A"].badge("sync")).to_have_text(walk.word("online"))


async def sell_from_the_lease(walk: Walk) -> None:
    branch, whole = walk.town.b, walk.counters["B"].where.get_by_test_id("whole")
    before_fen, told = await branch.held_fen(), await whole.inner_text()
    assert walk.pattern("whole", whole=yuan(await whole_fen(branch))).match(told)
    height = (await whole.bounding_box() or {})["height"]
    await walk.sell(branch, "10.00")
    assert await branch.held_fen() == before_fen - 1_000
    # What the cloud said stays, with its time, and the line keeps its place.
    await expect(whole).to_have_text(told)
    assert (await whole.bounding_box() or {})["height"] == height
    await walk.picture("chain")
    await walk.sound()


async def ask_for_too_much(walk: Walk) -> None:
    """What is here pays its part, cash the rest."""
    branch, counter = walk.town.b, walk.counters["B"]
    here_fen = await branch.held_fen()
    asked = f"{(here_fen + MORE_FEN) / 100:.2f}"
    await walk.sell(branch, asked, scene="declined")
    title, advice = counter.stage.locator(".stage-title"), counter.stage.locator(".stage-advice")
    await expect(title).to_have_text(walk.word("usable", usable=yuan(here_fen)))
    await expect(advice).to_have_text(walk.pattern("rest", short=yuan(MORE_FEN)))
    await expect(counter.stage.locator("[data-do]")).to_have_count(3)
    await walk.picture("chain-split")
    await walk.sound()
    await counter.stage.locator("[data-do=split]").click()
    dialog = counter.where.get_by_role("dialog").last
    await expect(dialog.locator(".pay-due strong")).to_have_text(yuan(here_fen + MORE_FEN))
    await expect(dialog.locator(".pay-parts li")).to_have_count(1)
    await expect(dialog.locator(".pay-parts strong")).to_have_text(yuan(here_fen))
    await expect(dialog.locator(".recharge-figure")).to_contain_text("88.00")
    assert await counter.violations() == []
    await dialog.locator("button[type=submit]").click()
    await counter.scene("awaiting_card")
    await walk.tap(branch)
    await counter.scene("approved")
    await walk.take_away()
    assert await branch.held_fen() == 0
    (sale, *_) = (await branch.api.call("GET", "sales?limit=1"))["sales"]
    paid = {part["kind"]: part["amount_fen"] for part in sale["tenders"]}
    assert paid == {"stored": here_fen, "cash": MORE_FEN}


async def join(walk: Walk, settled_fen: int) -> None:
    """Everything that B sold goes up, and the page shows who owes whom."""
    town = walk.town
    await walk.turn_cable(town.b, "joined")
    await expect(walk.counters["B"].badge("sync")).to_have_text(walk.word("online"))
    row = walk.page.locator("#books tr").filter(has_text=re.compile(r"S02\s*S01"))
    await expect(row.first).to_contain_text(f"{settled_fen / 100:.2f}")
    assert await town.settled_fen() == settled_fen
    for account in (await town.books())["accounts"]:
        assert (account["overspent_fen"], account["at_risk_fen"]) == (0, 0)
    await walk.picture("chain-settled")
    await walk.sound()


async def look_at_a_phone(walk: Walk) -> None:
    before = walk.page.viewport_size
    assert before is not None
    width, height = SIZES["phone"]
    await walk.page.set_viewport_size({"width": width, "height": height})
    for where in (walk.page, *(each.where for each in walk.counters.values())):
        across = await where.evaluate("document.documentElement.scrollWidth")
        assert across <= width, f"{across} wide on a phone"
    await walk.sound()
    await walk.picture("chain-phone")
    await walk.page.set_viewport_size(before)


async def look_at_the_counter(walk: Walk) -> None:
    """The page of one branch by itself, as it hangs at a counter: whose card was there last."""
    await walk.page.goto(walk.town.a.page)
    alone = Counter(walk.page, walk.page, walk.language)
    whole = walk.page.get_by_test_id("whole")
    await expect(whole).to_have_text(walk.pattern("whole", whole=yuan(await walk.town.whole_fen())))
    await alone.look("chain-member")


async def look_at_the_office(walk: Walk) -> None:
    """Signed in at A as the manager already."""
    await walk.page.goto(f"{walk.town.a.page}/office#/chain")
    office = Counter(walk.page, walk.page, walk.language)
    await expect(walk.page.get_by_test_id("chain-held")).to_contain_text(walk.word("held"))
    await expect(walk.page.get_by_test_id("chain-link")).to_contain_text("https://localhost")
    await office.look("office-chain")
    await walk.page.goto(f"{walk.town.a.page}/office#/rules/chain")
    await expect(walk.page.get_by_label(walk.word("share")).first).to_have_value("50")
    await office.look("office-chain-rules")
