"""Our bytes read by emupos, an interpreter that nobody of this project wrote.

It needs Python 3.13 and a venv of its own:

    python3.13 -m venv .dev/emupos
    .dev/emupos/bin/pip install --require-hashes -r requirements/emupos.txt

emupos knows no double-byte characters: it draws a Chinese character as two cells of code page 437.
That keeps the geometry, and its text reads back as GB18030.
"""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from printer_process import ROOT, a_recharge, a_sale, same_dots

from daemon.core.errors import PrinterError
from daemon.ports.printing import Paper, Printed
from daemon.printer.gb18030 import Encoding
from daemon.printer.port import NetworkAddress, PrinterPort
from daemon.printer.printer import EscposPrinter, PrinterSettings

EMUPOS = Path(os.environ.get("COUNTERD_EMUPOS", ROOT / ".dev/emupos/bin/emupos"))
pytestmark = pytest.mark.skipif(
    not EMUPOS.exists(), reason="no emupos (needs Python 3.13 and requirements/emupos.txt)"
)
PROFILE = """\
type: printer
name: 58 mm
dpi: 203
width_dots: 384
font_a: { width: 12, height: 24 }
font_b: { width: 9, height: 17 }
code_pages: { 0: PC437 }
default_code_page: 0
drawer_sensor_open_level: high
"""


@dataclass(frozen=True)
class Emupos:
    """Two printers, `p80` and `p58`, and what emupos says of them."""

    api: str
    ports: dict[str, int]

    def call(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"{self.api}/api/v1{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            body: bytes = reply.read()
        return body

    def receipts(self, device: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.call(f"/devices/{device}/receipts"))
        return listed

    def latest(self, device: str, known: set[str], form: str) -> bytes:
        """The one receipt that is not `known`, as image or text."""
        for _ in range(100):
            new = [each["id"] for each in self.receipts(device) if each["id"] not in known]
            if new:
                assert len(new) == 1
                return self.call(f"/devices/{device}/receipts/{new[0]}/{form}")
            time.sleep(0.1)
        raise AssertionError("emupos has no new receipt")

    def known(self, device: str) -> set[str]:
        return {each["id"] for each in self.receipts(device)}


@pytest.fixture(scope="module")
def emupos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emupos]:
    folder = tmp_path_factory.mktemp("emupos")
    control, p80, p58 = free_ports(3)
    (folder / "p58.yaml").write_text(PROFILE)
    config = {
        "schema": 1,
        "api": {"host": "127.0.0.1", "port": control},
        "devices": [
            device("p80", "xprinter-xp80t", p80, folder),
            device("p58", str(folder / "p58.yaml"), p58, folder),
        ],
    }
    (folder / "emupos.yaml").write_text(json.dumps(config))
    command = [str(EMUPOS), "run", "--config", str(folder / "emupos.yaml")]
    log = (folder / "log").open("wb")
    with log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            started = Emupos(f"http://127.0.0.1:{control}", {"p80": p80, "p58": p58})
            wait_until_healthy(started, process, folder / "log")
            yield started
        finally:
            process.terminate()


def device(name: str, profile: str, port: int, folder: Path) -> dict[str, Any]:
    return {
        "id": name,
        "type": "printer",
        "profile": profile,
        "connections": [{"tcp": {"port": port}}],
        "receipts_dir": str(folder / name),
    }


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports


def wait_until_healthy(emupos: Emupos, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            emupos.call("/health")
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture
async def printer(emupos: Emupos, request: pytest.FixtureRequest) -> AsyncIterator[EscposPrinter]:
    name, encoding = request.param
    port = PrinterPort(NetworkAddress("127.0.0.1", emupos.ports[name]))
    made = EscposPrinter(port, PrinterSettings(int(name[1:]), encoding))
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    "printer", [("p80", Encoding.RASTER), ("p58", Encoding.RASTER)], indirect=True
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_paper_is_the_preview_dot_for_dot(
    emupos: Emupos, printer: EscposPrinter, language: str
) -> None:
    if printer.status().problem == "printer_no_font":
        pytest.skip("no Chinese font (fonts-wqy-microhei)")
    name = "p80" if printer._settings.width_mm == 80 else "p58"
    known = emupos.known(name)
    receipt = replace(a_sale(language), copy=1)
    assert await printer.print(receipt) is Printed.CONFIRMED
    paper = Image.open(io.BytesIO(emupos.latest(name, known, "image"))).convert("1")
    assert same_dots(paper, await printer.preview(receipt))


@pytest.mark.parametrize("printer", [("p58", Encoding.GB18030)], indirect=True)
async def test_native_bytes_read_back_as_chinese(emupos: Emupos, printer: EscposPrinter) -> None:
    known = emupos.known("p58")
    assert await printer.print(a_recharge()) is Printed.CONFIRMED
    dump = emupos.latest("p58", known, "text").decode()
    # Each byte became a character of code page 437; control bytes of FS ! it does not know.
    text = "\n".join(
        line.encode("cp437", "ignore").decode("gb18030", "replace") for line in dump.splitlines()
    )
    for words in (
        "云杉茶铺",
        "充值小票",
        "￥550.00",
        "卡内余额",
        "￥1081.50",
        "谢谢惠顾，欢迎再来",
    ):
        assert words in text
    widest = max(len(line.encode("cp437", "ignore").rstrip()) for line in dump.splitlines())
    assert widest <= 32


@pytest.mark.parametrize("printer", [("p80", Encoding.GB18030)], indirect=True)
@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("paper-out", "printer_paper_out"),
        ("cover-open", "printer_cover_open"),
        ("offline", "printer_offline"),
    ],
)
async def test_faults_are_told(
    emupos: Emupos, printer: EscposPrinter, fault: str, key: str
) -> None:
    emupos.call(f"/devices/p80/faults/{fault}", "PUT")
    try:
        with pytest.raises(PrinterError, match=key):
            await printer.print(a_sale())
        assert printer.status().problem == key
    finally:
        emupos.call(f"/devices/p80/faults/{fault}", "DELETE")
    assert (await printer.refresh()).online is True


@pytest.mark.parametrize("printer", [("p80", Encoding.GB18030)], indirect=True)
async def test_near_end_prints(emupos: Emupos, printer: EscposPrinter) -> None:
    emupos.call("/devices/p80/faults/paper-near-end", "PUT")
    try:
        assert await printer.print(a_sale()) is Printed.CONFIRMED
        assert printer.status().paper is Paper.NEAR_END
    finally:
        emupos.call("/devices/p80/faults/paper-near-end", "DELETE")


@pytest.mark.parametrize("printer", [("p80", Encoding.RASTER)], indirect=True)
async def test_a_cash_recharge_opens_the_drawer(emupos: Emupos, printer: EscposPrinter) -> None:
    assert drawer(emupos) == "closed"
    await printer.print(a_recharge())
    assert drawer(emupos) == "open"
    emupos.call("/devices/p80/drawer/close", "POST")


def drawer(emupos: Emupos) -> str:
    state: str = json.loads(emupos.call("/devices/p80"))["state"]["drawer"]
    return state
