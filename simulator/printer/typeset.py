"""The line being built: sizes, styles, columns, wrapping. It ends up on a `Paper`.

A one-byte character of font A is 12 x 24 dots, of font B 9 x 17; a Chinese one is 24 x 24. So a
line of 576 dots has 48 columns and one of 384 has 32.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image, ImageChops

from simulator.printer import fonts, graphics
from simulator.printer.paper import Paper, TextLine
from simulator.printer.profile import Profile

FONT_CELLS = {0: (12, 24), 1: (9, 17)}
CHINESE_CELL = (24, 24)
DEFAULT_TAB_COLUMNS = 8
ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT = 0, 1, 2
GARBLED = "\ufffd"


@dataclass
class Style:
    """Everything ESC @ puts back."""

    line_spacing: int
    align: int = ALIGN_LEFT
    font: int = 0
    bold: bool = False
    double_strike: bool = False
    underline: int = 0
    reverse: bool = False
    upside_down: bool = False
    size: tuple[int, int] = (1, 1)
    right_space: int = 0
    chinese_size: tuple[int, int] = (1, 1)
    chinese_underline: int = 0
    chinese_space: tuple[int, int] = (0, 0)
    code_page: int = 0
    country: int = 0
    left_margin: int = 0
    area_width: int = 0
    tabs: list[int] | None = None


@dataclass
class _Cell:
    x: int
    ink: Image.Image
    text: str


@dataclass
class Typesetter:
    """Builds lines and burns them. `x` is the place of the next cell inside the print area."""

    profile: Profile
    paper: Paper
    style: Style
    x: int = 0
    _cells: list[_Cell] = field(default_factory=list)

    @property
    def area(self) -> tuple[int, int]:
        """Left edge and width of the print area, dots."""
        left = min(self.style.left_margin, self.profile.width_dots - 8)
        room = self.profile.width_dots - left
        return left, min(self.style.area_width or room, room)

    @property
    def empty(self) -> bool:
        """Nothing waits for the end of the line."""
        return not self._cells

    def character(self, text: str, *, wide: bool) -> None:
        """One character in its cell; `wide` is a Chinese one. Breaks the line when it is full."""
        style = self.style
        if wide:
            cell, size, underline = CHINESE_CELL, style.chinese_size, style.chinese_underline
            before, after = style.chinese_space
        else:
            cell, size, underline = FONT_CELLS[style.font], style.size, style.underline
            before, after = 0, style.right_space
        ink = graphics.scaled(fonts.glyph(text, *cell), *size)
        width = before * size[0] + ink.width + after * size[0]
        full = Image.new("1", (width, ink.height), 0)
        full.paste(ink, (before * size[0], 0))
        if style.bold or style.double_strike:
            full = ImageChops.logical_or(full, _shifted(full))
        if underline:
            full.paste(255, (0, max(0, full.height - underline), full.width, full.height))
        if style.reverse:
            full = ImageChops.invert(full)
        self.place(full, text)

    def place(self, ink: Image.Image, text: str) -> None:
        """Puts a cell at the present place; first breaks the line when it would not fit."""
        if self._cells and self.x + ink.width > self.area[1]:
            self.end_line()
        self._cells.append(_Cell(self.x, ink, text))
        self.x += ink.width

    def space(self) -> None:
        """Goes to the next tab stop; past the last one nothing happens."""
        column = FONT_CELLS[self.style.font][0] * self.style.size[0]
        if self.style.tabs is None:
            step = DEFAULT_TAB_COLUMNS * column
            target: int | None = (self.x // step + 1) * step
        else:
            stops = (stop * column for stop in self.style.tabs)
            target = next((stop for stop in stops if stop > self.x), None)
        if target is not None and target <= self.area[1]:
            self.move_to(target)

    def move_to(self, x: int) -> None:
        """ESC $, ESC \\ and HT: the next cell begins at x; out of the area it is ignored."""
        if 0 <= x <= self.area[1]:
            self.x = x

    def end_line(self) -> None:
        """Burns the line and feeds the line spacing, or more when the line is higher."""
        height = self.burn_line()
        self.paper.feed(max(self.style.line_spacing, height))

    def burn_line(self) -> int:
        """Burns what waits without feeding; its height in dots."""
        cells, self._cells, self.x = self._cells, [], 0
        if not cells:
            return 0
        height = max(cell.ink.height for cell in cells)
        width = max(cell.x + cell.ink.width for cell in cells)
        line = Image.new("1", (width, height), 0)
        for cell in cells:
            line.paste(255, (cell.x, height - cell.ink.height), cell.ink)
        if self.style.upside_down:
            line = line.rotate(180)
        x = self.aligned(width)
        text = _with_gaps(cells, FONT_CELLS[self.style.font][0])
        self.paper.write(TextLine(text, x, self.paper.height, width, height))
        self.paper.burn(line, x)
        return height

    def aligned(self, width: int) -> int:
        """Left edge on the paper of something `width` dots wide."""
        left, room = self.area
        spare = max(0, room - width)
        return (
            left + {ALIGN_LEFT: 0, ALIGN_CENTRE: spare // 2, ALIGN_RIGHT: spare}[self.style.align]
        )

    def drop_line(self) -> None:
        """Forgets what waits."""
        self._cells, self.x = [], 0


def _shifted(ink: Image.Image) -> Image.Image:
    """One dot to the right, inside its cell."""
    moved = Image.new("1", ink.size, 0)
    moved.paste(ink, (1, 0))
    return moved


def _with_gaps(cells: list[_Cell], column: int) -> str:
    """The text with blanks where the position jumped (HT, ESC $)."""
    text, end = "", 0
    for cell in sorted(cells, key=lambda each: each.x):
        text += " " * max(0, (cell.x - end) // column) + cell.text
        end = cell.x + cell.ink.width
    return text.rstrip(" ")
