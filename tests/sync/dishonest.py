"""A far side that answers with a device's own batches, and does to them what a bad line, a bad disk
or a bad actor would: it tampers, cuts off, stalls, or tells another history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from daemon.sync.envelope import RawBatch, encode_batches, head_of
from daemon.sync.tls import server_context
from tests.sync.appliance import Served


async def nothing(_: str) -> None:
    return None


@dataclass
class Dishonest:
    """`tamper` changes each body of batches; `cut_at` sends only so many bytes of it; `each` is how
    many batches a response holds at most; `on_request` is awaited before each answer."""

    words: dict[str, Any]
    batches: Sequence[RawBatch]
    tamper: Callable[[bytes], bytes] = lambda body: body
    cut_at: int | None = None
    each: int = 100
    on_request: Callable[[str], Awaitable[None]] = nothing
    receipts: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/sync/v1/device", self._device)
        app.router.add_get("/sync/v1/batches", self._batches)
        app.router.add_post("/sync/v1/receipts", self._receipts)
        return app

    async def _device(self, request: web.Request) -> web.Response:
        await self.on_request("device")
        return web.json_response(self.words)

    async def _batches(self, request: web.Request) -> web.StreamResponse:
        await self.on_request("batches")
        after, most = int(request.query["after"]), int(request.query["max"])
        body = self.tamper(encode_batches(self.batches[after : after + min(most, self.each)]))
        if self.cut_at is None:
            return web.Response(body=body, content_type="application/cbor")
        response = web.StreamResponse(headers={"Content-Type": "application/cbor"})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: self.cut_at])
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _receipts(self, request: web.Request) -> web.Response:
        await self.on_request("receipts")
        self.receipts.append(await request.read())
        return web.json_response({"upto": 0, "receipted": 0})


async def record(served: Served) -> Dishonest:
    """A far side that holds what the device holds now."""
    appliance = served.appliance
    await appliance.sealer.seal_all()
    raws = []
    for batch in await appliance.ledger.batches_after(0, 1000):
        count = batch.last_dseq - batch.first_dseq + 1
        first = batch.first_dseq
        rows = await appliance.ledger.read(lambda b, f=first, n=count: b.leaves(f, n))
        raws.append(RawBatch(batch.manifest, tuple(leaf for _, leaf, _ in rows)))
    return Dishonest(words_of(served, raws), raws)


def words_of(served: Served, raws: Sequence[RawBatch]) -> dict[str, Any]:
    return {
        "merchant": "M-0001",
        "store": "012",
        "device": "D-7F3A",
        "epoch": 1,
        "public_key": served.appliance.signer.public_key.hex(),
        "head": {"bseq": len(raws), "hash": head_of(raws[-1].message).hex()},
        "receipted": 0,
    }


@asynccontextmanager
async def listening(far: Dishonest, served: Served) -> AsyncIterator[Dishonest]:
    runner = web.AppRunner(far.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    files = served.files
    context = server_context(files.server, files.server_key, files.ca)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    far.port = runner.addresses[0][1]
    try:
        yield far
    finally:
        await runner.cleanup()
