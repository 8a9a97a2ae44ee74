"""The desk's server: what it serves, what it passes on, whom it refuses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from simulator.desk.__main__ import host_and_port
from simulator.desk.server import FILES, Desk, Places, may_frame
from simulator.printer.control import printer_routes
from simulator.printer.server import Printer

CUT = b"\x1dVB\x00"
Client = TestClient[web.Request, web.Application]
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def printer(tmp_path: Path) -> AsyncIterator[Printer]:
    printer = Printer(tmp_path)
    await printer.start("127.0.0.1", 0)
    yield printer
    await printer.stop()


@pytest.fixture
async def control_url(printer: Printer) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(printer_routes(printer))
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def client(control_url: str) -> AsyncIterator[Client]:
    """A desk whose cashier and rack are away."""
    desk = Desk(Places(f"{NOWHERE}/cashier?desk=1", NOWHERE, control_url))
    async with TestClient(TestServer(desk.app(), host="127.0.0.1")) as client:
        yield client


async def test_the_page_and_its_parts(client: Client) -> None:
    page = await client.get("/")
    assert (page.status, page.content_type) == (200, "text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "frame-src http://127.0.0.1:1;" in policy
    for name, (_, content_type) in FILES.items():
        part = await client.get(f"/{name}")
        assert (part.status, part.content_type) == (200, content_type)
    for wrong in ("/desk.py", "/static/desk.js", "/%2e%2e%2fserver.py"):
        assert (await client.get(wrong)).status == 404


def test_the_page_needs_nothing_from_elsewhere() -> None:
    folder = resources.files("simulator.desk").joinpath("static")
    assert {entry.name for entry in folder.iterdir()} == {name for name, _ in FILES.values()}
    for entry in folder.iterdir():
        text = entry.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://|//[a-z]+\.[a-z]|url\(", text) == []


def test_both_languages_have_the_same_words() -> None:
    text = resources.files("simulator.desk").joinpath("static", "words.js").read_text("utf-8")
    zh, en = text.split("  en: {")
    names = [re.findall(r'(?:^|[ {,])"?([A-Za-z_][\w .-]*?)"?: "', part) for part in (zh, en)]
    assert len(names[0]) > 80
    # The last words of both stand before the code of the module.
    assert names[0] == [name for name in names[1] if name in set(names[0])]
    page = resources.files("simulator.desk").joinpath("static", "index.html").read_text("utf-8")
    for used in re.findall(r'data-(?:word|label|title)="(\w+)"', page):
        assert used in names[0]


async def test_config_names_the_cashier_page(client: Client) -> None:
    config = await (await client.get("/config.json")).json()
    assert config == {"cashier_url": f"{NOWHERE}/cashier?desk=1", "display": False}
    assert (await client.get("/display/api/display")).status == 404


async def test_the_customer_display_is_asked_where_there_is_one(control_url: str) -> None:
    """Its calls are passed on like the printer's; here a printer's control answers them."""
    desk = Desk(Places(NOWHERE, NOWHERE, NOWHERE, control_url))
    async with TestClient(TestServer(desk.app(), host="127.0.0.1")) as client:
        assert (await (await client.get("/config.json")).json())["display"] is True
        assert (await client.get("/display/api/printer")).status == 200


async def test_printer_calls_are_passed_on(client: Client, printer: Printer) -> None:
    state = await (await client.get("/printer/api/printer")).json()
    assert state["fault"]["name"] == "ok"
    answer = await client.post("/printer/api/printer/fault", json={"fault": "cover-open"})
    assert (await answer.json())["fault"]["name"] == "cover-open"
    assert printer.condition.cover_open
    assert (await client.post("/printer/api/printer/fault", json={"fault": "x"})).status == 400
    await client.post("/printer/api/printer/fault", json={"fault": "ok"})
    await print_text(printer, "hello\n")
    png = await client.get("/printer/api/papers/1.png")
    assert (png.content_type, (await png.read())[:4]) == ("image/png", b"\x89PNG")
    assert await (await client.get("/printer/api/papers?after=1")).json() == []


async def print_text(printer: Printer, text: str) -> None:
    saved = asyncio.Event()
    printer.on_paper.append(lambda _: saved.set())
    _, writer = await asyncio.open_connection(*printer.address)
    writer.write(text.encode("gb18030") + CUT)
    async with asyncio.timeout(20):
        await saved.wait()
    writer.close()


async def test_events_pass_through_as_they_come(client: Client, printer: Printer) -> None:
    events = await client.get("/printer/api/papers/events")
    assert events.content_type == "text/event-stream"
    await print_text(printer, "你好\n")
    async with asyncio.timeout(20):
        while b"event: paper" not in await events.content.readline():
            pass
        assert "你好" in (await events.content.readline()).decode()
    events.close()


async def test_what_is_away_is_said(client: Client) -> None:
    answer = await client.get("/rack/api/cards")
    assert answer.status == 502
    assert "does not answer" in (await answer.json())["error"]
    status = await (await client.get("/status.json")).json()
    assert status == {"cashier_up": False, "cashier_framed": False}


async def test_only_the_api_and_known_methods_are_passed_on(client: Client) -> None:
    assert (await client.get("/printer/etc/passwd")).status == 404
    assert (await client.put("/printer/api/printer")).status == 405
    long = await client.post("/printer/api/printer/fault", data=b"x" * 40_000)
    assert long.status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "desk.evil.example"}, 403),
        ({"Host": "192.0.2.7:80"}, 403),
        ({"Host": "[::"}, 403),
        ({"Host": "127.0.0.1:80", "Origin": "http://127.0.0.1:80"}, 200),
        ({"Host": "127.0.0.1:80", "Origin": "http://127.0.0.1:81"}, 403),
        ({"Host": "127.0.0.1:80", "Origin": "https://evil.example"}, 403),
        ({"Host": "127.0.0.1:80", "Origin": "null"}, 403),
    ],
)
async def test_foreign_names_and_pages_are_refused(
    client: Client, headers: dict[str, str], status: int
) -> None:
    assert (await client.get("/config.json", headers=headers)).status == status


async def test_the_visitor_is_moved_to_the_cashiers_name(client: Client) -> None:
    """localhost and 127.0.0.1 are two sites: the framed page would lose its cookie."""
    moved = await client.get("/", headers={"Host": "localhost:8090"}, allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (307, "http://127.0.0.1:8090/")


ORIGIN = "http://127.0.0.1:8090"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"X-Frame-Options": "DENY"}, False),
        ({"X-Frame-Options": "SAMEORIGIN"}, False),
        ({"Content-Security-Policy": "default-src 'self'"}, True),
        ({"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}, False),
        ({"Content-Security-Policy": "frame-ancestors 'self'"}, False),
        ({"Content-Security-Policy": f"frame-ancestors 'self' {ORIGIN}"}, True),
        ({"Content-Security-Policy": "frame-ancestors http://127.0.0.1:*"}, True),
        ({"Content-Security-Policy": "frame-ancestors https://127.0.0.1:*"}, False),
        ({"Content-Security-Policy": "frame-ancestors http://localhost:8090"}, False),
        (
            {"content-security-policy": f"frame-ancestors {ORIGIN}", "x-frame-options": "DENY"},
            True,
        ),
    ],
)
def test_framing_is_read_from_the_cashiers_headers(headers: dict[str, str], allowed: bool) -> None:
    assert may_frame(headers, ORIGIN) is allowed


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0:80", "desk:80", "127.0.0.1:x", ":80"])
def test_the_desk_listens_on_this_machine_only(text: str) -> None:
    with pytest.raises(Exception, match="loopback"):
        host_and_port(text)


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://127.0.0.1/", "http://"])
def test_addresses_are_checked(url: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        Places(url, NOWHERE, NOWHERE)
    if url:
        with pytest.raises(ValueError, match="not an address"):
            Places(NOWHERE, NOWHERE, NOWHERE, url)
