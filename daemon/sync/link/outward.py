"""The device dials out (the default: it works behind any NAT).

One exchange is held open by the cloud until there is something to say; a second, short one carries
what was written here and what a cashier waits for. Both post a report and get orders. TLS 1.3 with
the device's own client certificate; a line that fails is tried again after a pause that grows, with
jitter, so that a thousand counters do not come back at the same moment.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import aiohttp

from daemon.core.errors import CounterError, LedgerError, SyncError
from daemon.sync.link.device import DeviceLink, Obeyed
from daemon.sync.link.messages import MEDIA_TYPE, MOST_MESSAGE_BYTES

log = logging.getLogger(__name__)

PATH: Final = "/link/v1/exchange"
HELD_MS: Final = 25_000
"""Shorter than what middleboxes let a silent connection live."""
SLACK_S: Final = 10.0
SHORT_S: Final = 15.0
PAUSE_S: Final = 2.0
"""After a sale, before the batch is sealed: more may come."""
LOOK_S: Final = 1.0
"""How often it is looked whether anything was written that nobody poked for."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0


class Outward:
    """`url` is the cloud's, without a path; `ssl_context` as `daemon.sync.tls.client_context`."""

    def __init__(
        self,
        link: DeviceLink,
        url: str,
        ssl_context: ssl.SSLContext | None,
        *,
        held_ms: int = HELD_MS,
        pause_s: float = PAUSE_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._link = link
        self._url = url.rstrip("/") + PATH
        self._ssl = ssl_context
        self._held_ms = held_ms
        self._pause_s = pause_s
        self._chance = chance
        self._session: aiohttp.ClientSession | None = None
        self._one_short = asyncio.Lock()

    async def run(self) -> None:
        """For ever. Raises LedgerError; a line that fails does not end it."""
        connector = aiohttp.TCPConnector(ssl=self._ssl if self._ssl is not None else True)
        async with (
            aiohttp.ClientSession(connector=connector) as self._session,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._kept_up(self._listen), name="link-listen")
            tasks.create_task(self._kept_up(self._push), name="link-push")

    async def _kept_up(self, work: Callable[[], Awaitable[None]]) -> None:
        """A link that fails never stops a counter that sells: it is begun again."""
        while True:
            try:
                await work()
            except LedgerError:
                raise
            except Exception:
                log.exception("the link to the cloud failed and is begun again")
                self._link.lost()
                await asyncio.sleep(self._after(6))

    async def exchange(self, held_ms: int = 0) -> Obeyed:
        """One report and its orders. Raises SyncError("link_failed" | "link_refused") and what
        `DeviceLink.obey` raises."""
        assert self._session is not None, "run() holds the line"
        message = await self._link.report(held_ms, least=held_ms > 0)
        timeout = aiohttp.ClientTimeout(total=SHORT_S + held_ms / 1000 + SLACK_S)
        try:
            async with self._session.post(
                self._url, data=message, headers={"Content-Type": MEDIA_TYPE}, timeout=timeout
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise await _refusal(response)
                body = await response.content.read(MOST_MESSAGE_BYTES + 1)
                while len(body) <= MOST_MESSAGE_BYTES and not response.content.at_eof():
                    body += await response.content.read(MOST_MESSAGE_BYTES + 1 - len(body))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SyncError("link_failed", reason=type(error).__name__) from error
        return await self._link.obey(body)

    async def _listen(self) -> None:
        """The held exchange, and the first word after a line was down."""
        failures = 0
        first = True
        while True:
            try:
                await self.exchange(0 if first else self._held_ms)
                failures, first = 0, False
            except LedgerError:
                raise
            except CounterError as error:
                failures += 1
                first = True
                self._link.lost()
                log.log(logging.WARNING if failures == 1 else logging.DEBUG, "the cloud: %s", error)
                await asyncio.sleep(self._after(failures))

    async def _push(self) -> None:
        """What was written here goes up: at once for who waits, else a moment later."""
        while True:
            await self._something_to_say()
            try:
                obeyed = await self.exchange()
                while obeyed.more:
                    obeyed = await self.exchange()
            except LedgerError:
                raise
            except CounterError as error:
                log.debug("the cloud: %s", error)
                self._link.lost()

    async def _something_to_say(self) -> None:
        link = self._link
        while True:
            if not await _is_set(link.poked, LOOK_S) and not await link.has_news():
                continue
            if not link.online:
                # Whoever listens brings the line back; what is to be said waits for that.
                await asyncio.sleep(LOOK_S)
                continue
            await _is_set(link.hurried, self._pause_s)
            link.poked.clear()
            link.hurried.clear()
            return

    def _after(self, failures: int) -> float:
        """Full jitter: anything up to a bound that doubles."""
        bound = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures, 10))
        return float(bound * (0.2 + 0.8 * self._chance()))


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether it was, within that time."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _refusal(response: aiohttp.ClientResponse) -> SyncError:
    """A problem document's own key, where there is one that the device can name."""
    try:
        body = await response.json(content_type=None)
        key = str(body["key"])
    except (ValueError, TypeError, KeyError, aiohttp.ClientError):
        key = ""
    return SyncError("link_refused", status=response.status, key=key)
