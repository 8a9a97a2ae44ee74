"""Somebody on the line who has a device's certificate: takes every report that the device sends,
brings it to one of the cloud's processes, and sends it again, at once or much later.

It ends TLS with the cloud's own certificate and dials on with the device's, so all that the cloud
has against it are the messages themselves.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from pathlib import Path

import aiohttp
from aiohttp import web

from daemon.sync.link.messages import MEDIA_TYPE, MOST_MESSAGE_BYTES

MOST_KEPT = 400
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_REPLAY_TIMEOUT = aiohttp.ClientTimeout(total=5)
PATH = "/link/v1/exchange"


class Tap:
    """`replayed` counts messages that were sent once more, `answered` those of them that the cloud
    answered with orders (which nobody obeys)."""

    def __init__(self, site: Path, clouds: list[int], chance: random.Random) -> None:
        self._site = site
        self._clouds = clouds
        self._chance = chance
        self._kept: list[bytes] = []
        self._session: aiohttp.ClientSession | None = None
        self._identity: Path | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0
        self.replayed = 0
        self.answered = 0
        self.refused = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=MOST_MESSAGE_BYTES)
        app.router.add_post(PATH, self._pass_on)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._site / "server.pem", self._site / "server.key")
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]

    def wear(self, identity: Path) -> None:
        """From now on with the certificate of the device whose folder this is."""
        self._identity = identity

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _line(self) -> aiohttp.ClientSession:
        if self._session is None:
            assert self._identity is not None
            context = ssl.create_default_context(cafile=str(self._site / "ca.pem"))
            context.load_cert_chain(self._identity / "device.pem", self._identity / "device.key")
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self._session

    async def _post(self, message: bytes, timeout: aiohttp.ClientTimeout) -> tuple[int, bytes]:
        url = f"https://localhost:{self._chance.choice(self._clouds)}{PATH}"
        headers = {"Content-Type": MEDIA_TYPE}
        async with self._line().post(url, data=message, headers=headers, timeout=timeout) as reply:
            return reply.status, await reply.read()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        message = await request.read()
        if len(self._kept) < MOST_KEPT:
            self._kept.append(message)
        else:
            self._kept[self._chance.randrange(MOST_KEPT)] = message
        try:
            status, body = await self._post(message, _TIMEOUT)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return web.Response(status=502)
        return web.Response(status=status, body=body, content_type=MEDIA_TYPE)

    async def replay(self, count: int) -> None:
        """Old messages, several at a time, in any order."""
        some = [self._chance.choice(self._kept) for _ in range(count)] if self._kept else []
        await asyncio.gather(*(self._again(message) for message in some))

    async def _again(self, message: bytes) -> None:
        try:
            status, _ = await self._post(message, _REPLAY_TIMEOUT)
        except (aiohttp.ClientError, TimeoutError, OSError):
            # One that is held open for news was read; a process that was killed was not there.
            self.replayed += 1
            return
        self.replayed += 1
        if status == 200:
            self.answered += 1
        else:
            self.refused += 1
