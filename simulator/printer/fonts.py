"""Draws single characters as the printer's ROM would: 24 x 24 Chinese, 12 x 24 and 9 x 17 others.

The shapes come from fonts on the machine. Where there is none with Chinese characters the cell
stays right and its drawing is a stand-in, and `warnings` says so.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FONT_ROOTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
              "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")  # fmt: skip
CHINESE_FONTS = ("wqy-microhei.ttc", "wqy-zenhei.ttc", "NotoSansCJK-Regular.ttc",
                 "NotoSansSC-Regular.otf", "SourceHanSansCN-Regular.otf", "uming.ttc",
                 "PingFang.ttc", "simsun.ttc", "msyh.ttc")  # fmt: skip
NOTO_SIMPLIFIED_INDEX = 2
LATIN_FONTS = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf")
INK_THRESHOLD = 112
"""Grey of the anti-aliased shape, 0 to 255, from which on a dot is burnt."""
GLYPHS_KEPT = 8192


@lru_cache(maxsize=1)
def _installed() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in FONT_ROOTS:
        folder = Path(root).expanduser()
        if folder.is_dir():
            for path in sorted(folder.rglob("*.[to]t[cf]")):
                found.setdefault(path.name, path)
    return found


def _first(names: tuple[str, ...]) -> Path | None:
    return next((_installed()[name] for name in names if name in _installed()), None)


@lru_cache(maxsize=32)
def _font(chinese: bool, size: int) -> tuple[Font, bool]:
    """The font, and whether it has Chinese characters."""
    path = _first(CHINESE_FONTS)
    if chinese and path is not None:
        index = NOTO_SIMPLIFIED_INDEX if path.name == "NotoSansCJK-Regular.ttc" else 0
        return ImageFont.truetype(str(path), size, index=index), True
    latin = _first(LATIN_FONTS)
    if not chinese and latin is not None:
        return ImageFont.truetype(str(latin), size), False
    return ImageFont.load_default(size), False


def warnings() -> list[str]:
    """What is missing on this machine to draw as a real printer does."""
    missing = []
    if _first(CHINESE_FONTS) is None:
        missing.append("no font with Chinese characters: they are drawn as boxes")
    if _first(LATIN_FONTS) is None:
        missing.append("no monospaced font: letters are drawn with Pillow's own")
    return missing


@lru_cache(maxsize=GLYPHS_KEPT)
def glyph(character: str, width: int, height: int) -> Image.Image:
    """Ink mask (mode "1", 255 = burnt) of one character in a cell of width x height dots."""
    chinese = width >= height or not character.isascii()
    size = height if width >= height else round(width / 0.602)
    font, real = _font(chinese, size)
    cell = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(cell)
    if chinese and not real and not character.isascii():
        draw.rectangle((1, 1, width - 3, height - 3), outline=255)
    else:
        left, _, right, _ = font.getbbox(character)
        ascent = round(height * 0.83)
        x = (width - (right - left)) / 2 - left if right - left > width else (
            (width - font.getlength(character)) / 2)
        if isinstance(font, ImageFont.FreeTypeFont):
            draw.text((x, ascent), character, fill=255, font=font, anchor="ls")
        else:
            draw.text((max(x, 0), 0), character, fill=255, font=font)
    return cell.point(lambda grey: 255 if grey >= INK_THRESHOLD else 0).convert("1")
