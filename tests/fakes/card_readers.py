"""Readers and cards in memory, behind daemon.ports.cards: a small world in which a test lays cards
down, lifts them, and lets them misbehave. A card keeps its own truth (keys, id, counter), and what
a session answers follows from it, as with a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum

from daemon.core.card import Assurance, Face, Proof, Technology
from daemon.core.errors import (
    CardForged,
    CardGarbled,
    CardGone,
    CardSilent,
    CardTorn,
    KeyMissing,
    ReaderError,
)
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    Presence,
    PurseSession,
    ReaderChanged,
    ReaderEvent,
    ReaderState,
    ReaderStatus,
)


class Fault(Enum):
    """What goes wrong at the next exchange; the card forgets it once it happened."""

    SILENT = "silent"
    GARBLED = "garbled"
    GONE = "gone"
    READER = "reader"
    KEYLESS = "keyless"
    """The device does not hold the key that the card needs."""
    GONE_BEFORE_COMMIT = "gone before commit"
    TORN_COMMITTED = "torn, and the card had committed"
    TORN_UNCOMMITTED = "torn, and the card had not"
    FROZEN_COMMITTED = "no answer for ever, and the card has committed"
    FROZEN_UNCOMMITTED = "no answer for ever, and the card has not"


_AT_ONCE = {
    Fault.SILENT: CardSilent("card_silent"),
    Fault.GARBLED: CardGarbled("card_garbled"),
    Fault.GONE: CardGone("card_gone"),
    Fault.READER: ReaderError("reader_stuck"),
    Fault.KEYLESS: KeyMissing("card_key_missing"),
}


@dataclass(slots=True)
class PlasticCard:
    """`card_id` and `counter` are what a DESFire card of ours holds; `genuine` False: it shows them
    and does not hold the keys."""

    uid: bytes
    technology: Technology = Technology.UID
    card_id: str | None = None
    counter: int = 0
    genuine: bool = True
    fault: Fault | None = None

    @property
    def face(self) -> Face:
        personalised = self.card_id is not None
        return Face(self.uid, self.technology, personalised, 1 if personalised else None)

    def purse_session(self) -> PurseSession | None:
        """Its purse as one session sees it; an ordinary card has none."""
        return None

    def copy(self) -> PlasticCard:
        """A clone as it is now, keys and all: what a broken card technology would allow."""
        return replace(self)

    def stumble(self, *faults: Fault) -> Fault | None:
        if self.fault not in faults:
            return None
        fault, self.fault = self.fault, None
        return fault


class MemorySession:
    """Implements daemon.ports.cards.CardSession."""

    def __init__(self, readers: MemoryReaders, presence: Presence, card: PlasticCard) -> None:
        self._readers, self._presence, self._card = readers, presence, card
        self._face = card.face
        self.purse = card.purse_session()
        self._proved = False

    @property
    def face(self) -> Face:
        return self._face

    def _require_there(self) -> None:
        if not self._readers.lies_there(self._presence):
            raise CardGone("card_gone")
        fault = self._card.stumble(*_AT_ONCE)
        if fault is not None:
            raise _AT_ONCE[fault]

    async def prove(self) -> Proof:
        self._require_there()
        card = self._card
        if card.technology in (Technology.UID, Technology.PURSE):
            return Proof(self._face, Assurance.IDENTITY)
        if not card.genuine:
            raise CardForged("card_forged")
        self._proved = True
        return Proof(self._face, Assurance.AUTHENTIC, card.card_id, card.counter)

    async def advance(self, expected: int) -> None:
        assert self._proved and expected == self._card.counter
        card = self._card
        self._require_there()
        if card.stumble(Fault.GONE_BEFORE_COMMIT):
            raise CardGone("card_gone")
        fault = card.stumble(
            Fault.TORN_COMMITTED,
            Fault.TORN_UNCOMMITTED,
            Fault.FROZEN_COMMITTED,
            Fault.FROZEN_UNCOMMITTED,
        )
        if fault not in (Fault.TORN_UNCOMMITTED, Fault.FROZEN_UNCOMMITTED):
            card.counter += 1
        if fault in (Fault.FROZEN_COMMITTED, Fault.FROZEN_UNCOMMITTED):
            self._readers.frozen.set()
            await asyncio.Event().wait()
        if fault is not None:
            raise CardTorn("card_torn")

    async def personalise(self, card_id: str) -> Proof:
        self._require_there()
        card = self._card
        if not card.genuine:
            raise CardForged("card_forged")
        card.card_id, card.counter = card_id, 0
        self._face = card.face
        self._proved = True
        return Proof(self._face, Assurance.AUTHENTIC, card_id, 0)


class MemoryReaders:
    """Implements daemon.ports.cards.CardReaders. `lay` and `lift` return when whoever watches the
    readers has taken the news in."""

    def __init__(self, *names: str) -> None:
        self._statuses = {name: ReaderStatus(name, ReaderState.READY) for name in names}
        self._cards: dict[str, tuple[Presence, PlasticCard]] = {}
        self._news: asyncio.Queue[ReaderEvent] = asyncio.Queue()
        self._tokens = 0
        self.frozen = asyncio.Event()
        """Set when a card went silent in the middle of a commit."""

    async def start(self) -> None:
        for status in self._statuses.values():
            self._news.put_nowait(ReaderChanged(status))

    async def stop(self) -> None:
        self._cards.clear()

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return tuple(self._statuses.values())

    async def events(self) -> AsyncIterator[ReaderEvent]:
        while True:
            event = await self._news.get()
            yield event
            self._news.task_done()

    @property
    def occupied(self) -> dict[str, PlasticCard]:
        """What lies where."""
        return {reader: card for reader, (_, card) in self._cards.items()}

    def lies_there(self, presence: Presence) -> bool:
        there = self._cards.get(presence.reader)
        return there is not None and there[0] == presence

    @asynccontextmanager
    async def open(self, presence: Presence) -> AsyncIterator[MemorySession]:
        if not self.lies_there(presence):
            raise CardGone("card_gone")
        yield MemorySession(self, presence, self._cards[presence.reader][1])

    async def lay(self, card: PlasticCard, reader: str) -> None:
        assert reader not in self._cards, "a card lies there"
        self._tokens += 1
        presence = Presence(reader, self._tokens, b"\x3b\x80\x80\x01\x01")
        self._cards[reader] = presence, card
        await self._tell(CardLaid(presence))

    async def lift(self, reader: str) -> None:
        presence, _ = self._cards.pop(reader)
        await self._tell(CardLifted(reader, presence.token))

    async def change(self, status: ReaderStatus) -> None:
        self._statuses[status.name] = status
        await self._tell(ReaderChanged(status))

    async def _tell(self, event: ReaderEvent) -> None:
        self._news.put_nowait(event)
        await self._news.join()
