"""gpiozero's own mock pins as the board behind its pin factory, and what the tests wait by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory

from daemon.core.errors import PanelError
from daemon.core.panel import Button, KeyPosition, Lamp
from daemon.panel.gpio import GpioPins
from daemon.panel.pins import PanelWiring, Wiring

PATIENCE_S = 20.0

WIRED = PanelWiring(
    lamps={
        Lamp.READY: Wiring(17),
        Lamp.APPROVED: Wiring(27),
        Lamp.DECLINED: Wiring(22, active_high=False),
        Lamp.ATTENTION: Wiring(23),
    },
    buzzer=Wiring(24),
    buttons={Button.CANCEL: Wiring(5), Button.CONFIRM: Wiring(6)},
    key_open=Wiring(12),
    key_office=Wiring(13),
    bounce_ms=5,
)


async def until(fits: Callable[[], bool]) -> None:
    """Waits for what has to come; the limit is only there so that a test ends."""
    async with asyncio.timeout(PATIENCE_S):
        while not fits():
            await asyncio.sleep(0.002)


class Board:
    """A GPIO chip that can be missing (`problem`) or hang (`hold`)."""

    def __init__(self) -> None:
        self.mock = MockFactory()
        self.problem: str | None = None
        self.opened = 0
        self.pins = GpioPins(self._factory)

    def _factory(self) -> Any:
        if self.problem is not None:
            raise PanelError(self.problem)
        self.opened += 1
        return self.mock

    def lit(self, wiring: Wiring) -> bool:
        return bool(self.mock.pin(wiring.pin).state) is wiring.active_high

    def press(self, pin: int) -> None:
        """The contact goes to ground, against the pull-up."""
        self.mock.pin(pin).drive_low()

    def release(self, pin: int) -> None:
        self.mock.pin(pin).drive_high()

    def levels(self, pin: int) -> list[bool]:
        """Every state that the pin has had since it became an output."""
        return [bool(each.state) for each in self.mock.pin(pin).states]


class Hand:
    """What the panel tells of its buttons and its key."""

    def __init__(self) -> None:
        self.pressed: list[Button] = []
        self.positions: list[KeyPosition | None] = []
        self.changes = 0

    def press(self, button: Button) -> None:
        self.pressed.append(button)

    def turn(self, position: KeyPosition | None) -> None:
        self.positions.append(position)

    def changed(self) -> None:
        self.changes += 1
