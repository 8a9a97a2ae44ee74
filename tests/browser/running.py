"""The simulated appliance as a person starts it: a process of its own, and the counter's API to
look behind the page with. Nothing here is shown on a page; the walk compares the page with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from simulator.demo_shop import MEMBERS, ShopApi
from simulator.ports import free_port

START_S = 150.0
"""Generous: the shop is filled on the first start, and the machine may be busy."""
WAIT_S = 60.0
LOOK_EVERY_S = 0.05

PCSC = "a real pcscd"
"""What the appliance says of itself where it has one."""

Purse = tuple[int, int]
"""Principal and bonus, fen."""


@dataclass
class Appliance:
    """`page` is the cashier page's address, `desk` that of the whole counter."""

    page: str
    desk: str
    process: asyncio.subprocess.Process | subprocess.Popen[str]
    pcsc: bool

    def daemon_pid(self) -> int | None:
        """The daemon is the appliance's child that was started as `-m daemon run`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split():
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                continue
            if b"daemon" in words and b"run" in words:
                return int(child)
        return None

    def kill_daemon(self) -> None:
        """What a power cut is to it. The appliance starts it again, as systemd would."""
        pid = self.daemon_pid()
        assert pid is not None, "the daemon does not run"
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def run_appliance(state: Path) -> AsyncIterator[Appliance]:
    """Started, its shop filled; stopped at the end. Raises AssertionError with what it printed."""
    page, desk = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *_command(state, page, desk),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(START_S):
            said = await _until_ready(process)
        yield Appliance(
            f"http://127.0.0.1:{page}", f"http://127.0.0.1:{desk}", process, PCSC in said
        )
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextmanager
def run_for_all(state: Path) -> Iterator[Appliance]:
    """As `run_appliance`, for tests of several modules, each with an event loop of its own."""
    page, desk = free_port(), free_port()
    with subprocess.Popen(
        _command(state, page, desk), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        # A shop that never gets ready is ended, and its output with it.
        patience = threading.Timer(START_S, process.kill)
        patience.start()
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("counterd ready"):
                break
        patience.cancel()
        patience.join()
        try:
            assert "counterd ready" in said, f"the appliance did not start:\n{said}"
            yield Appliance(
                f"http://127.0.0.1:{page}", f"http://127.0.0.1:{desk}", process, PCSC in said
            )
        finally:
            process.terminate()


def _command(state: Path, page: int, desk: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "simulator.appliance", "--state", str(state)),
        *("--port", str(page), "--desk-port", str(desk)),
    )


async def _until_ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    said = ""
    while line := (await process.stdout.readline()).decode():
        said += line
        if line.startswith("counterd ready"):
            return said
    raise AssertionError(f"the appliance did not start:\n{said}")


class Shop(ShopApi):
    """The counter, rack and printer by their APIs, as the manager."""

    def __init__(self, http: aiohttp.ClientSession, appliance: Appliance) -> None:
        super().__init__(http, appliance.page, f"{appliance.desk}/rack")
        self._http, self._appliance = http, appliance

    async def member(self, card: str) -> dict[str, Any]:
        """The demo member whose card that is."""
        phone = next(member.phone for member in MEMBERS if member.card == card)
        (found,) = (await self.call("GET", f"members?q={phone}"))["members"]
        assert isinstance(found, dict)
        return found

    async def purse(self, card: str) -> Purse:
        balance = (await self.member(card))["balance"]
        return balance["principal_fen"], balance["bonus_fen"]

    async def money(self) -> dict[str, Purse]:
        """What every member of the demo shop holds."""
        return {member.card: await self.purse(member.card) for member in MEMBERS}

    async def sales(self, query: str = "limit=20") -> list[dict[str, Any]]:
        """Newest first."""
        sales = (await self.call("GET", f"sales?{query}"))["sales"]
        assert isinstance(sales, list)
        return sales

    async def use(self, card: str) -> None:
        """Makes the member's cards active again, whatever was reported of them."""
        for issued in (await self.member(card))["cards"]:
            if issued["status"] != "active":
                await self.call("POST", f"cards/{issued['card_id']}/status", {"status": "active"})

    async def tap(self, card: str, fault: dict[str, Any] | None = None) -> None:
        """Lays the card on the reader, after whatever lies there."""
        await self.rack(f"{card}/insert", {"fault": fault} if fault else {})

    async def printer(self, fault: str) -> None:
        url = f"{self._appliance.desk}/printer/api/printer/fault"
        async with self._http.post(url, json={"fault": fault}) as response:
            assert response.status == 200, await response.text()

    async def papers(self) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._appliance.desk}/printer/api/papers") as response:
            papers = await response.json()
        assert isinstance(papers, list)
        return papers

    async def paper(self, number: int) -> bytes:
        """The picture of a paper."""
        url = f"{self._appliance.desk}/printer/api/papers/{number}.png"
        async with self._http.get(url) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def clear(self) -> None:
        """No card on the reader, none locked, nothing on the screen, the printer well: how every
        test begins.

        A sale of a fen that is begun and cancelled takes away what the one before left."""
        await self.printer("ok")
        counter = (await self.call("GET", "status"))["counter"]
        if counter["sale"] is not None:
            await self.call("POST", f"sales/{counter['sale']['sale_id']}/cancel")
        await self.eject()
        for parked in await self.sales("status=parked"):
            await self.call("POST", f"sales/{parked['sale_id']}/cancel")
        await self.use("alice")
        sale = await self.call("POST", "sales", {"amount_fen": 1})
        for _ in ("the sale", "its result"):
            await self.call("POST", f"sales/{sale['sale_id']}/cancel")
        assert (await self.call("GET", "status"))["counter"]["state"] == "idle"
