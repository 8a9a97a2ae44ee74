"""Lines are never wider than the paper and never lose a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.receipt import Align, Block, Feed, Pair, Qr, Receipt, Row, Rule, Text
from daemon.printer.layout import (
    MISSING,
    MOST_LINES,
    Line,
    QrLine,
    RuleLine,
    TextLine,
    char_columns,
    clean,
    columns_of,
    lay_out,
    wrap,
)

PRINTED = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=32, max_codepoint=126),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF),
        st.sampled_from("￥·—…℃，。（）㛃䶮é€"),
    ),
    max_size=60,
)
ANY = st.text(max_size=40)
COLUMNS = st.sampled_from((32, 48))


def blocks(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    sizes = st.sampled_from((1, 2))
    return st.one_of(
        st.builds(Text, texts, st.sampled_from(Align), sizes, st.booleans()),
        st.builds(Pair, texts, texts, sizes, st.booleans()),
        st.lists(texts, min_size=1, max_size=4).map(
            lambda cells: Row(tuple(cells), tuple(range(len(cells), 0, -1)))
        ),
        st.builds(Rule, st.booleans()),
        st.builds(Qr, st.just("TOKEN"), texts),
        st.builds(Feed, st.integers(0, 3)),
    )


def lines_of(*made: Block, columns: int = 32) -> list[Line]:
    return list(lay_out(Receipt("r", "n", tuple(made)), columns))


def texts_of(*made: Block, columns: int = 32) -> list[str]:
    return [line.text for line in lines_of(*made, columns=columns) if isinstance(line, TextLine)]


def words_of(block: Block) -> str:
    match block:
        case Text(text):
            return text
        case Pair(left, right):
            return left + right
        case Row(cells):
            return "".join(cells)
        case Qr(_, caption):
            return caption
    return ""


def squeezed(text: str) -> str:
    return sorted_without_spaces(clean(" ".join(text.splitlines())))


def sorted_without_spaces(text: str) -> str:
    return "".join(sorted(text.replace(" ", "")))


@given(st.lists(blocks(st.one_of(PRINTED, ANY)), max_size=6), COLUMNS)
def test_no_line_is_wider_than_the_paper(made: list[Block], columns: int) -> None:
    for line in lines_of(*made, columns=columns):
        if isinstance(line, TextLine):
            assert columns_of(line.text) * line.size <= columns


@given(blocks(st.one_of(PRINTED, ANY)), COLUMNS)
def test_every_character_is_preserved(block: Block, columns: int) -> None:
    printed = "".join(texts_of(block, columns=columns))
    assert sorted_without_spaces(printed) == squeezed(words_of(block))


@given(PRINTED, COLUMNS)
def test_a_paragraph_keeps_its_order(text: str, columns: int) -> None:
    printed = "".join(texts_of(Text(text), columns=columns)).replace(" ", "")
    assert printed == clean(text).replace(" ", "")


@given(PRINTED)
def test_columns_are_bytes_of_gb18030(text: str) -> None:
    for character in clean(text):
        length = len(character.encode("gb18030"))
        assert char_columns(character) == (1 if length == 1 else 2)


@given(ANY)
def test_cleaned_text_carries_no_commands(text: str) -> None:
    kept = clean(text)
    assert all(character >= " " and character != "\x7f" for character in kept)
    kept.encode("gb18030")


@pytest.mark.parametrize("mark", "·—…℃“”")
def test_ambiguous_characters_take_two_columns(mark: str) -> None:
    assert columns_of(mark) == 2


def test_the_narrow_yen_sign_becomes_the_wide_one() -> None:
    assert texts_of(Text("¥12.00")) == ["￥12.00"]


def test_a_surrogate_is_shown_as_missing() -> None:
    assert clean("a\ud800b") == f"a{MISSING}b"


def test_a_footer_cannot_command_the_printer() -> None:
    assert texts_of(Text("ok\x1b@\x1dV\x00\x10\x04")) == ["ok@", "V"]


def test_words_are_not_broken_where_a_space_is_near() -> None:
    assert wrap("Unused principal can be refunded within", 32) == [
        "Unused principal can be refunded",
        "within",
    ]


def test_a_line_does_not_begin_with_a_full_stop() -> None:
    assert wrap("一二三四五六七八九。", 18) == ["一二三四五六七八", "九。"]


def test_a_word_longer_than_the_paper_is_broken() -> None:
    assert wrap("A" * 40, 32) == ["A" * 32, "A" * 8]


def test_paragraphs_and_empty_text() -> None:
    assert wrap("a\nb\n\nc", 32) == ["a", "b", "", "c"]
    assert wrap("", 32) == [""]


def test_pair_stands_at_both_edges() -> None:
    (line,) = texts_of(Pair("卡内余额", "￥531.50"))
    assert line == "卡内余额" + " " * 16 + "￥531.50"
    assert columns_of(line) == 32


def test_a_pair_too_long_for_one_line_takes_two() -> None:
    left, right = texts_of(Pair("本次充值活动的名称", "充五百元赠送百分之十"))
    assert left == "本次充值活动的名称"
    assert right == " " * 12 + "充五百元赠送百分之十"


def test_double_size_halves_the_columns() -> None:
    first, second = lines_of(Pair("到账合计", "￥550.00", size=2))
    assert isinstance(first, TextLine) and isinstance(second, TextLine)
    assert (first.text, second.text) == ("到账合计", " " * 8 + "￥550.00")
    assert first.size == 2


def test_rows_line_up() -> None:
    weights = (5, 2, 3)
    head, first = texts_of(
        Row(("项目", "数量", "金额"), weights), Row(("龙井（明前）", "2", "17.56"), weights)
    )
    assert columns_of(head) == columns_of(first) == 32
    assert head.endswith("金额") and first.endswith("17.56")


def test_a_long_name_wraps_and_its_figures_stand_on_the_last_line() -> None:
    lines = texts_of(Row(("西湖龙井明前特级礼盒装大号", "2", "17.56"), (5, 2, 3)))
    assert len(lines) == 2
    assert lines[1].endswith("17.56")


def test_a_figure_wider_than_its_column_is_never_cut() -> None:
    lines = texts_of(Row(("茶", "1", "123456789012.00"), (5, 2, 3)))
    assert lines[-1].endswith("123456789012.00")


def test_rules_codes_and_feeds() -> None:
    assert lines_of(Rule(), Rule(True), Qr("T", "scan"), Feed(2)) == [
        RuleLine(False),
        RuleLine(True),
        QrLine("T"),
        TextLine("scan", Align.CENTRE),
        TextLine(""),
        TextLine(""),
    ]


def test_a_receipt_does_not_run_for_metres() -> None:
    lines = lines_of(Text("x\n" * 5000))
    assert len(lines) == MOST_LINES
    assert lines[-1] == TextLine("…")
