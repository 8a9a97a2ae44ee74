"""Magnetic swipe readers and scanners behind `daemon.ports.cards.CardReaders`: a swipe is a card
that was there for a moment and that proves no more than its number.

One task looks for the readers that the configuration names, opens them and lets go of those that
left. What they send is read on the event loop, where the kernel has it ready. A swipe is kept until
the next one, or `HOLD_S`; whoever sees what it says gets 16 bytes that stand for the number, never
the tracks. How a reader is plugged in (keyboard, serial line, HID reports) is its kind's affair."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from daemon.core.card import Assurance, Face, Proof, Technology
from daemon.core.errors import CardForged, CardGone, ReaderError, SwipeError
from daemon.core.swipe import Code, Swipe, Typed, card_number, card_uid
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    CardSession,
    CodeScanned,
    Presence,
    PurseSession,
    ReaderChanged,
    ReaderEvent,
    ReaderState,
    ReaderStatus,
    SwipeRefused,
)
from daemon.readers.feed import DeviceSeen, Feed, Heard, Kind, SwipeSource
from daemon.readers.lane import Lane, LaneStuck
from daemon.readers.news import News

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Between two looks at what is plugged in. One that was pulled out is known at once."""
HOLD_S: Final = 30.0
"""How long a swipe without a sale stays on the screen."""
STOP_WAIT_S: Final = 1.0
OPEN_WAIT_S: Final = 2.0
"""A line that does not open for so long hangs in its driver; the others are not held up again."""
CALM_S: Final = 1.0
MOST_IN_A_SECOND: Final = 50
"""Nobody swipes or scans like that: what is more is dropped, and the reader says so."""


class _Line:
    """One reader that is open."""

    def __init__(self, source: SwipeSource, feed: Feed) -> None:
        self.source = source
        self.feed = feed
        self.timer: asyncio.TimerHandle | None = None
        self.calm: asyncio.TimerHandle | None = None
        """Set while it floods."""
        self.second = 0
        self.heard = 0
        """How much was heard in that second."""

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def close(self) -> None:
        self.stop_timer()
        if self.calm is not None:
            self.calm.cancel()
        self.feed.close()

    def floods(self, now_s: int) -> bool:
        """Counts one more thing heard. Whether there are more in a second than a hand can do."""
        if now_s != self.second:
            self.second, self.heard = now_s, 0
        self.heard += 1
        return self.heard > MOST_IN_A_SECOND


@dataclass(slots=True)
class _Slot:
    """A device that fits a source. `line` None: it could not be opened. `opening`: it is being
    tried, or hangs there."""

    name: str
    line: _Line | None = None
    opening: Lane | None = None


@dataclass(slots=True)
class _Held:
    """The last swipe of one reader."""

    presence: Presence
    face: Face
    timer: asyncio.TimerHandle


class SwipedCard:
    """`CardSession` with a swipe: its number, and nothing more."""

    def __init__(self, face: Face) -> None:
        self._face = face

    @property
    def face(self) -> Face:
        return self._face

    @property
    def purse(self) -> PurseSession | None:
        return None

    async def prove(self) -> Proof:
        return Proof(self._face, Assurance.IDENTITY)

    async def advance(self, expected: int) -> None:
        raise CardForged("card_forged", why="technology")

    async def personalise(self, card_id: str) -> Proof:
        raise CardForged("card_forged", why="technology")


