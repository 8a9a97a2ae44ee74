"""The cloud goes to a device that it can reach, and says and hears the same."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloud.dial import Dialling
from daemon.core.errors import SyncError
from tests.chain.counter import Counter
from tests.chain.shop import Chain


def door(counter: Counter) -> TestServer:
    """The two routes of a device."""

    async def report(request: web.Request) -> web.Response:
        return web.Response(body=counter.message())

    async def orders(request: web.Request) -> web.Response:
        counter.obey(await request.read())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/link/v1/report", report)
    app.router.add_post("/link/v1/orders", orders)
    return TestServer(app)


async def test_the_cloud_goes_to_a_device(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    a.recharge("m1", 50_00)
    a.sell("m1", 20_00)
    async with door(a) as server, aiohttp.ClientSession() as session:
        dialling = Dialling(chain.cloud, "A", str(server.make_url("/")), None)
        await dialling.exchange(session)
        assert a.disk.receipted == 1
        wrong = Dialling(chain.cloud, b.name, str(server.make_url("/")), None)
        with pytest.raises(SyncError, match="report_device"):
            await wrong.exchange(session)
        lost = Dialling(chain.cloud, "A", str(server.make_url("/nowhere")), None)
        with pytest.raises(SyncError, match="link_refused"):
            await lost.exchange(session)
        gone = str(server.make_url("/"))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(SyncError, match="link_failed"):
            await Dialling(chain.cloud, "A", gone, None).exchange(session)
    assert (await chain.sums())["principal"]["settled"] == 20_00
