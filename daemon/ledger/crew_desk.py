"""Employees, a manager's yes, commission."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class CrewDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
