"""The bytes for printers with a Chinese ROM."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.receipt import Align
from daemon.printer.commands import dle_pulse, esc_pulse, gs_bands, gs_cut, gs_qr
from daemon.printer.gb18030 import Encoding, fits_rom, native_job
from daemon.printer.layout import Line, QrLine, RuleLine, TextLine, clean

NATIVE = (Encoding.GB18030, Encoding.GBK)


def job(*lines: Line, encoding: Encoding = Encoding.GB18030) -> bytes:
    return b"".join(
        native_job(lines, 32, encoding, lambda line: [b"<" + line.text.encode() + b">"])
    )


def test_a_job_begins_clean_in_chinese_mode_and_ends_with_a_cut() -> None:
    assert job(TextLine("中A")) == b"\x1b@\x1c&" + b"\xd6\xd0A\n" + b"\x1c.\x1dV\x42\x18"


def test_double_size_is_set_for_ascii_and_chinese_and_taken_back() -> None:
    assert b"\x1d!\x11\x1c!\x0c\xd6\xd0\n\x1d!\x00\x1c!\x00" in job(TextLine("中", size=2))


def test_bold_and_alignment_are_taken_back() -> None:
    body = job(TextLine("x", Align.CENTRE, bold=True))
    assert b"\x1ba\x01\x1bE\x01x\x1bE\x00\n\x1ba\x00" in body


def test_the_yen_sign_is_two_bytes() -> None:
    assert b"\xa3\xa418.50" in job(TextLine(clean("¥18.50")))


def test_rules_are_as_wide_as_the_paper() -> None:
    assert b"-" * 32 + b"\n" + b"=" * 32 + b"\n" in job(RuleLine(), RuleLine(True))


def test_rare_characters_go_out_as_a_picture() -> None:
    body = job(TextLine("会员 㛃*"), TextLine("会员 张*"))
    assert "<会员 㛃*>".encode() in body
    assert "会员 张*".encode("gb18030") in body


def test_what_is_rare_depends_on_the_rom() -> None:
    assert fits_rom("䶮", Encoding.GB18030) and not fits_rom("䶮", Encoding.GBK)
    assert not fits_rom("㛃", Encoding.GB18030)


@pytest.mark.parametrize("encoding", NATIVE)
def test_without_a_font_rare_characters_print_as_missing(encoding: Encoding) -> None:
    body = b"".join(native_job([TextLine("㛃*")], 32, encoding, None))
    assert "〓*".encode("gbk") in body


@given(st.text(max_size=30), st.sampled_from(NATIVE))
def test_any_text_gives_bytes_that_read_back(text: str, encoding: Encoding) -> None:
    line = clean(text)
    body = b"".join(native_job([TextLine(line)], 32, encoding, None))
    inner = body[len(b"\x1b@\x1c&") : -len(b"\n\x1c.\x1dV\x42\x18")]
    assert not re.search(rb"[\x00-\x1f]", inner)
    read = inner.decode("gbk" if encoding is Encoding.GBK else "gb18030")
    expected = "".join(c if fits_rom(c, encoding) else "〓" for c in line)
    assert read == expected


def test_the_code_is_stored_whole() -> None:
    body = job(QrLine("TOKEN"))
    assert b"\x1d(k\x08\x001P0TOKEN\x1d(k\x03\x001Q0" in body
    assert gs_qr("x" * 300, 6).count(b"\x1d(k\x2f\x011P0") == 1


def test_drawer_kicks() -> None:
    assert esc_pulse() == b"\x1bp\x00\x32\xfa" and esc_pulse(5)[2] == 1
    assert dle_pulse() == b"\x10\x14\x01\x00\x01"
    assert gs_cut(0) == b"\x1dV\x42\x00"


@given(st.integers(0, 700), st.integers(1, 255))
def test_bands_put_together_are_the_picture(height: int, band_rows: int) -> None:
    rows = bytes(i % 251 for i in range(height * 9))
    read = b""
    for band in gs_bands(rows, 9, band_rows):
        assert band[:6] == b"\x1dv0\x00\x09\x00"
        count = int.from_bytes(band[6:8], "little")
        assert 1 <= count <= band_rows and len(band) == 8 + 9 * count
        read += band[8:]
    assert read == rows
