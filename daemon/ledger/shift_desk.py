"""Shifts and the drawer, the log and the records."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class ShiftDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
