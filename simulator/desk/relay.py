"""What the simulator's pages share: passing calls on to a far side, and refusing strangers."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

PASSED_ON = ("Content-Type", "Accept", "Last-Event-ID")
GIVEN_BACK = ("Content-Type", "Cache-Control")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
AskedBy = Callable[[web.Request], aiohttp.ClientSession]


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine only."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def relayed(asked_by: AskedBy, base: str) -> Handler:
    """A handler that passes calls of its `path` on to `base`, over the session of `asked_by`; an
    answer without end (events) is passed on as it comes."""

    async def relay(request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "POST", "DELETE"):
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "POST", "DELETE"))
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        url = f"{base}/{request.match_info['path']}"
        try:
            async with asked_by(request).request(
                request.method,
                url,
                params=request.query,
                data=await request.read() or None,
                headers=headers,
            ) as answer:
                return await _pass_back(request, answer)
        except (aiohttp.ClientConnectionError, TimeoutError):
            return web.json_response(
                {"error": f"{urlsplit(base).netloc} does not answer"}, status=502
            )

    return relay


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: answer.headers[name] for name in GIVEN_BACK if name in answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    # Either side may leave in the middle of an endless answer: then it is over.
    with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
    return response


def same_name(request: web.Request, cashier: str | None) -> None:
    """Moves the visitor to the cashier page's name for this machine.

    localhost and 127.0.0.1 are different sites to a browser: the framed page would lose its
    SameSite cookie, and nobody could sign in. Raises HTTPTemporaryRedirect.
    """
    here = urlsplit(f"//{request.host}")
    if {here.hostname, cashier} == {"localhost", "127.0.0.1"}:
        port = f":{here.port}" if here.port else ""
        raise web.HTTPTemporaryRedirect(f"http://{cashier}{port}/")


@web.middleware
async def only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
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
