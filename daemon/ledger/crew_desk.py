"""Employees, a manager's yes, commission."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.approval import Approval
from daemon.core.records import Employee
from daemon.core.statement import CommissionRow
from daemon.ledger.desk import Desk
from daemon.ledger.staff import EMPLOYEE, employee_of

_APPROVAL = (
    "token_hash, permission, for_employee, by_employee, created_ms, expires_ms, used_ms, used_for"
)
_KEPT_MS = 24 * 3_600_000
"""The journal keeps who approved what; a token's row is of use for two minutes."""


class CrewDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def employees(self) -> Sequence[Employee]:
        rows = self._all(f"SELECT {EMPLOYEE} FROM employee ORDER BY length(number), number")
        return [employee_of(row) for row in rows]

    def end_sessions_of(self, employee_id: str) -> Sequence[bytes]:
        rows = self._all("SELECT token_hash FROM session WHERE employee_id = ?", employee_id)
        self._change("DELETE FROM session WHERE employee_id = ?", employee_id)
        return [bytes(row[0]) for row in rows]

    def approval(self, token_hash: bytes) -> Approval | None:
        row = self._one(f"SELECT {_APPROVAL} FROM approval WHERE token_hash = ?", token_hash)
        return None if row is None else Approval(*row)

    def put_approval(self, approval: Approval) -> None:
        self._change("DELETE FROM approval WHERE expires_ms < ?", approval.created_ms - _KEPT_MS)
        self._change(
            f"INSERT INTO approval ({_APPROVAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (token_hash) DO UPDATE SET used_ms = excluded.used_ms,"
            " used_for = excluded.used_for",
            approval.token_hash,
            approval.permission,
            approval.for_employee,
            approval.by_employee,
            approval.created_ms,
            approval.expires_ms,
            approval.used_ms,
            approval.used_for,
        )

    def commission_rows(
        self, employee_id: str, from_day: str, to_day: str
    ) -> Sequence[CommissionRow]:
        rows = self._all(
            "SELECT c.rule_id, coalesce(l.code, ''), coalesce(max(l.name), ''),"
            " sum(CASE WHEN c.fen < 0 THEN -1 ELSE 1 END), sum(c.fen)"
            " FROM commission c LEFT JOIN sale_line l"
            " ON l.op_id = c.op_id AND l.line_id = c.line_id"
            " WHERE c.employee_id = ? AND c.day BETWEEN ? AND ?"
            " GROUP BY 1, 2 ORDER BY 1, 2",
            employee_id,
            from_day,
            to_day,
        )
        return [CommissionRow(*row) for row in rows]

    def commission_total(self, employee_id: str) -> int:
        row = self._one(
            "SELECT coalesce(sum(fen), 0) FROM commission WHERE employee_id = ?", employee_id
        )
        return int(row[0])
