"""Any text in any encoding reads back from the paper as it was meant, by an interpreter that shares
no code with ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.receipt import Align
from daemon.printer.gb18030 import Encoding, fits_rom, native_job, substitute
from daemon.printer.layout import TextLine, clean, columns_of
from simulator.printer.interpreter import interpret
from simulator.printer.profile import Profile

ROMS = (Encoding.GB18030, Encoding.GBK, Encoding.BIG5)
PICTURE = b"\x1dv0\x00\x01\x00\x01\x00\xff"
WORDS = {
    Encoding.GB18030: "龙井（明前）大杯 ￥18.50 〇 · — … ℃ 䶮",
    Encoding.GBK: "云杉茶铺：储值消费，會員 ￥18.50",
    Encoding.BIG5: "會員儲值卡：實付 ￥18.50（贈金）許功蓋",
}
hanzi = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
anything = st.text(st.one_of(st.characters(), hanzi), max_size=12)


def read_back(line: TextLine, encoding: Encoding, *, drawn: bool) -> str:
    job = native_job([line], 48, encoding, (lambda _: [PICTURE]) if drawn else None)
    paper = interpret(b"".join(job), Profile(encoding=encoding.value))
    assert not paper.unknown
    assert not any("unreadable" in event.note for event in paper.events)
    return "".join(event.text for event in paper.events)


def meant(text: str, encoding: Encoding) -> str:
    """Big5 has one yen sign, which reads back as the narrow one."""
    missing = substitute(encoding)
    if encoding is Encoding.BIG5:
        text = text.replace("\uffe5", "\u00a5")
    return "".join(each if fits_rom(each, encoding) else missing for each in text)


@pytest.mark.parametrize("encoding", ROMS)
def test_what_shops_print(encoding: Encoding) -> None:
    text = clean(WORDS[encoding])
    assert fits_rom(text, encoding)
    assert read_back(TextLine(text), encoding, drawn=False) == meant(text, encoding)


@pytest.mark.parametrize("encoding", ROMS)
@settings(max_examples=300, deadline=None)
@given(text=anything, size=st.sampled_from((1, 2)), bold=st.booleans())
def test_any_text_reads_back_or_is_visibly_missing(
    encoding: Encoding, text: str, size: int, bold: bool
) -> None:
    line = TextLine(clean(text), Align.CENTRE, size, bold)
    told = read_back(line, encoding, drawn=False)
    assert told == meant(line.text, encoding)
    if encoding is not Encoding.BIG5:
        assert columns_of(told) == columns_of(meant(line.text, encoding))


@pytest.mark.parametrize("encoding", ROMS)
@settings(max_examples=300, deadline=None)
@given(text=anything)
def test_with_a_font_nothing_is_missing(encoding: Encoding, text: str) -> None:
    """A line that the ROM lacks a character of is a picture, whole."""
    line = TextLine(clean(text))
    told = read_back(line, encoding, drawn=True)
    assert told == (meant(line.text, encoding) if fits_rom(line.text, encoding) else "")


def test_the_substitute_is_in_the_rom() -> None:
    assert [substitute(encoding) for encoding in ROMS] == ["〓", "〓", "■"]


def test_simplified_characters_are_not_in_a_big5_rom() -> None:
    assert fits_rom("龍門", Encoding.BIG5) and not fits_rom("龙", Encoding.BIG5)
    assert read_back(TextLine("龙門"), Encoding.BIG5, drawn=False) == "■門"
