"""The socket on which a card connects by itself, against card programs that do not behave."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import pytest_asyncio

from daemon.core.card import Technology
from daemon.core.errors import CardError, CardGone
from daemon.ports.cards import CardLaid, CardLifted, ReaderChanged, ReaderState
from daemon.readers.desk import Readers
from daemon.readers.link import ReaderForgotten
from daemon.readers.session import Deadlines
from daemon.readers.vpcd import VpcdLink
from tests.unit.card_talk import MERCHANT, SYSTEM_ID, masters

ATR = bytes.fromhex("3b8180018080")
WAIT_S = 10.0


class RawCard:
    """A card program in a few lines: it can send any bytes at any time."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self) -> RawCard:
        self.hear, self.say = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def frame(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            length = int.from_bytes(await self.hear.readexactly(2), "big")
            return await self.hear.readexactly(length)

    def answer(self, content: bytes) -> None:
        self.say.write(len(content).to_bytes(2, "big") + content)

    async def power_up(self, atr: bytes = ATR) -> RawCard:
        await self.connect()
        assert await self.frame() == b"\x01"
        assert await self.frame() == b"\x04"
        self.answer(atr)
        return self

    def leave(self) -> None:
        self.say.close()


@pytest_asyncio.fixture
async def link() -> VpcdLink:
    return VpcdLink()


@pytest_asyncio.fixture
async def readers(link: VpcdLink) -> AsyncIterator[Readers]:
    desk = Readers([link], masters(1), SYSTEM_ID, MERCHANT, deadlines=Deadlines(exchange_s=0.4))
    await desk.start()
    yield desk
    await desk.stop()


async def laid(readers: Readers) -> CardLaid:
    async with asyncio.timeout(WAIT_S):
        async for event in readers.events():
            if isinstance(event, CardLaid):
                return event
    raise AssertionError


async def test_a_card_that_says_what_nobody_asked_is_not_believed(
    link: VpcdLink, readers: Readers
) -> None:
    card = await RawCard(link.port).power_up()
    presence = (await laid(readers)).presence
    card.answer(b"\x01\x02\x03\x04\x90\x00")

    async def behave() -> None:
        assert await card.frame() == b"\x02"
        assert (await card.frame())[:2] == b"\xff\xca"
        card.answer(bytes.fromhex("04aabbcc9000"))
        await card.frame()
        card.answer(b"\x6d\x00")

    behaving = asyncio.create_task(behave())
    await asyncio.sleep(0.05)
    async with readers.open(presence) as session:
        assert session.face.uid == bytes.fromhex("04aabbcc")
        assert session.face.technology is Technology.UID
    await behaving


async def test_a_late_answer_is_never_taken_for_the_next_one(
    link: VpcdLink, readers: Readers
) -> None:
    card = await RawCard(link.port).power_up()
    presence = (await laid(readers)).presence
    with pytest.raises(CardError):
        async with readers.open(presence):
            pytest.fail("it said nothing")
    assert await card.frame() == b"\x02"
    assert (await card.frame())[:2] == b"\xff\xca"

    async def catch_up() -> None:
        assert await card.frame() == b"\x02"
        await card.frame()
        card.answer(bytes.fromhex("040000009000"))  # to the first question, very late
        card.answer(bytes.fromhex("04aabbcc9000"))
        await card.frame()
        card.answer(b"\x6d\x00")

    catching_up = asyncio.create_task(catch_up())
    async with readers.open(presence) as session:
        assert session.face.uid == bytes.fromhex("04aabbcc")
    await catching_up


@pytest.mark.parametrize("said", [b"", b"\x3b", bytes(34), b"\x00" * 300])
async def test_a_card_without_a_proper_atr_is_turned_away(
    link: VpcdLink, readers: Readers, said: bytes
) -> None:
    card = await RawCard(link.port).power_up(said)
    async with asyncio.timeout(WAIT_S):
        assert await card.hear.read() == b""
    await RawCard(link.port).power_up()
    assert (await laid(readers)).presence.atr == ATR


async def test_a_program_that_says_nothing_does_not_hold_the_reader(
    link: VpcdLink, readers: Readers
) -> None:
    mute = await RawCard(link.port).connect()
    async with asyncio.timeout(WAIT_S):
        await mute.hear.read()
    await RawCard(link.port).power_up()
    assert (await laid(readers)).presence.atr == ATR


@pytest.mark.parametrize("junk", [b"\xff\xff", b"\xff\xff" + bytes(70_000), b"\x00", b"\x10\x01a"])
async def test_junk_on_the_wire_ends_that_card_only(
    link: VpcdLink, readers: Readers, junk: bytes
) -> None:
    card = await RawCard(link.port).power_up()
    presence = (await laid(readers)).presence
    card.say.write(junk)
    card.leave()
    with pytest.raises(CardError):
        async with readers.open(presence) as session:
            await session.prove()
    await RawCard(link.port).power_up()
    events = readers.events()
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, CardLaid) and event.presence != presence:
                break


