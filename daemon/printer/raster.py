"""Lines -> the picture of a paper, drawn once for the printer (GS v 0) and for the page (PNG).

Every character has a cell of one or two columns and is drawn four times too large, shrunk and cut
to black and white: at 8 dots per mm that keeps strokes even. Glyphs are cached, so a warm receipt
costs pasting only. Not thread-safe: one thread owns a `Rasterizer`.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import qrcode
from PIL import Image, ImageChops, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M

from daemon.core.errors import PrinterError
from daemon.core.receipt import Align
from daemon.printer.commands import ESC_INITIALIZE, MOST_BAND_ROWS, ending, gs_bands
from daemon.printer.layout import (
    COLUMN_DOTS,
    MISSING,
    Line,
    PictureLine,
    QrLine,
    RuleLine,
    TextLine,
    char_columns,
    columns_of,
)

_log = logging.getLogger(__name__)

FONT_FOLDERS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
FONT_NAMES: Final = (
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
)
"""In this order: Micro Hei is small and draws fastest."""

_PITCH: Final = {1: 32, 2: 60}
"""Rows of a line by size: 24 or 48 dots of Chinese character and the space between lines."""
_BASELINE: Final = {1: 24, 2: 46}
_GLYPH_DOTS: Final = {1: 24, 2: 48}
_OVERSAMPLE: Final = 4
_INK_THRESHOLD: Final = 96
"""Of 255: a little under half, because thermal paper prints thin strokes thinner."""
_BOLD_STROKE: Final = {1: 1, 2: 4}
"""On each side of a stroke, in oversampled dots: more would close the counters of 额 at 24 dots."""
_RULE_ROWS: Final = 18
_CACHED_GLYPHS: Final = 4096
_CACHED_CODES: Final = 64
_QR_MOST_MODULE: Final = 7
_QR_QUIET: Final = 3
"""Modules of white around the code; the paper beside it adds more than the fourth."""
_LOGO_MOST_ROWS: Final = 160
"""20 mm: the paper is the shop's, and so is the time that it takes."""
_LOGO_GAP_ROWS: Final = 8
MOST_LOGO_SIDE: Final = 2000
"""In pixels: a few hundred bytes of PNG may unpack to gigabytes."""
WARM_TEXT: Final = (
    "0123456789.-:/+%,*#_() ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz￥"
    "消费小票充值撤销单号时间收银员设备项目数量金额储值合计会员优惠实付本金赠余额卡内到账支付方式活动"
    "原交易退回扣款还顾客批准人流水码查询与签名次以识别凭密支七日未可申请办理谢惠欢迎再来电话现微信宝行"
    "补打第重启后印过与前一张为同一笔，。·"
)
"""The characters of our own templates: drawn at start, before the first customer waits."""

_INK: Final = 255


