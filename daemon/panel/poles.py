"""What the makers of customer displays understand, as profiles. Pure codecs: a scene in, bytes out.

The commands are those of Epson's ESC/POS for customer displays (DM-D series: CLR, US $, US MD1,
US C), of the CD5220 (ESC Q A, ESC Q B, ESC DC1, ESC _), which most pole displays of others obey,
and of the number-only displays on Chinese tills (ESC Q A with digits, ESC s). They have not been
tried on a real display."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from daemon.core.panel import Scene
from daemon.core.pole_text import PoleText, encode, frame, number

ESC_INITIALIZE: Final = b"\x1b@"
CLR: Final = b"\x0c"
CR: Final = b"\x0d"
US_OVERWRITE: Final = b"\x1f\x01"
"""US MD1: writing never scrolls."""
US_CURSOR_OFF: Final = b"\x1fC\x00"
ESC_OVERWRITE: Final = b"\x1b\x11"
"""ESC DC1, of CD5220."""
ESC_CURSOR_OFF: Final = b"\x1b_\x00"
ESC_UPPER: Final = b"\x1bQA"
ESC_LOWER: Final = b"\x1bQB"
ESC_LAMP: Final = b"\x1bs"


def us_move(column: int, row: int) -> bytes:
    """US $ n m: both count from 1."""
    return b"\x1f$" + bytes((column, row))


@dataclass(frozen=True, slots=True)
class Pole:
    """`begin` puts the display into a known state; `paint` draws a scene over whatever is there."""

    begin: bytes
    paint: Callable[[Scene, PoleText], bytes]


def _escpos(scene: Scene, text: PoleText) -> bytes:
    painted = b""
    for row, each in enumerate(frame(scene, text), 1):
        painted += us_move(1, row) + encode(each, text.charset)
    return painted


def _cd5220(scene: Scene, text: PoleText) -> bytes:
    upper, lower = (encode(each, text.charset) for each in frame(scene, text))
    return ESC_UPPER + upper + CR + ESC_LOWER + lower + CR


def _digits(scene: Scene, text: PoleText) -> bytes:
    digits, meaning = number(scene)
    lamp = ESC_LAMP + str(meaning.value).encode()
    return CLR + lamp + (ESC_UPPER + digits.encode() + CR if digits else b"")


POLES: Final[Mapping[str, Pole]] = {
    "escpos": Pole(ESC_INITIALIZE + CLR + US_OVERWRITE + US_CURSOR_OFF, _escpos),
    "cd5220": Pole(ESC_INITIALIZE + CLR + ESC_OVERWRITE + ESC_CURSOR_OFF, _cd5220),
    "digits": Pole(ESC_INITIALIZE + CLR, _digits),
}
