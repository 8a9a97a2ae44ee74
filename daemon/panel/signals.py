"""Lamps, buzzer, buttons and key switch on GPIO pins.

Supervised: whatever a pin does, the sale goes on. Pins are opened, and opened again after a fault,
by one task; every call of the driver runs in a thread of its own with a deadline. What comes from a
contact is only ever looked at once in `bounce_ms`, so that a fluttering wire costs nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from daemon.core.contact import Contact
from daemon.core.errors import PanelError
from daemon.core.panel import BLINK_MS, SOUNDS, Button, Glow, KeyPosition, Lamp, Sound
from daemon.panel.own_thread import OwnThread
from daemon.panel.parts import Part
from daemon.panel.pins import Input, Output, PanelWiring, Pins, Wiring
from daemon.ports.cards import ReaderState
from daemon.ports.panel import PartStatus

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0
"""Between two tries to open a chip or a pin that was refused."""
CALL_S: Final = 2.0
"""A pin is switched in microseconds: what takes so long hangs."""
_ABSENT: Final = ("panel_absent", "panel_driver_missing")


class _Watched:
    """One contact: its edges on any thread become samples on the loop's."""

    def __init__(self, part: Part, wiring: Wiring) -> None:
        self.part, self.wiring = part, wiring
        self.contact = Contact()
        self.input: Input | None = None
        self.waits = False
        """An edge was seen: further ones change nothing until the contact was looked at."""
        self.due = False


