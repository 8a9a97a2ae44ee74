"""A million members scroll in a real browser. It takes minutes and two gigabytes, so it runs only
when it is asked for, and prints its figures:

    COUNTERD_LONG=1 python -m pytest -s tests/browser/test_long_list.py
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

from playwright.async_api import Browser, Page

from bench.big_members import build
from bench.search import FOLDER, LARGE, opened
from daemon.operations.counter_desk import CounterDesk
from daemon.operations.rules import load_rules
from daemon.operations.sign_in import keep_employee
from daemon.web.events import EventStream
from daemon.web.server import Server, WebSettings, make_app
from tests.browser.conftest import PAGE
from tests.browser.counter import PIN, expect
from tests.browser.office import MANAGER, open_office

COMMAND = "COUNTERD_LONG=1 python -m pytest -s tests/browser/test_long_list.py"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not os.environ.get("COUNTERD_LONG"), reason=f"long: {COMMAND}"),
]

ROWS_DRAWN = 60
"""What a screen of rows and the few above and below it come to, with room to spare."""
WHEELS, WHEEL_PX = 400, 1_600
BOOKS = FOLDER / f"members-{LARGE}.db"
WATCH_FRAMES = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const next = (now) => {
    window.frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
LOOK = """() => {
  const view = document.querySelector(".window");
  const places = [...view.querySelectorAll("li")].map((row) => Number(row.ariaPosInSet));
  return {
    nodes: document.getElementsByTagName("*").length,
    rows: places.length,
    last: Math.max(...places),
    loaded: view.querySelectorAll(".member-row").length,
  };
}"""


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """The pages over a copy of the books, so that these stay as they are."""
    if not BOOKS.exists():
        BOOKS.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(build, BOOKS, LARGE)
    books = folder / "ledger.db"
    await asyncio.to_thread(shutil.copyfile, BOOKS, books)
    async with opened(books) as shop:
        await load_rules(shop)
        hired = {"number": MANAGER, "name": "店长 Lin", "role": "manager", "pin": PIN[MANAGER]}
        await keep_employee(shop.ledger, shop.pins, shop.clock, **hired)
        desk = CounterDesk(shop)
        events = shop.events
        assert isinstance(events, EventStream)

        async def status() -> dict[str, Any]:
            no_printer = {"reachable": False, "online": False, "cover_open": False, "waiting": 0}
            return {
                "ledger": {"ok": True, "stopped": None},
                "readers": [],
                "printer": {**no_printer, "paper": "unknown", "problem": None},
                "sync": {"sealed": 0, "receipted": 0, "last_pull_ms": None},
            }

        settings = WebSettings(port=0)
        server = Server(make_app(shop, desk, events, status, settings), settings)
        await server.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            await server.stop()
    books.unlink()


async def test_a_million_members_scroll(chromium: Browser, tmp_path: Path) -> None:
    if not (PAGE.parent / "office.html").exists():
        pytest.skip("the office is not built")
    async with served(tmp_path) as url:
        office = await open_office(chromium, url)
        page = office.page
        await office.go("/members")
        await expect(page.locator(".member-row").first).to_be_visible()
        begun = await page.evaluate(LOOK)
        most = await scroll(page)
        ended = await page.evaluate(LOOK)
        frames = sorted(await page.evaluate("() => window.frames_ms"))
        await expect(page.locator("strong[role=status]")).to_have_text(f"共 {LARGE:,} 人")
        await office.close()
    print(
        f"\nrows passed {ended['last']:,} of {LARGE:,} in {WHEELS} turns of the wheel"
        f"\nframes {len(frames)}: p50 {statistics.median(frames):.1f} ms,"
        f" p95 {frames[int(len(frames) * 0.95)]:.1f} ms,"
        f" p99 {frames[int(len(frames) * 0.99)]:.1f} ms, longest {frames[-1]:.1f} ms"
        f"\nrows drawn at most {most['rows']}, elements at most {most['nodes']}"
        f" (at the start {begun['nodes']})"
    )
    assert most["rows"] <= ROWS_DRAWN
    assert most["nodes"] <= begun["nodes"] * 2
    assert ended["last"] > WHEELS
    assert ended["loaded"] > 0


async def scroll(page: Page) -> dict[str, int]:
    """Down by the wheel, waiting for nothing but the rows to come; the most that was ever drawn."""
    await page.evaluate(WATCH_FRAMES)
    await page.locator(".window").hover()
    most = {"rows": 0, "nodes": 0}
    for turn in range(WHEELS):
        await page.mouse.wheel(0, WHEEL_PX)
        if turn % 10 == 0:
            seen = await page.evaluate(LOOK)
            most = {name: max(most[name], seen[name]) for name in most}
    await expect(page.locator(".member-row").last).to_be_visible()
    return most
