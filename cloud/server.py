"""The cloud's door: devices dial in, post a report and are answered with orders.

    POST /link/v1/exchange            COSE report -> COSE orders, held up to its `wait_ms`
    POST /enrol/v1/simpleenroll       one-time code + PKCS#10 -> certificate (RFC 7030, 4.2)
    POST /enrol/v1/simplereenroll     the same for who has a certificate
    GET  /enrol/v1/cacerts            the merchant's authority
    GET  /healthz   GET /metrics      GET /operator (cloud.operator)

A process keeps nothing but its waiting requests: there may be as many as one likes on one
PostgreSQL. Behind TLS a device's certificate and the signature of its report must name the same
device; without TLS (a proxy that ends it on the same machine) the signature alone says who speaks.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import BasicAuth, web

from cloud import bell
from cloud.answer import Answered, Cloud
from cloud.authority import Authority, ServerFiles, certs_only
from cloud.effects import catch_up_all
from cloud.enrol import Enrolment, certified, enrol, enrol_again
from cloud.grants import give
from cloud.metrics import Metrics
from cloud.operator import Operator
from daemon.core.errors import BadRequest, CounterError, NotAllowed, SyncError
from daemon.sync.envelope import SeedKey
from daemon.sync.link.messages import MEDIA_TYPE, MOST_MESSAGE_BYTES

log = logging.getLogger("cloud")

MOST_WAIT_MS: Final = 55_000
"""Shorter than what proxies and NAT forget a quiet connection after."""
LOOK_AGAIN_S: Final = 5.0
"""A waiting answer looks by itself this often, in case a ring was lost with a connection."""
REMIND_S: Final = 0.5
IDLE_S: Final = 1.0
PROBLEM: Final = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CloudServer:
    """`start`, then `stop`. `port` is where it listens, once it does."""

    def __init__(
        self,
        cloud: Cloud,
        host: str,
        port: int,
        *,
        tls: ServerFiles | None = None,
        authority: Authority | None = None,
        token: str | None = None,
        works: bool = True,
    ) -> None:
        self.cloud = self._cloud = cloud
        self._address = (host, port)
        self._tls = tls
        self._authority = authority
        self._operator = None if token is None else Operator(cloud, token)
        self._works = works
        self._runner: web.AppRunner | None = None
        self._worker: asyncio.Task[None] | None = None
        self.metrics = Metrics()
        self.port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=MOST_MESSAGE_BYTES, middlewares=[self._problems])
        app.add_routes(
            [
                web.post("/link/v1/exchange", self._exchange),
                web.post("/enrol/v1/simpleenroll", self._enrol),
                web.post("/enrol/v1/simplereenroll", self._enrol_again),
                web.get("/enrol/v1/cacerts", self._cacerts),
                web.get("/healthz", self._healthz),
                web.get("/metrics", self._metrics),
            ]
        )
        if self._operator is not None:
            self._operator.add_to(app)
        context = None if self._tls is None else await asyncio.to_thread(self._tls.context)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._address, ssl_context=context, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        if self._works:
            self._worker = asyncio.create_task(self._work(), name="cloud-effects")

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        if self._runner is not None:
            await self._runner.cleanup()

    async def _work(self) -> None:
        """Finishes what other processes left: effects of committed batches, members to grant."""
        cloud, topics = self._cloud, (bell.OUTBOX,)
        while True:
            since = cloud.store.bell.count(topics)
            try:
                now_ms = cloud.now_ms()
                done = await catch_up_all(cloud.store, now_ms)
                done += await give(cloud.store, cloud.policy, now_ms)
            except SyncError as error:
                log.warning("the books cannot be used: %s", error)
                done = 0
            if not done:
                await cloud.store.bell.wait(topics, since, IDLE_S)

    @web.middleware
    async def _problems(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """RFC 9457 for everything that goes wrong; counted by its key."""
        try:
            return await handler(request)
        except CounterError as error:
            status = _status(error)
            self.metrics.count("refused", key=error.key)
            log.info("%s %s refused: %s", request.method, request.path, error)
            body = {
                "type": f"urn:counterd:problem:{error.key}",
                "title": error.key.replace("_", " "),
                "status": status,
                "detail": str(error),
                "key": error.key,
                "fault": error.fault.value,
                "retry": error.retry.value,
                "facts": error.facts,
            }
            return web.json_response(body, status=status, content_type=PROBLEM)

    async def _exchange(self, request: web.Request) -> web.Response:
        cloud = self._cloud
        began = time.monotonic()
        certificate = await self._device(request) if self._tls is not None else None
        message = await request.read()
        report, device = await cloud.open(message, device=certificate)
        topics = (bell.of_device(device.device),)
        since = cloud.store.bell.count(topics)
        answered = await cloud.answer(report, device)
        self.metrics.count("exchanges")
        self.metrics.count("batches", len(report.batches))
        self.metrics.time("exchange_seconds", time.monotonic() - began)
        until = began + min(report.wait_ms, MOST_WAIT_MS) / 1000
        if answered.reminder and report.wait_ms:
            # A device that cannot give up at once must not ask as fast as the line allows.
            await cloud.store.bell.wait(topics, since, REMIND_S)
            answered = await cloud.orders(report, device)
        while not answered.news and (left := until - time.monotonic()) > 0:
            await cloud.store.bell.wait(topics, since, min(left, LOOK_AGAIN_S))
            since = cloud.store.bell.count(topics)
            answered = await cloud.orders(report, device)
        return _orders(answered, cloud)

    async def _device(self, request: web.Request) -> str:
        """Whose certificate the connection shows. Raises NotAllowed("certificate_*")."""
        transport = request.transport
        tls = None if transport is None else transport.get_extra_info("ssl_object")
        der = None if tls is None else tls.getpeercert(binary_form=True)
        if der is None:
            raise NotAllowed("certificate_needed")
        fingerprint = hashlib.sha256(der).digest()
        return await certified(self._cloud.store, fingerprint, self._cloud.now_ms())

    async def _enrol(self, request: web.Request) -> web.Response:
        try:
            basic = BasicAuth.decode(request.headers.get("Authorization", ""), "utf-8")
            batch_key = bytes.fromhex(request.headers["Counterd-Batch-Key"])
            proof = bytes.fromhex(request.headers["Counterd-Batch-Proof"])
        except (ValueError, KeyError) as error:
            raise BadRequest("request_malformed") from error
        asked = Enrolment(basic.login, basic.password, await _pkcs10(request), batch_key, proof)
        cloud = self._cloud
        made, device = await enrol(
            cloud.store, self._signing(), cloud.merchant, asked, cloud.now_ms()
        )
        self.metrics.count("enrolled")
        response = _pkcs7(certs_only([made.certificate]))
        response.headers["Counterd-Merchant"] = device.merchant
        response.headers["Counterd-Store"] = device.store
        assert isinstance(cloud.key, SeedKey)
        response.headers["Counterd-Cloud-Key"] = cloud.key.public_key.hex()
        return response

    async def _enrol_again(self, request: web.Request) -> web.Response:
        device = await self._device(request)
        asked = await _pkcs10(request)
        cloud = self._cloud
        made = await enrol_again(cloud.store, self._signing(), device, asked, cloud.now_ms())
        return _pkcs7(certs_only([made.certificate]))

    async def _cacerts(self, request: web.Request) -> web.Response:
        return _pkcs7(certs_only([self._signing().certificate]))

    def _signing(self) -> Authority:
        if self._authority is None:
            raise NotAllowed("enrol_elsewhere")
        return self._authority

    async def _healthz(self, request: web.Request) -> web.Response:
        """503 as long as the books cannot be used."""
        async with self._cloud.store.transaction() as books:
            await books.devices.setting("merchant")
        return web.json_response({"ok": True, "store": self._cloud.store.name})

    async def _metrics(self, request: web.Request) -> web.Response:
        async with self._cloud.store.transaction() as books:
            text = await self.metrics.page(books)
        return web.Response(text=text, content_type="text/plain", charset="utf-8")


def _orders(answered: Answered, cloud: Cloud) -> web.Response:
    return web.Response(body=answered.orders.sealed_by(cloud.key), content_type=MEDIA_TYPE)


async def _pkcs10(request: web.Request) -> bytes:
    """Base64 as EST has it, or the DER itself."""
    body = await request.read()
    if body[:1] == b"\x30":
        return body
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise BadRequest("request_malformed") from error


def _pkcs7(der: bytes) -> web.Response:
    return web.Response(
        body=base64.encodebytes(der),
        headers={
            "Content-Type": "application/pkcs7-mime; smime-type=certs-only",
            "Content-Transfer-Encoding": "base64",
        },
    )


def _status(error: CounterError) -> int:
    if error.key == "store_unusable":
        return 503
    if isinstance(error, NotAllowed) or error.key in ("device_unknown", "device_revoked"):
        return 403
    if error.key in ("report_signature", "report_key_unknown", "report_device"):
        return 403
    return 409 if error.key == "epoch_unknown" else 400
