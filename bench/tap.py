"""From the card's last answer to "approved" at a browser: `python -m bench tap --json`.

The whole appliance is there: the card process (wired straight to the daemon, so that pcscd's poll
of 400 ms plays no part), the daemon with its encrypted ledger, the printer, and a Chromium that
listens to the events as the cashier page does. A tap begins to count when the card has computed its
answer to the last command of the sale (CommitTransaction: its own storage is synced by then), and
ends when the browser calls the listener with a counter whose sale is approved. In between lie the
answer's way to the daemon, the check of its MAC, the one commit of the ledger, and the event's way.

Clocks. The card process stamps its answers with CLOCK_REALTIME. The browser stamps events with
performance.now(), 0.1 ms fine, but of an origin of its own; it is mapped by watching Date.now(),
which is CLOCK_REALTIME cut to milliseconds, step from one to the next: at the step the two clocks
are known together. The steps seen before and after the taps give the offset (the largest: a step
can only be seen late, never early) and, by their difference, the drift, which is reported.

Syncs. Where strace may trace the daemon, some more taps are made under it, not counted in the
times, and the calls of fdatasync and fsync that lie between the two ends are counted by their time.
The disk itself is measured in the same run, between taps: 4 KiB appended and fdatasync, beside the
ledger. The aim is a p99 of 30 ms plus two such syncs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from simulator.appliance import SimulatedAppliance
from simulator.demo_shop import EMPLOYEES, ShopApi

TAPS: Final = 200
TRACED_TAPS: Final = 20
FOLDER: Final = Path(".dev/bench")
APPENDS_PER_TAP: Final = 3
AIM_MS, AIM_SYNCS = 30.0, 2
STEPS: Final = 40
FINE_MS: Final = 0.2
"""performance.now() and the mapping are each good to 0.1 ms."""
WAIT_S: Final = 60.0
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
SYNC: Final = re.compile(r"^\d+\s+(\d+\.\d+) (?:fdatasync|fsync)\(", re.MULTILINE)

LISTEN: Final = """() => {
  window.approved = {};
  window.printed = {};
  const source = new EventSource("/api/v1/events");
  source.addEventListener("counter", (event) => {
    const now = performance.now();
    const { sale } = JSON.parse(event.data);
    if (sale?.status === "approved") window.approved[sale.sale_id] ??= now;
  });
  source.addEventListener("receipt", (event) => {
    const { receipt_id, state } = JSON.parse(event.data);
    if (state === "printed") window.printed[receipt_id] = true;
  });
  return new Promise((done) => source.addEventListener("snapshot", () => done(true)));
}"""
OFFSET: Final = """(steps) => {
  const offsets = [];
  for (let n = 0; n < steps; n += 1) {
    const before = Date.now();
    while (Date.now() === before);
    const now = performance.now();
    offsets.push(Date.now() - now);
  }
  return Math.max(...offsets);
}"""


class NotHere(Exception):
    """Something that the benchmark needs is not installed; the message names it."""


class RackShop(ShopApi):
    """The shop's calls, and a look at what the card said."""

    async def answered_ms(self, card: str) -> float:
        """When the card gave its last answer, milliseconds since 1970."""
        async with self._http.get(f"{self._rack}/api/cards/{card}/apdus") as response:
            return float((await response.json())[-1]["answered_ms"])


@dataclass
class Bench:
    """A running appliance with a browser that listens."""

    shop: RackShop
    page: Any
    disk: Path
    appends_ms: list[float] = field(default_factory=list)
    turn: int = 0

    async def offset_ms(self) -> float:
        """What turns the browser's performance.now() into milliseconds since 1970.

        Asserts that it puts the browser's now between our own before and after."""
        offset_ms = float(await self.page.evaluate(OFFSET, STEPS))
        before_ms = time.time() * 1e3
        now_ms = offset_ms + float(await self.page.evaluate("performance.now()"))
        assert before_ms - FINE_MS <= now_ms <= time.time() * 1e3 + FINE_MS, "the clocks disagree"
        return offset_ms

    async def tap(self) -> tuple[float, float]:
        """One sale; when the card answered last (ms since 1970), and when the browser heard
        (performance.now())."""
        self.turn += 1
        sale = await self.shop.call("POST", "sales", {"amount_fen": 1 + self.turn % 2})
        await self.shop.rack("alice/insert", {"swap_gap_ms": 0})
        sale_id = sale["sale_id"]
        heard = await self.page.wait_for_function("id => window.approved[id]", arg=sale_id)
        at = float(await heard.json_value())
        answered_ms = await self.shop.answered_ms("alice")
        settled = await self.shop.call("GET", f"sales/{sale_id}")
        await self.page.wait_for_function("id => window.printed[id]", arg=settled["receipt_id"])
        await self.shop.eject()
        return answered_ms, at

    def append(self) -> None:
        """What the disk takes for 4 KiB, while the daemon has nothing to do."""
        block = os.urandom(4096)
        descriptor = os.open(self.disk, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for _ in range(APPENDS_PER_TAP):
                os.write(descriptor, block)
                began = time.perf_counter()
                os.fdatasync(descriptor)
                self.appends_ms.append((time.perf_counter() - began) * 1e3)
        finally:
            os.close(descriptor)


@contextlib.asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[tuple[Bench, SimulatedAppliance]]:
    """Raises NotHere."""
    try:
        from playwright.async_api import async_playwright
    except ImportError as error:
        raise NotHere("Playwright is not installed") from error
    if CHROMIUM is None:
        raise NotHere("Chromium is not installed")
    appliance = SimulatedAppliance(folder, page_port=0, desk_port=None, pcsc=False)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(appliance.stop)
        await appliance.start()
        await appliance.fill()
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        context = await browser.new_context()
        employee = {"employee": EMPLOYEES[0].number, "pin": EMPLOYEES[0].pin}
        await context.request.post(f"{appliance.page}/api/v1/session", data=employee)
        page = await context.new_page()
        page.set_default_timeout(WAIT_S * 1000)
        await page.goto(f"{appliance.page}/healthz")  # the page's origin, without the page
        await page.evaluate(LISTEN)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        shop = RackShop(http, appliance.page, appliance.rack)
        await shop.sign_in(EMPLOYEES[0])
        yield Bench(shop, page, folder / "ledger" / "appended"), appliance


async def measured(taps: int, folder: Path = FOLDER) -> dict[str, Any]:
    """As `measure`, on the running loop; `folder` is on the disk to test."""
    folder.mkdir(parents=True, exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix="tap-", dir=folder)).absolute()
    try:
        async with bench(state) as (running, appliance):
            return await _measured(running, appliance, taps)
    finally:
        shutil.rmtree(state)