def find_fonts(folders: Iterable[Path] = FONT_FOLDERS) -> list[Path]:
    """The Chinese fonts of this machine, best first.

    Raises PrinterError("printer_no_font") if there is none.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.name in FONT_NAMES:
                found.setdefault(path.name, path)
    if not found:
        raise PrinterError("printer_no_font")
    return [found[name] for name in FONT_NAMES if name in found]


class Rasterizer:
    """Draws lines on a paper of `columns` with the first of `fonts` that has the character."""

    def __init__(self, columns: int, fonts: Sequence[Path]) -> None:
        """Raises PrinterError("printer_no_font") if no font can be opened."""
        self.columns = columns
        self.dots = columns * COLUMN_DOTS
        self._faces = {size: _open_faces(fonts, size) for size in _PITCH}
        self._glyph = lru_cache(maxsize=_CACHED_GLYPHS)(self._draw_glyph)

    def warm(self, text: str = WARM_TEXT) -> None:
        """Draws every character of `text` into the cache."""
        for character in dict.fromkeys(text):
            self._glyph(character, 1, False)
            self._glyph(character, 1, True)
        for character in "0123456789.￥- ":
            self._glyph(character, 2, True)

    def draw(self, lines: Sequence[Line]) -> Image.Image:
        """Mode "1", as wide as the paper; 255 is ink."""
        height = sum(self._rows(line) for line in lines)
        paper = Image.new("1", (self.dots, max(1, height)), 0)
        top = 0
        for line in lines:
            match line:
                case TextLine():
                    self._draw_text(paper, line, top)
                case RuleLine(double):
                    _draw_rule(paper, top, double)
                case QrLine(text):
                    code = qr_picture(text, self.dots)
                    paper.paste(code, ((self.dots - code.width) // 2, top))
                case PictureLine(png):
                    picture = logo_picture(png, self.dots)
                    paper.paste(picture, ((self.dots - picture.width) // 2, top))
            top += self._rows(line)
        return paper

    def bands(self, lines: Sequence[Line], band_rows: int = MOST_BAND_ROWS) -> list[bytes]:
        """`lines` as GS v 0 commands."""
        return list(gs_bands(self.draw(lines).tobytes(), self.dots // 8, band_rows))

    def job(
        self, lines: Sequence[Line], band_rows: int = MOST_BAND_ROWS, *, cutter: bool = True
    ) -> list[bytes]:
        """A whole paper in pieces: initialize, bands, cut (or the way to the tear bar)."""
        return [ESC_INITIALIZE, *self.bands(lines, band_rows), ending(cutter)]

    def png(self, lines: Sequence[Line]) -> bytes:
        """The same picture, black on white, as PNG."""
        written = io.BytesIO()
        ImageChops.invert(self.draw(lines)).save(written, "PNG")
        return written.getvalue()

    def _rows(self, line: Line) -> int:
        match line:
            case TextLine():
                return _PITCH[line.size]
            case RuleLine():
                return _RULE_ROWS
            case QrLine(text):
                return qr_picture(text, self.dots).height
            case PictureLine(png):
                return logo_picture(png, self.dots).height + _LOGO_GAP_ROWS

    def _draw_text(self, paper: Image.Image, line: TextLine, top: int) -> None:
        column = COLUMN_DOTS * line.size
        spare = self.dots - columns_of(line.text) * column
        left = {Align.LEFT: 0, Align.CENTRE: spare // 2, Align.RIGHT: spare}[line.align]
        for character in line.text:
            if character != " ":
                paper.paste(self._glyph(character, line.size, line.bold), (left, top))
            left += char_columns(character) * column

    def _draw_glyph(self, character: str, size: int, bold: bool) -> Image.Image:
        face = next((face for face in self._faces[size] if face.has(character)), None)
        if face is None:
            character, face = MISSING, self._faces[size][0]
        cell = (char_columns(character) * COLUMN_DOTS * size, _PITCH[size])
        return face.draw(character, cell, _BASELINE[size], _BOLD_STROKE[size] if bold else 0)


class _Face:
    """One font at one size, drawn too large by `_OVERSAMPLE`."""

    def __init__(self, path: Path, size: int) -> None:
        dots = _GLYPH_DOTS[size] * _OVERSAMPLE
        # Not truetype(): it looks for another file of that name when this one is broken.
        self._font = ImageFont.FreeTypeFont(str(path), dots, index=_mono_index(path))
        self._absent = bytes(self._font.getmask("\U0010fffd"))

    def has(self, character: str) -> bool:
        return bytes(self._font.getmask(character)) != self._absent or character == " "

    def draw(
        self, character: str, cell: tuple[int, int], baseline: int, stroke: int
    ) -> Image.Image:
        """Narrow letters of a Chinese font are wider than half a hanzi: squeezed into the cell."""
        advance = max(1, round(self._font.getlength(character)))
        large = Image.new("L", (advance, cell[1] * _OVERSAMPLE), 0)
        at = (0, baseline * _OVERSAMPLE)
        ImageDraw.Draw(large).text(
            at, character, font=self._font, fill=_INK, anchor="ls", stroke_width=stroke
        )
        small = large.resize(cell, Image.Resampling.BOX)
        return small.point([_INK * (level >= _INK_THRESHOLD) for level in range(256)], "1")


def _open_faces(fonts: Sequence[Path], size: int) -> list[_Face]:
    try:
        faces = [_Face(path, size) for path in fonts]
    except OSError as error:
        raise PrinterError("printer_no_font") from error
    if not faces:
        raise PrinterError("printer_no_font")
    return faces


@lru_cache(maxsize=16)
def _mono_index(path: Path) -> int:
    """Which face of a collection has letters of one width, for Simplified Chinese where it says."""
    chosen, index = 0, 0
    while path.suffix == ".ttc":
        try:
            family = ImageFont.FreeTypeFont(str(path), 16, index=index).getname()[0] or ""
        except OSError:
            break
        if "Mono" in family and (" SC" in family or "CJK" not in family):
            chosen = index
            break
        index += 1
    return chosen


def _draw_rule(paper: Image.Image, top: int, double: bool) -> None:
    pen = ImageDraw.Draw(paper)
    middle = top + _RULE_ROWS // 2
    if double:
        pen.rectangle((0, middle - 3, paper.width, middle - 2), fill=_INK)
        pen.rectangle((0, middle + 1, paper.width, middle + 2), fill=_INK)
        return
    for left in range(0, paper.width, COLUMN_DOTS):
        pen.rectangle((left, middle - 1, left + COLUMN_DOTS - 6, middle), fill=_INK)


@lru_cache(maxsize=_CACHED_CODES)
def qr_picture(text: str, dots: int) -> Image.Image:
    """The QR code of `text` (error level M) at the largest module that keeps it under half of a
    paper of `dots`. Mode "1", 255 is ink."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, box_size=1, border=_QR_QUIET)
    code.add_data(text)
    code.make(fit=True)
    matrix = code.get_matrix()
    side = len(matrix)
    module = max(2, min(_QR_MOST_MODULE, dots // 2 // side))
    small = Image.new("1", (side, side))
    small.putdata([_INK * dark for row in matrix for dark in row])
    return small.resize((side * module, side * module), Image.Resampling.NEAREST)


@lru_cache(maxsize=_CACHED_CODES)
def logo_picture(png: bytes, dots: int) -> Image.Image:
    """A logo in black dots, no wider than half of a paper of `dots` and `_LOGO_MOST_ROWS` high.
    Mode "1", 255 is ink. What cannot be read as a small picture is left off the paper, not the
    receipt with it."""
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
            if max(opened.size) > MOST_LOGO_SIDE:
                raise ValueError("a picture of that size is no logo")
            drawn = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        _log.warning("the logo cannot be drawn: %s", type(error).__name__)
        return Image.new("1", (1, 1))
    white = Image.new("RGBA", drawn.size, "white")
    grey = Image.alpha_composite(white, drawn).convert("L")
    scale = min(1.0, dots / 2 / grey.width, _LOGO_MOST_ROWS / grey.height)
    size = max(1, int(grey.width * scale)), max(1, int(grey.height * scale))
    return ImageChops.invert(grey.resize(size, Image.Resampling.BOX)).convert("1")
