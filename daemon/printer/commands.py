"""The few ESC/POS commands that every rendering shares, as bytes. Pure.

Names are those of the ESC/POS command reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from daemon.core.printer_model import Buzzer
from daemon.core.receipt import Align

ESC_INITIALIZE: Final = b"\x1b@"
MOST_BAND_ROWS: Final = 128
"""Larger bit images overrun the buffers of cheap printers, which then print them as text."""
TEAR_LINES: Final = 4
"""From the print head to the tear bar, at 30 dots a line."""
_ALIGN: Final = {Align.LEFT: b"\x1ba\x00", Align.CENTRE: b"\x1ba\x01", Align.RIGHT: b"\x1ba\x02"}


def esc_align(align: Align) -> bytes:
    """ESC a n: only at the beginning of a line."""
    return _ALIGN[align]


def esc_pulse(pin: int = 2) -> bytes:
    """ESC p m t1 t2: kicks the cash drawer on connector pin 2 or 5, 100 ms on, 500 ms off."""
    assert pin in (2, 5)
    return b"\x1bp" + bytes([pin == 5, 50, 250])


def dle_pulse(pin: int = 2) -> bytes:
    """DLE DC4 1 m t: the same kick in real time, for a printer that is offline (out of paper) and
    would hold ESC p back until it is not. 100 ms."""
    assert pin in (2, 5)
    return b"\x10\x14\x01" + bytes([pin == 5, 1])


def gs_cut(feed_dots: int = 24) -> bytes:
    """GS V 66 n: feeds the last line past the cutter and `feed_dots` more, then cuts."""
    assert 0 <= feed_dots <= 255
    return b"\x1dV\x42" + bytes([feed_dots])


def esc_feed(lines: int) -> bytes:
    """ESC d n: to the tear bar of a printer without a cutter."""
    assert 0 <= lines <= 255
    return b"\x1bd" + bytes([lines])


def ending(cutter: bool) -> bytes:
    """What a paper ends with: the cut, or the way to the tear bar."""
    return gs_cut() if cutter else esc_feed(TEAR_LINES)


def beep(buzzer: Buzzer, times: int = 2) -> bytes:
    """ESC B n t (n times, t * 50 or 100 ms by maker), or ESC ( A function 97 (pattern 1, n times,
    100 ms apart). Empty for a printer without a buzzer."""
    assert 1 <= times <= 9
    if buzzer is Buzzer.ESC_B:
        return b"\x1bB" + bytes([times, 2])
    if buzzer is Buzzer.ESC_A:
        return b"\x1b(A\x04\x00\x61\x01" + bytes([times, 1])
    return b""


def gs_bands(rows: bytes, row_bytes: int, band_rows: int = MOST_BAND_ROWS) -> Iterator[bytes]:
    """GS v 0 for `rows` (1 bit a dot, 1 is ink, `row_bytes` a row) in bands of at most
    `band_rows`."""
    assert 1 <= band_rows <= 2047 and row_bytes and len(rows) % row_bytes == 0
    step = row_bytes * band_rows
    for start in range(0, len(rows), step):
        band = rows[start : start + step]
        height = len(band) // row_bytes
        size = row_bytes.to_bytes(2, "little") + height.to_bytes(2, "little")
        yield b"\x1dv0\x00" + size + band


def gs_qr(text: str, module_dots: int) -> bytes:
    """GS ( k functions 165, 167, 169, 180, 181: model 2, error level M, store, print."""
    stored = text.encode("utf-8")
    length = (len(stored) + 3).to_bytes(2, "little")
    return b"".join(
        (
            b"\x1d(k\x04\x001A2\x00",
            b"\x1d(k\x03\x001C" + bytes([module_dots]),
            b"\x1d(k\x03\x001E1",
            b"\x1d(k" + length + b"1P0" + stored,
            b"\x1d(k\x03\x001Q0",
        )
    )
