"""Employees and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from daemon.core.records import Employee, Session
from daemon.ledger.desk import Desk

EMPLOYEE = (
    "employee_id, number, name, role, pin_hash, failures, locked_until_ms, grade, active, language"
)
_SESSION = "token_hash, employee_id, created_ms, seen_ms, expires_ms"


class StaffDesk(Desk):
    def employee(self, employee_id: str) -> Employee | None:
        row = self._one(f"SELECT {EMPLOYEE} FROM employee WHERE employee_id = ?", employee_id)
        return None if row is None else employee_of(row)

    def employee_by_number(self, number: str) -> Employee | None:
        row = self._one(f"SELECT {EMPLOYEE} FROM employee WHERE number = ?", number)
        return None if row is None else employee_of(row)

    def put_employee(self, employee: Employee) -> None:
        self._change(
            f"INSERT INTO employee ({EMPLOYEE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (employee_id) DO UPDATE SET number = excluded.number,"
            " name = excluded.name, role = excluded.role, pin_hash = excluded.pin_hash,"
            " failures = excluded.failures, locked_until_ms = excluded.locked_until_ms,"
            " grade = excluded.grade, active = excluded.active, language = excluded.language",
            employee.employee_id,
            employee.number,
            employee.name,
            employee.role,
            employee.pin_hash,
            employee.failures,
            employee.locked_until_ms,
            employee.grade,
            int(employee.active),
            employee.language,
        )

    def session(self, token_hash: bytes) -> Session | None:
        row = self._one(f"SELECT {_SESSION} FROM session WHERE token_hash = ?", token_hash)
        return None if row is None else Session(*row)

    def put_session(self, session: Session) -> None:
        """Also forgets sessions that had run out when this one was seen."""
        self._change("DELETE FROM session WHERE expires_ms < ?", session.seen_ms)
        self._change(
            f"INSERT INTO session ({_SESSION}) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (token_hash) DO UPDATE SET seen_ms = excluded.seen_ms,"
            " expires_ms = excluded.expires_ms",
            session.token_hash,
            session.employee_id,
            session.created_ms,
            session.seen_ms,
            session.expires_ms,
        )

    def end_session(self, token_hash: bytes) -> None:
        self._change("DELETE FROM session WHERE token_hash = ?", token_hash)


def employee_of(row: Sequence[Any]) -> Employee:
    """From a row of the columns above, in their order."""
    kept = Employee(*row)
    return replace(kept, active=bool(kept.active))
