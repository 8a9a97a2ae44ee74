"""The device itself: its status, its health, and what happens, as it happens."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from aiohttp import ClientConnectionResetError, hdrs, web
from pydantic import Field

from daemon import __version__
from daemon.core.errors import Fault, Retry
from daemon.core.permissions import Permission
from daemon.operations.shop_clock import confirm_clock
from daemon.operations.sign_in import is_signed_in
from daemon.web.api.answers import Health, ShopClock, Status
from daemon.web.api.bodies import Body, EventsQuery, NoQuery, Nothing
from daemon.web.api.route import Call, reply, route
from daemon.web.context import Context
from daemon.web.events import RETRY_MS, Listener, ListenerClosed, TooManyListeners, frame
from daemon.web.problems import Problem

log = logging.getLogger(__name__)

LANGUAGES: Final = ["zh-CN", "en"]


async def device_status(context: Context) -> dict[str, Any]:
    """GET /status: what the appliance says of itself, and where the counter stands."""
    head, identity = context.shop.head, context.shop.identity
    return {
        "device": {
            "id": identity.device,
            "store": identity.store,
            "name": head.device,
            "shop": head.name,
        },
        "demo": context.settings.demo,
        "languages": LANGUAGES,
        **await context.status(),
        "counter": context.desk.till.view,
        "last_run": await context.desk.last_run(),
    }


@route("GET", "/status", "The device and the counter", {200: Status})
async def see_status(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await device_status(call.context))


@route(
    "GET",
    "/healthz",
    "Whether the device works; no personal data, open to monitors",
    {200: Health, 503: Health},
    signed_in=False,
)
async def see_health(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    """503 only when it must not sell: without a printer or a reader it is degraded, and a restart
    would mend nothing."""
    told = await call.context.status()
    parts = {
        name: told[name] for name in ("readers", "printer", "panel", "ledger", "sync", "clock")
    }
    if not parts["ledger"]["ok"]:
        status = "stopped"
    elif _whole(parts):
        status = "ok"
    else:
        status = "degraded"
    code = 503 if status == "stopped" else 200
    return reply({"status": status, **parts, "version": __version__}, code)


def _whole(parts: dict[str, Any]) -> bool:
    printer = parts["printer"]
    reads = any(reader["state"] == "ready" for reader in parts["readers"])
    prints = bool(printer["reachable"]) and printer["problem"] is None
    shows = all(part["state"] == "ready" for part in parts["panel"]["parts"])
    return reads and prints and shows and parts["clock"]["problem"] is None


class ConfirmClock(Body):
    wall_ms: int = Field(
        ge=0, le=2**53, description="What the system's clock said when it was seen."
    )


@route(
    "POST",
    "/clock/confirm",
    "Say that the system's clock is right although it is far ahead",
    {200: ShopClock},
    body=ConfirmClock,
    problems=(409,),
    needs=Permission.RULES_CHANGE,
)
async def confirm(call: Call[ConfirmClock, NoQuery]) -> web.StreamResponse:
    return reply(await confirm_clock(call.context.shop, call.actor, call.body.wall_ms))


@route(
    "GET",
    "/events",
    "Server-sent events; Last-Event-ID or `after` replays what was missed",
    {200: "text/event-stream"},
    query=EventsQuery,
    problems=(429,),
)
async def listen(call: Call[Nothing, EventsQuery]) -> web.StreamResponse:
    context, request = call.context, call.request
    # A browser that reconnects sends the header with the address that it first opened.
    after = request.headers.get("Last-Event-ID") or call.query.after
    try:
        listener = context.events.listen(after, call.signed_in.session)
    except TooManyListeners:
        raise Problem(
            429, "too_many_requests", Fault.CLIENT, Retry.LATER, headers={"Retry-After": "5"}
        ) from None
    response = web.StreamResponse(
        headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(request)
        listener.cut_off = lambda: _abort(request)
        await _begin(context, listener, response)
        await _go_on(call, listener, response)
    except ListenerClosed:
        await _end(response)
    except (ClientConnectionResetError, ConnectionResetError):
        log.debug("a page that listened has gone")
    finally:
        listener.close()
    return response


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _end(response: web.StreamResponse) -> None:
    try:
        await response.write_eof()
    except (ClientConnectionResetError, ConnectionResetError):
        log.debug("a page that listened has gone")


async def _begin(context: Context, listener: Listener, response: web.StreamResponse) -> None:
    await response.write(f"retry: {RETRY_MS}\n\n".encode())
    if listener.missed is None:
        # The position was taken before: what happens while the snapshot is made comes after it.
        body = await device_status(context)
        await response.write(frame(listener.position, "snapshot", body))
    elif listener.missed:
        await response.write(b"".join(listener.missed))


async def _go_on(
    call: Call[Nothing, EventsQuery], listener: Listener, response: web.StreamResponse
) -> None:
    loop = asyncio.get_running_loop()
    every_s = call.context.events.keep_alive_s
    look_again = loop.time() + every_s
    while True:
        told = await listener.next(max(0.0, look_again - loop.time()))
        if told is not None:
            await response.write(told)
        if loop.time() >= look_again:
            if not await is_signed_in(call.context.shop, call.signed_in.token):
                raise ListenerClosed
            await response.write(b": alive\n\n")
            look_again = loop.time() + every_s
