"""The readers of one appliance behind `daemon.ports.cards.CardReaders`, over any number of links.

Links speak from threads of their own; everything here happens on the event loop. Each reader has a
lane (one thread) for what blocks, at most one session at a time, and a token that is new with every
insertion. Events go to every subscriber through a queue of its own.

    ABSENT --found--> READY --an exchange misses its deadline--> FAULTED --it comes back, or another
    READY/FAULTED --lost--> ABSENT                               session works--> READY
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from daemon.core.errors import CardGone, ReaderError
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    CardSession,
    Presence,
    ReaderChanged,
    ReaderEvent,
    ReaderState,
    ReaderStatus,
)
from daemon.ports.keys import CardKeys
from daemon.ports.purse_keys import PurseKeys
from daemon.readers.cards.desfire import Entropy, Scheme
from daemon.readers.lane import Lane
from daemon.readers.link import (
    CardInserted,
    CardRemoved,
    Link,
    LinkEvent,
    ReaderForgotten,
    ReaderFound,
    ReaderLost,
)
from daemon.readers.session import Deadlines, OpenSession

MAX_WAITING_EVENTS = 256
"""A subscriber that is this far behind gets the present state again instead of the history."""

MAX_STUCK_LANES = 3
"""Threads that hang in a driver cannot be ended; a reader that swallows them all stays faulted
until one comes back."""

STOP_WAIT_S = 1.0

LOOK_AGAIN_S = 0.6
"""pcscd looks every 0.4 s. Where a card left within a session and was back, or another lay there,
before it looked, nobody would ever announce it."""

MAX_LOOKS = 3
"""Per insertion, so that a card that always fails is not announced for ever."""


class _Reader:
    """One reader: its state, the card on it, and the thread that serves it."""

    def __init__(self, name: str, link: Link) -> None:
        self.name = name
        self.link = link
        self.state = ReaderState.OPENING
        self.problem: str | None = None
        self.presence: Presence | None = None
        self.looks = 0
        self.busy = asyncio.Lock()
        self.stuck: list[Lane] = []
        self.forgotten = False
        self._lane: Lane | None = None

    def status(self) -> ReaderStatus:
        return ReaderStatus(self.name, self.state, self.presence is not None, self.problem)

    def lane(self, desk: Readers) -> Lane:
        """The thread of this reader, a fresh one where the last is stuck. Raises ReaderError."""
        if self._lane is not None and self._lane.stuck:
            self.stuck.append(self._lane)
            self._lane = None
        if self._lane is None:
            if len(self.stuck) >= MAX_STUCK_LANES:
                raise ReaderError("reader_stuck")
            self._lane = Lane(self.name, lambda lane: desk.lane_came_back(self, lane))
        return self._lane

    def forget_lane(self, lane: Lane) -> None:
        if lane in self.stuck:
            self.stuck.remove(lane)
        if self._lane is lane:
            self._lane = None

    def has_stuck_lane(self) -> bool:
        return bool(self.stuck) or (self._lane is not None and self._lane.stuck)

    def forget(self) -> None:
        """It is not there any more. A session that is still open lets its card go on the lane, and
        then ends the lane."""
        self.forgotten = True
        if not self.busy.locked():
            self.close()

    def close(self) -> list[Lane]:
        """The lanes that were not stuck, told to end."""
        lane, self._lane = self._lane, None
        if lane is None or lane.stuck:
            return []
        lane.close()
        return [lane]


class _Subscriber:
    def __init__(self) -> None:
        self.waiting: deque[ReaderEvent] = deque()
        self.woken = asyncio.Event()


class Readers:
    """`CardReaders` over `links`.

    `system_id` (1 to 18 bytes) separates installations that share card masters; `merchant_hash` is
    8 bytes that name the merchant on the card; without `purse_keys` a purse is taken for a
    number."""

    def __init__(
        self,
        links: Sequence[Link],
        keys: CardKeys,
        system_id: bytes,
        merchant_hash: bytes,
        entropy: Entropy = os.urandom,
        deadlines: Deadlines | None = None,
        purse_keys: PurseKeys | None = None,
    ) -> None:
        self._links = tuple(links)
        self._scheme = Scheme(keys, system_id, merchant_hash)
        self._entropy = entropy
        self._purse_keys = purse_keys
        self._deadlines = deadlines or Deadlines()
        self._readers: dict[str, _Reader] = {}
        self._subscribers: set[_Subscriber] = set()
        self._tokens = itertools.count(1)
        self._stopped = False

    async def start(self) -> None:
        """Raises what a link raises; those that had begun are ended then."""
        loop = asyncio.get_running_loop()
        started: list[Link] = []
        for link in self._links:

            def tell(event: LinkEvent, link: Link = link) -> None:
                loop.call_soon_threadsafe(self._on_link, link, event)

            try:
                link.start(tell)
            except BaseException:
                await self._end(started)
                raise
            started.append(link)

    async def stop(self) -> None:
        """Ends the links and the threads; a thread that hangs in a driver is left behind."""
        # What comes in now would begin a thread that nobody ends.
        self._stopped = True
        await self._end(self._links)
        lanes = [lane for reader in self._readers.values() for lane in reader.close()]
        await asyncio.gather(*(asyncio.to_thread(lane.join, STOP_WAIT_S) for lane in lanes))

    async def _end(self, links: Sequence[Link]) -> None:
        await asyncio.gather(*(asyncio.to_thread(link.stop) for link in links))

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return tuple(reader.status() for reader in self._readers.values())

    async def events(self) -> AsyncIterator[ReaderEvent]:
        subscriber = _Subscriber()
        subscriber.waiting.extend(self._present_state())
        self._subscribers.add(subscriber)
        try:
            while True:
                while subscriber.waiting:
                    yield subscriber.waiting.popleft()
                subscriber.woken.clear()
                await subscriber.woken.wait()
        finally:
            self._subscribers.discard(subscriber)

    @asynccontextmanager
    async def open(self, presence: Presence) -> AsyncIterator[CardSession]:
        reader = self._readers.get(presence.reader)
        if reader is None or reader.presence != presence:
            raise CardGone("card_gone", why="presence")
        async with reader.busy:
            if self._stopped or reader.presence != presence:
                raise CardGone("card_gone", why="presence")
            session = OpenSession(
                reader.lane(self), self._scheme, self._entropy, self._deadlines,
                lambda: self._fault(reader), self._purse_keys,
            )  # fmt: skip
            try:
                await session.begin(lambda: reader.link.connect(reader.name))
                if not reader.has_stuck_lane():
                    self._change(reader, ReaderState.READY, None)
                yield session
            finally:
                session.end()
                if reader.forgotten:
                    reader.close()
                if session.lost and reader.looks < MAX_LOOKS:
                    loop = asyncio.get_running_loop()
                    loop.call_later(LOOK_AGAIN_S, self._look_again, reader, presence)

    def lane_came_back(self, reader: _Reader, lane: Lane) -> None:
        """A thread that was given up has returned from its driver."""
        reader.forget_lane(lane)
        if reader.state is ReaderState.FAULTED and not reader.has_stuck_lane():
            self._change(reader, ReaderState.READY, None)

    def _fault(self, reader: _Reader) -> None:
        if reader.state is not ReaderState.ABSENT:
            self._change(reader, ReaderState.FAULTED, "reader_stuck")

    def _on_link(self, link: Link, event: LinkEvent) -> None:
        if isinstance(event, ReaderForgotten):
            forgotten = self._readers.pop(event.reader, None)
            if forgotten is not None:
                forgotten.forget()
            return
        reader = self._readers.get(event.reader)
        if reader is None:
            reader = self._readers[event.reader] = _Reader(event.reader, link)
        match event:
            case ReaderFound():
                stuck = reader.has_stuck_lane()
                state = ReaderState.FAULTED if stuck else ReaderState.READY
                self._change(reader, state, "reader_stuck" if stuck else None)
            case ReaderLost(problem=problem):
                self._lift(reader)
                self._change(reader, ReaderState.ABSENT, problem)
            case CardInserted(atr=atr):
                reader.looks = 0
                self._lay(reader, atr)
            case CardRemoved():
                self._lift(reader)

    def _look_again(self, reader: _Reader, presence: Presence) -> None:
        """A card left within a session and the link has not said so: it is announced anew."""
        if reader.presence == presence:
            reader.looks += 1
            self._lay(reader, presence.atr)

    def _lay(self, reader: _Reader, atr: bytes) -> None:
        self._lift(reader)
        reader.presence = Presence(reader.name, next(self._tokens), atr)
        self._publish(ReaderChanged(reader.status()))
        self._publish(CardLaid(reader.presence))

    def _lift(self, reader: _Reader) -> None:
        presence, reader.presence = reader.presence, None
        if presence is not None:
            self._publish(CardLifted(presence.reader, presence.token))
            self._publish(ReaderChanged(reader.status()))

    def _change(self, reader: _Reader, state: ReaderState, problem: str | None) -> None:
        if (reader.state, reader.problem) != (state, problem):
            reader.state, reader.problem = state, problem
            self._publish(ReaderChanged(reader.status()))

    def _present_state(self) -> list[ReaderEvent]:
        state: list[ReaderEvent] = []
        for reader in self._readers.values():
            state.append(ReaderChanged(reader.status()))
            if reader.presence is not None:
                state.append(CardLaid(reader.presence))
        return state

    def _publish(self, event: ReaderEvent) -> None:
        for subscriber in self._subscribers:
            if len(subscriber.waiting) >= MAX_WAITING_EVENTS:
                subscriber.waiting.clear()
                subscriber.waiting.extend(self._present_state())
            else:
                subscriber.waiting.append(event)
            subscriber.woken.set()