class SwipeReaders:
    """`CardReaders` over the devices of `kinds` that `sources` name."""

    def __init__(
        self,
        sources: Sequence[SwipeSource],
        kinds: Sequence[Kind],
        *,
        look_s: float = LOOK_S,
        hold_s: float = HOLD_S,
        open_wait_s: float = OPEN_WAIT_S,
    ) -> None:
        self._sources = tuple(sources)
        self._kinds = tuple(kinds)
        self._look_s, self._hold_s, self._open_wait_s = look_s, hold_s, open_wait_s
        self._slots: dict[str, _Slot] = {}
        self._statuses = {
            source.name: ReaderStatus(source.name, ReaderState.OPENING) for source in sources
        }
        self._held: dict[str, _Held] = {}
        self._tokens = itertools.count(1)
        self._news = News(self._present)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="swipes")

    async def stop(self) -> None:
        """Lets every reader go. A thread that hangs in a driver is left behind."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_WAIT_S)
            self._task.cancel()
        for path in list(self._slots):
            self._lose(path)
        for held in self._held.values():
            held.timer.cancel()
        self._held.clear()

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return tuple(self._statuses.values())

    def events(self) -> AsyncIterator[ReaderEvent]:
        return self._news.events()

    @asynccontextmanager
    async def open(self, presence: Presence) -> AsyncIterator[CardSession]:
        held = self._held.get(presence.reader)
        if held is None or held.presence != presence:
            raise CardGone("card_gone", why="presence")
        yield SwipedCard(held.face)

    def _present(self) -> list[ReaderEvent]:
        state: list[ReaderEvent] = [ReaderChanged(status) for status in self.statuses()]
        return state + [CardLaid(held.presence) for held in self._held.values()]

    # -- which readers are there -------------------------------------------------------------------

    async def _watch(self) -> None:
        """Supervises: whatever a look comes to, the next one is made."""
        while not self._stopping.is_set():
            try:
                await self._look()
            except Exception:
                log.exception("looking for swipe readers failed")
            try:
                async with asyncio.timeout(self._look_s):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        seen = await asyncio.to_thread(self._seen)
        wanted = {
            each.path: (kind, source)
            for kind, each in seen
            if (source := self._source_of(each)) is not None
        }
        for path in self._slots.keys() - wanted.keys():
            self._lose(path)
        for path, (kind, source) in wanted.items():
            if self._stopping.is_set():
                return
            slot = self._slots.setdefault(path, _Slot(self._free_name(source)))
            if slot.line is None and slot.opening is None:
                await self._take(path, slot, source, kind)
        served = {slot.name for slot in self._slots.values()}
        for source in self._sources:
            if source.name not in served:
                self._change(source.name, ReaderState.ABSENT, "reader_unplugged")

    def _seen(self) -> list[tuple[Kind, DeviceSeen]]:
        return [(kind, each) for kind in self._kinds for each in kind.seen()]

    def _source_of(self, seen: DeviceSeen) -> SwipeSource | None:
        return next((source for source in self._sources if source.fits(seen)), None)

    def _free_name(self, source: SwipeSource) -> str:
        """Two readers of a kind are told apart by a number."""
        taken = {slot.name for slot in self._slots.values()}
        names = itertools.chain(
            [source.name], (f"{source.name} ({number})" for number in itertools.count(2))
        )
        return next(name for name in names if name not in taken)

    async def _take(self, path: str, slot: _Slot, source: SwipeSource, kind: Kind) -> None:
        def free(_: Lane) -> None:
            slot.opening = None

        slot.opening = lane = Lane(slot.name, free)
        try:
            feed = await lane.call(
                lambda: kind.open(path, source), self._open_wait_s, undo=lambda late: late.close()
            )
        except ReaderError as error:
            self._change(slot.name, ReaderState.FAULTED, error.key)
        except LaneStuck:
            self._change(slot.name, ReaderState.FAULTED, "reader_stuck")
            return
        else:
            slot.line = _Line(source, feed)
            asyncio.get_running_loop().add_reader(feed.fileno(), self._readable, path)
            self._change(slot.name, ReaderState.READY, None)
        slot.opening = None
        lane.close()

    def _lose(self, path: str) -> None:
        slot = self._slots.pop(path, None)
        if slot is None:
            return
        line, slot.line = slot.line, None
        if line is not None:
            asyncio.get_running_loop().remove_reader(line.feed.fileno())
            line.close()
            if line.feed.waiting:
                self._news.publish(SwipeRefused(slot.name, "swipe_torn"))
        if any(slot.name == source.name for source in self._sources):
            self._change(slot.name, ReaderState.ABSENT, "reader_unplugged")
        else:
            gone = ReaderStatus(slot.name, ReaderState.ABSENT, problem="reader_unplugged")
            self._statuses.pop(slot.name, None)
            self._news.publish(ReaderChanged(gone))

    def _change(self, name: str, state: ReaderState, problem: str | None) -> None:
        status = ReaderStatus(name, state, problem=problem)
        if self._statuses.get(name) != status:
            self._statuses[name] = status
            self._news.publish(ReaderChanged(status))

    # -- what they send ----------------------------------------------------------------------------

    def _readable(self, path: str) -> None:
        slot = self._slots[path]
        line = slot.line
        assert line is not None
        try:
            heard = line.feed.read()
        except ReaderError:
            self._lose(path)
            return
        line.stop_timer()
        self._take_in(slot.name, line, heard)
        if line.feed.waiting:
            idle_ms = line.source.form.idle_ms
            loop = asyncio.get_running_loop()
            line.timer = loop.call_later(idle_ms / 1000, self._silent, slot.name, line)

    def _silent(self, name: str, line: _Line) -> None:
        line.timer = None
        self._take_in(name, line, line.feed.silent())

    def _take_in(self, name: str, line: _Line, heard: Sequence[Heard]) -> None:
        now_s = int(asyncio.get_running_loop().time())
        for each in heard:
            if isinstance(each, Typed):
                continue
            if line.floods(now_s):
                self._flooded(name, line)
            else:
                self._tell(name, line.source, each)

    def _flooded(self, name: str, line: _Line) -> None:
        self._change(name, ReaderState.FAULTED, "reader_flooding")
        if line.calm is not None:
            line.calm.cancel()
        loop = asyncio.get_running_loop()
        line.calm = loop.call_later(CALM_S, self._change, name, ReaderState.READY, None)

    def _tell(self, name: str, source: SwipeSource, heard: Swipe | Code | SwipeError) -> None:
        try:
            if isinstance(heard, SwipeError):
                raise heard
            if isinstance(heard, Swipe):
                self._lay(name, card_uid(card_number(heard, source.track)))
            elif source.form.codes:
                self._news.publish(CodeScanned(name, heard.text))
            else:
                self._news.publish(SwipeRefused(name, "swipe_not_a_card"))
        except SwipeError as error:
            log.info("a swipe was not taken: %s", error)
            self._news.publish(SwipeRefused(name, error.key))

    def _lay(self, name: str, uid: bytes) -> None:
        self._lift(name)
        presence = Presence(name, next(self._tokens), b"", swiped=True)
        timer = asyncio.get_running_loop().call_later(self._hold_s, self._lift, name)
        face = Face(uid, Technology.MAGSTRIPE, personalised=False)
        self._held[name] = _Held(presence, face, timer)
        self._news.publish(CardLaid(presence))

    def _lift(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None:
            held.timer.cancel()
            self._news.publish(CardLifted(name, held.presence.token))
