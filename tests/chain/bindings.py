"""Both ways between a counter and its cloud, over real sockets with real certificates."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from cloud import enrol as cloud_enrol
from cloud.answer import Cloud
from cloud.authority import make_files
from cloud.server import CloudServer
from daemon.core.errors import SyncError
from daemon.sync.link.device import DeviceLink
from daemon.sync.link.enrol import Files, client_context, cloud_context, enrol, keep
from daemon.sync.link.inward import Inward
from daemon.sync.link.messages import MEDIA_TYPE
from daemon.sync.link.outward import Outward
from daemon.sync.server import SyncServer
from daemon.sync.tls import make_identity, server_context
from tests.chain.branch import Branch, Town

HELD_MS = 2_000
PAUSE_S = 0.05


class Binding(ABC):
    """`join` brings a counter and the cloud together until `part`; `cut` and `mend` are the
    cable."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.folder = folder
        self.tasks: dict[str, asyncio.Task[None]] = {}

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def join(self, branch: Branch) -> None: ...

    async def part(self, branch: Branch) -> None:
        task = self.tasks.pop(branch.device, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for name in list(self.tasks):
            await self.part(self.town.branches[name])

    def begin(self, branch: Branch, work: asyncio.Task[None]) -> None:
        self.tasks[branch.device] = work


class OutwardBinding(Binding):
    held_ms = HELD_MS
    pause_s = PAUSE_S

    async def open(self) -> None:
        now = datetime.datetime.fromtimestamp(self.town.clock.now_ms() / 1000, datetime.UTC)
        wall = datetime.datetime.now(datetime.UTC)
        authority, files = make_files(self.folder / "site", "m1", ["127.0.0.1"], min(now, wall))
        self.files = files
        self.authority = self.folder / "site" / "ca.pem"
        self.server = CloudServer(
            self.town.cloud, "127.0.0.1", 0, tls=files, authority=authority, works=False
        )
        await self.server.start()
        self.port = self.server.port

    async def join(self, branch: Branch) -> None:
        device, folder = branch.device, self.folder / f"tls-{branch.device}"
        files = Files(
            folder / "device.pem", folder / "device.key", folder / "cloud.pub", folder / "ca.pem"
        )
        url = f"https://127.0.0.1:{self.port}"
        if not files.certificate.exists():
            code = await cloud_enrol.make_code(
                self.town.store, device, f"S-{device}", "test", self.town.clock.now_ms()
            )
            enrolled = await enrol(url, cloud_context(self.authority), device, code, branch.signer)
            keep(enrolled, files, self.authority)
            assert files.key.stat().st_mode & 0o077 == 0
        pauses: dict[str, Any] = {"held_ms": self.held_ms, "pause_s": self.pause_s}
        outward = Outward(branch.link, url, client_context(files), **pauses)
        self.begin(branch, asyncio.create_task(outward.run()))

    async def close(self) -> None:
        await super().close()
        await self.server.stop()


class InwardBinding(Binding):
    """The far side of it is in the tests: a cloud that goes round."""

    async def open(self) -> None:
        self.servers: dict[str, SyncServer] = {}

    async def join(self, branch: Branch) -> None:
        folder = self.folder / f"tls-{branch.device}"
        wall = datetime.datetime.now(datetime.UTC)
        files = await asyncio.to_thread(make_identity, folder, ["127.0.0.1"], branch.device, wall)
        shop, link = branch.counter.shop, branch.link
        server = SyncServer(
            "127.0.0.1",
            0,
            server_context(files.server, files.server_key, files.ca),
            ledger=shop.ledger,
            sealer=branch.sealer,
            signer=branch.keys.signer(),
            identity=branch.identity,
            clock=shop.clock,
            cloud_keys={},
            routes=Inward(link, pause_s=PAUSE_S).add_to,
        )
        await server.start()
        self.servers[branch.device] = server
        context = client_context(Files(files.client, files.client_key, folder / "x", files.ca))
        url = f"https://127.0.0.1:{server.port}"
        self.begin(branch, asyncio.create_task(_go_round(self.town.cloud, url, context, branch)))

    async def part(self, branch: Branch) -> None:
        await super().part(branch)
        branch.link.lost()
        server = self.servers.pop(branch.device, None)
        if server is not None:
            await server.stop()


async def _go_round(cloud: Cloud, url: str, context: ssl.SSLContext, branch: Branch) -> None:
    """Asks for the report, answers it, brings the orders."""
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, SyncError, OSError):
                async with session.post(
                    f"{url}/link/v1/report?wait_ms=200", ssl=context
                ) as response:
                    assert response.status == 200, await response.text()
                    message = await response.read()
                report, device = await cloud.open(message)
                answered = await cloud.answer(report, device)
                async with session.post(
                    f"{url}/link/v1/orders",
                    data=answered.orders.sealed_by(cloud.key),
                    headers={"Content-Type": MEDIA_TYPE},
                    ssl=context,
                ) as response:
                    assert response.status in (204, 409), await response.text()
            await asyncio.sleep(0.01)


BINDINGS: dict[str, Callable[[Town, Path], Binding]] = {
    "outward": OutwardBinding,
    "inward": InwardBinding,
}


@asynccontextmanager
async def bound(name: str, town: Town, folder: Path) -> AsyncIterator[Binding]:
    binding = BINDINGS[name](town, folder)
    await binding.open()
    try:
        yield binding
    finally:
        await binding.close()


async def until(question: Callable[[], object], branch_link: DeviceLink | None = None) -> None:
    """Polls; the test's own time-out ends it."""
    while True:
        told = question()
        if asyncio.iscoroutine(told):
            told = await told
        if told:
            return
        await asyncio.sleep(0.02)
