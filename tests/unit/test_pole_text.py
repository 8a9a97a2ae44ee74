"""The two lines of a customer's display: exact columns, no half characters, amounts whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.panel import Act, Scene
from daemon.core.pole_text import (
    DIGITS,
    WORDS,
    Charset,
    Meaning,
    PoleText,
    cut,
    encode,
    encoded,
    frame,
    line,
    number,
    width,
    yuan,
)

FEN = st.integers(-(10**7), 10**9)
SCENES = st.builds(
    Scene,
    act=st.sampled_from(Act),
    amount_fen=st.none() | FEN,
    balance_fen=st.none() | FEN,
    change_fen=st.integers(0, 10**7),
    stars=st.integers(0, 40),
)
TEXTS = st.builds(
    PoleText,
    columns=st.integers(8, 40),
    language=st.sampled_from(sorted(WORDS)),
    charset=st.sampled_from(Charset),
    balance=st.booleans(),
    idle=st.text(max_size=40),
)


@given(SCENES, TEXTS)
def test_a_line_has_exactly_the_columns_and_whole_characters(scene: Scene, text: PoleText) -> None:
    for each in frame(scene, text):
        told = encode(each, text.charset)
        assert len(told) == text.columns
        decoded = told.decode("gbk" if text.charset is Charset.GB18030 else "ascii")
        assert len(decoded) == len(each)
        assert not any(byte < 0x20 or byte == 0x7F for byte in told)


@given(st.characters(), st.sampled_from(Charset))
def test_a_character_takes_one_column_or_two(character: str, charset: Charset) -> None:
    told = encoded(character, charset)
    assert len(told) in (1, 2)
    assert len(told) == 2 or 0x20 <= told[0] < 0x7F
    assert len(told) == 1 or (charset is Charset.GB18030 and 0x81 <= told[0] <= 0xFE)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 40), st.sampled_from(Charset))
def test_what_is_at_the_right_is_cut_last(
    left: str, right: str, columns: int, charset: Charset
) -> None:
    made = line(left, right, columns, charset)
    assert width(made, charset) == columns
    if width(right, charset) <= columns:
        assert made.endswith(right)
    assert left.startswith(cut(left, columns, charset))


@given(SCENES)
def test_a_balance_is_shown_only_where_the_shop_allows_it(scene: Scene) -> None:
    for language in WORDS:
        hidden = frame(scene, PoleText(language=language, columns=40))
        assert not any(WORDS[language]["balance"] in each for each in hidden)


@given(SCENES)
def test_a_number_is_whole_or_dashes(scene: Scene) -> None:
    digits, meaning = number(scene)
    assert len(digits.replace(".", "")) <= DIGITS
    assert set(digits) <= set("0123456789.-")
    assert (digits == "") is (meaning is Meaning.NOTHING)


def test_what_the_two_lines_say() -> None:
    text = PoleText(idle="示范会员店", balance=True)
    said = {
        Scene(Act.IDLE): ("     示范会员店     ", "      欢迎光临      "),
        Scene(Act.LAY_CARD, 1234): ("应收           12.34", "请刷卡              "),
        Scene(Act.TYPE_PIN, 1234, stars=3): ("应收           12.34", "密码             ***"),
        Scene(Act.PAID, 1234, 8766): ("已付           12.34", "余额           87.66"),
        Scene(Act.PAID, 1234, None, 766): ("已付           12.34", "找零            7.66"),
        Scene(Act.PAID, 1234): ("已付           12.34", "谢谢                "),
        Scene(Act.ASK_TWICE, 1234): ("应收           12.34", "再付一次？          "),
        Scene(Act.FAILED, 1234): ("没有付款            ", "请问收银员          "),
    }
    for scene, lines in said.items():
        assert frame(scene, text) == lines
    english = PoleText(charset=Charset.ASCII, language="zh-CN", idle="Demo 店")
    assert frame(Scene(Act.IDLE), english) == ("       Demo 店       ", "      Welcome       ")
    assert encode("Demo 店", Charset.ASCII) == b"Demo ?"


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_word_fits_beside_an_amount(language: str) -> None:
    charset = Charset.GB18030
    assert WORDS[language].keys() == WORDS["en"].keys()
    for name in ("due", "paid", "balance", "change"):
        assert width(WORDS[language][name], charset) + 1 + len(yuan(10**9)) <= 20
    assert all(width(word, charset) <= 20 for word in WORDS[language].values())


@pytest.mark.parametrize(
    ("character", "told"),
    [
        ("中", b"\xd6\xd0"),
        ("·", b"\xa1\xa4"),
        ("¥", b"\xa3\xa4"),
        ("㛃", b"?"),
        ("é", b"\xa8\xa6"),
        ("\x1b", b"?"),
        ("\ud800", b"?"),
        ("€", b"?"),
    ],
)
def test_characters_by_name(character: str, told: bytes) -> None:
    assert encoded(character, Charset.GB18030) == told
