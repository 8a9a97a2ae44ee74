"""The page and the interface over HTTP: the routes, what wraps them, and the listening socket."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from daemon.operations.audit_log import LogCheck
from daemon.operations.counter_desk import CounterDesk
from daemon.operations.shop import Shop
from daemon.web.api import ROUTES
from daemon.web.api.office_members import add_jobs
from daemon.web.api.openapi import describe
from daemon.web.api.records import LOG_CHECK
from daemon.web.api.route import BASE
from daemon.web.api.signing import SIGNING_IN, SigningIn
from daemon.web.context import CONTEXT, Context, WebSettings
from daemon.web.events import EventStream
from daemon.web.problems import problems
from daemon.web.session import guard, security_headers
from daemon.web.static_files import asset, index, office

__all__ = ["Server", "WebSettings", "make_app"]

LARGEST_BODY_BYTES: Final = 16 * 1024
"""The largest request is a member's name and phone."""
LONGEST_LINE_BYTES: Final = 128 * 1024
"""A filter over members goes in the query: 8,000 characters of up to 12 bytes each, as sent."""
SHUTDOWN_S: Final = 5.0
"""How long a stop waits for answers under way; the event streams end at once."""


def make_app(
    shop: Shop,
    desk: CounterDesk,
    events: EventStream,
    status: Callable[[], Awaitable[dict[str, Any]]],
    settings: WebSettings,
) -> web.Application:
    """`status` tells `readers`, `printer`, `ledger` and `sync` as GET /status shows them, and may
    tell more; what the shop and the counter know is added here."""
    app = web.Application(middlewares=[problems, guard], client_max_size=LARGEST_BODY_BYTES)
    app[CONTEXT] = Context(shop, desk, events, status, settings)
    app[SIGNING_IN] = SigningIn()
    app[LOG_CHECK] = LogCheck()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.serve)
    _add_document(app)
    app.router.add_get("/", index)
    app.router.add_get("/index.html", index)
    app.router.add_get("/office", office)
    app.router.add_get("/assets/{name}", asset)
    headers = security_headers(settings)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        # What a till shows is nobody's to keep.
        response.headers.setdefault("Cache-Control", "no-store")

    async def end_streams(_: web.Application) -> None:
        events.close()

    add_jobs(app)
    app.on_response_prepare.append(add_headers)

    async def end_checks(_: web.Application) -> None:
        await app[LOG_CHECK].stop()

    app.on_shutdown.append(end_streams)
    app.on_shutdown.append(end_checks)
    return app


def _add_document(app: web.Application) -> None:
    document = json.dumps(describe(ROUTES), ensure_ascii=False).encode()

    async def see_document(_: web.Request) -> web.Response:
        return web.Response(body=document, content_type="application/json")

    app.router.add_get(f"{BASE}/openapi.json", see_document)


class _WireLog(logging.Filter):
    """What aiohttp logs of a request that it cannot read quotes the request: a token, a name. Only
    the kind of error is kept. (Whatever a handler raises never gets so far: see `problems`.)"""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        record.msg = "a request was not answered: %s"
        record.args = (kind.__name__ if kind is not None else "?",)
        record.exc_info = None
        return True


def _wire_log() -> logging.Logger:
    log = logging.getLogger("daemon.web.wire")
    if not log.filters:
        log.addFilter(_WireLog())
    return log


class Server:
    """One listening socket. `tls` None: plain HTTP, for the device itself and a proxy before it."""

    def __init__(
        self, app: web.Application, settings: WebSettings, tls: ssl.SSLContext | None = None
    ) -> None:
        # No access log: a path or a query may name a person.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_wire_log(),
            shutdown_timeout=SHUTDOWN_S,
            max_line_size=LONGEST_LINE_BYTES,
        )
        self._settings = settings
        self._tls = tls
        self._port: int | None = None

    async def start(self) -> None:
        """Raises OSError where the address is in use."""
        await self._runner.setup()
        settings = self._settings
        try:
            await web.TCPSite(
                self._runner, settings.host, settings.port, ssl_context=self._tls
            ).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = int(self._runner.addresses[0][1])

    @property
    def port(self) -> int:
        """The port that is listened on; the system's choice where the settings say 0."""
        assert self._port is not None, "not started"
        return self._port

    async def stop(self) -> None:
        """Ends the event streams, lets answers under way finish, and closes the socket."""
        await self._runner.cleanup()
