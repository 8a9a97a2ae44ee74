"""Lines -> the bytes of a printer with a Chinese character ROM (GB18030, GBK, Big5). Pure.

Text goes out in Chinese mode (FS &), where a lead byte takes the next byte with it. Double size
needs GS ! for ASCII and FS ! for Chinese on many printers, and obeying both is harmless on the
others. A line that the ROM has no glyphs for (four-byte characters: rare surnames; simplified ones
on a Big5 printer) is sent as a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final

from daemon.core.receipt import Align
from daemon.printer.commands import ESC_INITIALIZE, ending, esc_align, gs_qr
from daemon.printer.layout import MISSING, Line, PictureLine, QrLine, RuleLine, TextLine

FS_CHINESE_ON: Final = b"\x1c&"
FS_CHINESE_OFF: Final = b"\x1c."
_NORMAL: Final = b"\x1d!\x00\x1c!\x00"
_DOUBLE: Final = b"\x1d!\x11\x1c!\x0c"
_BOLD_ON: Final = b"\x1bE\x01"
_BOLD_OFF: Final = b"\x1bE\x00"
SUBSTITUTES: Final = (MISSING, "■", "?")
_QR_MODULE_DOTS: Final = 6
"""0.75 mm at 8 dots per mm: read by a phone from thermal paper at arm's length."""


class Encoding(Enum):
    """How a printer wants its receipts: text for its own ROM, or a picture. RASTER for USB and
    network; text on serial lines, where a picture takes a minute."""

    GB18030 = "gb18030"
    GBK = "gbk"
    BIG5 = "big5"
    RASTER = "raster"


_SAME_GLYPH: Final = {(Encoding.BIG5, "\uffe5"): "\u00a5"}
"""Big5 has one yen sign, a wide one, which its table calls by the narrow one's name."""


Picture = Callable[[TextLine], Sequence[bytes]]
"""Renders one line as GS v 0 bands."""


def native_job(
    lines: Sequence[Line],
    columns: int,
    encoding: Encoding,
    picture: Picture | None,
    *,
    cutter: bool = True,
) -> list[bytes]:
    """The job in pieces that may be sent one after the other. Without `picture` (no font on this
    machine) a character that the ROM lacks prints as the first of `SUBSTITUTES` that it has."""
    assert encoding is not Encoding.RASTER
    job = [ESC_INITIALIZE + FS_CHINESE_ON]
    job.extend(_pieces(lines, columns, encoding, picture))
    job.append(FS_CHINESE_OFF + ending(cutter))
    return job


def substitute(encoding: Encoding) -> str:
    """What stands for a character that the ROM lacks."""
    return next(each for each in SUBSTITUTES if _rom_bytes(each, encoding))


def fits_rom(text: str, encoding: Encoding) -> bool:
    """Whether every character is ASCII or two bytes in `encoding`."""
    return all(_rom_bytes(character, encoding) for character in text)


def _pieces(
    lines: Sequence[Line], columns: int, encoding: Encoding, picture: Picture | None
) -> Iterator[bytes]:
    for line in lines:
        match line:
            case RuleLine(double):
                yield (b"=" if double else b"-") * columns + b"\n"
            case QrLine(text):
                yield esc_align(Align.CENTRE) + gs_qr(text, _QR_MODULE_DOTS)
                yield b"\n" + esc_align(Align.LEFT)
            case PictureLine():
                # A logo takes many seconds on a serial line: such paper goes without.
                continue
            case TextLine(text) if picture is not None and not fits_rom(text, encoding):
                yield from picture(line)
            case TextLine():
                yield _text(line, encoding)


def _text(line: TextLine, encoding: Encoding) -> bytes:
    missing = _rom_bytes(substitute(encoding), encoding)
    body = b"".join(_rom_bytes(character, encoding) or missing for character in line.text)
    if line.bold:
        body = _BOLD_ON + body + _BOLD_OFF
    if line.size == 2:
        body = _DOUBLE + body + b"\n" + _NORMAL
    else:
        body += b"\n"
    if line.align is Align.LEFT:
        return body
    return esc_align(line.align) + body + esc_align(Align.LEFT)


def _rom_bytes(character: str, encoding: Encoding) -> bytes:
    """Empty if the ROM does not have it, or only a place that each maker fills otherwise (private
    use)."""
    asked = _SAME_GLYPH.get((encoding, character), character)
    try:
        encoded = asked.encode(encoding.value)
    except UnicodeEncodeError:
        return b""
    if len(encoded) == 1:
        return encoded if asked.isascii() else b""
    return encoded if len(encoded) == 2 and asked.isprintable() else b""
