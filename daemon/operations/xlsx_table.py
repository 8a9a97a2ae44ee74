"""The one door to openpyxl, in a process of its own: `python -m daemon.operations.xlsx_table`.

A workbook is a compressed archive that somebody else made: it may be built to fill the memory, and
reading a large one keeps a processor busy for long. So a child reads it, with a bound on its memory
and its time, while the counter goes on selling. Rows go in and out as lines of JSON.

`read`: the workbook is the child's standard input. `write`: rows come in there, and the workbook
goes to the standard output. The child's exit status says what was wrong with the file.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import date, datetime, time
from typing import IO, Any, Final

from daemon.core.csv_table import MOST_COLUMNS, MOST_ROWS, clean_row
from daemon.core.errors import BadRequest

MEMORY_BYTES: Final = 768 * 1024 * 1024
CPU_S: Final = 180
MOST_UNPACKED_BYTES: Final = 512 * 1024 * 1024
MOST_PARTS: Final = 2_000
HIGHEST_RATIO: Final = 200
"""Text packs to a tenth; an archive that unpacks to 200 times its size is a trap."""
MOST_SEEN: Final = 1_048_576
"""Rows of a sheet, blank ones too."""
LONGEST_LINE: Final = 1024 * 1024
NICE: Final = 10
_PROBLEMS: Final = {
    3: "file_malformed",
    4: "file_too_large",
    5: "file_too_wide",
    6: "file_too_long",
}
SHEET: Final = "members"


async def read_xlsx(source: IO[bytes]) -> AsyncIterator[list[str]]:
    """The rows of the first sheet, blank ones left out; formulas as their text.

    Raises BadRequest("file_malformed" | "file_too_large" | "file_too_wide" | "file_too_long")."""
    source.seek(0)
    child = await _child("read", stdin=source, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            yield json.loads(line)
        code = await child.wait()
    finally:
        await _end(child)
    if code:
        raise BadRequest(_PROBLEMS.get(code, "file_malformed"))


async def write_xlsx(rows: AsyncIterator[list[list[str]]], target: IO[bytes]) -> None:
    """Writes a workbook of the rows, which come in stretches, into `target`. Cells are texts."""
    child = await _child("write", stdin=asyncio.subprocess.PIPE, stdout=target)
    assert child.stdin is not None
    try:
        async for stretch in rows:
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in stretch)
            child.stdin.write(lines.encode())
            await child.stdin.drain()
        child.stdin.close()
        code = await child.wait()
    finally:
        await _end(child)
    assert code == 0, "the workbook was not written"


async def _child(verb: str, *, stdin: Any, stdout: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        verb,
        stdin=stdin,
        stdout=stdout,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


# -- in the child ---------------------------------------------------------------------------------


def require_harmless(archive: IO[bytes]) -> None:
    """Raises BadRequest("file_malformed" | "file_too_large") before anything is unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened:
            parts = opened.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadRequest("file_malformed") from error
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if (
        len(parts) > MOST_PARTS
        or unpacked > MOST_UNPACKED_BYTES
        or unpacked > max(packed, 1024) * HIGHEST_RATIO
    ):
        raise BadRequest("file_too_large")


def rows_of(archive: IO[bytes]) -> Iterator[list[str]]:
    """As `read_xlsx`, here and now."""
    from openpyxl import load_workbook

    require_harmless(archive)
    try:
        book = load_workbook(archive, read_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What the file says of its size is not to be believed.
        sheet.reset_dimensions()
        cells = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1, max_row=MOST_SEEN)
        count = 0
        for row in cells:
            clean = clean_row([_text(cell) for cell in row])
            if not clean:
                continue
            count += 1
            if count > MOST_ROWS + 1:
                raise BadRequest("file_too_long", most=MOST_ROWS)
            yield clean
    except BadRequest:
        raise
    except Exception as error:
        # Whatever a crafted workbook makes the library stumble over is the file's fault.
        raise BadRequest("file_malformed") from error


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        midnight = cell.time() == time(0)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _read() -> None:
    for row in rows_of(sys.stdin.buffer):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write() -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    for line in sys.stdin.buffer:
        cells = []
        for text in json.loads(line):
            cell = WriteOnlyCell(sheet, value=text)
            # Nothing that somebody typed is a formula.
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    book.save(sys.stdout.buffer)


def main(verb: str) -> int:
    """Runs one verb under the bounds; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with suppress(PermissionError):
        # The service's own unit allows no system calls of that group; the bounds above hold.
        os.nice(NICE)
    try:
        _read() if verb == "read" else _write()
    except BadRequest as error:
        codes = {key: code for code, key in _PROBLEMS.items()}
        return codes.get(error.key, 3)
    except (MemoryError, BrokenPipeError):
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