class Signals:
    """`show` and `sound` return at once and never raise. `on_press` and `on_key` are called on the
    event loop; `on_change` whenever a status changed."""

    def __init__(
        self,
        pins: Pins,
        wiring: PanelWiring,
        on_press: Callable[[Button], None],
        on_key: Callable[[KeyPosition | None], None],
        on_change: Callable[[], None],
        *,
        retry_s: float = RETRY_S,
        call_s: float = CALL_S,
    ) -> None:
        self._pins, self._wiring = pins, wiring
        self._on_press, self._on_key = on_press, on_key
        self._retry_s, self._call_s = retry_s, call_s
        self._thread = OwnThread("panel")
        self._lamps = {
            lamp: Part(lamp.value, "lamp", on_change) for lamp in Lamp if lamp in wiring.lamps
        }
        self._buzzer = Part("buzzer", "buzzer", on_change) if wiring.buzzer else None
        self._buttons = {
            button: _Watched(Part(button.value, "button", on_change), wired)
            for button, wired in wiring.buttons.items()
        }
        self._keys = [
            _Watched(Part(position.value, "key", on_change), wired)
            for position, wired in (
                (KeyPosition.OPEN, wiring.key_open),
                (KeyPosition.OFFICE, wiring.key_office),
            )
            if wired is not None
        ]
        self._outputs: dict[Lamp | None, Output] = {}
        self._wanted: Mapping[Lamp, Glow] = {}
        self._standing: dict[Lamp, bool] = {}
        self._sounds: asyncio.Queue[Sound] = asyncio.Queue(maxsize=2)
        self._wake = asyncio.Event()
        self._open = False
        self._trouble: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.key: KeyPosition | None = None

    def statuses(self) -> tuple[PartStatus, ...]:
        return tuple(part.status for part in self._parts())

    def _parts(self) -> list[Part]:
        buzzer = [self._buzzer] if self._buzzer else []
        return [*self._lamps.values(), *buzzer, *(each.part for each in self._watched())]

    def _watched(self) -> list[_Watched]:
        return [*self._buttons.values(), *self._keys]

    def show(self, lamps: Mapping[Lamp, Glow]) -> None:
        if lamps != self._wanted:
            self._wanted = dict(lamps)
            self._wake.set()

    def sound(self, sound: Sound) -> None:
        if self._buzzer is not None and not self._sounds.full():
            self._sounds.put_nowait(sound)

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._supervise(), name="panel-lamps"),
            asyncio.create_task(self._play(), name="panel-buzzer"),
        ]

    async def stop(self) -> None:
        """Dark and silent, and the pins given back. A thread that hangs is left behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._let_go()
        self._thread.close()

    # -- opening ----------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Whatever a turn comes to, the next one is made."""
        while True:
            pause_s = self._retry_s
            try:
                if not self._open:
                    await self._take()
                await self._switch_lamps()
                await self._sample()
                pause_s = self._until_blink_s() if self._blinks() else pause_s
            except PanelError as error:
                await self._fail(error.key)
            except Exception:
                log.exception("the panel's turn failed")
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                self._all_due()
            self._wake.clear()

    def _blinks(self) -> bool:
        return self._open and Glow.BLINKING in self._wanted.values()

    def _until_blink_s(self) -> float:
        now_ms = asyncio.get_running_loop().time() * 1000
        return (BLINK_MS - now_ms % BLINK_MS + 1) / 1000

    def _all_due(self) -> None:
        """Also without an edge: one may have been missed, and a jammed button makes none."""
        for watched in self._watched():
            watched.due = watched.due or not watched.waits

    async def _take(self) -> None:
        """Opens the chip and every pin. One pin that is refused leaves the others working; it is
        tried again with the next opening only. Raises PanelError for the chip."""
        self._trouble = None
        await self._thread.do(self._pins.open, self._call_s)
        self._open = True
        for lamp, part in self._lamps.items():
            await self._take_output(lamp, part, self._wiring.lamps[lamp])
        if self._buzzer is not None and self._wiring.buzzer is not None:
            await self._take_output(None, self._buzzer, self._wiring.buzzer)
        for watched in self._watched():
            await self._take_input(watched)
        self._standing.clear()
        self._all_due()

    async def _take_output(self, lamp: Lamp | None, part: Part, wiring: Wiring) -> None:
        try:
            output = await self._thread.do(lambda: self._pins.output(wiring), self._call_s)
        except PanelError as error:
            _refused(part, error)
        else:
            self._outputs[lamp] = output
            part.stands(ReaderState.READY)

    async def _take_input(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()

        def edge() -> None:
            # In the driver's thread. Only the first edge of a quiet time reaches the loop.
            if not watched.waits:
                watched.waits = True
                loop.call_soon_threadsafe(self._later, watched)

        try:
            watched.input = await self._thread.do(
                lambda: self._pins.input(watched.wiring, self._wiring.pull, edge), self._call_s
            )
        except PanelError as error:
            _refused(watched.part, error)
        else:
            watched.part.stands(ReaderState.READY)

    async def _fail(self, problem: str) -> None:
        """The chip has gone, or hangs: everything is let go and opened anew later."""
        state = ReaderState.ABSENT if problem in _ABSENT else ReaderState.FAULTED
        for part in self._parts():
            part.stands(state, problem)
        self._turn_key(None)
        await self._let_go()

    async def _let_go(self) -> None:
        outputs, self._outputs = list(self._outputs.values()), {}
        inputs = [each.input for each in self._watched() if each.input is not None]
        for watched in self._watched():
            watched.input, watched.contact, watched.waits = None, Contact(), False
        self._standing.clear()
        was_open, self._open = self._open, False
        if not was_open:
            return
        closes = [each.close for each in outputs] + [each.close for each in inputs]
        for close in [*closes, self._pins.close]:
            try:
                await self._thread.do(close, self._call_s)
            except PanelError as error:
                log.info("a pin was not given back: %s", error)

    # -- lamps and buzzer -------------------------------------------------------------------------

    async def _switch_lamps(self) -> None:
        """Raises PanelError, also for what the buzzer ran into."""
        if self._trouble is not None:
            raise PanelError(self._trouble)
        bright = int(asyncio.get_running_loop().time() * 1000) // BLINK_MS % 2 == 0
        for lamp in self._lamps:
            output = self._outputs.get(lamp)
            glow = self._wanted.get(lamp, Glow.DARK)
            on = glow is Glow.LIT or (glow is Glow.BLINKING and bright)
            if output is None or self._standing.get(lamp) is on:
                continue
            await self._switch(output, on)
            self._standing[lamp] = on

    async def _switch(self, output: Output, on: bool) -> None:
        await self._thread.do(lambda: output.switch(on), self._call_s)

    async def _play(self) -> None:
        while True:
            sound = await self._sounds.get()
            output = self._outputs.get(None)
            if output is None:
                continue
            try:
                await self._sound(output, SOUNDS[sound])
            except PanelError as error:
                log.warning("the buzzer failed: %s", error)
                self._trouble = error.key
                self._wake.set()

    async def _sound(self, output: Output, pattern: tuple[int, ...]) -> None:
        for at, length_ms in enumerate((*pattern, 0)):
            if self._outputs.get(None) is not output:
                return
            await self._switch(output, at % 2 == 0 and length_ms > 0)
            await asyncio.sleep(length_ms / 1000)

    # -- contacts ---------------------------------------------------------------------------------

    def _later(self, watched: _Watched) -> None:
        wait_s = self._wiring.bounce_ms / 1000
        asyncio.get_running_loop().call_later(wait_s, self._settled, watched)

    def _settled(self, watched: _Watched) -> None:
        """A contact has had `bounce_ms` to settle."""
        watched.waits, watched.due = False, True
        self._wake.set()

    async def _sample(self) -> None:
        """Raises PanelError."""
        for watched in self._watched():
            if watched.due and watched.input is not None:
                watched.due = False
                closed = await self._thread.do(watched.input.closed, self._call_s)
                self._seen(watched, closed)

    def _seen(self, watched: _Watched, closed: bool) -> None:
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        pressed = watched.contact.sample(closed, now_ms)
        watched.part.stands(ReaderState.READY, watched.contact.problem(now_ms))
        if watched in self._keys:
            self._turn_key(self._position())
        elif pressed:
            button = next(name for name, each in self._buttons.items() if each is watched)
            self._on_press(button)

    def _position(self) -> KeyPosition | None:
        """None while it is not known: a contact could not be opened, or both are closed."""
        if any(each.input is None for each in self._keys):
            return None
        closed = [each for each in self._keys if each.contact.closed]
        if len(closed) == 2 or not all(each.contact.known for each in self._keys):
            return None
        return KeyPosition(closed[0].part.status.name) if closed else KeyPosition.OFF

    def _turn_key(self, position: KeyPosition | None) -> None:
        if position is not self.key:
            self.key = position
            self._on_key(position)


def _refused(part: Part, error: PanelError) -> None:
    state = ReaderState.ABSENT if error.key in _ABSENT else ReaderState.FAULTED
    part.stands(state, error.key)
