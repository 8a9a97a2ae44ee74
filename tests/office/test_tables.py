"""CSV and XLSX, whatever is in them: read or refused, never run, and the same after a way out and
back. Pinyin: every way of typing a name finds it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from daemon.core.csv_table import (
    MOST_COLUMNS,
    TARGETS,
    clean_row,
    find_encoding,
    guard,
    guess_mapping,
    read_rows,
    unguard,
    write_rows,
)
from daemon.core.errors import BadRequest
from daemon.core.member_fields import read_birthday, read_day
from daemon.core.pinyin import name_words, typed_words
from daemon.core.records import Personal
from daemon.ledger.readings import readings_of, syllables
from daemon.ledger.vault import Vault
from daemon.operations.xlsx_table import rows_of
from tests.budget import NIGHTLY

MANY = settings(max_examples=10_000 if NIGHTLY else 200, deadline=None)
FEW = settings(max_examples=1_000 if NIGHTLY else 25, deadline=None)
RISKY = ("=", "+", "-", "@", "\t", "\r")

cells = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")
    | st.sampled_from("=+-@'"),
    max_size=12,
)
"""What a form's texts may be before they are cleaned, and the marks that spreadsheets run."""


def lines_of(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


@MANY
@given(cells)
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    written = guard(cell)
    assert unguard(written) == cell
    whole = written.removeprefix("+").removeprefix("-")
    assert not written.startswith(RISKY) or (whole.isascii() and whole.isdigit())


@MANY
@given(st.lists(st.lists(cells, max_size=6), max_size=6), st.sampled_from(["utf-8", "gb18030"]))
def test_rows_come_back_as_they_were_written(rows: list[list[str]], encoding: str) -> None:
    raw = write_rows([["heading", "b"], *rows]).encode(encoding)
    assert find_encoding([raw[:7], raw[7:]]) in ("utf-8", "gb18030")
    read = list(read_rows(lines_of(raw.decode(encoding))))
    assert read[1:] == [clean for row in rows if (clean := clean_row(row))]


@MANY
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        encoding = find_encoding([raw])
        rows = list(read_rows(lines_of(raw.decode(encoding))))
    except BadRequest as error:
        assert error.key.startswith("file_")
        return
    assert all(row and len(row) <= MOST_COLUMNS for row in rows)


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


BOOK = workbook([["name", "phone"], ["张三", 13812345678], ["=1+1", None], [True, 1.5]])


@FEW
@given(st.lists(st.tuples(st.integers(0, len(BOOK) - 1), st.integers(0, 255)), max_size=8))
def test_a_broken_workbook_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(BOOK)
    for place, value in changes:
        raw[place] = value
    try:
        for row in rows_of(io.BytesIO(bytes(raw))):
            assert row and all(isinstance(cell, str) for cell in row)
    except BadRequest as error:
        assert error.key.startswith("file_")


def test_cells_of_a_workbook_are_texts() -> None:
    assert list(rows_of(io.BytesIO(BOOK))) == [
        ["name", "phone"],
        ["张三", "13812345678"],
        ["=1+1"],
        ["TRUE", "1.5"],
    ]


@MANY
@given(st.lists(st.text(max_size=8) | st.sampled_from(["姓名", "手机号", "Name", "性别", "标签"])))
def test_no_column_is_meant_twice(headings: list[str]) -> None:
    mapping = guess_mapping(headings, ())
    used = [target for target in mapping if target]
    assert len(mapping) == len(headings) and len(used) == len(set(used))
    assert set(used) <= set(TARGETS)


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("1990-05-17", "1990-05-17"),
        ("1990/5/7", "1990-05-07"),
        ("1990.5.17", "1990-05-17"),
        ("1990年5月17日", "1990-05-17"),
        ("19900517", "1990-05-17"),
        ("１９９０－０５－１７", "1990-05-17"),
        ("1990-05-17 00:00:00", "1990-05-17"),
        ("5月17日", "--05-17"),
        ("--05-17", "--05-17"),
        ("05-17", "--05-17"),
        ("2-29", "--02-29"),
        ("2-30", None),
        ("1990-02-29", None),
        ("17/5/1990", None),
        ("1989", None),
        ("", ""),
    ],
)
def test_birthdays(typed: str, day: str | None) -> None:
    assert read_birthday(typed) == day


@MANY
@given(st.text(max_size=12) | st.text("0123456789-/.年月日", max_size=12))
def test_a_day_is_one_or_none(text: str) -> None:
    for day in (read_day(text), read_birthday(text)):
        assert day is None or read_birthday(day) == day


NAMES = st.text(
    st.sampled_from("张王单曾仇重长乐解任查盖区欧阳三丰伟娜吕绿柏行朝大石 AaÜéz·"),
    min_size=1,
    max_size=8,
)


@MANY
@given(NAMES, st.data())
def test_every_spelling_finds_the_name(name: str, data: st.DataObject) -> None:
    words = name_words(name, readings_of)
    assert len(words) <= 2 * 6 * 8
    if not words:
        return
    kind, _, typed = data.draw(st.sampled_from(sorted(words))).partition(":")
    assert f"{kind}:{typed}" in words
    if not typed.isalpha() or not typed.isascii() or (kind == "initials" and len(typed) > 6):
        return
    assert not words.isdisjoint(typed_words(typed, syllables()))
    assert not words.isdisjoint(typed_words(typed.upper() + " ", syllables()))


@MANY
@given(
    st.sampled_from("张王单曾仇重长解任查盖区吕绿柏"),
    st.sampled_from("三丰伟娜行朝大石"),
    st.data(),
)
def test_a_syllable_typed_in_part_finds_the_name(
    first: str, second: str, data: st.DataObject
) -> None:
    words = name_words(first + second, readings_of)
    whole = data.draw(st.sampled_from(sorted(w for w in words if w.startswith("pinyin:"))))
    spelled = whole.removeprefix("pinyin:")
    begun = data.draw(st.integers(min(2, len(spelled)), len(spelled)))
    heads = {head for head in readings_of(first) if spelled.startswith(head)}
    longest = max(map(len, heads))
    if begun > longest:
        assert not words.isdisjoint(typed_words(spelled[:begun], syllables()))


@MANY
@given(st.text(max_size=40))
def test_whatever_is_typed_is_looked_up(text: str) -> None:
    vault = Vault(bytes(32))
    assert len(vault.query_words(text)) <= 70
    assert all(abs(word) < 1 << 56 for word in vault.query_words(text))


def test_words_hold_what_is_asked_for() -> None:
    vault = Vault(bytes(range(32)))
    who = Personal("单雄信", "13812345678", "m", "1990-05-17", {"plate": "粤 B1"})
    words = vault.words(who).numbers()
    for query in ("单", "单雄信", "sxx", "dxx", "shanxiongxin", "5678", "+86 138-1234-5678"[3:]):
        assert not words.isdisjoint(vault.query_words(query)), query
    for word in ("gender:m", "bm:05", "bd:05-17", "field:plate=粤b1"):
        assert vault.word(word) in words
    assert words.isdisjoint(vault.query_words("xx"))


def test_what_csv_writes_other_readers_read() -> None:
    rows = [["a", 'say "x"', "line\nbreak", ",;"], ["=1", "2", "", "x"]]
    read = list(csv.reader(io.StringIO(write_rows(rows), newline="")))
    assert read == [rows[0], ["'=1", "2", "", "x"]]
