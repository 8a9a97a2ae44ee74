"""A cable that is cut loses what was under way and takes nothing new; joined, it passes all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from simulator.network import Cable, Network


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(1000):
        writer.write(piece)
        await writer.drain()
    writer.close()


@pytest.fixture
async def cable() -> AsyncIterator[Cable]:
    far = await asyncio.start_server(_echo, "127.0.0.1", 0)
    line = Cable("A", *far.sockets[0].getsockname()[:2])
    await line.start()
    yield line
    await line.stop()
    far.close()


async def test_a_joined_cable_passes_all_and_a_cut_one_nothing(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    sent = bytes(range(256)) * 1000
    writer.write(sent)
    assert await reader.readexactly(len(sent)) == sent
    cable.set("refused")
    with pytest.raises(ConnectionError):
        assert await reader.read(1) == b""
        raise ConnectionResetError
    writer.close()
    later, other = await asyncio.open_connection("127.0.0.1", cable.port)
    with pytest.raises(ConnectionError):
        assert await later.read(1) == b""
        raise ConnectionResetError
    other.close()
    cable.set("joined", delay_ms=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    assert cable.passed == 2 * len(sent) + 10
    writer.close()


async def test_a_silent_cable_says_nothing(cable: Cable) -> None:
    cable.set("silent")
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    writer.write(b"hello?")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await reader.read(1)
    assert cable.passed == 0
    writer.close()


async def test_the_page_cuts_and_joins(cable: Cable) -> None:
    server = TestServer(Network([cable]).app())
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        url = server.make_url("/api/cables")
        async with session.post(f"{url}/A", json={"mode": "refused"}) as answer:
            assert (await answer.json())["mode"] == "refused"
        assert cable.mode == "refused"
        refused: list[object] = [{"mode": "maybe"}, {}, [], {"mode": "joined", "delay_ms": -1}]
        for body in refused:
            async with session.post(f"{url}/A", json=body) as answer:
                assert answer.status == 400
        async with session.post(f"{url}/B", json={"mode": "joined"}) as answer:
            assert answer.status == 404
        async with session.get(url) as answer:
            assert [line["mode"] for line in await answer.json()] == ["refused"]
        async with session.get(url, headers={"Host": "shop.example"}) as answer:
            assert answer.status == 403
    await server.close()
