"""Employees, a manager's yes, commission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from daemon.core.approval import Approval
from daemon.core.records import Employee
from daemon.core.statement import CommissionRow


class StaffBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def employees(self) -> Sequence[Employee]:
        """By number."""
        ...

    def end_sessions_of(self, employee_id: str) -> Sequence[bytes]:
        """Ends every session of the employee; the hashes of their tokens."""
        ...

    def approval(self, token_hash: bytes) -> Approval | None: ...

    def put_approval(self, approval: Approval) -> None:
        """Also forgets approvals that had run out a day before this one was made."""
        ...

    def commission_rows(
        self, employee_id: str, from_day: str, to_day: str
    ) -> Sequence[CommissionRow]:
        """What the employee earned in the days from_day to to_day, both included, summed by rule
        and code."""
        ...

    def commission_total(self, employee_id: str) -> int:
        """All that the projection holds of the employee, in fen."""
        ...
