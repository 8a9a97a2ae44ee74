"""Serves the desk page and passes its calls on to the card rack and the printer.

The page has one origin, so rack and printer need no permission for it. Everything here is for
this machine: foreign Host and Origin headers are refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from simulator.desk.relay import only_here, relayed, same_name

MAX_BODY_BYTES = 16 * 1024
CONNECT_TIMEOUT_S = 2.0
SILENCE_TIMEOUT_S = 40.0
"""Longer than the printer's keep-alive, and than any card takes to be swapped."""
FILES = {
    "": ("index.html", "text/html"),
    "desk.css": ("desk.css", "text/css"),
    "desk.js": ("desk.js", "text/javascript"),
    "cards.js": ("cards.js", "text/javascript"),
    "printer.js": ("printer.js", "text/javascript"),
    "display.js": ("display.js", "text/javascript"),
    "words.js": ("words.js", "text/javascript"),
    "favicon.svg": ("favicon.svg", "image/svg+xml"),
}


@dataclass(frozen=True)
class Places:
    """The cashier page's address, and the base addresses of rack, printer and customer display (no
    slash last). `display` "": there is none."""

    cashier: str
    rack: str
    printer: str
    display: str = ""

    def __post_init__(self) -> None:
        there = (self.display,) if self.display else ()
        for url in (self.cashier, self.rack, self.printer, *there):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{url!r} is not an address")


def may_frame(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a page with these headers shows inside a page of `origin`.

    Only what the cashier page may plausibly send is read: X-Frame-Options (RFC 7034) and
    frame-ancestors (CSP 3, 6.4.2), which wins over it.
    """
    lower = {key.lower(): value for key, value in headers.items()}
    for directive in lower.get("content-security-policy", "").split(";"):
        words = directive.split()
        if words and words[0].lower() == "frame-ancestors":
            return any(_source_matches(word, origin) for word in words[1:])
    return not lower.get("x-frame-options")


def _source_matches(source: str, origin: str) -> bool:
    """One source expression of frame-ancestors: *, scheme:, or scheme://host[:port|:*]."""
    parts = urlsplit(origin)
    if source == "*" or source == f"{parts.scheme}:":
        return True
    scheme, _, place = source.rpartition("://")
    host, _, port = place.rpartition(":")
    if scheme and scheme != parts.scheme:
        return False
    if port == "*":
        return host == parts.hostname
    return place == parts.netloc


class Desk:
    """The desk's routes. `places` are fixed for its life."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._client: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """An application of its own."""
        app = web.Application(middlewares=[only_here], client_max_size=MAX_BODY_BYTES)
        app.cleanup_ctx.append(self._with_client)
        app.add_routes(
            [
                web.get("/config.json", self.config),
                web.get("/status.json", self.status),
                web.get("/{name:[a-z.]*}", self.file),
                web.route("*", r"/rack/{path:api/.*}", relayed(self._asked, self.places.rack)),
                web.route(
                    "*", r"/printer/{path:api/.*}", relayed(self._asked, self.places.printer)
                ),
            ]
        )
        if self.places.display:
            shown = relayed(self._asked, self.places.display)
            app.router.add_route("*", r"/display/{path:api/.*}", shown)
        return app

    async def _with_client(self, app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
        )
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as client:
            self._client = client
            yield
        self._client = None

    @property
    def client(self) -> aiohttp.ClientSession:
        """The session that asks rack, printer and cashier page."""
        assert self._client is not None, "the application has not started"
        return self._client

    def _asked(self, _request: web.Request) -> aiohttp.ClientSession:
        return self.client

    async def file(self, request: web.Request) -> web.StreamResponse:
        """The page and its parts."""
        entry = FILES.get(request.match_info["name"])
        if entry is None:
            raise web.HTTPNotFound
        body = resources.files("simulator.desk").joinpath("static", entry[0]).read_bytes()
        cashier = urlsplit(self.places.cashier)
        if not request.match_info["name"]:
            same_name(request, cashier.hostname)
        return web.Response(
            body=body,
            content_type=entry[1],
            charset="utf-8",
            headers={
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
                f"frame-src {cashier.scheme}://{cashier.netloc}; frame-ancestors 'none'",
            },
        )

    async def config(self, request: web.Request) -> web.StreamResponse:
        """GET /config.json: where the cashier page is, and whether there is a customer display."""
        display = bool(self.places.display)
        return web.json_response({"cashier_url": self.places.cashier, "display": display})

    async def status(self, request: web.Request) -> web.StreamResponse:
        """GET /status.json: is the cashier page there, and may it be shown inside this one."""
        up, framed = False, False
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.client.get(self.places.cashier, ssl=False) as answer:
                up = answer.status < 500
                framed = may_frame(answer.headers, f"http://{request.host}")
        return web.json_response({"cashier_up": up, "cashier_framed": framed})
