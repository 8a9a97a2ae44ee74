"""The printer's control page: its papers, its sensors, its faults. Routes to mount anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from simulator.printer import status
from simulator.printer.archive import Record
from simulator.printer.faults import FAULTS, FaultError, parse_fault
from simulator.printer.server import Printer

MAX_BODY_BYTES = 4096
MAX_QUEUED_EVENTS = 256
"""A browser that does not read loses the connection, not the printer's memory."""
KEEP_ALIVE_S = 15.0
RETRY_MS = 1000
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def cors_headers(request: web.Request) -> dict[str, str]:
    """Pages of this machine may call, whatever their port; others get no permission."""
    origin = request.headers.get("Origin", "")
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        host = None
    if host not in LOOPBACK_HOSTS:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Content-Type, Last-Event-ID",
    }


def snapshot(printer: Printer) -> dict[str, Any]:
    """GET /api/printer. A higher `sequence` was looked at later, whichever way it came."""
    host, port = printer.address
    seen = printer.condition
    return {
        "sequence": next(printer.looks),
        "listening": f"{host}:{port}" if printer.listening else None,
        "width": printer.profile.width_dots,
        "encoding": printer.profile.encoding,
        "online": not seen.offline,
        "condition": asdict(seen),
        "status": {
            "dle_eot": [f"{status.real_time(n, seen):02x}" for n in (1, 2, 3, 4)],
            "gs_r_1": f"{status.paper_sensor(seen):02x}",
        },
        "fault": asdict(printer.fault) | {"begun": printer.begun},
        "faults": list(FAULTS),
        "drawer_kicks": printer.drawer_kicks,
        "papers": len(printer.archive.records),
        "connections": printer.connections,
        "received_bytes": printer.received_bytes,
        "printed_bytes": printer.printed_bytes,
        "buffered_bytes": printer.buffered_bytes,
        "unknown_count": printer.unknown_count,
        "unknown": [asdict(each) for each in printer.unknown],
        "warnings": printer.warnings,
    }


class _Feed:
    """Server-sent events: each new paper, and the printer's state when it changes."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        printer.on_paper.append(self._paper)
        printer.on_change.append(self._change)

    def _paper(self, record: Record) -> None:
        self._send(_event("paper", asdict(record), record.n))

    def _change(self) -> None:
        if self._queues:
            self._send(_event("printer", snapshot(self._printer)))

    def _send(self, event: bytes) -> None:
        for queue in list(self._queues):
            if queue.full():
                self._queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /api/papers/events: papers after Last-Event-ID first, then as they come."""
        last = request.headers.get("Last-Event-ID", "")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED_EVENTS)
        response = web.StreamResponse(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"} | cors_headers(request)
        )
        response.content_type = "text/event-stream"
        first = f"retry: {RETRY_MS}\n\n".encode()
        first += _event("printer", snapshot(self._printer))
        for record in self._printer.archive.records if last.isdecimal() else ():
            if record.n > int(last):
                first += _event("paper", asdict(record), record.n)
        self._queues.add(queue)
        # The browser is gone when a write fails: nothing is left to do for it.
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write(first)
            await self._relay(queue, response)
        self._queues.discard(queue)
        return response

    async def _relay(self, queue: asyncio.Queue[bytes | None], to: web.StreamResponse) -> None:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    event = await queue.get()
            except TimeoutError:
                event = b": still here\n\n"
            if event is None:
                return
            await to.write(event)


def _event(name: str, body: object, number: int | None = None) -> bytes:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


class _Pages:
    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    async def papers(self, request: web.Request) -> web.StreamResponse:
        """GET /api/papers?after=N: oldest first."""
        after = request.query.get("after", "0")
        if not after.isdecimal():
            return _problem("after is a number")
        records = self._printer.archive.records
        return web.json_response([asdict(each) for each in records if each.n > int(after)])

    async def paper(self, request: web.Request) -> web.StreamResponse:
        """GET /api/papers/{n}.png, .txt, .json."""
        n, suffix = int(request.match_info["n"]), request.match_info["suffix"]
        if not any(record.n == n for record in self._printer.archive.records):
            return _problem("no such paper", 404)
        kinds = {"png": "image/png", "txt": "text/plain", "json": "application/json"}
        return web.Response(
            body=self._printer.archive.path(n, suffix).read_bytes(),
            content_type=kinds[suffix],
            charset=None if suffix == "png" else "utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    async def printer(self, request: web.Request) -> web.StreamResponse:
        """GET /api/printer."""
        return web.json_response(snapshot(self._printer))

    async def fault(self, request: web.Request) -> web.StreamResponse:
        """POST /api/printer/fault {fault, after_bytes?, bytes_per_s?, times?}."""
        if request.content_type != "application/json":
            # A form of a foreign page cannot send this type without asking first.
            return _problem("application/json is expected", 415)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return _problem("too long", 413)
        try:
            body = json.loads(await request.content.read(MAX_BODY_BYTES + 1))
            fault = parse_fault(body)
        except FaultError as error:
            return _problem(str(error))
        except (ValueError, RecursionError):
            return _problem("not JSON")
        await self._printer.set_fault(fault)
        return web.json_response(snapshot(self._printer))


def _problem(detail: str, code: int = 400) -> web.Response:
    return web.json_response({"error": detail}, status=code)


def _with_cors(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        response.headers.update(cors_headers(request))
        return response

    return answer


async def _preflight(request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def printer_routes(printer: Printer) -> list[web.RouteDef]:
    """Everything under /api/papers and /api/printer, for `app.add_routes`."""
    pages, feed = _Pages(printer), _Feed(printer)
    routes = [
        web.get("/api/papers", _with_cors(pages.papers)),
        web.get("/api/papers/events", feed.handle),
        web.get(r"/api/papers/{n:\d{1,9}}.{suffix:png|txt|json}", _with_cors(pages.paper)),
        web.get("/api/printer", _with_cors(pages.printer)),
        web.post("/api/printer/fault", _with_cors(pages.fault)),
    ]
    for path in ("/api/papers", "/api/papers/events", "/api/printer", "/api/printer/fault"):
        routes.append(web.options(path, _with_cors(_preflight)))
    return routes
