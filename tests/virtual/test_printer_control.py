"""The simulated printer's control page over HTTP, and the printer as a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from simulator.printer.control import printer_routes
from simulator.printer.server import Printer

CUT = b"\x1dVB\x00"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def printer(tmp_path: Path) -> AsyncIterator[Printer]:
    printer = Printer(tmp_path, silence_s=0.1)
    await printer.start("127.0.0.1", 0)
    yield printer
    await printer.stop()


@pytest.fixture
async def client(printer: Printer) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(printer_routes(printer))
    async with TestClient(TestServer(app)) as client:
        yield client


async def send(printer: Printer, data: bytes) -> None:
    _, writer = await asyncio.open_connection(*printer.address)
    writer.write(data)
    await writer.drain()
    writer.close()


async def next_event(stream: aiohttp.StreamReader) -> tuple[str, str, Any]:
    """(event, id, data) of the next server-sent event that has data."""
    while True:
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            while (line := (await stream.readline()).decode().rstrip("\n")) != "":
                key, _, value = line.partition(": ")
                fields[key] = value
        if "data" in fields:
            return fields["event"], fields.get("id", ""), json.loads(fields["data"])


async def test_papers_are_listed_served_and_announced(printer: Printer, client: Client) -> None:
    assert await (await client.get("/api/papers")).json() == []
    events = await client.get("/api/papers/events")
    assert events.content_type == "text/event-stream"
    assert (await next_event(events.content))[0] == "printer"
    await send(printer, "欢迎光临\n".encode("gb18030") + CUT)
    while (event := await next_event(events.content))[0] != "paper":
        pass
    events.close()
    (paper,) = await (await client.get("/api/papers")).json()
    assert event == ("paper", "1", paper)
    assert {"n", "at", "text_preview", "url", "width", "height"} <= paper.keys()
    assert paper["text_preview"] == "欢迎光临\n"
    png = await client.get(paper["url"])
    assert (png.content_type, (await png.read())[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert await (await client.get("/api/papers/1.txt")).text() == "欢迎光临\n"
    assert (await (await client.get("/api/papers/1.json")).json())["ended"] == "cut"
    assert await (await client.get("/api/papers?after=1")).json() == []


async def test_events_replay_from_the_last_id(printer: Printer, client: Client) -> None:
    for text in (b"one\n", b"two\n", b"six\n"):
        await send(printer, text + CUT)
    async with asyncio.timeout(20):
        while len(printer.archive.records) < 3:
            await asyncio.sleep(0.01)
    events = await client.get("/api/papers/events", headers={"Last-Event-ID": "1"})
    seen = [await next_event(events.content) for _ in range(3)]
    assert [(name, number) for name, number, _ in seen] == [
        ("printer", ""),
        ("paper", "2"),
        ("paper", "3"),
    ]
    events.close()


async def test_fault_is_set_and_seen(printer: Printer, client: Client) -> None:
    answer = await client.post("/api/printer/fault", json={"fault": "paper-out"})
    assert (await answer.json())["status"] == {
        "dle_eot": ["1e", "32", "12", "7e"],
        "gs_r_1": "0f",
    }
    state = await (await client.get("/api/printer")).json()
    assert (state["fault"]["name"], state["online"]) == ("paper-out", False)
    await client.post("/api/printer/fault", json={"fault": "ok"})
    assert printer.condition.paper_out is False


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"fault":"x"}', b"[" * 3000, b"\xff"])
async def test_bad_fault_bodies_are_refused(client: Client, body: bytes) -> None:
    answer = await client.post(
        "/api/printer/fault", data=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400
    assert "error" in await answer.json()


async def test_long_and_foreign_bodies_are_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    long = await client.post("/api/printer/fault", data=b" " * 5000, headers=headers)
    assert long.status == 413
    form = await client.post("/api/printer/fault", data={"fault": "ok"})
    assert form.status == 415


async def test_missing_papers(client: Client) -> None:
    for path in ("/api/papers/1.png", "/api/papers/0.txt", "/api/papers/x.png"):
        assert (await client.get(path)).status == 404
    assert (await client.get("/api/papers?after=x")).status == 400


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:3000", True),
        ("http://[::1]:1", True),
        ("https://evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://[", False),
        ("null", False),
    ],
)
async def test_only_pages_of_this_machine_may_call(
    client: Client, origin: str, allowed: bool
) -> None:
    for answer in (
        await client.get("/api/printer", headers={"Origin": origin}),
        await client.options("/api/printer/fault", headers={"Origin": origin}),
    ):
        expected = origin if allowed else None
        assert answer.headers.get("Access-Control-Allow-Origin") == expected


async def test_the_process_says_when_it_is_ready_and_stops_on_sigterm(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.printer", "--listen", "127.0.0.1:0",
        "--control", "127.0.0.1:0", "--state", str(tmp_path), "--width", "384",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"ready" not in (said := await process.stdout.readline()):
                assert said, "the printer ended before it was ready"
        match = re.search(r"ready at 127.0.0.1:(\d+), control (http://\S+/)", said.decode())
        assert match is not None
        await asyncio.to_thread(print_over_a_plain_socket, int(match[1]))
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{match[2]}api/papers") as answer,
        ):
            (paper,) = await answer.json()
        assert (paper["text_preview"], paper["width"]) == ("from another process\n", 384)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".png", ".txt"]


def print_over_a_plain_socket(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"from another process\n" + CUT + b"\x1dr\x01")
        assert connection.recv(1) == b"\x00"
