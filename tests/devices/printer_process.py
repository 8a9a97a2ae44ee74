"""The simulated printer as a process of its own, and a queue in memory behind the queue's port."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from daemon.core.money import Purse
from daemon.core.receipt import Receipt
from daemon.core.receipt_text import (
    Item,
    RechargeFacts,
    SaleFacts,
    ShopHead,
    recharge_receipt,
    sale_receipt,
)
from daemon.ports.printing import Printed, PrintJob
from daemon.printer.port import NetworkAddress

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SimulatedPrinter:
    address: NetworkAddress
    control: str
    cable: Path
    """What its serial or USB cable is opened by."""

    def fault(self, name: str, **more: int) -> None:
        request = urllib.request.Request(
            f"{self.control}/api/printer/fault",
            data=json.dumps({"fault": name, **more}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def state(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self._get("/api/printer"))
        return body

    def papers(self) -> int:
        return int(self.state()["papers"])

    def text(self, n: int) -> str:
        return self._get(f"/api/papers/{n}.txt").decode()

    def picture(self, n: int) -> Image.Image:
        return Image.open(io.BytesIO(self._get(f"/api/papers/{n}.png"))).convert("1")

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.control + path, timeout=10) as reply:
            body: bytes = reply.read()
        return body


@contextmanager
def simulated_printer(
    state: Path, width: int = 576, encoding: str = "gb18030"
) -> Iterator[SimulatedPrinter]:
    """Started, ready, and stopped again."""
    command = [sys.executable, "-m", "simulator.printer", "--width", str(width)]
    command += ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]
    command += ["--state", str(state), "--encoding", encoding, "--cable", str(state / "cable")]
    state.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                ready = re.search(r"ready at (\S+):(\d+), control (\S+)/", line)
                if ready:
                    break
            else:
                raise AssertionError("the simulated printer did not start")
            address = NetworkAddress(ready[1], int(ready[2]))
            yield SimulatedPrinter(address, ready[3], state / "cable")
        finally:
            process.terminate()


class MemoryQueue:
    """`PrintQueue` for as long as the test runs."""

    def __init__(self, *receipts: Receipt) -> None:
        self.jobs = [PrintJob(n, receipt, 0) for n, receipt in enumerate(receipts, 1)]
        self.outcomes: dict[int, Printed] = {}
        self.problems: list[str] = []

    def add(self, receipt: Receipt) -> None:
        self.jobs.append(PrintJob(100 + len(self.jobs), receipt, 0))

    async def next_job(self) -> PrintJob | None:
        return self.jobs[0] if self.jobs else None

    async def begin(self, job_id: int) -> None:
        self.jobs = [
            replace(job, attempts=job.attempts + 1) if job.job_id == job_id else job
            for job in self.jobs
        ]

    async def done(self, job_id: int, outcome: Printed) -> None:
        self.outcomes[job_id] = outcome
        self.jobs = [job for job in self.jobs if job.job_id != job_id]

    async def failed(self, job_id: int, problem: str) -> None:
        assert any(job.job_id == job_id for job in self.jobs)
        self.problems.append(problem)

    async def waiting(self) -> int:
        return len(self.jobs)


HEAD = ShopHead("云杉茶铺", "人民路店", "0571-8888 1234", "杭州市上城区人民路 18 号", "", "C-01")
SALE = SaleFacts(
    number="S01-20261122-0001",
    at="2026-11-22 14:05:09",
    cashier="101 王*",
    amount_fen=1850,
    taken=Purse(1500, 350),
    balance=Purse(48500, 4650),
    member="张*",
    card_tail="0001",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0R",
    list_fen=2056,
    items=(Item("龙井（明前）大杯", "2", 1756), Item("桂花糕", "1", 300)),
    token="K7Q2M9XV4T8ZP3WB6C1N",
)


def a_sale(language: str = "zh-CN", **changes: Any) -> Receipt:
    return sale_receipt("01JDQ7ZK3T5M8P2V9X4B6C1N0R", HEAD, replace(SALE, **changes), language)


def a_recharge() -> Receipt:
    facts = RechargeFacts(
        number="R01-20261122-0002",
        at="2026-11-22 14:06:00",
        cashier="101 王*",
        amount_fen=50000,
        bonus_fen=5000,
        tender="cash",
        balance=Purse(98500, 9650),
        member="欧阳**",
        card_tail="0002",
        reference="01JDQ7ZK3T5M8P2V9X4B6C1N0S",
        rule="充500送10%",
        token="K7Q2M9XV4T8ZP3WB6C1N",
    )
    return recharge_receipt("01JDQ7ZK3T5M8P2V9X4B6C1N0S", HEAD, facts)


def same_dots(paper: Image.Image, preview: bytes) -> bool:
    """Whether `paper` begins with the preview, dot for dot, and is blank after it."""
    drawn = Image.open(io.BytesIO(preview)).convert("1")
    top = paper.crop((0, 0, *drawn.size))
    rest = paper.crop((0, drawn.height, *paper.size))
    differs = ImageChops.difference(top.convert("L"), drawn.convert("L")).getbbox()
    ink_below = ImageChops.invert(rest.convert("L")).getbbox()
    return paper.width == drawn.width and differs is None and ink_below is None
