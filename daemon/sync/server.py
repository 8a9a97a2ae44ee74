"""The device's side of the protocol over HTTPS: batches out, receipts in.

TLS 1.3 with a client certificate from the trust list; whoever has none does not get as far as a
request. What is signed is checked again here: a certificate may pull, only the cloud's signing key
may acknowledge. Errors are problem details (RFC 9457).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import web

from daemon.core.errors import BadRequest, Conflict, CounterError, LedgerError, SyncError
from daemon.core.records import StoredBatch
from daemon.ports.clock import Clock
from daemon.ports.keys import Signer
from daemon.ports.ledger import Books, Ledger
from daemon.sync.envelope import (
    MEDIA_TYPE,
    Identity,
    RawBatch,
    encode_batches,
    open_receipt,
)
from daemon.sync.receipts import progress, take_receipt
from daemon.sync.sealer import Sealer

MOST_BATCHES: Final = 100
DEFAULT_BATCHES: Final = 50
MOST_RESPONSE_BYTES: Final = 1 << 20
"""A response ends with the batch that crosses this: a body that a Pi can hold while it sells."""
MOST_RECEIPT_BYTES: Final = 4096
SHUTDOWN_S: Final = 2.0
MOST_WHOLE: Final = (1 << 63) - 1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SyncServer:
    """Serves the protocol on `host`:`port` (0: one that is free, see `port`) until it is stopped.

    `cloud_keys` are the public keys (32 bytes, by key id) whose receipts count. `on_progress` is
    called after every pull and every receipt, on the event loop. `routes` adds what else the cloud
    may ask at this door.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext,
        *,
        ledger: Ledger,
        sealer: Sealer,
        signer: Signer,
        identity: Identity,
        clock: Clock,
        cloud_keys: Mapping[bytes, bytes],
        version: str = "",
        on_progress: Callable[[], None] | None = None,
        routes: Callable[[web.Application], None] | None = None,
    ) -> None:
        self._routes = routes
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._ledger = ledger
        self._sealer = sealer
        self._signer = signer
        self._identity = identity
        self._clock = clock
        self._cloud_keys = dict(cloud_keys)
        self._version = version
        self._on_progress = on_progress or (lambda: None)
        self._runner: web.AppRunner | None = None
        self.last_pull_ms: int | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before `start` when any was asked for."""
        return self._port

    def begin(self, identity: Identity) -> None:
        """A new epoch: receipts are for it from now on."""
        self._identity = identity

    async def start(self) -> None:
        """Raises OSError if the address cannot be had."""
        assert self._runner is None
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._ssl)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Safe at any time, also twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[problems], client_max_size=MOST_RECEIPT_BYTES)
        app.router.add_get("/sync/v1/batches", self._batches)
        app.router.add_post("/sync/v1/receipts", self._receipts)
        app.router.add_get("/sync/v1/device", self._device)
        if self._routes is not None:
            self._routes(app)
        return app

    async def _batches(self, request: web.Request) -> web.Response:
        after = _number(request, "after", 0, 0, MOST_WHOLE)
        most = _number(request, "max", DEFAULT_BATCHES, 1, MOST_BATCHES)
        await self._sealer.seal_all()
        stored = await self._ledger.batches_after(after, most)
        chosen: list[RawBatch] = []
        size = 0
        for batch in stored:
            raw = await self._ledger.read(partial(_with_leaves, batch))
            chosen.append(raw)
            size += len(raw.message) + sum(map(len, raw.leaves))
            if size >= MOST_RESPONSE_BYTES:
                break
        self.last_pull_ms = self._clock.now_ms()
        self._on_progress()
        return web.Response(body=encode_batches(chosen), content_type=MEDIA_TYPE)

    async def _receipts(self, request: web.Request) -> web.Response:
        receipt = open_receipt(await request.read(), self._cloud_keys)
        now = await asyncio.shield(
            take_receipt(self._ledger, self._identity, receipt, self._clock.now_ms())
        )
        self._on_progress()
        return web.json_response({"upto": receipt.upto, "receipted": now.receipted})

    async def _device(self, request: web.Request) -> web.Response:
        await self._sealer.seal_all()
        last = await self._ledger.read(lambda books: books.last_batch())
        come = await progress(self._ledger)
        who = self._identity
        return web.json_response(
            {
                "merchant": who.merchant,
                "store": who.store,
                "device": who.device,
                "epoch": who.epoch,
                "key_id": self._signer.key_id.hex(),
                "public_key": self._signer.public_key.hex(),
                "head": {"bseq": last.bseq, "hash": last.head.hex()} if last else None,
                "receipted": come.receipted,
                "version": self._version,
            }
        )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns our errors and aiohttp's into problem details, RFC 9457 section 3."""
    try:
        return await handler(request)
    except CounterError as error:
        return _problem(_status(error), error)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        key = HTTPStatus(error.status).name.lower()
        return _problem(error.status, BadRequest(key))


_NOT_UNDERSTOOD: Final = ("receipt_malformed", "orders_malformed")
_NOT_SIGNED_BY_A_FRIEND: Final = (
    "receipt_signature",
    "receipt_key_unknown",
    "orders_signature",
    "orders_key_unknown",
)
_NOT_FOR_NOW: Final = ("orders_replayed", "orders_device", "orders_epoch")


def _status(error: CounterError) -> int:
    if isinstance(error, Conflict):
        return HTTPStatus.CONFLICT
    if isinstance(error, BadRequest) or error.key in _NOT_UNDERSTOOD:
        return HTTPStatus.BAD_REQUEST
    if error.key in _NOT_SIGNED_BY_A_FRIEND:
        return HTTPStatus.FORBIDDEN
    if error.key in _NOT_FOR_NOW:
        return HTTPStatus.CONFLICT
    if isinstance(error, LedgerError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    assert isinstance(error, SyncError), error
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _problem(status: int, error: CounterError) -> web.Response:
    body = {
        "type": f"urn:counterd:problem:{error.key}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": str(error),
        "key": error.key,
        "fault": error.fault.value,
        "retry": error.retry.value,
        "facts": error.facts,
    }
    return web.json_response(body, status=status, content_type="application/problem+json")


def _number(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise BadRequest("request_invalid", at=name)
    if not least <= int(text) <= most:
        raise BadRequest("request_invalid", at=name)
    return int(text)


def _with_leaves(batch: StoredBatch, books: Books) -> RawBatch:
    wanted = batch.last_dseq - batch.first_dseq + 1
    leaves = tuple(leaf for _, leaf, _ in books.leaves(batch.first_dseq, wanted))
    return RawBatch(batch.manifest, leaves)
