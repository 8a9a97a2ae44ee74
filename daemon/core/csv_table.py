"""Tables of members as files: finding out how a text is encoded and divided, what its columns mean,
and writing cells that a spreadsheet cannot take for formulas.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a return would be run by a spreadsheet (OWASP,
CSV injection). Such a cell is written with an apostrophe before it, and so is one that begins with
an apostrophe itself: reading takes one apostrophe off again, so a list that was exported and
imported is what it was. A whole number with its sign is left as it is.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from daemon.core.errors import BadRequest
from daemon.core.member_fields import MemberField

MOST_COLUMNS: Final = 64
MOST_ROWS: Final = 200_000
LONGEST_CELL: Final = 1_000
LONGEST_LINE: Final = 64 * 1024
"""Characters of one row: a quote that is never closed must not swallow the file."""
_RISKY: Final = frozenset("=+-@\t\r'")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}\Z")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "gb18030")
BOM: Final = codecs.BOM_UTF8

TARGETS: Final = (
    "number",
    "name",
    "phone",
    "gender",
    "birthday",
    "category",
    "valid_to",
    "tags",
    "level",
    "referrer",
)
"""What a column may mean, besides `field:<code>`."""
_HEADINGS: Final[Mapping[str, Sequence[str]]] = {
    "number": ("会员号", "会员编号", "编号", "会员卡号", "number", "member number", "no", "id"),
    "name": ("姓名", "会员姓名", "名字", "名称", "客户姓名", "name", "full name", "member name"),
    "phone": ("手机", "手机号", "手机号码", "电话", "联系电话", "mobile", "telephone", "tel"),
    "gender": ("性别", "gender", "sex"),
    "birthday": ("生日", "出生日期", "出生年月日", "date of birth", "birth date", "dob"),
    "category": ("会员类别", "类别", "会员类型", "卡类型", "category", "member category", "type"),
    "valid_to": ("有效期", "有效期至", "到期日", "到期日期", "valid to", "valid until", "expires"),
    "tags": ("标签", "会员标签", "tags", "tag", "labels"),
    "level": ("等级", "会员等级", "级别", "level", "member level", "tier"),
    "referrer": ("推荐人", "介绍人", "推荐人会员号", "referrer", "referred by", "brought by"),
}  # fmt: skip


def guard(text: str) -> str:
    """The cell as it is written."""
    return "'" + text if text[:1] in _RISKY and text and not _WHOLE.match(text) else text


def unguard(text: str) -> str:
    """Inverse of `guard`; another cell stays as it is."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in _RISKY else text


def find_encoding(chunks: Iterable[bytes]) -> str:
    """`utf-8-sig`, `utf-8` or `gb18030`: the first that the whole text is.

    Raises BadRequest("file_encoding_unknown")."""
    tried = [codecs.getincrementaldecoder(name)() for name in ("utf-8", "gb18030")]
    alive = [True, True]
    begun = b""
    for chunk in chunks:
        if len(begun) < len(BOM):
            begun += chunk[: len(BOM)]
        for place, decoder in enumerate(tried):
            alive[place] = alive[place] and _decodes(decoder, chunk, final=False)
        if not any(alive):
            break
    for place, decoder in enumerate(tried):
        alive[place] = alive[place] and _decodes(decoder, b"", final=True)
    if alive[0]:
        return "utf-8-sig" if begun.startswith(BOM) else "utf-8"
    if alive[1]:
        return "gb18030"
    raise BadRequest("file_encoding_unknown")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        return "\x00" not in decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False


def find_delimiter(line: str) -> str:
    """What divides the first line: the mark that is there most often outside quotes."""
    outside = re.sub(r'"[^"]*"', "", line)
    return max(",;\t", key=lambda mark: (outside.count(mark), mark == ","))


def read_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """The rows of a text, by its lines with their ends; blank rows are left out, and so are blank
    cells at the end of a row.

    Raises BadRequest("file_malformed", row=...) for a row that is too long or never ends, and
    BadRequest("file_too_wide" | "file_too_long")."""
    bounded = _Bounded(lines)
    first = next(bounded, "")
    reader = csv.reader(_again(first, bounded), delimiter=find_delimiter(first), strict=False)
    count = 0
    try:
        for row in reader:
            bounded.spent = 0
            clean = clean_row([unguard(cell) for cell in row])
            if not clean:
                continue
            count += 1
            if count > MOST_ROWS + 1:
                raise BadRequest("file_too_long", most=MOST_ROWS)
            yield clean
    except csv.Error as error:
        raise BadRequest("file_malformed", row=reader.line_num) from error


class _Bounded(Iterator[str]):
    """The lines, as long as one row does not swallow too many of them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._count = 0
        self.spent = 0

    def __next__(self) -> str:
        line = next(self._lines)
        self._count += 1
        self.spent += len(line)
        if self.spent > LONGEST_LINE:
            raise BadRequest("file_malformed", row=self._count)
        return line


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def clean_row(row: Sequence[str]) -> list[str]:
    """Without blank cells at its end and blanks around its cells.

    Raises BadRequest("file_too_wide")."""
    cells = [cell.strip()[:LONGEST_CELL] for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > MOST_COLUMNS:
        raise BadRequest("file_too_wide", most=MOST_COLUMNS)
    return cells


def write_rows(rows: Iterable[Sequence[str]]) -> str:
    """As RFC 4180 has it, with cells that are no formulas."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([guard(cell) for cell in row] for row in rows)
    return out.getvalue()


def guess_mapping(headings: Sequence[str], fields: Sequence[MemberField]) -> list[str]:
    """What each column means: a target, `field:<code>`, or "" for one to leave out. No target is
    given twice."""
    known = {
        _plain(word): target for target, words in _HEADINGS.items() for word in (target, *words)
    }
    known |= {_plain(each.name): f"field:{each.code}" for each in fields}
    known |= {_plain(f"field:{each.code}"): f"field:{each.code}" for each in fields}
    guessed: list[str] = []
    for heading in headings:
        target = known.get(_plain(heading), "")
        guessed.append("" if target in guessed else target)
    return guessed


def require_mapping(mapping: Sequence[str], width: int, fields: Sequence[MemberField]) -> None:
    """Raises BadRequest("mapping_malformed", why=...): `width`, `unknown`, `twice`, `nothing`."""
    targets = {*TARGETS, *(f"field:{each.code}" for each in fields)}
    used = [each for each in mapping if each]
    why = None
    if len(mapping) != width:
        why = "width"
    elif not set(used) <= targets:
        why = "unknown"
    elif len(set(used)) < len(used):
        why = "twice"
    elif not {"name", "number", "phone"} & set(used):
        why = "nothing"
    if why is not None:
        raise BadRequest("mapping_malformed", why=why)


def _plain(heading: str) -> str:
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(mark for mark in folded if mark.isalnum() or mark == ":")
