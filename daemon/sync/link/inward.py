"""The cloud comes to the device (a shop's own network, a VPN): two routes beside those that batches
are pulled by.

    POST /link/v1/report?wait_ms=N    the device's report, held back until there is something to say
    POST /link/v1/orders              the cloud's orders; 204

TLS and the trust in client certificates are those of `daemon.sync.server`; what counts is signed.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from daemon.core.errors import BadRequest
from daemon.sync.link.device import DeviceLink
from daemon.sync.link.messages import MEDIA_TYPE, MOST_MESSAGE_BYTES

MOST_WAIT_MS: Final = 55_000
PAUSE_S: Final = 2.0
LOOK_S: Final = 1.0


class Inward:
    """`add_to` puts the routes on the device's door. `pause_s`: after a sale, before it is said."""

    def __init__(self, link: DeviceLink, *, pause_s: float = PAUSE_S) -> None:
        self._link = link
        self._pause_s = pause_s

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/link/v1/report", self._report)
        app.router.add_post("/link/v1/orders", self._orders)

    async def _report(self, request: web.Request) -> web.Response:
        link = self._link
        wait_ms = _wait_ms(request)
        # Whoever comes for a report is the cloud, as its certificate said: a sale may ask it.
        link.heard()
        if wait_ms:
            await self._something_to_say(wait_ms / 1000)
        link.poked.clear()
        link.hurried.clear()
        return web.Response(body=await link.report(), content_type=MEDIA_TYPE)

    async def _orders(self, request: web.Request) -> web.Response:
        body = await request.content.read(MOST_MESSAGE_BYTES + 1)
        while len(body) <= MOST_MESSAGE_BYTES and not request.content.at_eof():
            body += await request.content.read(MOST_MESSAGE_BYTES + 1 - len(body))
        await self._link.obey(body)
        return web.Response(status=204)

    async def _something_to_say(self, wait_s: float) -> None:
        link, loop = self._link, asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while (left_s := until_s - loop.time()) > 0 and not link.hurried.is_set():
            if link.poked.is_set():
                await _is_set(link.hurried, min(self._pause_s, left_s))
                return
            if not await _is_set(link.poked, min(LOOK_S, left_s)) and await link.has_news():
                link.poked.set()


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _wait_ms(request: web.Request) -> int:
    text = request.query.get("wait_ms", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequest("request_invalid", at="wait_ms")
    return min(int(text), MOST_WAIT_MS)