async def test_any_bytes_as_answers(link: VpcdLink, readers: Readers) -> None:
    for _ in range(20):
        card = await RawCard(link.port).power_up()

        async def babble(card: RawCard = card) -> None:
            while True:
                await card.frame()
                card.answer(os.urandom(os.urandom(1)[0] % 40))

        babbling = asyncio.create_task(babble())
        presence = (await laid(readers)).presence
        with pytest.raises(CardError):
            async with readers.open(presence) as session:
                await session.prove()
                raise CardGone("card_gone")  # a number that happened to be well formed
        babbling.cancel()
        card.leave()
        async with asyncio.timeout(WAIT_S):
            while any(status.card_present for status in readers.statuses()):
                await asyncio.sleep(0.01)


async def test_a_taken_port_is_said_and_tried_again() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        link = VpcdLink(port=port)
        readers = Readers([link], masters(1), SYSTEM_ID, MERCHANT)
        await readers.start()
        events = readers.events()
        event = await anext(events)
        assert isinstance(event, ReaderChanged)
        assert (event.status.state, event.status.problem) == (
            ReaderState.ABSENT, "reader_port_taken",
        )  # fmt: skip
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, ReaderChanged) and event.status.state is ReaderState.READY:
                break
    await RawCard(port).power_up()
    await laid(readers)
    await readers.stop()


async def test_stopping_lets_the_card_go(link: VpcdLink) -> None:
    readers = Readers([link], masters(1), SYSTEM_ID, MERCHANT)
    await readers.start()
    card = await RawCard(link.port).power_up()
    presence = (await laid(readers)).presence
    await readers.stop()
    async with asyncio.timeout(WAIT_S):
        assert await card.hear.read() == b""
    with pytest.raises(CardError):
        async with readers.open(presence):
            pytest.fail("opened")


async def test_lifting_is_told_once(link: VpcdLink, readers: Readers) -> None:
    card = await RawCard(link.port).power_up()
    events = readers.events()
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, CardLaid):
                break
        card.leave()
        second = await RawCard(link.port).power_up()
        told = []
        async for event in events:
            told.append(type(event))
            if isinstance(event, CardLaid):
                break
    assert told.count(CardLifted) == 1
    second.leave()


async def test_a_card_that_comes_while_the_link_stops_does_not_hold_it_up() -> None:
    link = VpcdLink()
    link.start(lambda _: None)
    card = await RawCard(link.port).connect()
    assert [await card.frame(), await card.frame()] == [b"\x01", b"\x04"]
    stopping = asyncio.create_task(asyncio.to_thread(link.stop))
    await asyncio.sleep(0.1)
    card.answer(ATR)
    try:
        async with asyncio.timeout(WAIT_S):
            assert await card.hear.read() == b""
            await asyncio.shield(stopping)
    finally:
        card.leave()
        await stopping


async def test_where_one_link_cannot_start_the_others_end() -> None:
    before = set(threading.enumerate())
    wrong = VpcdLink(port=70_000)
    readers = Readers([VpcdLink(), wrong], masters(1), SYSTEM_ID, MERCHANT)
    with pytest.raises(OverflowError):
        await readers.start()
    began = set(threading.enumerate()) - before
    assert not [thread.name for thread in began if thread.name.startswith("vpcd")]


async def test_a_reader_that_is_forgotten_leaves_no_thread(
    link: VpcdLink, readers: Readers
) -> None:
    before = set(threading.enumerate())
    card = await RawCard(link.port).power_up()
    presence = (await laid(readers)).presence
    with pytest.raises(CardError):
        async with readers.open(presence):
            pytest.fail("it said nothing")
    card.leave()
    began = set(threading.enumerate()) - before
    (lane,) = (thread for thread in began if thread.name == f"reader {link.name}")
    link._tell(ReaderForgotten(link.name))
    await asyncio.to_thread(lane.join, WAIT_S)
    assert not lane.is_alive()
