"""Receipt -> lines of a paper that is so many columns wide. Pure, the same for every rendering.

A column is 12 dots: 32 on 58 mm paper (384 dots), 48 on 80 mm (576 dots). A character is as wide as
its GB18030 form is long: 1 byte 1 column, 2 or 4 bytes 2 columns. That is what printers do;
`unicodedata.east_asian_width` calls `·`, `—` and `…` narrow, and lines then wrap on the paper.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from daemon.core.receipt import Align, Feed, Logo, Pair, Qr, Receipt, Row, Rule, Text

COLUMN_DOTS: Final = 12
LEAST_COLUMNS: Final = 16
"""Double size halves the columns, and a double-width character must still fit beside another."""
MOST_LINES: Final = 400
"""About 1.6 m of paper: a longer receipt is a mistake and is cut short, not printed for minutes."""
MISSING: Final = "〓"
"""The geta mark: printed where a character cannot be, as Chinese and Japanese printers do."""
_CLOSING: Final = frozenset("，。；：、！？）》」』】”’…％℃")
_SAME: Final = {"\u00a5": "\uffe5", "\u00a0": " ", "\u2212": "-"}
"""The narrow yen sign is four bytes in GB18030, garbage on a printer that knows GBK only."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text no wider than the paper. `size` 2 is double both ways."""

    text: str
    align: Align = Align.LEFT
    size: int = 1
    bold: bool = False


@dataclass(frozen=True, slots=True)
class RuleLine:
    double: bool = False


@dataclass(frozen=True, slots=True)
class QrLine:
    text: str


@dataclass(frozen=True, slots=True)
class PictureLine:
    """A PNG, drawn no wider than the paper."""

    png: bytes


Line = TextLine | RuleLine | QrLine | PictureLine


def lay_out(receipt: Receipt, columns: int, logo: bytes = b"") -> tuple[Line, ...]:
    """The lines of `receipt` on a paper of `columns`; no line is wider than that. `logo` is a PNG,
    or empty where the shop has none."""
    assert columns >= LEAST_COLUMNS
    lines: list[Line] = []
    for block in receipt.blocks:
        if not isinstance(block, Logo):
            lines.extend(_block_lines(block, columns))
        elif logo:
            lines.append(PictureLine(logo))
        if len(lines) > MOST_LINES:
            return (*lines[: MOST_LINES - 1], TextLine("…"))
    return tuple(lines)


def _block_lines(block: object, columns: int) -> Iterator[Line]:
    match block:
        case Text(text, align, size, bold):
            for line in wrap(text, columns // _size(size)):
                yield TextLine(line, align, _size(size), bold)
        case Pair():
            yield from _pair_lines(block, columns)
        case Row():
            yield from _row_lines(block, columns)
        case Rule(double):
            yield RuleLine(double)
        case Qr(text, caption):
            yield QrLine(text)
            for line in wrap(caption, columns) if caption else ():
                yield TextLine(line, Align.CENTRE)
        case Feed(count):
            yield from (TextLine("") for _ in range(min(count, MOST_LINES)))
        case _:
            raise AssertionError(f"no layout for {type(block).__name__}")


def char_columns(character: str) -> int:
    """1 or 2. `character` comes from `clean`."""
    return 1 if character.isascii() else 2


def columns_of(text: str) -> int:
    """The width of cleaned `text` in columns."""
    return sum(1 if character.isascii() else 2 for character in text)


def clean(text: str) -> str:
    """`text` as it can stand on paper: one line, composed, no control or invisible characters.

    A footer that somebody pasted must not carry commands to the printer (ESC, GS, DLE).
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(_printable(character) for character in composed)


def _printable(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in _SAME:
        return _SAME[character]
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category == "Cs":
        return MISSING
    if category[0] == "C" and category != "Co":
        return ""
    # A lone mark has no cell of its own; its letter is printed without it.
    return "" if category in ("Mn", "Me") else character


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, at least one. Breaks at spaces between words of ASCII, anywhere
    else between characters; never within one."""
    assert columns >= 2
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines.extend(_wrap_paragraph(clean(paragraph).rstrip(), columns))
    return lines


def _wrap_paragraph(text: str, columns: int) -> Iterator[str]:
    line, width = "", 0
    for word in _words(text):
        size = columns_of(word)
        if width + size <= columns:
            line, width = line + word, width + size
            continue
        if line.strip():
            yield line.rstrip()
        line, width = "", 0
        for character in word if word != " " else "":
            step = char_columns(character)
            if width + step > columns:
                yield line
                line, width = "", 0
            line, width = line + character, width + step
    yield line.rstrip()


def _words(text: str) -> Iterator[str]:
    """What stays together: runs of ASCII without spaces, single spaces, wide characters with the
    closing punctuation that follows them (a line does not begin with a full stop)."""
    run = ""
    for character in text:
        joins = character in _CLOSING if run else False
        if run and not joins and not (_is_ascii_word(character) and _is_ascii_word(run[-1])):
            yield run
            run = ""
        run += character
    if run:
        yield run


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character != " "


def _pair_lines(pair: Pair, columns: int) -> Iterator[Line]:
    size = _size(pair.size)
    width = columns // size
    left, right = clean(pair.left).strip(), clean(pair.right).strip()
    gap = width - columns_of(left) - columns_of(right)
    if gap >= (1 if left and right else 0):
        yield TextLine(left + " " * gap + right, Align.LEFT, size, pair.bold)
        return
    # Too long for one line: the label on its own lines, the value below it at the right edge.
    for line in wrap(left, width) if left else ():
        yield TextLine(line, Align.LEFT, size, pair.bold)
    for line in wrap(right, width):
        yield TextLine(_padded(line, width, right=True), Align.LEFT, size, pair.bold)


def _row_lines(row: Row, columns: int) -> Iterator[Line]:
    widths = _shares(row.weights[: len(row.cells)], columns)
    cells = [clean(cell).strip() for cell in row.cells]
    if not cells:
        return
    if len(widths) < len(cells):
        widths += [0] * (len(cells) - len(widths))
    narrow = zip(cells[1:], widths[1:], strict=True)
    if all(columns_of(cell) < width or not cell for cell, width in narrow):
        first = wrap(cells[0], max(2, widths[0] - 1)) if widths[0] >= 3 else [cells[0]]
        if all(columns_of(line) <= widths[0] for line in first):
            rest = "".join(
                _padded(cell, width, right=True)
                for cell, width in zip(cells[1:], widths[1:], strict=True)
            )
            # The figures stand on the last line of a name that needs several.
            for line in first[:-1]:
                yield TextLine(line)
            yield TextLine((_padded(first[-1], widths[0]) + rest).rstrip())
            return
    # A figure that does not fit its column: the name above, all figures below, none cut.
    for line in wrap(cells[0], columns):
        yield TextLine(line)
    for line in wrap("  ".join(cells[1:]), columns) if any(cells[1:]) else ():
        yield TextLine(_padded(line, columns, right=True))


def _shares(weights: Iterable[int], columns: int) -> list[int]:
    """`columns` shared out by weight; what rounding leaves goes to the first."""
    shares = [max(0, weight) for weight in weights]
    total = sum(shares) or 1
    widths = [columns * share // total for share in shares]
    if widths:
        widths[0] += columns - sum(widths)
    return widths


def _padded(text: str, width: int, *, right: bool = False) -> str:
    space = " " * max(0, width - columns_of(text))
    return space + text if right else text + space


def _size(size: int) -> int:
    return 2 if size >= 2 else 1
