"""The projections against what the journal and the kept answers make of them.

Lines and commission are compared entry by entry; the sums of members, the shelf and the coupons at
the end, from the fold of all entries. Each row is read once, each entry replayed once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final

from daemon.core.entry import Entry, Kind, parse_leaf
from daemon.core.errors import BadRequest
from daemon.core.projection.replay import UNKNOWN_PARTS, Goods, Replay, Unfit
from daemon.core.projection.rows import ANY, Values, agree
from daemon.core.sold import CommissionRow, SaleLine
from daemon.ledger.desk import Connection
from daemon.ledger.proof.lots import LotNumbers
from daemon.ledger.proof.report import Flaw, Report
from daemon.ledger.proof.tables import (
    COMMISSION,
    COUPON,
    LOT_END,
    MEMBER_DAY,
    SALE_LINE,
    STANDING,
    STOCK,
    Difference,
    Key,
    Table,
    walk,
)

_SELLING: Final = (Kind.SALE, Kind.REFUND, Kind.VOID_SALE)
_SELLING_KINDS: Final = ", ".join(str(int(kind)) for kind in _SELLING)
_TO_DAY: Final = "CASE WHEN json_valid(a.rule) THEN json_extract(a.rule, '$.to_day') END"
"""The last day of a lot, NULL for none; a rule of version 1 is a name and no JSON."""


class ProjectionsProof:
    """`take` every entry in order, then `finish` where the journal is whole. `differs` is told of
    each row that is not what it must be."""

    def __init__(
        self,
        report: Report,
        connection: Connection,
        utc_offset_min: int,
        differs: Callable[[Difference], None] | None = None,
    ) -> None:
        self._report = report
        self._connection = connection
        self._differs = differs
        self._kept = KeptBooks(connection)
        self._replay = Replay(self._kept, utc_offset_min)
        self._lines_unseen = self._count(SALE_LINE)
        self._commission_unseen = self._count(COMMISSION)
        self._unfit: set[str] = set()

    def take(self, entry: Entry) -> None:
        try:
            goods = self._replay.take(entry)
        except Unfit as error:
            self._report.note(Flaw.ANSWER_DIFFERS, entry.dseq, str(error))
            self._unfit.add(entry.draft.op_id)
            return
        if entry.draft.kind in _SELLING:
            self._goods(entry, goods)

    def finish(self) -> None:
        self._members()
        self._table(STOCK, {(code,): row for code, row in self._replay.shelf.rows().items()})
        self._coupons()
        self._ends()
        if self._lines_unseen > 0:
            self._stray_lines()
        if self._commission_unseen > 0:
            self._stray_commission()

    # -- rows of one entry -----------------------------------------------------------------------

    def _goods(self, entry: Entry, goods: Goods) -> None:
        op_id = entry.draft.op_id
        found = self._connection.execute(
            f"SELECT {SALE_LINE.all_columns} FROM sale_line WHERE op_id = ?", (op_id,)
        ).fetchall()
        self._lines_unseen -= len(found)
        self._compare(SALE_LINE, dict(map(_line, goods.lines)), dict(map(SALE_LINE.split, found)))
        by_day: dict[tuple[str, str], dict[Key, Values]] = {}
        for row in goods.commission:
            key, values = _commission(row)
            by_day.setdefault((row.employee_id, row.day), {})[key] = values
        for (employee_id, day), wanted in by_day.items():
            earned = self._connection.execute(
                f"SELECT {COMMISSION.all_columns} FROM commission"
                " WHERE employee_id = ? AND day = ? AND op_id = ?",
                (employee_id, day, op_id),
            ).fetchall()
            self._commission_unseen -= len(earned)
            self._compare(COMMISSION, wanted, dict(map(COMMISSION.split, earned)))

    def _stray_lines(self) -> None:
        """Lines of what sold nothing."""
        rows = self._connection.execute(
            f"SELECT {SALE_LINE.all_columns} FROM sale_line WHERE op_id NOT IN"
            f" (SELECT op_id FROM journal WHERE kind IN ({_SELLING_KINDS}))"
        ).fetchall()
        for key, values in map(SALE_LINE.split, rows):
            self._row(SALE_LINE, key, None, values)

    def _stray_commission(self) -> None:
        """Seldom: there are more rows than entries asked for. Each is asked where it is from."""
        for key, values in walk(self._connection, COMMISSION):
            employee_id, day, op_id = key[:3]
            if op_id in self._unfit:
                continue
            entry = self._kept.entry(op_id)
            earned = () if entry is None else self._replay.goods_of(entry).commission
            if not any((row.employee_id, row.day) == (employee_id, day) for row in earned):
                self._row(COMMISSION, key, None, values)

    # -- sums ------------------------------------------------------------------------------------

    def _members(self) -> None:
        habits = self._replay.habits
        self._table(STANDING, {(who,): row for who, row in habits.standings().items()})
        for key, values in walk(self._connection, MEMBER_DAY):
            wanted = habits.take_day(*key)
            if wanted is not None or not habits.unsure(key[0]):
                self._row(MEMBER_DAY, key, wanted, values)
        for key, wanted in habits.days_left():
            self._row(MEMBER_DAY, key, wanted, None)

    def _coupons(self) -> None:
        coupons = self._replay.coupons
        for key, values in walk(self._connection, COUPON):
            issued_op = values[COUPON.columns.index("issued_op")]
            self._row(COUPON, key, coupons.take(key[0], issued_op), values)
        for code, row in coupons.left():
            self._row(COUPON, (code,), row, None)

    def _ends(self) -> None:
        """A lot that holds something ends on its day. Of one that was emptied there may be a row
        or none: it does nothing, and the schema puts it back with what is put back into the lot."""
        rows = self._connection.execute("SELECT count(*) FROM lot_end").fetchone()
        self._report.projected += rows[0]
        missing = self._connection.execute(
            f"SELECT to_day, owner, asset, lot FROM (SELECT {_TO_DAY} AS to_day, owner, asset, lot,"
            " held FROM account a WHERE rule IS NOT NULL) AS ending WHERE to_day IS NOT NULL"
            " AND held = 1 AND asset <> 'principal'"
            " AND NOT EXISTS (SELECT 1 FROM lot_end e WHERE e.to_day = ending.to_day"
            " AND e.owner = ending.owner AND e.asset = ending.asset AND e.lot = ending.lot)"
        ).fetchall()
        for row in missing:
            self._differ(Difference(LOT_END, tuple(row), (), None))
        strays = self._connection.execute(
            "SELECT e.to_day, e.owner, e.asset, e.lot FROM lot_end e WHERE NOT EXISTS"
            " (SELECT 1 FROM account a WHERE a.owner = e.owner AND a.asset = e.asset"
            f" AND a.lot = e.lot AND {_TO_DAY} = e.to_day)"
        ).fetchall()
        for row in strays:
            self._differ(Difference(LOT_END, tuple(row), None, ()))

    # -- comparing -------------------------------------------------------------------------------

    def _table(self, table: Table, wanted: dict[Key, Values]) -> None:
        for key, values in walk(self._connection, table):
            self._row(table, key, wanted.pop(key, None), values)
        for key, row in wanted.items():
            self._row(table, key, row, None)

    def _compare(
        self, table: Table, wanted: dict[Key, Values], found: Mapping[Key, Values]
    ) -> None:
        for key, values in found.items():
            self._row(table, key, wanted.pop(key, None), values)
        for key, row in wanted.items():
            self._row(table, key, row, None)

    def _row(self, table: Table, key: Key, wanted: Values | None, found: Values | None) -> None:
        self._report.projected += found is not None
        if wanted is None or found is None or not agree(wanted, found):
            self._differ(Difference(table, key, wanted, found))

    def _differ(self, difference: Difference) -> None:
        self._report.note(
            Flaw.PROJECTION_DIFFERS,
            None,
            difference.detail,
            difference.table.name,
            difference.key_text,
        )
        if self._differs is not None:
            self._differs(difference)

    def _count(self, table: Table) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])


class KeptBooks:
    """`daemon.core.projection.replay.Kept` over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lots = LotNumbers(connection)

    def answer(self, op_id: str) -> Mapping[str, Any]:
        row = self._one("SELECT answer FROM operation WHERE op_id = ?", op_id)
        return {} if row is None else _json(row[0])

    def entry(self, op_id: str) -> Entry | None:
        return _entry(self._one("SELECT leaf FROM journal WHERE op_id = ?", op_id))

    def opening(self, lot: int) -> Entry | None:
        dseq = self._lots.opener(lot)
        if dseq is None:
            return None
        return _entry(self._one("SELECT leaf FROM journal WHERE dseq = ?", dseq))

    def issued_by(self, job_id: str) -> Sequence[tuple[str | None, Mapping[str, Any]]]:
        rows = self._connection.execute(
            "SELECT subject, before FROM job_row WHERE job_id = ? AND before IS NOT NULL"
            " ORDER BY row",
            (job_id,),
        ).fetchall()
        kept = [(subject, _json(before)) for subject, before in rows]
        return [each for each in kept if "coupon" in each[1]]

    def _one(self, sql: str, value: str | int) -> Any:
        return self._connection.execute(sql, (value,)).fetchone()


def _entry(row: Any) -> Entry | None:
    try:
        return None if row is None else parse_leaf(row[0])
    except BadRequest:
        return None


def _json(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _line(line: SaleLine) -> tuple[Key, Values]:
    key, values = SALE_LINE.split(astuple(line))
    if line.parts == UNKNOWN_PARTS:
        place = SALE_LINE.columns.index("parts")
        values = (*values[:place], ANY, *values[place + 1 :])
    return key, values


def _commission(row: CommissionRow) -> tuple[Key, Values]:
    return COMMISSION.split(astuple(row))
