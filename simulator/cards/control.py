"""The control API of the rack, for the desk page, demos and tests.

Loopback only. `rack_routes(rack)` can be added to another aiohttp application; `rack_app(rack)` is
one of its own that also lets pages of loopback origins call it and refuses all others.
"""

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from simulator.cards.faults import BadFault, Fault
from simulator.cards.rack import (
    SWAP_GAP_MS,
    BadRequest,
    CardConflict,
    NoSuchCard,
    Rack,
    RackError,
)
from simulator.cards.shelf import ShelfError
from simulator.vpcd import ReaderGone

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY_BYTES: Final = 16_384
STATUS_BY_ERROR: Final[dict[type[Exception], int]] = {
    NoSuchCard: 404,
    CardConflict: 409,
    BadRequest: 400,
    BadFault: 400,
    ReaderGone: 503,
    ShelfError: 500,
}
ALLOWED_METHODS: Final = "GET, POST, DELETE, OPTIONS"


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object sent, {} where nothing was. Raises BadRequest."""
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f"{name} is a string")
    return value


def _label(body: dict[str, Any]) -> dict[str, str] | None:
    label = body.get("label")
    if label is None:
        return None
    if not isinstance(label, dict) or set(label) - {"zh", "en"}:
        raise BadRequest("label is {zh, en}")
    if not all(isinstance(text, str) and len(text) <= 80 for text in label.values()):
        raise BadRequest("a label is a string of at most 80 characters")
    zh, en = label.get("zh"), label.get("en")
    return {"zh": str(zh or en or ""), "en": str(en or zh or "")}


def _answering(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (RackError, BadFault, ReaderGone, ShelfError) as error:
            status = next(s for kind, s in STATUS_BY_ERROR.items() if isinstance(error, kind))
            return web.json_response({"error": str(error)}, status=status)

    return answer


class _Handlers:
    """One method per route."""

    def __init__(self, rack: Rack) -> None:
        self._rack = rack

    async def list_cards(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await asyncio.to_thread(self._rack.list_cards))

    async def create(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        card_id = await asyncio.to_thread(
            self._rack.create,
            _text(body, "kind"),
            _text(body, "id", "") or None,
            _label(body),
            _text(body, "uid", ""),
        )
        return await self._described(card_id, 201)

    async def insert(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        described = body.get("fault")
        if described is not None and not isinstance(described, dict):
            raise BadFault("fault is an object")
        fault = Fault.from_json(described) if described else None
        gap_ms = body.get("swap_gap_ms", SWAP_GAP_MS)
        if type(gap_ms) is not int:
            raise BadRequest("swap_gap_ms is a whole number")
        reader = body.get("reader", 0)
        if type(reader) is not int:
            raise BadRequest("reader is a whole number")
        card_id = request.match_info["id"]
        await asyncio.to_thread(self._rack.insert, card_id, fault, gap_ms, reader)
        return await self._described(card_id, 200)

    async def eject(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"ejected": await asyncio.to_thread(self._rack.eject)})

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        copy_id = _text(body, "as")
        card_id = request.match_info["id"]
        await asyncio.to_thread(self._rack.snapshot, card_id, copy_id, _label(body))
        return await self._described(copy_id, 201)

    async def replay(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        clone_id, source = _text(body, "as"), _text(body, "from", "last")
        if source not in ("last", "next"):
            raise BadRequest("from is last or next")
        made = await asyncio.to_thread(
            self._rack.replay,
            request.match_info["id"],
            clone_id,
            armed=source == "next",
            label=_label(body),
        )
        if not made:
            return web.json_response({"armed": clone_id}, status=202)
        return await self._described(clone_id, 201)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(self._rack.remove, request.match_info["id"])
        return web.Response(status=204)

    async def trace(self, request: web.Request) -> web.StreamResponse:
        exchanges = await asyncio.to_thread(self._rack.trace, request.match_info["id"])
        return web.json_response(exchanges)

    async def _described(self, card_id: str, status: int) -> web.StreamResponse:
        described = await asyncio.to_thread(self._rack.describe, card_id)
        return web.json_response(described, status=status)


def rack_routes(rack: Rack) -> list[web.RouteDef]:
    """The routes under /api/cards, for any application."""
    handlers = _Handlers(rack)
    return [
        web.get("/api/cards", _answering(handlers.list_cards)),
        web.post("/api/cards", _answering(handlers.create)),
        web.post("/api/cards/eject", _answering(handlers.eject)),
        web.post("/api/cards/{id}/insert", _answering(handlers.insert)),
        web.post("/api/cards/{id}/snapshot", _answering(handlers.snapshot)),
        web.post("/api/cards/{id}/replay", _answering(handlers.replay)),
        web.delete("/api/cards/{id}", _answering(handlers.remove)),
        web.get("/api/cards/{id}/apdus", _answering(handlers.trace)),
    ]


@web.middleware
async def loopback_origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer pages of loopback origins (CORS), refuse pages of any other and foreign Hosts."""
    origin = request.headers.get("Origin")
    named = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(named):
        return web.json_response({"error": "this is for the machine itself"}, status=403)
    if origin is not None and not is_loopback(urlsplit(origin).hostname or ""):
        return web.json_response({"error": "a foreign page may not touch cards"}, status=403)
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    else:
        response = await handler(request)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
    return response


def rack_app(rack: Rack) -> web.Application:
    """The rack alone; takes the card off the reader when it ends."""
    app = web.Application(middlewares=[loopback_origins], client_max_size=MAX_BODY_BYTES)
    app.add_routes(rack_routes(rack))

    async def leave(_app: web.Application) -> None:
        await asyncio.to_thread(rack.close)

    app.on_cleanup.append(leave)
    return app
