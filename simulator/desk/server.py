"""Serves the desk page and passes its calls on to the card rack and the printer.

The page has one origin, so rack and printer need no permission for it. Everything here is for
this machine: foreign Host and Origin headers are refused.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

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
    "words.js": ("words.js", "text/javascript"),
    "favicon.svg": ("favicon.svg", "image/svg+xml"),
}
PASSED_ON = ("Content-Type", "Accept", "Last-Event-ID")
GIVEN_BACK = ("Content-Type", "Cache-Control")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Places:
    """The cashier page's address, and the base addresses of rack and printer (no slash last)."""

    cashier: str
    rack: str
    printer: str

    def __post_init__(self) -> None:
        for url in (self.cashier, self.rack, self.printer):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{url!r} is not an address")


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine only."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
        app = web.Application(middlewares=[_only_here], client_max_size=MAX_BODY_BYTES)
        app.cleanup_ctx.append(self._with_client)
        app.add_routes(
            [
                web.get("/config.json", self.config),
                web.get("/status.json", self.status),
                web.get("/{name:[a-z.]*}", self.file),
                web.route("*", r"/rack/{path:api/.*}", self._relayed(self.places.rack)),
                web.route("*", r"/printer/{path:api/.*}", self._relayed(self.places.printer)),
            ]
        )
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

    async def file(self, request: web.Request) -> web.StreamResponse:
        """The page and its parts."""
        entry = FILES.get(request.match_info["name"])
        if entry is None:
            raise web.HTTPNotFound
        body = resources.files("simulator.desk").joinpath("static", entry[0]).read_bytes()
        cashier = urlsplit(self.places.cashier)
        if not request.match_info["name"]:
            _same_name(request, cashier.hostname)
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
        """GET /config.json: where the cashier page is."""
        return web.json_response({"cashier_url": self.places.cashier})

    async def status(self, request: web.Request) -> web.StreamResponse:
        """GET /status.json: is the cashier page there, and may it be shown inside this one."""
        up, framed = False, False
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.client.get(self.places.cashier, ssl=False) as answer:
                up = answer.status < 500
                framed = may_frame(answer.headers, f"http://{request.host}")
        return web.json_response({"cashier_up": up, "cashier_framed": framed})

    def _relayed(self, base: str) -> Handler:
        async def relay(request: web.Request) -> web.StreamResponse:
            return await self._relay(request, base)

        return relay

    async def _relay(self, request: web.Request, base: str) -> web.StreamResponse:
        """Passes one call on; an answer without end (events) is passed on as it comes."""
        if request.method not in ("GET", "POST", "DELETE"):
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "POST", "DELETE"))
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        url = f"{base}/{request.match_info['path']}"
        try:
            async with self.client.request(
                request.method,
                url,
                params=request.query,
                data=await request.read() or None,
                headers=headers,
            ) as answer:
                return await self._pass_back(request, answer)
        except (aiohttp.ClientConnectionError, TimeoutError):
            return web.json_response(
                {"error": f"{urlsplit(base).netloc} does not answer"}, status=502
            )

    @staticmethod
    async def _pass_back(
        request: web.Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers = {name: answer.headers[name] for name in GIVEN_BACK if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers)
        # Either side may leave in the middle of an endless answer: then it is over.
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
        return response


def _same_name(request: web.Request, cashier: str | None) -> None:
    """Moves the visitor to the cashier page's name for this machine.

    localhost and 127.0.0.1 are different sites to a browser: the framed page would lose its
    SameSite cookie, and nobody could sign in. Raises HTTPTemporaryRedirect.
    """
    here = urlsplit(f"//{request.host}")
    if {here.hostname, cashier} == {"localhost", "127.0.0.1"}:
        port = f":{here.port}" if here.port else ""
        raise web.HTTPTemporaryRedirect(f"http://{cashier}{port}/")


@web.middleware
async def _only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses names that only point here (DNS rebinding) and pages from elsewhere."""
    try:
        host = urlsplit(f"//{request.host}").hostname
        origin = urlsplit(request.headers.get("Origin", f"http://{request.host}")).netloc
    except ValueError:
        host, origin = None, ""
    if not is_loopback(host):
        return web.json_response({"error": "this is for the machine itself"}, status=403)
    if origin != request.host:
        return web.json_response({"error": "a foreign page may not use the desk"}, status=403)
    return await handler(request)
