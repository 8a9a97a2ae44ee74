"""Readers of several kinds as one `daemon.ports.cards.CardReaders`: a presence says by itself
which kind announced it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from daemon.ports.cards import CardReaders, CardSession, Presence, ReaderEvent, ReaderStatus

MAX_WAITING = 16
"""Each kind has a queue of its own for whoever listens; this one only joins them."""


class Together:
    """Readers that cards lie on, and readers that cards are pulled through."""

    def __init__(self, chips: CardReaders, swipes: CardReaders) -> None:
        self._chips, self._swipes = chips, swipes

    async def start(self) -> None:
        """Raises what a kind raises; those that had begun are ended then."""
        async with AsyncExitStack() as begun:
            for kind in (self._chips, self._swipes):
                await kind.start()
                begun.push_async_callback(kind.stop)
            begun.pop_all()

    async def stop(self) -> None:
        await asyncio.gather(self._chips.stop(), self._swipes.stop())

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return self._chips.statuses() + self._swipes.statuses()

    def open(self, presence: Presence) -> AbstractAsyncContextManager[CardSession]:
        """Raises CardGone if the presence is not there any more."""
        kind = self._swipes if presence.swiped else self._chips
        return kind.open(presence)

    async def events(self) -> AsyncIterator[ReaderEvent]:
        joined: asyncio.Queue[ReaderEvent] = asyncio.Queue(MAX_WAITING)

        async def carry(kind: CardReaders) -> None:
            async for event in kind.events():
                await joined.put(event)

        carriers = [asyncio.create_task(carry(kind)) for kind in (self._chips, self._swipes)]
        try:
            while True:
                yield await joined.get()
        finally:
            for carrier in carriers:
                carrier.cancel()
