"""Server-sent events: the first picture, what follows, what was missed, and pages that do not keep
up or may not listen any more."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.web.events import EventStream, ListenerClosed, TooManyListeners
from tests.fakes.clock import HandClock

from .till import Counter, customer, desfire, living

PATIENCE_S = 20


@dataclass
class Event:
    kind: str
    id: str
    body: Any


class Stream:
    """A plain reader of text/event-stream, written from the HTML standard."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.comments = 0
        self.retry_ms: int | None = None

    async def next(self) -> Event:
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await self._response.content.readline()).decode()
                if not line:
                    raise EOFError
                name, _, value = line.rstrip("\n").partition(":")
                if line == "\n":
                    if "data" in fields:
                        return Event(fields["event"], fields["id"], json.loads(fields["data"]))
                    fields = {}
                elif not name:
                    self.comments += 1
                elif name == "retry":
                    self.retry_ms = int(value)
                else:
                    fields[name] = value.removeprefix(" ")

    async def until(self, kind: str, **parts: Any) -> Event:
        while True:
            event = await self.next()
            if event.kind == kind and parts.items() <= event.body.items():
                return event


@asynccontextmanager
async def listening(
    counter: Counter, *, last: str | None = None, after: str | None = None
) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {counter.token}"}
    if last is not None:
        headers["Last-Event-ID"] = last
    query = {"after": after} if after is not None else {}
    async with counter.client.get("/api/v1/events", headers=headers, params=query) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        yield Stream(response)


async def test_a_sale_as_a_page_sees_it(counter: Counter) -> None:
    member = await customer(counter, desfire())
    await counter.papers(1)
    async with listening(counter) as stream:
        first = await stream.next()
        assert first.kind == "snapshot" and first.body["counter"]["state"] == "idle"
        assert stream.retry_ms == 1000
        sale_id = await counter.begin(1_850)
        assert (await stream.until("counter")).body["state"] == "awaiting_card"
        await counter.lay(member.card)
        approved = await stream.until("sale", status="approved")
        assert approved.body["sale_id"] == sale_id
        receipt_id = approved.body["receipt_id"]
        await stream.until("receipt", receipt_id=receipt_id, state="printed")
        await stream.until("counter", state="done")
        await counter.post(f"/sales/{sale_id}/void", key="v")
        await stream.until("sale", voided=True)


async def test_what_was_missed_is_told_again(counter: Counter) -> None:
    async with listening(counter) as stream:
        first = await stream.next()
    sale_id = await counter.begin(100)
    await counter.post(f"/sales/{sale_id}/cancel")
    async with listening(counter, last=first.id) as stream:
        kinds = [await stream.next() for _ in range(4)]
        assert [one.kind for one in kinds] == ["counter", "sale", "counter", "sale"]
        assert kinds[-1].body["status"] == "cancelled"
    # As a query parameter, and the header comes first: a browser reconnects to the old address.
    async with listening(counter, after=kinds[0].id) as stream:
        assert (await stream.next()).id == kinds[1].id
    async with listening(counter, after=first.id, last=kinds[2].id) as stream:
        assert (await stream.next()).id == kinds[3].id
    numbers = [int(one.id.rpartition("-")[2]) for one in kinds]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


@pytest.mark.parametrize("last", ["", "x", "x-", "other-1", "{boot}-99999", "{boot}--1", "-", "🀄"])
async def test_an_id_that_is_not_known_gets_a_snapshot(counter: Counter, last: str) -> None:
    async with listening(counter) as stream:
        boot = (await stream.next()).id.partition("-")[0]
    async with listening(counter, after=last.format(boot=boot)) as stream:
        assert (await stream.next()).kind == "snapshot"


async def test_ids_of_an_earlier_life_are_unknown(counter: Counter) -> None:
    async with listening(counter) as stream:
        old = (await stream.next()).id
    await counter.stop()
    async with living(counter.reborn()) as again, listening(again, last=old) as stream:
        assert (await stream.next()).kind == "snapshot"
    await counter.start()


async def test_snapshot_misses_nothing_that_happens_meanwhile(counter: Counter) -> None:
    """The snapshot's id is taken before it is made."""
    async with listening(counter) as stream:
        snapshot = await stream.next()
        counter.events.publish("sync", {"sealed": 1})
        event = await stream.next()
        assert int(event.id.partition("-")[2]) == int(snapshot.id.partition("-")[2]) + 1


