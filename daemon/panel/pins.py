"""Pins of a GPIO chip as the panel sees them. Every call may block and is made in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from daemon.core.panel import Button, Lamp


class Pull(Enum):
    """The resistor of an input. UP: the contact goes to ground, closed is low. DOWN: to 3.3 V.
    NONE: a resistor on the board; `active_high` says what closed is."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Wiring:
    """A pin by its number on the chip (BCM on a Raspberry Pi)."""

    pin: int
    active_high: bool = True


@dataclass(frozen=True, slots=True)
class PanelWiring:
    """What is connected. None and absent: not there. The key switch has a contact for each of its
    positions "open" and "office"; neither closed is "off"."""

    lamps: Mapping[Lamp, Wiring] = field(default_factory=dict)
    buzzer: Wiring | None = None
    buttons: Mapping[Button, Wiring] = field(default_factory=dict)
    key_open: Wiring | None = None
    key_office: Wiring | None = None
    pull: Pull = Pull.UP
    bounce_ms: int = 30


class Output(Protocol):
    def switch(self, on: bool) -> None: ...

    def close(self) -> None:
        """Off, and the pin given back."""
        ...


class Input(Protocol):
    def closed(self) -> bool:
        """Whether the contact is closed now."""
        ...

    def close(self) -> None: ...


class Pins(Protocol):
    """Everything raises PanelError: `panel_absent` (no chip here), `panel_driver_missing`,
    `panel_access_denied`, `panel_busy` (the pin is taken), `panel_pin_refused`,
    `panel_cut_off`."""

    def open(self) -> None:
        """Takes hold of the chip."""
        ...

    def output(self, wiring: Wiring) -> Output:
        """Off to begin with."""
        ...

    def input(self, wiring: Wiring, pull: Pull, on_edge: Callable[[], None]) -> Input:
        """`on_edge` is called in any thread, perhaps very often."""
        ...

    def close(self) -> None: ...
