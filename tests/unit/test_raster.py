"""The picture of a paper: exact, cached, and honest about fonts that are not there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from daemon.core.errors import PrinterError
from daemon.core.receipt import Align
from daemon.printer.layout import MISSING, Line, QrLine, RuleLine, TextLine
from daemon.printer.raster import Rasterizer, find_fonts, qr_picture

try:
    FONTS = find_fonts()
except PrinterError:
    FONTS = []
needs_font = pytest.mark.skipif(not FONTS, reason="no Chinese font (fonts-wqy-microhei)")


@pytest.fixture(scope="module")
def narrow() -> Rasterizer:
    return Rasterizer(32, FONTS)


def ink(picture: Image.Image) -> tuple[int, int, int, int] | None:
    return picture.getbbox()


def test_a_machine_without_a_font_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(PrinterError, match="printer_no_font"):
        find_fonts([tmp_path, tmp_path / "absent"])
    with pytest.raises(PrinterError, match="printer_no_font"):
        Rasterizer(32, [])


def test_a_broken_font_is_told_so(tmp_path: Path) -> None:
    broken = tmp_path / "wqy-microhei.ttc"
    broken.write_bytes(b"not a font")
    assert find_fonts([tmp_path]) == [broken]
    with pytest.raises(PrinterError, match="printer_no_font"):
        Rasterizer(32, [broken])


@needs_font
def test_the_picture_is_as_wide_as_the_paper(narrow: Rasterizer) -> None:
    lines: list[Line] = [TextLine("中" * 16), TextLine("8" * 16, size=2), RuleLine(), QrLine("T")]
    picture = narrow.draw(lines)
    assert (picture.mode, picture.width) == ("1", 384)
    assert Rasterizer(48, FONTS).draw(lines).width == 576


@needs_font
@pytest.mark.parametrize("size", [1, 2])
def test_every_glyph_stays_in_its_cell(narrow: Rasterizer, size: int) -> None:
    """Drawn alone or after others, a character has the same dots."""
    text = "gjpqy|_中龘Ｗ％￥@"
    whole = narrow.draw([TextLine(text[:10], size=size)])
    left = 0
    for character in text[:10]:
        width = (12 if character.isascii() else 24) * size
        cell = whole.crop((left, 0, left + width, whole.height))
        alone = narrow.draw([TextLine(character, size=size)])
        assert cell.tobytes() == alone.crop((0, 0, width, whole.height)).tobytes()
        box = ink(alone)
        assert box is not None and box[2] <= width
        left += width


@needs_font
def test_glyphs_are_not_cut_at_the_top_or_the_bottom(narrow: Rasterizer) -> None:
    for size in (1, 2):
        box = ink(narrow.draw([TextLine("gjy|()中龘,_", size=size)]))
        assert box is not None
        assert box[1] > 0 and box[3] < {1: 32, 2: 60}[size]


@needs_font
def test_alignment_is_exact_to_the_dot(narrow: Rasterizer) -> None:
    left, centre, right = (
        ink(narrow.draw([TextLine("口口口", align)]))
        for align in (Align.LEFT, Align.CENTRE, Align.RIGHT)
    )
    assert left is not None and centre is not None and right is not None
    assert centre[0] - left[0] == 156 and right[0] - left[0] == 312


@needs_font
def test_bold_has_more_ink(narrow: Rasterizer) -> None:
    thin, bold = (
        narrow.draw([TextLine("卡内余额", bold=on)]).histogram()[255] for on in (False, True)
    )
    assert bold > thin


@needs_font
def test_a_character_that_no_font_has_prints_as_missing(narrow: Rasterizer) -> None:
    absent, missing = narrow.draw([TextLine("\U0002fa1d")]), narrow.draw([TextLine(MISSING)])
    assert absent.tobytes() == missing.tobytes()


@needs_font
def test_png_and_bands_are_the_same_picture(narrow: Rasterizer) -> None:
    lines = [
        TextLine("消费小票", Align.CENTRE, 2, True),
        RuleLine(),
        QrLine("TOKEN"),
        TextLine("x"),
    ]
    picture = Image.open(io.BytesIO(narrow.png(lines)))
    rows = b"".join(band[8:] for band in narrow.bands(lines, 100))
    assert picture.size == (384, len(rows) // 48)
    assert bytes(255 ^ part for part in picture.tobytes()) == rows


@needs_font
def test_nothing_to_draw_is_no_error(narrow: Rasterizer) -> None:
    assert narrow.draw([]).size == (384, 1)
    assert ink(narrow.draw([TextLine("")])) is None


@pytest.mark.parametrize("dots", [384, 576])
@pytest.mark.parametrize("length", [1, 20, 200])
def test_a_code_fits_and_keeps_its_quiet_zone(dots: int, length: int) -> None:
    code = qr_picture("A" * length, dots)
    assert code.width == code.height <= dots // 2
    box = code.getbbox()
    assert box is not None
    module = box[0] // 3
    assert module >= 2 and code.width - box[2] == 3 * module
    assert qr_picture("A" * length, dots) is code
