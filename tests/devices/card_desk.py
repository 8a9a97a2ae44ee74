"""A desk of readers over one kind of link, with a rack of cards on its far side."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from daemon.core.card import Proof
from daemon.core.ids import make_id
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    Presence,
    ReaderChanged,
    ReaderEvent,
    ReaderState,
)
from daemon.ports.purse_keys import PurseKeys
from daemon.readers.desk import Readers
from daemon.readers.link import Link
from daemon.readers.pcsc import PcscLink
from daemon.readers.session import Deadlines
from daemon.readers.vpcd import VpcdLink
from tests.devices.rack_process import RackProcess, running_rack
from tests.unit.card_talk import MERCHANT, SYSTEM_ID, masters
from tests.virtual.isolated import INSIDE, PORTS, Pcscd

E = TypeVar("E", bound=ReaderEvent)
WAIT_S = 20.0
"""Nothing in these tests takes as long; only a test that would never end runs into it."""

CARD_ID = make_id(1_700_000_000_000, b"0123456789")
OTHER_ID = make_id(1_700_000_000_001, b"0123456789")
DEADLINES = Deadlines(exchange_s=1.0)
KINDS = ["pcscd"] if os.environ.get(INSIDE) == "1" else ["vpcd"]


@dataclass
class Desk:
    readers: Readers
    rack: RackProcess
    events: AsyncIterator[ReaderEvent]
    seen: list[ReaderEvent]

    async def next(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        async with asyncio.timeout(WAIT_S):
            async for event in self.events:
                self.seen.append(event)
                if isinstance(event, kind) and fits(event):
                    return event
        raise AssertionError("the events ended")

    async def lay(self, card_id: str, **fault: int | str) -> Presence:
        """Puts a card on the reader and waits for the daemon to see it; first takes off the one
        that lies there, and waits for that too: pcscd looks at its readers every 400 ms and would
        take a faster swap for one card."""
        if any(status.card_present for status in self.readers.statuses()):
            await self.lift()
        await self.rack.insert(card_id, **fault)
        return (await self.next(CardLaid)).presence

    async def lift(self) -> CardLifted:
        await self.rack.eject()
        return await self.next(CardLifted)

    async def state(self, wanted: ReaderState, reader: str | None = None) -> ReaderChanged:
        def fits(event: ReaderChanged) -> bool:
            named = reader is None or event.status.name.startswith(reader)
            return named and event.status.state is wanted

        return await self.next(ReaderChanged, fits)

    async def issue(self, card_id: str = "card", as_id: str = CARD_ID) -> Proof:
        """A fresh card of ours, taken off again."""
        await self.rack.create("desfire", card_id)
        presence = await self.lay(card_id)
        async with self.readers.open(presence) as session:
            proof = await session.personalise(as_id)
        await self.lift()
        return proof

    async def prove(self, card_id: str) -> Proof:
        presence = await self.lay(card_id)
        async with self.readers.open(presence) as session:
            proof = await session.prove()
        await self.lift()
        return proof


@asynccontextmanager
async def open_desk(
    folder: Path,
    links: list[Link],
    port: int | None = None,
    purse_keys: PurseKeys | None = None,
) -> AsyncIterator[Desk]:
    """`port` None: that of the first link, which is a VpcdLink."""
    readers = Readers(
        links, masters(1), SYSTEM_ID, MERCHANT, deadlines=DEADLINES, purse_keys=purse_keys
    )
    await readers.start()
    if port is None:
        first = links[0]
        assert isinstance(first, VpcdLink)
        port = first.port
    try:
        with running_rack(folder / "cards", port) as rack:
            yield Desk(readers, rack, readers.events(), [])
    finally:
        await readers.stop()


@asynccontextmanager
async def desk_of(
    kind: str, folder: Path, purse_keys: PurseKeys | None = None
) -> AsyncIterator[Desk]:
    """The same desk over either link. `pcscd` works inside `tests.virtual.isolated` only."""
    async with AsyncExitStack() as stack:
        if kind == "vpcd":
            yield await stack.enter_async_context(open_desk(folder, [VpcdLink()], None, purse_keys))
            return
        pcscd = Pcscd(folder / "pcscd")
        pcscd.start("Virtual PCD A")
        stack.callback(pcscd.stop)
        port = PORTS["Virtual PCD A"]
        desk = await stack.enter_async_context(open_desk(folder, [PcscLink()], port, purse_keys))
        await desk.state(ReaderState.READY)
        yield desk
