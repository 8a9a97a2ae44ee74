"""The customer's side as a whole: hears what the pages hear, and makes of it lamps, sounds and
lines. It is told by a call that never waits and never raises (`told`); all that follows happens in
tasks of its own, so nothing here can hold up or hurt a sale."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.core.errors import CounterError
from daemon.core.panel import ENDED, Button, Front, KeyPosition, Lamp, lamps, scene, sound, told
from daemon.core.panel_settings import DisplaySettings, PanelSettings
from daemon.core.pole_text import Charset, PoleText
from daemon.panel.display import LOOK_S, Display, PoleSettings
from daemon.panel.pins import PanelWiring, Pins, Pull, Wiring
from daemon.panel.serial_line import Lines
from daemon.panel.signals import RETRY_S, Signals
from daemon.ports.panel import FrontKeys, PartStatus

log = logging.getLogger(__name__)

SHOWN_S: Final = 20.0
"""How long the end of a sale stays on the member's side: a balance must not stand there for the
next one to read."""
MOST_WAITING: Final = 200
"""Events that may wait: each of the counter's says all, so of more the oldest are dropped."""


def wiring_of(settings: PanelSettings) -> PanelWiring:
    wired = {
        name: Wiring(pin, name not in settings.active_low) for name, pin in settings.wired().items()
    }
    return PanelWiring(
        lamps={lamp: wired[lamp.value] for lamp in Lamp if lamp.value in wired},
        buzzer=wired.get("buzzer"),
        buttons={button: wired[button.value] for button in Button if button.value in wired},
        key_open=wired.get("key_open"),
        key_office=wired.get("key_office"),
        pull=Pull(settings.pull),
        bounce_ms=settings.bounce_ms,
    )


def pole_of(settings: DisplaySettings) -> PoleSettings:
    charset = Charset(settings.charset)
    text = PoleText(columns=settings.columns, charset=charset, balance=settings.balance)
    return PoleSettings(settings.name, settings.port, settings.profile, settings.baud, text)


class Panel:
    """`speaks` tells the shop's name and language, which the office may change. `publish` gets the
    panel's own view whenever a part of it changed."""

    def __init__(
        self,
        panel: PanelSettings,
        displays: Sequence[DisplaySettings],
        pins: Pins,
        lines: Lines,
        speaks: Callable[[], tuple[str, str]],
        publish: Callable[[dict[str, Any]], None],
        *,
        shown_s: float = SHOWN_S,
        retry_s: float = RETRY_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._speaks, self._publish = speaks, publish
        self._shown_s = shown_s
        self._signals: Signals | None = None
        if panel.wired():
            self._signals = Signals(
                pins, wiring_of(panel), self._pressed, self._turned, self._changed, retry_s=retry_s
            )
        self._displays = [
            Display(pole_of(each), lines, self._changed, look_s=look_s) for each in displays
        ]
        self._front = Front()
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()
        self._presses: asyncio.Queue[Button] = asyncio.Queue(maxsize=1)
        self._look_away: asyncio.TimerHandle | None = None
        self._telling = False
        self._stopped = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def key(self) -> KeyPosition | None:
        """Where the key switch stands; None without one, or while that is not known."""
        return self._signals.key if self._signals is not None else None

    def statuses(self) -> tuple[PartStatus, ...]:
        pins = self._signals.statuses() if self._signals is not None else ()
        return (*pins, *(display.status() for display in self._displays))

    def view(self) -> dict[str, Any]:
        """As /healthz, /status and the event `panel` show it."""
        parts = [
            {
                "name": each.name,
                "kind": each.kind,
                "state": each.state.value,
                "problem": each.problem,
                "last": each.last,
                "failures": each.failures,
            }
            for each in self.statuses()
        ]
        return {"key": self.key.value if self.key is not None else None, "parts": parts}

    def told(self, kind: str, body: Mapping[str, Any]) -> None:
        """One event as the pages get it. Only noted here."""
        if (self._signals is not None or self._displays) and kind != "panel":
            self._waiting.append((kind, body))
            self._wake.set()

    async def start(self, keys: FrontKeys) -> None:
        if self._signals is not None:
            await self._signals.start()
        for display in self._displays:
            await display.start()
        self._tasks = [
            asyncio.create_task(self._follow(), name="panel"),
            asyncio.create_task(self._serve(keys), name="panel-buttons"),
        ]
        self._wake.set()

    async def stop(self) -> None:
        """Everything dark, silent and clear. Drivers that hang are left behind."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._look_away is not None:
            self._look_away.cancel()
        stops = [display.stop() for display in self._displays]
        if self._signals is not None:
            stops.append(self._signals.stop())
        await asyncio.gather(*stops)

    # -- what happens at the counter --------------------------------------------------------------

    async def _follow(self) -> None:
        """Supervises: an event that cannot be understood costs that event alone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while self._waiting:
                    self._hear(*self._waiting.popleft())
                self._paint()
            except Exception:
                log.exception("the panel could not follow the counter")

    def _hear(self, kind: str, body: Mapping[str, Any]) -> None:
        try:
            self._step(kind, body)
        except (KeyError, TypeError, ValueError) as error:
            log.error("an event of kind %s says nothing to the panel: %r", kind, error)

    def _step(self, kind: str, body: Mapping[str, Any]) -> None:
        before, after = self._front, told(self._front, kind, body)
        self._front = after
        heard = sound(before, after)
        if heard is not None and self._signals is not None:
            self._signals.sound(heard)
        if kind == "counter":
            self._look_away_later()

    def _look_away_later(self) -> None:
        if self._look_away is not None:
            self._look_away.cancel()
            self._look_away = None
        if self._front.state in ENDED:
            loop = asyncio.get_running_loop()
            self._look_away = loop.call_later(self._shown_s, self._looked_away)

    def _looked_away(self) -> None:
        self._look_away = None
        self._front = replace(self._front, shown=False)
        self._wake.set()

    def _paint(self) -> None:
        front = self._front
        if self._signals is not None:
            self._signals.show(lamps(front))
        name, language = self._speaks()
        for display in self._displays:
            display.show(scene(front), name, language)

    # -- what is pressed and turned ---------------------------------------------------------------

    def _pressed(self, button: Button) -> None:
        # While one press is being served and another waits, more of them mean nothing new.
        if not self._presses.full() and not self._front.closed:
            self._presses.put_nowait(button)

    def _turned(self, position: KeyPosition | None) -> None:
        log.info("the key switch: %s", position.value if position is not None else "not known")
        self._front = replace(self._front, key=position)
        self._wake.set()
        self._changed()

    async def _serve(self, keys: FrontKeys) -> None:
        while True:
            button = await self._presses.get()
            try:
                if button is Button.CANCEL:
                    await keys.cancel_waiting()
                else:
                    await keys.confirm_asked()
            except CounterError as error:
                log.info("the button %s did nothing: %s", button.value, error)
            except Exception:
                log.exception("the button %s failed", button.value)

    def _changed(self) -> None:
        """Many changes in one turn of the loop are told once."""
        if not self._telling and not self._stopped:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        if not self._stopped:
            self._publish(self.view())
