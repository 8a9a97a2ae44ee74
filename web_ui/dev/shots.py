"""Walks the page through its states over the little shop of this folder, takes a picture of each at
two sizes in both languages, and runs axe on each. Development only:

    npm run build && python dev/shots.py --out DIR [--only WORD] [--language zh-CN] [--size desk]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

HERE = Path(__file__).parent
AXE = HERE.parent / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
LANGUAGES = ("zh-CN", "en")


class Walk:
    """One page, at one size, in one language."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def scene(self, verb: str, **body: Any) -> None:
        answer = self.page.request.post(f"{self.url}dev/{verb}", data=json.dumps(body))
        assert answer.ok, (verb, answer.status)

    def keys(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)

    def type_amount(self, text: str) -> None:
        self.keys(*text)

    def wait(self, scene: str) -> None:
        self.page.wait_for_selector(f"[data-scene={scene}]")

    def sign_in(self) -> None:
        self.page.goto(self.url)
        self.page.fill("input[name=employee]", "101")
        self.page.fill("input[name=pin]", "246810")
        self.keys("Enter")
        self.wait("idle")
        self.page.wait_for_selector("[data-badge=printer]")

    def charge(self, text: str = "18.5") -> None:
        self.type_amount(text)
        self.keys("Enter")
        self.wait("awaiting_card")

    def approve(self, text: str = "18.5", number: str = "1001") -> None:
        self.charge(text)
        self.scene("approve", number=number)
        self.wait("approved")

    def declined(self, reason: str, number: str = "", **facts: Any) -> None:
        self.sign_in()
        self.charge()
        self.scene("decline", reason=reason, facts=facts, number=number)
        self.wait("declined")


def sign_in_empty(walk: Walk) -> None:
    walk.page.goto(walk.url)
    walk.page.wait_for_selector("input[name=pin]")


def sign_in_wrong(walk: Walk) -> None:
    sign_in_empty(walk)
    walk.page.fill("input[name=employee]", "101")
    walk.page.fill("input[name=pin]", "0000")
    walk.keys("Enter")
    walk.page.wait_for_selector(".problem")


def sign_in_locked(walk: Walk) -> None:
    sign_in_wrong(walk)
    for _ in range(5):
        walk.page.fill("input[name=pin]", "0000")
        walk.keys("Enter")
        walk.page.wait_for_timeout(80)
    walk.page.wait_for_selector(".pad-off")


def idle(walk: Walk) -> None:
    walk.sign_in()


def typed(walk: Walk) -> None:
    walk.sign_in()
    walk.type_amount("12345.67")


