"""Magnetic swipe readers behind `daemon.ports.cards.CardReaders`: a swipe is a card that was there
for a moment and that proves no more than its number.

One task looks for the keyboards that the configuration names, takes hold of them and lets go of
those that left. What they type is read on the event loop, where the kernel has it ready. A swipe is
kept until the next one, or `HOLD_S`; whoever sees what it says gets 16 bytes that stand for the
number, never the tracks."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from daemon.core.card import Assurance, Face, Proof, Technology
from daemon.core.errors import CardForged, CardGone, ReaderError, SwipeError
from daemon.core.swipe import (
    Burst,
    Code,
    Form,
    Framing,
    Swipe,
    card_number,
    card_uid,
    read_burst,
)
from daemon.core.us_keys import UsKeys
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    CardSession,
    Presence,
    ReaderChanged,
    ReaderEvent,
    ReaderState,
    ReaderStatus,
    SwipeRefused,
)
from daemon.readers.keystrokes import Keyboard, Keyboards, KeyboardSeen
from daemon.readers.news import News

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Between two looks at what is plugged in. One that was pulled out is known at once."""
HOLD_S: Final = 30.0
"""How long a swipe without a sale stays on the screen."""
STOP_WAIT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class SwipeSource:
    """A reader as the configuration names it: every property of `match` has to be as it says.
    `track` holds the number of the shop's cards."""

    name: str
    match: Mapping[str, str]
    track: int = 2
    form: Form = field(default_factory=Form)

    def fits(self, seen: KeyboardSeen) -> bool:
        return all(seen.properties.get(name) == value for name, value in self.match.items())


class _Line:
    """One keyboard that we hold, and what it has typed so far."""

    def __init__(self, source: SwipeSource, keyboard: Keyboard) -> None:
        self.source = source
        self.keyboard = keyboard
        self.keys = UsKeys()
        self.framing = Framing(source.form)
        self.timer: asyncio.TimerHandle | None = None

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class _Slot:
    """A node that fits a source. `line` None: it could not be taken."""

    name: str
    line: _Line | None = None


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

    async def prove(self) -> Proof:
        return Proof(self._face, Assurance.IDENTITY)

    async def advance(self, expected: int) -> None:
        raise CardForged("card_forged", why="technology")

    async def personalise(self, card_id: str) -> Proof:
        raise CardForged("card_forged", why="technology")


class SwipeReaders:
    """`CardReaders` over the keyboards that `sources` name."""

    def __init__(
        self,
        sources: Sequence[SwipeSource],
        keyboards: Keyboards,
        *,
        look_s: float = LOOK_S,
        hold_s: float = HOLD_S,
    ) -> None:
        self._sources = tuple(sources)
        self._keyboards = keyboards
        self._look_s, self._hold_s = look_s, hold_s
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
        """Lets every keyboard go. A thread that hangs in a driver is left behind."""
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

    # -- which keyboards are there ----------------------------------------------------------------

    async def _watch(self) -> None:
        """Supervises: whatever a look comes to, the next one is made."""
        while not self._stopping.is_set():
            try:
                await self._look()
            except Exception:
                log.exception("looking for swipe readers failed")
            try:
                await asyncio.wait_for(self._stopping.wait(), self._look_s)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        seen = await asyncio.to_thread(self._keyboards.seen)
        wanted = {
            each.path: source
            for each in seen
            if (source := self._source_of(each)) is not None
        }  # fmt: skip
        for path in self._slots.keys() - wanted.keys():
            self._lose(path)
        for path, source in wanted.items():
            if self._stopping.is_set():
                return
            slot = self._slots.setdefault(path, _Slot(self._free_name(source)))
            if slot.line is None:
                await self._take(path, slot, source)
        served = {slot.name for slot in self._slots.values()}
        for source in self._sources:
            if source.name not in served:
                self._change(source.name, ReaderState.ABSENT, "reader_unplugged")

    def _source_of(self, seen: KeyboardSeen) -> SwipeSource | None:
        return next((source for source in self._sources if source.fits(seen)), None)

    def _free_name(self, source: SwipeSource) -> str:
        """Two readers of a kind are told apart by a number."""
        taken = {slot.name for slot in self._slots.values()}
        names = itertools.chain(
            [source.name], (f"{source.name} ({number})" for number in itertools.count(2))
        )
        return next(name for name in names if name not in taken)

    async def _take(self, path: str, slot: _Slot, source: SwipeSource) -> None:
        try:
            keyboard = await asyncio.to_thread(self._keyboards.take, path)
        except ReaderError as error:
            self._change(slot.name, ReaderState.FAULTED, error.key)
            return
        slot.line = _Line(source, keyboard)
        asyncio.get_running_loop().add_reader(keyboard.fileno(), self._readable, path)
        self._change(slot.name, ReaderState.READY, None)

    def _lose(self, path: str) -> None:
        slot = self._slots.pop(path, None)
        if slot is None:
            return
        line, slot.line = slot.line, None
        if line is not None:
            asyncio.get_running_loop().remove_reader(line.keyboard.fileno())
            line.stop_timer()
            line.keyboard.close()
            if line.framing.waiting:
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

    # -- what they type ---------------------------------------------------------------------------

    def _readable(self, path: str) -> None:
        slot = self._slots[path]
        line = slot.line
        assert line is not None
        try:
            strokes = line.keyboard.read()
        except ReaderError:
            self._lose(path)
            return
        line.stop_timer()
        for stroke in strokes:
            if stroke.lost:
                line.keys.clear()
                line.framing.clear()
                self._news.publish(SwipeRefused(slot.name, "swipe_torn"))
                continue
            letter = line.keys.press(stroke.code, stroke.value)
            if letter is not None:
                self._bursts(slot.name, line, line.framing.press(letter, stroke.at_ms))
        if line.framing.waiting:
            idle_ms = line.source.form.idle_ms
            loop = asyncio.get_running_loop()
            line.timer = loop.call_later(idle_ms / 1000, self._silent, slot.name, line)

    def _silent(self, name: str, line: _Line) -> None:
        line.timer = None
        self._bursts(name, line, line.framing.finish())

    def _bursts(self, name: str, line: _Line, bursts: Sequence[Burst]) -> None:
        for burst in bursts:
            try:
                reading = read_burst(burst, line.source.form)
                if isinstance(reading, Swipe):
                    self._lay(name, card_uid(card_number(reading, line.source.track)))
            except SwipeError as error:
                log.info("a swipe was not taken: %s", error)
                self._news.publish(SwipeRefused(name, error.key))
                continue
            if isinstance(reading, Code):
                self._news.publish(SwipeRefused(name, "swipe_not_a_card"))

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
