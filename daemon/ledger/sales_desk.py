"""Lines of sales, and the projections that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Kind
from daemon.core.records import Standing
from daemon.core.sold import CommissionRow, HabitSum, SaleLine
from daemon.ledger.desk import Desk

_STANDING = (
    "member_id, first_day, last_day, visits, spent_fen, recharged_fen, points_earned,"
    " principal_fen, bonus_fen, points"
)
_LINE = (
    "op_id, line_id, day, actor, category, name, quantity, list_fen, paid_fen, code, parts,"
    " member_id, card_id, points, pass_uses"
)
_LINE_MARKS = ", ".join("?" * 15)
_COUPON = "code, campaign, issued_ms, issued_op, member_id, from_day, to_day, state, used_op"


class SalesDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def standing(self, member_id: str) -> Standing:
        row = self._one(f"SELECT {_STANDING} FROM standing WHERE member_id = ?", member_id)
        return Standing(member_id) if row is None else Standing(*row)

    def habits_since(self, member_id: str, day: str) -> HabitSum:
        row = self._one(
            "SELECT coalesce(sum(visits), 0), coalesce(sum(spent_fen), 0),"
            " coalesce(sum(recharged_fen), 0), coalesce(sum(points), 0)"
            " FROM member_day WHERE member_id = ? AND day >= ?",
            member_id,
            day,
        )
        return HabitSum(*row)

    def add_habit(
        self,
        member_id: str,
        day: str,
        *,
        visits: int = 0,
        spent_fen: int = 0,
        recharged_fen: int = 0,
        points: int = 0,
    ) -> None:
        self._change(
            "INSERT INTO member_day (member_id, day, visits, spent_fen, recharged_fen, points)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (member_id, day) DO UPDATE SET"
            " visits = visits + excluded.visits, spent_fen = spent_fen + excluded.spent_fen,"
            " recharged_fen = recharged_fen + excluded.recharged_fen,"
            " points = points + excluded.points",
            member_id,
            day,
            visits,
            spent_fen,
            recharged_fen,
            points,
        )
        came = day if visits > 0 else None
        self._change(
            "INSERT INTO standing (member_id, first_day, last_day, visits, spent_fen,"
            " recharged_fen, points_earned) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (member_id) DO UPDATE SET"
            " first_day = coalesce(min(first_day, excluded.first_day), first_day,"
            " excluded.first_day),"
            " last_day = coalesce(max(last_day, excluded.last_day), last_day, excluded.last_day),"
            " visits = visits + excluded.visits, spent_fen = spent_fen + excluded.spent_fen,"
            " recharged_fen = recharged_fen + excluded.recharged_fen,"
            " points_earned = points_earned + excluded.points_earned",
            member_id,
            came,
            came,
            visits,
            spent_fen,
            recharged_fen,
            points,
        )
        if min(visits, spent_fen, recharged_fen, points) < 0:
            self._forget_empty_day(member_id, day)

    def _forget_empty_day(self, member_id: str, day: str) -> None:
        """Something was taken back: the first and last day that are left are looked up again."""
        self._change(
            "DELETE FROM member_day WHERE member_id = ? AND day = ? AND visits = 0"
            " AND spent_fen = 0 AND recharged_fen = 0 AND points = 0",
            member_id,
            day,
        )
        self._change(
            "UPDATE standing SET (first_day, last_day) = (SELECT min(day), max(day)"
            " FROM member_day WHERE member_id = ? AND visits > 0) WHERE member_id = ?",
            member_id,
            member_id,
        )

    def add_sale_lines(self, lines: Sequence[SaleLine]) -> None:
        assert self._writable, "writing in read()"
        self._connection.executemany(
            f"INSERT INTO sale_line ({_LINE}) VALUES ({_LINE_MARKS})",
            [astuple(line) for line in lines],
        )

    def sale_lines(self, op_id: str) -> Sequence[SaleLine]:
        rows = self._all(f"SELECT {_LINE} FROM sale_line WHERE op_id = ? ORDER BY line_id", op_id)
        return [SaleLine(*row) for row in rows]

    def add_commission(self, rows: Sequence[CommissionRow]) -> None:
        assert self._writable, "writing in read()"
        if rows:
            self._connection.executemany(
                "INSERT INTO commission (employee_id, day, op_id, line_id, rule_id, fen)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [astuple(row) for row in rows],
            )

    def commission_of(self, op_id: str) -> Sequence[CommissionRow]:
        rows = self._all(
            "SELECT employee_id, day, op_id, line_id, rule_id, fen FROM commission"
            " WHERE op_id = ? ORDER BY line_id, employee_id, rule_id",
            op_id,
        )
        return [CommissionRow(*row) for row in rows]

    def refunds_of(self, op_id: str) -> Sequence[str]:
        rows = self._all(
            "SELECT op_id FROM journal WHERE refers_to = ? AND kind = ? ORDER BY dseq",
            op_id,
            int(Kind.REFUND),
        )
        return [str(row[0]) for row in rows]

    def coupon(self, code: str) -> IssuedCoupon | None:
        row = self._one(f"SELECT {_COUPON} FROM coupon WHERE code = ?", code)
        return None if row is None else IssuedCoupon(*row)

    def redeem_coupon(self, code: str, op_id: str) -> bool:
        changed = self._change(
            "UPDATE coupon SET state = 'redeemed', used_op = ? WHERE code = ? AND state = 'issued'",
            op_id,
            code,
        )
        return changed == 1

    def free_coupon(self, code: str, op_id: str) -> None:
        self._change(
            "UPDATE coupon SET state = 'issued', used_op = NULL WHERE code = ?"
            " AND state = 'redeemed' AND used_op = ?",
            code,
            op_id,
        )

    def stock(self, code: str) -> int | None:
        row = self._one("SELECT on_hand FROM stock WHERE code = ?", code)
        return None if row is None else int(row[0])

    def add_stock(self, code: str, count: int) -> None:
        self._change("UPDATE stock SET on_hand = on_hand + ? WHERE code = ?", count, code)