def card_ready(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("show", number="1002")
    walk.wait("card_ready")


def awaiting(walk: Walk) -> None:
    walk.sign_in()
    walk.charge()


def working(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("working", number="1001")
    walk.wait("working")


def approved(walk: Walk) -> None:
    walk.sign_in()
    walk.approve()
    walk.page.wait_for_timeout(150)


def approved_large(walk: Walk) -> None:
    walk.sign_in()
    walk.approve("12345.67", "1003")


def approved_weak(walk: Walk) -> None:
    walk.sign_in()
    walk.approve("3", "1002")


def pin(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("pin", number="1002")
    walk.page.wait_for_selector(".member-screen[open]")
    walk.keys("1", "2", "3")


def pin_wrong(walk: Walk) -> None:
    pin(walk)
    walk.keys("9", "Enter")
    walk.page.wait_for_selector(".problem")


def double_tap(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("ask", ask="double_tap")
    walk.page.wait_for_selector("dialog[open]")


def tap_again(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("ask", ask="tap_again")
    walk.wait("tap_again")


def unknown(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("torn", number="1001")
    walk.wait("unknown")


def insufficient(walk: Walk) -> None:
    walk.sign_in()
    walk.charge("500")
    walk.scene("approve", number="1002")
    walk.wait("declined")


def lost(walk: Walk) -> None:
    walk.declined("card_lost", "1004")


def forged(walk: Walk) -> None:
    walk.declined("card_counter_ahead", "1001")


def unknown_card(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("refuse", reason="card_unknown", facts={})
    walk.wait("declined")


def day_limit(walk: Walk) -> None:
    walk.declined("day_limit", "1002", limit_fen=20_000, left_fen=1_500)


def timed_out(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("decline", status="cancelled", reason="timed_out", facts={})
    walk.wait("cancelled")


def void_question(walk: Walk) -> None:
    approved(walk)
    walk.page.locator(".stage .glass").last.click()
    walk.page.wait_for_selector("dialog[open]")


def voided(walk: Walk) -> None:
    void_question(walk)
    walk.page.locator("dialog .danger").click()
    walk.wait("voided")


def search(walk: Walk) -> None:
    walk.sign_in()
    walk.keys("F9")
    walk.page.keyboard.type("100")
    walk.page.wait_for_selector(".hit")


def member(walk: Walk) -> None:
    search(walk)
    walk.keys("ArrowDown", "Enter")
    walk.page.wait_for_selector(".detail")


def recharge(walk: Walk) -> None:
    walk.sign_in()
    walk.keys("F4")
    walk.scene("show", number="1001")
    walk.page.wait_for_selector(".recharge")
    walk.type_amount("500")


def recharged(walk: Walk) -> None:
    recharge(walk)
    walk.keys("Enter")
    walk.page.wait_for_selector(".recharge-result")


def new_member(walk: Walk) -> None:
    walk.sign_in()
    walk.keys("F9")
    walk.page.locator(".modal-foot .plain").last.click()
    walk.page.wait_for_selector("#new-member")
    walk.page.locator("#new-member input").first.fill("赵小北")


def issue(walk: Walk) -> None:
    new_member(walk)
    walk.page.locator("#new-member input").nth(1).fill("13712345678")
    walk.keys("Enter")
    walk.page.wait_for_selector("[data-state=awaiting_card]")


def issued(walk: Walk) -> None:
    issue(walk)
    walk.scene("issue", status="done", card={"technology": "desfire"})
    walk.page.wait_for_selector("[data-state=done]")


def set_pin(walk: Walk) -> None:
    issued(walk)
    walk.page.locator(".modal-foot .plain").click()
    walk.page.wait_for_selector(".member-screen[open]")


def sales(walk: Walk) -> None:
    walk.sign_in()
    walk.approve()
    walk.approve("3", "1002")
    walk.charge("9999")
    walk.scene("approve", number="1004")
    walk.wait("declined")
    walk.charge("66")
    walk.keys("F8")
    walk.wait("idle")
    walk.page.locator(".action").last.click()
    walk.page.wait_for_selector(".row")


def parked(walk: Walk) -> None:
    walk.sign_in()
    for text in ("66", "128.80"):
        walk.charge(text)
        walk.keys("F8")
        walk.wait("idle")
    walk.keys("F8")
    walk.page.wait_for_selector(".row")


def receipt(walk: Walk) -> None:
    sales(walk)
    walk.page.locator(".row .plain").first.click()
    walk.page.wait_for_selector(".receipt-whole img")


def paper_out(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("set", part="printer", value={"paper": "out", "online": False})
    walk.approve()
    walk.page.wait_for_timeout(100)


def device(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("set", part="printer", value={"cover_open": True, "waiting": 3})
    walk.scene("set", part="reader", value={"state": "absent", "problem": "reader_absent"})
    walk.scene("set", part="sync", value={"sealed": 15})
    walk.page.locator(".badges").click()
    walk.page.wait_for_selector(".device")


def troubles(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("set", part="printer", value={"cover_open": True, "waiting": 3})
    walk.scene("set", part="reader", value={"state": "absent", "problem": "reader_absent"})
    walk.scene("set", part="sync", value={"sealed": 15})
    walk.page.wait_for_timeout(150)


def stopped(walk: Walk) -> None:
    walk.sign_in()
    walk.scene("set", part="ledger", value={"ok": False, "stopped": "ledger_full"})
    walk.page.wait_for_selector(".stopped")


def lost_line(walk: Walk) -> None:
    walk.sign_in()
    walk.page.route("**/api/v1/**", lambda route: route.abort())
    walk.scene("cut")
    walk.page.wait_for_selector("[data-badge=line].badge-bad")


def unanswered(walk: Walk) -> None:
    recharge(walk)
    walk.page.route("**/recharges", lambda route: route.abort())
    walk.keys("Enter")
    walk.page.wait_for_selector(".blocked", timeout=15_000)
    walk.keys("Escape")
    walk.page.wait_for_selector(".matter")


def restarted(walk: Walk) -> None:
    awaiting(walk)
    walk.scene("restart")
    walk.page.wait_for_selector(".matter", timeout=15_000)


State = Callable[[Walk], None]
STATES: tuple[State, ...] = (
    sign_in_empty, sign_in_wrong, sign_in_locked, idle, typed, card_ready, awaiting, tap_again,
    working, approved, approved_large, approved_weak, pin, pin_wrong, double_tap, unknown,
    insufficient, lost, forged, unknown_card, day_limit, timed_out, void_question, voided, search,
    member, recharge, recharged, new_member, issue, issued, set_pin, sales, parked, receipt,
    paper_out, troubles, device, stopped, lost_line, unanswered, restarted,
)  # fmt: skip


@contextmanager
def served() -> Iterator[str]:
    command = ["node", str(HERE / "run.mjs"), "--built"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def faults_of(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [
        f"axe {it['impact']} {it['id']}: {it['nodes'][0]['target']} "
        + str(it["nodes"][0].get("failureSummary", ""))[:200]
        for it in found["violations"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*told, f"overflows by {wide} px"] if wide > 0 else told


def shoot(browser: Browser, url: str, state: State, size: str, language: str, out: Path) -> int:
    """One picture; tells what is wrong with it and answers 1, else 0."""
    name = f"{state.__name__}-{size}-{language}"
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=size == "phone"
    )
    context.add_init_script(f"localStorage.setItem('counterd.language', '{language}')")
    page = context.new_page()
    said: list[str] = []

    def on_console(line: ConsoleMessage) -> None:
        if "Content Security Policy" in line.text:
            said.append(line.text)

    def on_error(error: Error) -> None:
        said.append(f"threw {error}")

    page.on("pageerror", on_error)
    page.on("console", on_console)
    walk = Walk(page, url)
    walk.scene("reset")
    try:
        state(walk)
        page.wait_for_timeout(250)
        said += faults_of(page)
    except Error as error:
        said.append(f"walk broke: {str(error)[:300]}")
    page.screenshot(path=out / f"{name}.png")
    context.close()
    for line in said:
        sys.stdout.write(f"{name}: {line}\n")
    return int(bool(said))


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--only", default="")
    asked.add_argument("--language", choices=LANGUAGES)
    asked.add_argument("--size", choices=tuple(SIZES))
    args = asked.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sizes = [args.size] if args.size else list(SIZES)
    languages = [args.language] if args.language else LANGUAGES
    states = [state for state in STATES if args.only in state.__name__]
    bad = 0
    with served() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for size, language, state in product(sizes, languages, states):
            bad += shoot(browser, url, state, size, language, args.out)
        browser.close()
    sys.stdout.write(f"{bad} states with faults\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
