"""Shifts and the drawer, the log and the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.core.entry import Kind, parse_leaf
from daemon.core.ids import make_id
from daemon.core.past import LogRow, LogWanted, RecordRow, RecordSum, RecordsWanted
from daemon.core.shift_report import Shift
from daemon.ledger.desk import Desk, from_json, to_json

_SHIFT = (
    "shift_id, number, opened_ms, opened_by, held_by, float_fen, first_dseq, opening, closed_ms,"
    " closed_by, last_dseq, counted, report, receipt_id"
)
_SHIFT_MARKS = ", ".join("?" * 14)
_LINE: Final = (
    "l.op_id, l.line_id, j.dseq, j.at_ms, j.kind, l.actor, l.member_id, l.card_id, l.code,"
    " l.category, l.name, l.quantity, l.parts, l.list_fen, l.paid_fen, l.points"
)


def _moved(of: str) -> str:
    """What an entry moved on some accounts."""
    return (
        "(SELECT coalesce(sum(p.amount), 0) FROM posting p JOIN account a ON a.id = p.account"
        f" WHERE p.dseq = j.dseq AND {of})"
    )


_FEE: Final = _moved("a.owner = 'shop' AND a.asset = 'fees'")
_TAKEN: Final = _moved("a.owner GLOB 'tender:*'")
_PAID: Final = f"CASE WHEN j.kind = {int(Kind.FEE)} THEN {_FEE} ELSE -{_TAKEN} END"
_POINTS: Final = _moved("a.owner GLOB 'member:*' AND a.asset = 'points'")
_ENTRY: Final = (
    "j.op_id, '' AS line_id, j.dseq, j.at_ms, j.kind, coalesce(j.actor, ''), j.member_id,"
    " j.card_id, '', '', coalesce(j.event, ''), 0 AS quantity, 1 AS parts,"
    f" {_PAID} AS list_fen, {_PAID} AS paid_fen, {_POINTS} AS points"
)


class ShiftDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def open_shift(self) -> Shift | None:
        # As in the partial index of the schema, so that SQLite uses it.
        return _shift(self._one(f"SELECT {_SHIFT} FROM shift WHERE closed_ms IS NULL"))

    def shift(self, shift_id: str) -> Shift | None:
        return _shift(self._one(f"SELECT {_SHIFT} FROM shift WHERE shift_id = ?", shift_id))

    def shifts(self, limit: int, before: int | None = None) -> Sequence[Shift]:
        rows = self._all(
            f"SELECT {_SHIFT} FROM shift WHERE number < coalesce(?, number + 1)"
            " ORDER BY number DESC LIMIT ?",
            before,
            limit,
        )
        return [found for row in rows if (found := _shift(row)) is not None]

    def put_shift(self, shift: Shift) -> None:
        """Asserts that a closed shift is never changed."""
        changed = self._change(
            f"INSERT INTO shift ({_SHIFT}) VALUES ({_SHIFT_MARKS})"
            " ON CONFLICT (shift_id) DO UPDATE SET held_by = excluded.held_by,"
            " closed_ms = excluded.closed_ms, closed_by = excluded.closed_by,"
            " last_dseq = excluded.last_dseq, counted = excluded.counted,"
            " report = excluded.report, receipt_id = excluded.receipt_id"
            " WHERE shift.closed_ms IS NULL",
            shift.shift_id,
            shift.number,
            shift.opened_ms,
            shift.opened_by,
            shift.held_by,
            shift.float_fen,
            shift.first_dseq,
            to_json(shift.opening),
            shift.closed_ms,
            shift.closed_by,
            shift.last_dseq,
            to_json(shift.counted),
            to_json(shift.report),
            shift.receipt_id,
        )
        assert changed == 1, "a closed shift is never changed"

    def next_shift_number(self) -> int:
        return int(self._one("SELECT coalesce(max(number), 0) + 1 FROM shift")[0])

    def tender_balances(self) -> Mapping[str, int]:
        rows = self._all(
            "SELECT owner, sum(balance) FROM account WHERE owner >= 'tender:' AND owner < 'tender;'"
            " GROUP BY owner"
        )
        return {str(owner): int(balance) for owner, balance in rows}

    def discount_between(self, first_dseq: int, last_dseq: int) -> int:
        row = self._one(
            "SELECT coalesce(sum(l.list_fen - l.paid_fen), 0) FROM journal j"
            " JOIN sale_line l ON l.op_id = j.op_id WHERE j.dseq BETWEEN ? AND ?",
            first_dseq,
            last_dseq,
        )
        return int(row[0])

    def dseq_at(self, at_ms: int) -> int:
        """By halves: an index over times would be a page more for every entry."""
        low, high = 1, int(self._one("SELECT coalesce(max(dseq), 0) FROM journal")[0]) + 1
        while low < high:
            middle = (low + high) // 2
            row = self._one("SELECT at_ms FROM journal WHERE dseq = ?", middle)
            if row[0] < at_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def log_rows(
        self, wanted: LogWanted, from_dseq: int, upto_dseq: int, most: int
    ) -> Sequence[LogRow]:
        where, given = _log_where(wanted)
        found: list[LogRow] = []
        while len(found) < most:
            rows = self._all(
                f"SELECT dseq, leaf, chain FROM journal WHERE dseq BETWEEN ? AND ?{where}"
                " ORDER BY dseq DESC LIMIT ?",
                from_dseq,
                upto_dseq,
                *given,
                most,
            )
            read = [LogRow(dseq, parse_leaf(leaf).draft, chain) for dseq, leaf, chain in rows]
            found += [row for row in read if wanted.fits(row.draft)]
            if len(rows) < most:
                break
            upto_dseq = rows[-1][0] - 1
        return found[:most]

    def record_rows(
        self, wanted: RecordsWanted, before: tuple[str, str] | None, most: int
    ) -> Sequence[RecordRow]:
        found: list[RecordRow] = []
        for query, given in _records(wanted, before):
            rows = self._all(f"{query} ORDER BY 1 DESC, 2 DESC LIMIT ?", *given, most)
            found += [_record(row) for row in rows]
        return sorted(found, key=lambda row: (row.op_id, row.line_id), reverse=True)[:most]

    def record_sums(self, wanted: RecordsWanted) -> Sequence[RecordSum]:
        found: list[RecordSum] = []
        for query, given in _records(wanted, None):
            rows = self._all(
                "SELECT kind, count(*), sum(quantity / parts), sum(list_fen), sum(paid_fen),"
                f" sum(points) FROM ({query}) GROUP BY kind",
                *given,
            )
            found += [RecordSum(Kind(kind), *rest) for kind, *rest in rows]
        return sorted(found, key=lambda each: each.kind)


def _shift(row: Any) -> Shift | None:
    if row is None:
        return None
    kept = Shift(*row)
    return replace(
        kept,
        opening=from_json(row[7]),
        counted=from_json(row[11]),
        report=from_json(row[12]),
    )


def _record(row: Any) -> RecordRow:
    op_id, line_id, dseq, at_ms, kind, *rest = row
    return RecordRow(op_id, line_id, dseq, at_ms, Kind(kind), *rest)


def _text(number: str) -> bytes:
    """A short text as a leaf writes it (RFC 8949 section 3.1, major type 3)."""
    raw = number.encode()
    assert len(raw) < 24, "an employee's number is short"
    return bytes([0x60 + len(raw)]) + raw


def _log_where(wanted: LogWanted) -> tuple[str, list[Any]]:
    """Conditions on the columns, and on the bytes of the leaf where there is no column."""
    where = ""
    given: list[Any] = []
    if wanted.actor:
        # Key 5 of a leaf; entries of the first versions have no column for it.
        where += " AND (actor = ? OR (actor IS NULL AND instr(leaf, ?) > 0))"
        given += [wanted.actor, b"\x05" + _text(wanted.actor)]
    if wanted.approver:
        where += " AND instr(leaf, ?) > 0"
        given.append(_text("approver") + _text(wanted.approver))
    for column, value in (
        ("event", wanted.event),
        ("kind", None if wanted.kind is None else int(wanted.kind)),
        ("member_id", wanted.member_id),
        ("card_id", wanted.card_id),
    ):
        if value not in ("", None):
            where += f" AND {column} = ?"
            given.append(value)
    return where, given


def _records(wanted: RecordsWanted, before: tuple[str, str] | None) -> list[tuple[str, list[Any]]]:
    """The statements that find lines and entries, each with its parameters."""
    found: list[tuple[str, list[Any]]] = []
    low, high = make_id(wanted.from_ms, bytes(10)), make_id(wanted.to_ms, bytes(10))
    for alias, columns, tables, kinds in (
        ("l", _LINE, "sale_line l JOIN journal j ON j.op_id = l.op_id", wanted.line_kinds),
        ("j", _ENTRY, "journal j", wanted.entry_kinds),
    ):
        if not kinds:
            continue
        where = [f"{alias}.op_id >= ?", f"{alias}.op_id < ?"]
        given: list[Any] = [low, high]
        where.append("j.kind IN ({})".format(", ".join(str(int(kind)) for kind in kinds)))
        for column in ("member_id", "card_id", "actor"):
            if getattr(wanted, column):
                where.append(f"{alias}.{column} = ?")
                given.append(getattr(wanted, column))
        for column in ("code", "category") if alias == "l" else ():
            if getattr(wanted, column):
                where.append(f"l.{column} = ?")
                given.append(getattr(wanted, column))
        if before is not None:
            line = "l.line_id" if alias == "l" else "''"
            where.append(f"({alias}.op_id, {line}) < (?, ?)")
            given += before
        found.append((f"SELECT {columns} FROM {tables} WHERE {' AND '.join(where)}", given))
    return found
