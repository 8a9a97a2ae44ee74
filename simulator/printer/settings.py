"""The commands that only set something: styles, sizes, margins, symbol parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from simulator.printer import charsets
from simulator.printer.graphics import NotDrawableError
from simulator.printer.typeset import Typesetter

Setting = Callable[[bytes], str | None]
"""Parameters -> a note, or None. Raises NotDrawableError for a value the printer ignores."""


@dataclass
class Symbols:
    """What GS h, w and GS ( k set for barcodes and QR codes, and the stored picture."""

    qr_data: bytes = b""
    qr_level: int = 48
    qr_module: int = 3
    bar_height: int = 162
    bar_module: int = 3
    picture: tuple[bytes, int, int, int, int] | None = None

    def reset(self) -> None:
        """As after power-on."""
        fresh = Symbols()
        for name in (each.name for each in fields(self)):
            setattr(self, name, getattr(fresh, name))


def _number(params: bytes) -> int:
    return int.from_bytes(params[:2], "little")


def _choice(value: int, highest: int) -> int:
    """n or its ASCII digit, as most commands allow."""
    number = value - 48 if value >= 48 else value
    if number > highest:
        raise NotDrawableError(f"value {value} is out of range")
    return number


def _sizes(typesetter: Typesetter, symbols: Symbols) -> dict[str, Setting]:
    apart = typesetter.profile.sizes_apart

    def both(across: int, down: int) -> None:
        typesetter.style.size = (across, down)
        if not apart:
            typesetter.style.chinese_size = (across, down)

    def character_size(params: bytes) -> None:
        """GS ! n: width - 1 in bits 4 to 6, height - 1 in bits 0 to 2."""
        both((params[0] >> 4 & 7) + 1, (params[0] & 7) + 1)

    def print_mode(params: bytes) -> None:
        """ESC ! n: font B 1, bold 8, double height 16, double width 32, underline 128."""
        mode, style = params[0], typesetter.style
        style.font, style.bold = mode & 1, bool(mode & 8)
        style.underline = 1 if mode & 128 else 0
        both(2 if mode & 32 else 1, 2 if mode & 16 else 1)

    def chinese_mode(params: bytes) -> None:
        """FS ! n: double width 4, double height 8, underline 128."""
        style = typesetter.style
        style.chinese_size = (2 if params[0] & 4 else 1, 2 if params[0] & 8 else 1)
        style.chinese_underline = 1 if params[0] & 128 else 0

    def chinese_quadruple(params: bytes) -> None:
        typesetter.style.chinese_size = (2, 2) if params[0] & 1 else (1, 1)

    def bar_height(params: bytes) -> None:
        symbols.bar_height = max(1, params[0])

    def bar_module(params: bytes) -> None:
        symbols.bar_module = min(6, max(1, params[0]))

    return {
        "GS !": character_size,
        "ESC !": print_mode,
        "FS !": chinese_mode,
        "FS W": chinese_quadruple,
        "GS h": bar_height,
        "GS w": bar_module,
    }


def _styles(typesetter: Typesetter) -> dict[str, Setting]:
    def bold(params: bytes) -> None:
        typesetter.style.bold = bool(params[0] & 1)

    def double_strike(params: bytes) -> None:
        typesetter.style.double_strike = bool(params[0] & 1)

    def underline(params: bytes) -> None:
        typesetter.style.underline = _choice(params[0], 2)

    def chinese_underline(params: bytes) -> None:
        typesetter.style.chinese_underline = _choice(params[0], 2)

    def reverse(params: bytes) -> None:
        typesetter.style.reverse = bool(params[0] & 1)

    def upside_down(params: bytes) -> None:
        typesetter.style.upside_down = bool(params[0] & 1)

    def font(params: bytes) -> str | None:
        number = _choice(params[0], 4)
        typesetter.style.font = min(number, 1)
        return f"font {number} is drawn as B" if number > 1 else None

    def turned(params: bytes) -> None:
        if params[0] not in (0, 48):
            raise NotDrawableError("characters turned by 90 degrees are drawn upright")

    def code_page(params: bytes) -> None:
        if params[0] not in charsets.CODE_PAGES:
            raise NotDrawableError(f"code page {params[0]}")
        typesetter.style.code_page = params[0]

    def country(params: bytes) -> None:
        if params[0] not in charsets.NATIONAL:
            raise NotDrawableError(f"country {params[0]}")
        typesetter.style.country = params[0]

    def mode(_: bytes) -> None:
        """FS & and FS . change how text is cut: the tokenizer follows them."""

    return {
        "ESC E": bold,
        "ESC G": double_strike,
        "ESC -": underline,
        "FS -": chinese_underline,
        "GS B": reverse,
        "ESC {": upside_down,
        "ESC M": font,
        "ESC V": turned,
        "ESC t": code_page,
        "ESC R": country,
        "FS &": mode,
        "FS .": mode,
    }


def _places(typesetter: Typesetter) -> dict[str, Setting]:
    def line_spacing_default(_: bytes) -> None:
        typesetter.style.line_spacing = typesetter.profile.line_spacing_dots

    def line_spacing(params: bytes) -> None:
        typesetter.style.line_spacing = params[0]

    def at_line_start() -> None:
        if not typesetter.empty:
            raise NotDrawableError("has effect only at the beginning of a line")

    def align(params: bytes) -> None:
        at_line_start()
        typesetter.style.align = _choice(params[0], 2)

    def left_margin(params: bytes) -> None:
        at_line_start()
        typesetter.style.left_margin = _number(params)

    def area_width(params: bytes) -> None:
        at_line_start()
        typesetter.style.area_width = _number(params)

    def right_space(params: bytes) -> None:
        typesetter.style.right_space = params[0]

    def chinese_space(params: bytes) -> None:
        typesetter.style.chinese_space = (params[0], params[1])

    def absolute(params: bytes) -> None:
        typesetter.move_to(_number(params))

    def relative(params: bytes) -> None:
        typesetter.move_to(typesetter.x + int.from_bytes(params[:2], "little", signed=True))

    def tab_stops(params: bytes) -> None:
        typesetter.style.tabs = list(params[:-1])

    def tab(_: bytes) -> None:
        typesetter.space()

    def line_feed(_: bytes) -> None:
        typesetter.end_line()

    return {
        "ESC 2": line_spacing_default,
        "ESC 3": line_spacing,
        "ESC a": align,
        "GS L": left_margin,
        "GS W": area_width,
        "ESC SP": right_space,
        "FS S": chinese_space,
        "ESC $": absolute,
        "ESC \\": relative,
        "ESC D": tab_stops,
        "HT": tab,
        "LF": line_feed,
    }


def _captions(params: bytes) -> None:
    """GS H, GS f: where a barcode's caption stands; the box names its text anyway."""


def settings(typesetter: Typesetter, symbols: Symbols) -> dict[str, Setting]:
    """All of them, by the command's name."""
    return {
        **_sizes(typesetter, symbols),
        **_styles(typesetter),
        **_places(typesetter),
        "GS H": _captions,
        "GS f": _captions,
    }