async def test_signing_out_ends_the_stream(counter: Counter) -> None:
    async with listening(counter) as stream:
        await stream.next()
        assert counter.events.listening == 1
        assert (await counter.ask("DELETE", "/session")).status == 204
        with pytest.raises(EOFError):
            await stream.next()
    assert counter.events.listening == 0


async def test_keep_alive_and_the_end_of_an_idle_session(tmp_path: Path) -> None:
    quick = Counter(tmp_path, HandClock(), events=EventStream(keep_alive_s=0.05))
    async with living(quick) as counter:
        await counter.hire()
        await counter.sign_in()
        async with listening(counter) as stream:
            await stream.next()
            waiting = asyncio.create_task(stream.next())
            while stream.comments < 3:
                await asyncio.sleep(0.01)
            counter.clock.advance(31 * 60)  # listening is not using
            with pytest.raises(EOFError):
                await waiting


async def test_a_page_that_does_not_read_is_cut_off_and_told_again(tmp_path: Path) -> None:
    small = EventStream(kept=6, per_listener=4)
    async with living(Counter(tmp_path, HandClock(), events=small)) as counter:
        await counter.hire()
        await counter.sign_in()
        host, port = counter.address.removeprefix("http://").split(":")
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, (host, int(port)))
            request = (
                f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\n"
                f"Authorization: Bearer {counter.token}\r\n\r\n"
            )
            await loop.sock_sendall(deaf, request.encode())
            while not small.listening:
                await asyncio.sleep(0.01)
            async with asyncio.timeout(PATIENCE_S):
                while small.listening:
                    small.publish("sync", {"sealed": 1, "padding": "x" * 200_000})
                    await asyncio.sleep(0)
        # Nobody else waited for it, and the ring still serves.
        async with listening(counter, last=small._id(small._sequence - 2)) as stream:
            assert (await stream.next()).kind == "sync"
        async with listening(counter, last=small._id(1)) as stream:
            assert (await stream.next()).kind == "snapshot"


async def test_too_many_pages(tmp_path: Path) -> None:
    few = EventStream(most_listeners=1)
    async with living(Counter(tmp_path, HandClock(), events=few)) as counter:
        await counter.hire()
        await counter.sign_in()
        async with listening(counter) as stream:
            await stream.next()
            reply = await counter.ask("GET", "/events")
            assert (reply.status, reply.key) == (429, "too_many_requests")
        while few.listening:
            few.publish("sync", {})  # the next write finds that the page has gone
            await asyncio.sleep(0.01)
        async with listening(counter) as stream:
            await stream.next()


async def test_stopping_ends_the_streams_at_once(counter: Counter) -> None:
    async with listening(counter) as stream:
        await stream.next()
        await counter.server.stop()
        with pytest.raises(EOFError):
            await stream.next()


async def test_listener_alone() -> None:
    stream = EventStream("b", kept=3, per_listener=2, most_listeners=2)
    early = stream.listen(None, b"owner")
    assert early.missed is None and early.position == "b-0"
    assert await early.next(0.0) is None
    stream.publish("a", {"n": 1})
    stream.publish("a", {"n": 2})
    together = await early.next(1.0)
    assert together == (b'id: b-1\nevent: a\ndata: {"n":1}\n\nid: b-2\nevent: a\ndata: {"n":2}\n\n')
    stream.publish("a", {"bad": object()})  # told to the log, to nobody else
    again = stream.listen("b-1", b"other")
    assert again.missed == (b'id: b-2\nevent: a\ndata: {"n":2}\n\n',)
    assert stream.listen is not None
    with pytest.raises(TooManyListeners):
        stream.listen(None, b"third")
    cut: list[bool] = []
    early.cut_off = lambda: cut.append(True)
    for n in range(3):
        stream.publish("a", {"n": n})
    assert cut == [True] and early.closed
    with pytest.raises(ListenerClosed):
        await early.next(1.0)
    stream.close_owner(b"other")
    assert again.closed and stream.listening == 0
    late = stream.listen("b-2", b"owner")
    assert late.missed is not None and len(late.missed) == 3
    assert stream.listen("b-1", b"owner").missed is None
    stream.close()
    assert stream.listening == 0
