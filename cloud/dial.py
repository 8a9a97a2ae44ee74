"""The inward binding: where the cloud can reach a device (a shop's own network, a VPN), it comes to
it. The same two messages: it reads a report, answers it as any other, and posts the orders.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

import aiohttp

from cloud.answer import Cloud
from cloud.link import MOST_WORDS_BYTES, read_at_most, refusal
from daemon.core.errors import SyncError
from daemon.sync.link.messages import MEDIA_TYPE, MOST_MESSAGE_BYTES

log = logging.getLogger("cloud")

HELD_MS: Final = 25_000
SLACK_S: Final = 15.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0


class Dialling:
    """One device at `url`, whose report must be signed by `device`."""

    def __init__(
        self,
        cloud: Cloud,
        device: str,
        url: str,
        tls: ssl.SSLContext | None,
        *,
        held_ms: int = HELD_MS,
    ) -> None:
        self._cloud = cloud
        self._device = device
        self._url = url.rstrip("/")
        self._tls = tls
        self._held_ms = held_ms

    async def run(self) -> None:
        """For ever; a line that fails is tried again after a pause that grows."""
        connector = aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True)
        pause_s = FIRST_PAUSE_S
        async with aiohttp.ClientSession(connector=connector) as session:
            while True:
                try:
                    await self.exchange(session, self._held_ms)
                    pause_s = FIRST_PAUSE_S
                except SyncError as error:
                    log.warning("%s at %s: %s", self._device, self._url, error)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def exchange(self, session: aiohttp.ClientSession, held_ms: int = 0) -> None:
        """One report and its orders. Raises SyncError("link_failed"), the device's own refusal,
        and what `Cloud.exchange` raises."""
        report = await self._post(session, f"/link/v1/report?wait_ms={held_ms}", b"", held_ms)
        orders = await self._cloud.exchange(report, device=self._device)
        await self._post(session, "/link/v1/orders", orders, 0)

    async def _post(
        self, session: aiohttp.ClientSession, path: str, body: bytes, held_ms: int
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=held_ms / 1000 + SLACK_S)
        headers = {"Content-Type": MEDIA_TYPE}
        try:
            async with session.post(
                self._url + path, data=body, headers=headers, timeout=timeout
            ) as response:
                if response.status not in (200, 204):
                    raise refusal(response.status, await read_at_most(response, MOST_WORDS_BYTES))
                return await read_at_most(response, MOST_MESSAGE_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SyncError("link_failed", why=f"{type(error).__name__}: {error}") from error
