"""One piece of paper: what was burnt where, and the same as text. Nothing is drawn until asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image, ImageChops, ImageOps

MAX_PAPER_DOTS = 40_000
"""Five metres: a longer piece is torn off, so that feeding cannot use up memory."""


@dataclass(frozen=True)
class TextLine:
    """A printed line: its true text, where its first cell begins, and its size in dots."""

    text: str
    x: int
    y: int
    width: int
    height: int


@dataclass
class Picture:
    """Raster rows that touch each other, joined. `ink` is mode "1", 255 = burnt."""

    x: int
    y: int
    ink: Image.Image

    @property
    def image(self) -> Image.Image:
        """As one sees it: mode "1", black on white."""
        return ImageChops.invert(self.ink)


@dataclass
class _Band:
    x: int
    y: int
    ink: Image.Image


@dataclass
class Paper:
    """A piece of paper `width` dots wide, printed down to `height`."""

    width: int
    height: int = 0
    lines: list[TextLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: str = ""
    _bands: list[_Band] = field(default_factory=list)
    _pictures: list[list[_Band]] = field(default_factory=list)
    _flow: list[tuple[int, str]] = field(default_factory=list)
    _last_ink: int = 0

    @property
    def blank(self) -> bool:
        """Nothing burnt and nothing written."""
        return not self._bands and not self._flow

    @property
    def below_last_ink(self) -> int:
        """Dots of white paper since the last burnt row."""
        return self.height - self._last_ink

    def feed(self, dots: int) -> None:
        """Moves the paper on."""
        self.height += dots

    def burn(self, ink: Image.Image, x: int) -> bool:
        """Puts ink at the present height without feeding. False when it ran over the edge."""
        fits = x >= 0 and x + ink.width <= self.width
        self._bands.append(_Band(x, self.height, ink))
        self._last_ink = max(self._last_ink, self.height + ink.height)
        return fits

    def write(self, line: TextLine) -> None:
        """Records a line of text; its ink is burnt apart."""
        self.lines.append(line)
        self._flow.append((line.y, line.text))

    def mark(self, text: str) -> None:
        """A picture's name in the text, such as a QR code's content."""
        self._flow.append((self.height, f"[{text}]"))

    def burn_raster(self, ink: Image.Image, x: int) -> bool:
        """Burns raster rows and feeds past them; rows that touch the last ones join them."""
        band = _Band(x, self.height, ink)
        last = self._pictures[-1] if self._pictures else []
        touches = (
            bool(last)
            and (last[-1].x, last[-1].ink.width) == (x, ink.width)
            and last[-1].y + last[-1].ink.height == self.height
        )
        if touches and self._flow[-1][1].startswith("[image "):
            last.append(band)
            self._flow.pop()
        else:
            self._pictures.append([band])
        rows = sum(each.ink.height for each in self._pictures[-1])
        self._flow.append((self._pictures[-1][0].y, f"[image {ink.width}x{rows}]"))
        fits = self.burn(ink, x)
        self.feed(ink.height)
        return fits

    @property
    def pictures(self) -> list[Picture]:
        """All raster pictures, bands joined, not clipped at the paper's edge."""
        joined = []
        for bands in self._pictures:
            rows = sum(band.ink.height for band in bands)
            ink = Image.new("1", (bands[0].ink.width, rows), 0)
            for band in bands:
                ink.paste(band.ink, (0, band.y - bands[0].y))
            joined.append(Picture(bands[0].x, bands[0].y, ink))
        return joined

    def text(self) -> str:
        """Line by line, in printing order, pictures named in brackets."""
        return "".join(f"{text}\n" for _, text in self._flow)

    def image(self) -> Image.Image:
        """The paper as one sees it: mode "L", black on white, at least one row high."""
        ink = Image.new("1", (self.width, max(self.height, self._last_ink, 1)), 0)
        for band in self._bands:
            ink.paste(255, (band.x, band.y), band.ink)
        return ImageOps.invert(ink.convert("L"))
