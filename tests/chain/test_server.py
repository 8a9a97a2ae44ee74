"""Devices that dial in over real TLS: enrolment, certificates, long poll, revocation."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import ClientSession

from cloud import enrol, site
from cloud.answer import Cloud
from cloud.books import CloudStore
from cloud.server import CloudServer
from daemon.core.errors import NotFound
from tests.chain.counter import MERCHANT, Counter, World
from tests.chain.dialling import Line, Refusal
from tests.chain.shop import Chain


@dataclass
class Served:
    chain: Chain
    server: CloudServer
    site: site.Site
    folder: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def line(self, name: str) -> Line:
        counter = Counter(self.chain.world, name, f"S-{name}", bytes(32))
        counter.cloud = {self.site.key.key_id: self.site.key.public_key}
        return Line(counter, self.url, self.site.tls.clients, self.folder)

    async def code(self, name: str) -> str:
        now_ms = self.chain.world.now_ms
        return await enrol.make_code(self.chain.store, name, f"S-{name}", "anna", now_ms)

    async def enrolled(self, name: str) -> Line:
        line = self.line(name)
        await line.enrol(await self.code(name))
        await line.talk()
        return line


@pytest.fixture
async def served(store: CloudStore, tmp_path: Path) -> AsyncIterator[Served]:
    made = site.make_site(tmp_path / "site", MERCHANT, ["127.0.0.1"])
    chain = Chain(store, World(now_ms=site.now_ms()))
    chain.cloud = Cloud(store, made.key, MERCHANT, lambda: chain.world.now_ms, chain.policy)
    server = CloudServer(
        chain.cloud, "127.0.0.1", 0, tls=made.tls, authority=made.authority, token=made.token
    )
    await server.start()
    try:
        yield Served(chain, server, made, tmp_path)
    finally:
        await server.stop()


async def test_a_code_is_good_once(served: Served) -> None:
    line = served.line("A")
    code = await served.code("A")
    told = await line.enrol(code.lower())
    assert told["Counterd-Store"] == "S-A" and told["Counterd-Merchant"] == MERCHANT
    assert told["Counterd-Cloud-Key"] == served.site.key.public_key.hex()
    with pytest.raises(Refusal, match="enrol_code_refused"):
        await line.enrol(code)
    with pytest.raises(Refusal, match="enrol_code_refused"):
        await served.line("B").enrol(await served.code("C"))
    expired = await served.code("D")
    served.chain.world.tick(enrol.CODE_VALID_MS)
    with pytest.raises(Refusal, match="enrol_code_refused"):
        await served.line("D").enrol(expired)


async def test_a_device_sells_and_is_believed(served: Served) -> None:
    line = await served.enrolled("A")
    line.counter.recharge("m1", 50_00)
    line.counter.sell("m1", 20_00)
    await line.talk()
    await line.enrol_again()
    await line.talk()
    assert line.counter.disk.receipted == 1
    assert (await served.chain.sums())["principal"]["settled"] == 20_00
    await served.chain.require_sound()


async def test_a_certificate_speaks_for_its_own_device(served: Served) -> None:
    a, b = await served.enrolled("A"), await served.enrolled("B")
    with pytest.raises(Refusal, match="report_device"):
        await a.post(b.counter.message())
    with pytest.raises(Refusal, match="certificate_needed"):
        await _uncertified(a)
    with pytest.raises(Refusal, match="report_key_unknown"):
        await a.post(served.line("C").counter.message())
    with pytest.raises(Refusal, match="report_malformed"):
        await a.post(b"nonsense")


async def _uncertified(line: Line) -> None:
    connector = aiohttp.TCPConnector(ssl=line.context(certified=False))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(line.url + "/link/v1/exchange", data=line.counter.message()) as response,
    ):
        raise Refusal(response.status, (await response.json(content_type=None))["key"])


async def test_a_revoked_device_is_out(served: Served) -> None:
    a, b = await served.enrolled("A"), await served.enrolled("B")
    a.counter.recharge("m1", 50_00)
    await a.talk()
    now_ms = served.chain.world.now_ms
    await enrol.revoke(served.chain.store, "A", "anna", "stolen", now_ms)
    with pytest.raises(Refusal, match="certificate_revoked"):
        await a.talk()
    await b.talk()
    sums = (await served.chain.sums())["principal"]
    assert (sums["reserve"], sums["at_risk"]) == (50_00, 50_00)
    await served.chain.require_sound()
    with pytest.raises(NotFound):
        await enrol.revoke(served.chain.store, "Z", "anna", "stolen", now_ms)


async def test_an_expired_certificate_is_refused(served: Served) -> None:
    line = await served.enrolled("A")
    served.chain.world.tick(400 * 86_400_000)
    with pytest.raises(Refusal, match="certificate_expired"):
        await line.talk()


async def test_an_answer_waits_for_news(served: Served) -> None:
    a, b = await served.enrolled("A"), await served.enrolled("B")
    await a.talk()
    waiting = asyncio.create_task(a.talk(wait_ms=50_000))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    b.counter.change("members", "m1", b"\x01")
    await b.talk()
    orders = await waiting
    assert [delta.dataset for delta in orders.deltas] == ["members"]
    assert a.counter.disk.rows["members", "m1"] == b"\x01"


async def test_health_and_metrics(served: Served) -> None:
    line = await served.enrolled("A")
    connector = aiohttp.TCPConnector(ssl=line.context(certified=False))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(served.url + "/healthz") as response:
            assert (await response.json())["ok"] is True
        async with session.get(served.url + "/metrics") as response:
            text = await response.text()
    assert "counterd_cloud_exchanges_total 1" in text
    assert "counterd_cloud_devices 1" in text


@asynccontextmanager
async def operator(served: Served, token: str | None = None) -> AsyncIterator[ClientSession]:
    context = ssl.create_default_context(cafile=str(served.site.tls.clients))
    async with ClientSession(
        served.url,
        connector=aiohttp.TCPConnector(ssl=context),
        auth=aiohttp.BasicAuth("安娜", token or served.site.token, "utf-8"),
    ) as session:
        yield session


async def test_an_operator_sees_and_acts(served: Served) -> None:
    a = await served.enrolled("A")
    a.counter.recharge("m1", 50_00)
    await a.talk()
    async with operator(served) as session:
        async with session.get("/operator", params={"lang": "zh-CN"}) as response:
            text = await response.text()
            assert response.status == 200 and "script" not in text
            assert "连锁云端" in text and "本金 50.00" in text and "S-A" in text
        async with session.get("/operator", params={"lang": "en"}) as response:
            assert "Cloud of the chain" in await response.text()
        async with session.get("/operator/v1/leases", params={"device": "A"}) as response:
            (lease,) = await response.json()
            assert (lease["out"], lease["state"]) == (50_00, "active")
        for bad in ({"device": "A"}, {"device": "A", "reason": " "}):
            async with session.post("/operator/force", data=bad) as response:
                assert response.status == 400
        forged = {"Origin": "https://elsewhere.example"}
        good = {"device": "A", "reason": "<b>gone</b>"}
        async with session.post("/operator/force", data=good, headers=forged) as response:
            assert response.status == 403
        async with session.post("/operator/force", data=good) as response:
            page = await response.text()
            assert response.status == 200 and "&lt;b&gt;gone" in page and "<b>gone" not in page
        form = {"device": "B", "store": "S-B"}
        async with session.post("/operator/enrol-code", data=form) as response:
            page = await response.text()
        code = re.search(r"<strong>([A-Z2-7-]+)</strong>", page)
        assert code is not None
        await served.line("B").enrol(code[1])
        async with session.get("/operator/v1/log") as response:
            log = await response.json()
        assert [line["verb"] for line in log[:3]] == ["enrol", "enrol_code", "force"]
        assert log[2]["who"] == "安娜"
    assert (await served.chain.sums())["principal"]["at_risk"] == 50_00
    async with operator(served, "wrong") as session, session.get("/operator") as response:
        assert response.status == 401


async def test_an_operator_settles_a_discrepancy(served: Served) -> None:
    a = await served.enrolled("A")
    a.counter.recharge("m1", 50_00)
    image = a.counter.image()
    await a.talk()
    a.counter.restore(image)
    a.counter.sell("m1", 10_00)
    await a.talk()
    async with operator(served) as session:
        async with session.get("/operator/v1/discrepancies") as response:
            told = await response.json()
        form = {"id": told[0]["discrepancy_id"], "state": "EXPLAINED", "reason": "card restored"}
        async with session.post("/operator/settle", data=form) as response:
            assert response.status == 200
        async with session.get("/operator/v1/discrepancies") as response:
            assert len(await response.json()) == len(told) - 1
        for view in ("devices", "sums", "log"):
            async with session.get(f"/operator/v1/{view}") as response:
                assert response.status == 200
        days = {"from": "2026-01-01", "to": "2027-01-01"}
        async with session.get("/operator/v1/settlement", params=days) as response:
            assert (await response.json()) == {"crossed": [], "owed": []}
