"""Members by filter, saved filters, imports and batch work."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class OfficeDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
