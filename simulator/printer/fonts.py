"""Draws single characters as the printer's ROM would: 24 x 24 Chinese, 12 x 24 and 9 x 17 others.

The shapes come from fonts on the machine. Where there is none with Chinese characters the cell
stays right and its drawing is a stand-in, and `warnings` says so.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT_ROOTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
              "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")  # fmt: skip
CHINESE_FONTS = ("wqy-microhei.ttc", "wqy-zenhei.ttc", "NotoSansCJK-Regular.ttc",
                 "NotoSansSC-Regular.otf", "SourceHanSansCN-Regular.otf", "uming.ttc",
                 "PingFang.ttc", "simsun.ttc", "msyh.ttc")  # fmt: skip
NOTO_SIMPLIFIED_INDEX = 2
LATIN_FONTS = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "NotoSansMono-Regular.ttf")
INK_THRESHOLD = 112
"""Grey of the anti-aliased shape, 0 to 255, from which on a dot is burnt."""
BURNT = [255 if grey >= INK_THRESHOLD else 0 for grey in range(256)]
GLYPHS_KEPT = 8192
LATIN_ADVANCE = 0.602
"""Advance of the monospaced Latin fonts, in parts of the size."""
BASELINE = 0.83
"""Place of the baseline, from the cell's top."""
NO_CHARACTER = "\U0010fffd"


@lru_cache(maxsize=1)
def _installed() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in FONT_ROOTS:
        folder = Path(root).expanduser()
        if folder.is_dir():
            for path in sorted(folder.rglob("*.[to]t[cf]")):
                found.setdefault(path.name, path)
    return found


def _present(names: tuple[str, ...]) -> bool:
    return any(name in _installed() for name in names)


@lru_cache(maxsize=64)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    index = NOTO_SIMPLIFIED_INDEX if path.name == "NotoSansCJK-Regular.ttc" else 0
    return ImageFont.truetype(str(path), size, index=index)


@lru_cache(maxsize=64)
def _absent(font: ImageFont.FreeTypeFont) -> tuple[tuple[int, int], bytes]:
    """The font's "no such character" box."""
    shape = font.getmask(NO_CHARACTER)
    return shape.size, bytes(shape)


def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    shape = font.getmask(character)
    return shape.size != (0, 0) and (shape.size, bytes(shape)) != _absent(font)


def _font_for(character: str, chinese: bool, size: int) -> ImageFont.FreeTypeFont | None:
    """The first installed font that has the character, in the order that suits its cell."""
    names = CHINESE_FONTS + LATIN_FONTS if chinese else LATIN_FONTS + CHINESE_FONTS
    paths = [_installed()[name] for name in names if name in _installed()]
    return next((font for font in (_load(path, size) for path in paths) if _has(font, character)),
                None)  # fmt: skip


def warnings() -> list[str]:
    """What is missing on this machine to draw as a real printer does."""
    missing = []
    if not _present(CHINESE_FONTS):
        missing.append("no font with Chinese characters: they are drawn as boxes")
    if not _present(LATIN_FONTS):
        missing.append("no monospaced font: letters are drawn with Pillow's own")
    return missing


@lru_cache(maxsize=GLYPHS_KEPT)
def glyph(character: str, width: int, height: int) -> Image.Image:
    """Ink mask (mode "1", 255 = burnt) of one character in a cell of width x height dots.

    A character that no font has is drawn as an empty box.
    """
    cell = Image.new("L", (width, height), 0)
    if character.isspace():
        return cell.convert("1")
    wide = width >= height
    font = _font_for(character, wide, height if wide else round(width / LATIN_ADVANCE))
    draw = ImageDraw.Draw(cell)
    if font is not None:
        left, _, right, _ = font.getbbox(character)
        inked, advance = right - left, font.getlength(character)
        x = (width - inked) / 2 - left if max(inked, advance) > width else (width - advance) / 2
        draw.text((x, round(height * BASELINE)), character, fill=255, font=font, anchor="ls")
    elif character.isascii():
        draw.text((0, 0), character, fill=255, font=ImageFont.load_default(height * 3 // 4))
    else:
        draw.rectangle((2, 3, width - 3, height - 4), outline=255)
    return cell.point(BURNT, "1")
