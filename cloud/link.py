"""The line to one device: HTTPS with a client certificate, and what a device answers.

The door to aiohttp. Whatever goes wrong on the line is SyncError("link_failed"): nothing was
learned, and the same request may be made again.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from daemon.core.errors import KeyMissing, SyncError
from daemon.sync.envelope import MEDIA_TYPE, Identity

MOST_BODY_BYTES: Final = 64 << 20
"""A device ends a response at the batch that crosses 1 MiB; no batch is larger than a few MiB."""
MOST_WORDS_BYTES: Final = 64 << 10
CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 30.0
"""Without a byte for so long the line is given up: a device seals at most 2000 entries between."""


@dataclass(frozen=True, slots=True)
class DeviceWords:
    """What a device says of itself; believed only as far as signatures go. `head` is None before
    its first batch."""

    identity: Identity
    public_key: bytes
    bseq: int
    head: bytes | None
    receipted: int


class Link:
    """Requests on one open session."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._session = session

    async def device(self) -> DeviceWords:
        """Raises SyncError("link_failed" | "link_refused" | "device_malformed")."""
        body = await self._ask("GET", "/sync/v1/device", most=MOST_WORDS_BYTES)
        try:
            return _words(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            raise SyncError("device_malformed") from error

    async def batches(self, after: int, most: int) -> bytes:
        """The body of a response, whole; a body that was cut off is SyncError("link_failed")."""
        query = {"after": str(after), "max": str(most)}
        return await self._ask("GET", "/sync/v1/batches", most=MOST_BODY_BYTES, query=query)

    async def acknowledge(self, receipt: bytes) -> None:
        """Raises SyncError with the device's own key where it refuses, e.g. `receipt_fork`."""
        await self._ask("POST", "/sync/v1/receipts", most=MOST_WORDS_BYTES, content=receipt)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        most: int,
        query: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> bytes:
        headers = {} if content is None else {"Content-Type": MEDIA_TYPE}
        try:
            async with self._session.request(
                method, self._url + path, params=query, data=content, headers=headers
            ) as response:
                body = await read_at_most(response, most)
                if response.status != 200:
                    raise refusal(response.status, body)
                return body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SyncError("link_failed", why=f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def connect(url: str, certificate: Path, key: Path, ca: Path) -> AsyncIterator[Link]:
    """Raises KeyMissing("tls_key_unusable") if a file is missing or does not fit."""
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S
    )
    context = await asyncio.to_thread(client_context, certificate, key, ca)
    connector = aiohttp.TCPConnector(ssl=context, limit=1)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Link(url, session)


def client_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """Raises KeyMissing("tls_key_unusable")."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise KeyMissing("tls_key_unusable", file=str(certificate)) from error
    return context


async def read_at_most(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Raises SyncError("link_failed") for a body that is longer."""
    read = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        read += part
        if len(read) > most:
            raise SyncError("link_failed", why="the answer is too long")
    return bytes(read)


def refusal(status: int, body: bytes) -> SyncError:
    """RFC 9457: what the device says is in `key`; another server's page is only a number."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    key = problem.get("key") if isinstance(problem, dict) else None
    if isinstance(key, str) and key.isascii() and key.isidentifier():
        return SyncError(key, status=status)
    return SyncError("link_refused", status=status)


def _words(body: Any) -> DeviceWords:
    head = body["head"]
    names = [body["merchant"], body["store"], body["device"]]
    numbers = [body["epoch"], body["receipted"], 0 if head is None else head["bseq"]]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is not a text")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a number is not a whole number")
    key = bytes.fromhex(body["public_key"])
    if len(key) != 32:
        raise ValueError("not an Ed25519 key")
    return DeviceWords(
        identity=Identity(names[0], names[1], names[2], numbers[0]),
        public_key=key,
        bseq=numbers[2],
        head=None if head is None else bytes.fromhex(head["hash"]),
        receipted=numbers[1],
    )
