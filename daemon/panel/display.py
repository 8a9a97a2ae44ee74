"""One customer display: opened, painted, watched, opened again. A display that is away or that
hangs costs the counter nothing: what it is to show is noted, and painted when it is back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from daemon.core.errors import PanelError
from daemon.core.panel import Act, Scene
from daemon.core.pole_text import PoleText
from daemon.panel.own_thread import OwnThread
from daemon.panel.parts import Part
from daemon.panel.poles import POLES
from daemon.panel.serial_line import WRITE_S, Line, Lines
from daemon.ports.cards import ReaderState
from daemon.ports.panel import PartStatus

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Between two looks whether the line is there (again)."""
REPAINT_LOOKS: Final = 15
"""A display that lost its power says nothing: it is painted again every so many looks."""


@dataclass(frozen=True, slots=True)
class PoleSettings:
    """`path` is the serial port's node; `profile` a name of POLES."""

    name: str
    path: str
    profile: str
    baud: int = 9600
    text: PoleText = field(default_factory=PoleText)


class Display:
    """`show` returns at once and never raises."""

    def __init__(
        self,
        settings: PoleSettings,
        lines: Lines,
        on_change: Callable[[], None],
        *,
        look_s: float = LOOK_S,
        write_s: float = WRITE_S,
    ) -> None:
        self._settings, self._lines = settings, lines
        self._look_s = look_s
        self._deadline_s = write_s * 2 + 1
        """Behind the line's own deadline: for a driver that does not keep it."""
        self._pole = POLES[settings.profile]
        self._part = Part(settings.name, "display", on_change)
        self._thread = OwnThread(f"display {settings.name}")
        self._wake = asyncio.Event()
        self._wanted = Scene(Act.IDLE)
        self._text = settings.text
        self._painted: bytes | None = None
        self._looks = 0
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None

    def status(self) -> PartStatus:
        return self._part.status

    def show(self, scene: Scene, shop: str = "", language: str = "zh-CN") -> None:
        text = replace(self._settings.text, idle=shop, language=language)
        if (scene, text) != (self._wanted, self._text):
            self._wanted, self._text = scene, text
            self._wake.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"display {self._settings.name}")

    async def stop(self) -> None:
        """Clears the display, where it is there, and lets it go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._line is not None:
            try:
                await self._send(self._line, self._pole.begin)
            except PanelError as error:
                log.info("the display %s was not cleared: %s", self._settings.name, error)
            await self._let_go()
        self._thread.close()

    async def _supervise(self) -> None:
        """Whatever a turn comes to, the next one is made."""
        while True:
            try:
                await self._turn()
            except PanelError as error:
                absent = error.key in ("panel_absent", "panel_driver_missing")
                state = ReaderState.ABSENT if absent else ReaderState.FAULTED
                self._part.stands(state, error.key)
                await self._let_go()
            except Exception:
                log.exception("the display %s failed", self._settings.name)
                await self._let_go()
            try:
                async with asyncio.timeout(self._look_s):
                    await self._wake.wait()
            except TimeoutError:
                self._looks += 1
            self._wake.clear()

    async def _turn(self) -> None:
        """Raises PanelError."""
        line = self._line
        if line is None:
            line = await self._open()
        else:
            await self._thread.do(line.check, self._deadline_s)
        painting = self._pole.paint(self._wanted, self._text)
        if painting != self._painted or self._looks >= REPAINT_LOOKS:
            await self._send(line, painting)
            self._painted, self._looks = painting, 0

    async def _open(self) -> Line:
        settings = self._settings
        opened = await self._thread.do(
            lambda: self._lines.open(settings.path, settings.baud), self._deadline_s
        )
        self._line, self._painted = opened, None
        await self._send(opened, self._pole.begin)
        self._part.stands(ReaderState.READY)
        return opened

    async def _send(self, line: Line, sent: bytes) -> None:
        await self._thread.do(lambda: line.write(sent), self._deadline_s)

    async def _let_go(self) -> None:
        line, self._line, self._painted = self._line, None, None
        if line is None:
            return
        try:
            await self._thread.do(line.close, self._deadline_s)
        except PanelError as error:
            log.debug("the line of %s: %s", self._settings.name, error)