async def _measured(running: Bench, appliance: SimulatedAppliance, taps: int) -> dict[str, Any]:
    for _ in range(5):
        await running.tap()
    first_ms = await running.offset_ms()
    pairs = []
    for _ in range(taps):
        pairs.append(await running.tap())
        running.append()
    last_ms = await running.offset_ms()
    offset_ms = (first_ms + last_ms) / 2
    latencies = [heard + offset_ms - answered for answered, heard in pairs]
    syncs = await _count_syncs(running, appliance, offset_ms)
    sync_ms = statistics.median(running.appends_ms)
    p99 = _percentile(latencies, 99)
    aim_ms = AIM_MS + AIM_SYNCS * sync_ms
    return {
        "p50": round(statistics.median(latencies), 2),
        "p99": round(p99, 2),
        "most": round(max(latencies), 2),
        "least": round(min(latencies), 2),
        "taps": taps,
        "aim_p99": round(aim_ms, 2),
        "missed": p99 > aim_ms,
        "fdatasync_ms": {
            "p50": round(sync_ms, 3),
            "p99": round(_percentile(running.appends_ms, 99), 3),
        },
        "syncs": syncs,
        "clock_drift_ms": round(last_ms - first_ms, 3),
    }


async def _count_syncs(
    running: Bench, appliance: SimulatedAppliance, offset_ms: float
) -> dict[str, Any]:
    """Syncs of the daemon between the two ends of a tap, by strace; else by design."""
    told = appliance.state / "syncs.txt"
    tracer = await _trace(appliance.processes.pid("counterd"), told)
    if tracer is None:
        return {"by": "design", "per_tap": 1}
    try:
        pairs = [await running.tap() for _ in range(TRACED_TAPS)]
    finally:
        tracer.terminate()
        await tracer.wait()
    calls_ms = [float(at) * 1e3 for at in SYNC.findall(told.read_text())]
    counts = [
        sum(answered <= at <= heard + offset_ms for at in calls_ms) for answered, heard in pairs
    ]
    return {"by": "strace", "per_tap": statistics.median(counts), "most": max(counts)}


async def _trace(pid: int, told: Path) -> asyncio.subprocess.Process | None:
    """Attached when it returns; None where there is no strace or it may not trace."""
    if shutil.which("strace") is None:
        return None
    tracer = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-ttt", "-e", "trace=fdatasync,fsync", "-o", str(told), "-p", str(pid)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert tracer.stderr is not None
    said = await tracer.stderr.readline()
    if b"attached" in said:
        return tracer
    await tracer.wait()
    return None


def _percentile(values: list[float], percent: int) -> float:
    """Of the values themselves: p99 of 100 is the second largest."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def measure(taps: int) -> dict[str, Any]:
    """Milliseconds, p50 and p99, over `taps` taps, with what they are made of. Raises NotHere."""
    return asyncio.run(measured(taps))


def main(arguments: list[str]) -> int:
    """Prints the figures. Exit code 1 where something that is needed is not installed."""
    parser = argparse.ArgumentParser(prog="bench tap", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a hundred taps")
    parser.add_argument("--taps", type=int, default=TAPS)
    options = parser.parse_args(arguments)
    try:
        figures = measure(100 if options.quick else options.taps)
    except NotHere as error:
        print(f"tap: {error}")
        return 1
    if options.json:
        print(json.dumps({"tap_to_approved_ms": figures}, indent=2))
        return 0
    for name, value in figures.items():
        print(f"{name:16}  {value}")
    return 0
