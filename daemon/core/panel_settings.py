"""What the configuration says of the customer's side: `[panel]` and `[[display]]`.

Pure values, and what is wrong with them in one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

NOT_THERE: Final = -1
OUTPUTS: Final = ("ready", "approved", "declined", "attention", "buzzer")
INPUTS: Final = ("cancel", "confirm", "key_open", "key_office")
PULLS: Final = ("up", "down", "none")
PROFILES: Final = ("escpos", "cd5220", "digits")
CHARSETS: Final = ("gb18030", "ascii")
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
MOST_LINES: Final = 64
"""Lines of a GPIO chip that a pin's number may name."""


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """Numbers of GPIO lines, NOT_THERE for parts that the shop does not have. `active_low` names
    outputs that are on when low, and with `pull` "none" inputs that are closed when low."""

    chip: int = 0
    ready: int = NOT_THERE
    approved: int = NOT_THERE
    declined: int = NOT_THERE
    attention: int = NOT_THERE
    buzzer: int = NOT_THERE
    cancel: int = NOT_THERE
    confirm: int = NOT_THERE
    key_open: int = NOT_THERE
    key_office: int = NOT_THERE
    active_low: tuple[str, ...] = ()
    pull: str = "up"
    bounce_ms: int = 30

    def wired(self) -> dict[str, int]:
        """By part, those that are there."""
        every = {name: int(getattr(self, name)) for name in OUTPUTS + INPUTS}
        return {name: pin for name, pin in every.items() if pin != NOT_THERE}


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """`port` is a serial port's node. `balance`: what a member has left may be shown there."""

    name: str
    port: str
    profile: str = "escpos"
    baud: int = 9600
    columns: int = 20
    charset: str = "gb18030"
    balance: bool = False


def panel_mistakes(panel: PanelSettings) -> Iterator[str]:
    wired = panel.wired()
    for name, pin in wired.items():
        if not 0 <= pin < MOST_LINES:
            yield f"[panel] {name}: must be 0 to {MOST_LINES - 1}"
        if list(wired.values()).count(pin) > 1:
            yield f"[panel] {name}: the pin {pin} is taken by another part"
    for name in panel.active_low:
        if name not in wired:
            yield f"[panel] active_low: {name} is not a part with a pin"
        elif name in INPUTS and panel.pull != "none":
            yield f'[panel] active_low: {name} follows from pull = "{panel.pull}"'
    if panel.pull not in PULLS:
        yield f"[panel] pull: must be one of {', '.join(PULLS)}"
    if not 1 <= panel.bounce_ms <= 500:
        yield "[panel] bounce_ms: must be 1 to 500"
    if not 0 <= panel.chip < 16:
        yield "[panel] chip: must be 0 to 15"
    if "key_office" in wired and "key_open" not in wired:
        yield "[panel] key_open: is missing beside key_office"


def display_mistakes(displays: Sequence[DisplaySettings]) -> Iterator[str]:
    for number, display in enumerate(displays, 1):
        where = f"[display {number}]"
        if not display.port.startswith("/"):
            yield f'{where} port: must be a path such as "/dev/serial/by-id/..."'
        if display.profile not in PROFILES:
            yield f"{where} profile: must be one of {', '.join(PROFILES)}"
        if display.charset not in CHARSETS:
            yield f"{where} charset: must be one of {', '.join(CHARSETS)}"
        if display.baud not in BAUDS:
            yield f"{where} baud: must be one of {', '.join(map(str, BAUDS))}"
        if display.columns != 20 and display.profile == "cd5220":
            yield f"{where} columns: a cd5220 has 20"
        if not 8 <= display.columns <= 40:
            yield f"{where} columns: must be 8 to 40"
        if display.name in [other.name for other in displays[: number - 1]]:
            yield f"{where} name: is taken by another display"
