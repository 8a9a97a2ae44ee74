"""Lines -> the bytes of a printer with a Chinese character ROM (GB18030 or GBK). Pure.

Text goes out in Chinese mode (FS &), where a lead byte takes the next byte with it. Double size
needs GS ! for ASCII and FS ! for Chinese on many printers, and obeying both is harmless on the
others. A line that the ROM has no glyphs for (four-byte characters: rare surnames) is sent as a
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final

from daemon.core.receipt import Align
from daemon.printer.commands import ESC_INITIALIZE, esc_align, gs_cut, gs_qr
from daemon.printer.layout import MISSING, Line, PictureLine, QrLine, RuleLine, TextLine

FS_CHINESE_ON: Final = b"\x1c&"
FS_CHINESE_OFF: Final = b"\x1c."
_NORMAL: Final = b"\x1d!\x00\x1c!\x00"
_DOUBLE: Final = b"\x1d!\x11\x1c!\x0c"
_BOLD_ON: Final = b"\x1bE\x01"
_BOLD_OFF: Final = b"\x1bE\x00"
_QR_MODULE_DOTS: Final = 6
"""0.75 mm at 8 dots per mm: read by a phone from thermal paper at arm's length."""


class Encoding(Enum):
    """How a printer wants its receipts: GB18030 or GBK text for its own ROM, or a picture. RASTER
    for USB and network; text on serial lines, where a picture takes a minute."""

    GB18030 = "gb18030"
    GBK = "gbk"
    RASTER = "raster"


Picture = Callable[[TextLine], Sequence[bytes]]
"""Renders one line as GS v 0 bands."""


def native_job(
    lines: Sequence[Line], columns: int, encoding: Encoding, picture: Picture | None
) -> list[bytes]:
    """The job in pieces that may be sent one after the other. Without `picture` (no font on this
    machine) a character that the ROM lacks prints as 〓."""
    job = [ESC_INITIALIZE + FS_CHINESE_ON]
    job.extend(_pieces(lines, columns, encoding, picture))
    job.append(FS_CHINESE_OFF + gs_cut())
    return job


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
    missing = MISSING.encode("gbk")
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
    """Empty if the ROM does not have it."""
    try:
        encoded = character.encode("gbk" if encoding is Encoding.GBK else "gb18030")
    except UnicodeEncodeError:
        return b""
    return encoded if len(encoded) <= 2 else b""
