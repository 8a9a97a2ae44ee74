"""A table as a file that a spreadsheet opens: CSV in UTF-8 or GB18030, or XLSX.

A cell of text that a spreadsheet would take for a formula is written with an apostrophe before it
(OWASP, CSV injection): a member's name must not run on the accountant's machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

Cell = str | int | Decimal | None
Table = Iterable[Sequence[Cell]]

ENCODINGS: Final = {"utf-8": "utf-8-sig", "gb18030": "gb18030"}
"""UTF-8 with a byte order mark: without it Excel reads the system's code page."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: Cell) -> Cell:
    """Text that begins like a formula gets an apostrophe; figures stay figures."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return "'" + cell
    return cell


def yuan_cell(fen: int) -> Decimal:
    """Fen as exact yuan: 1850 is 18.50."""
    return Decimal(fen).scaleb(-2)


def as_csv(table: Table, encoding: str = "utf-8") -> bytes:
    """RFC 4180 with CRLF. `encoding` is a key of `ENCODINGS`; what GB18030 has it writes, which is
    all of Unicode."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in table:
        writer.writerow(["" if cell is None else harmless(cell) for cell in row])
    return text.getvalue().encode(ENCODINGS[encoding])


def as_xlsx(table: Table, sheet: str) -> bytes:
    """One sheet. Text is written as text, whatever it looks like."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet[:31])
    for row in table:
        page.append([_plain(harmless(cell)) for cell in row])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _plain(cell: Cell) -> Cell:
    """XML 1.0 (section 2.2) has no room for most control characters."""
    if not isinstance(cell, str):
        return cell
    return "".join(mark for mark in cell if mark >= " " or mark in "\t\n")


def as_file(table: Table, form: str, encoding: str, sheet: str) -> bytes:
    """`form` is csv or xlsx; `encoding` is of CSV."""
    return as_xlsx(table, sheet) if form == "xlsx" else as_csv(table, encoding)
