"""Lines of sales, and the projections that follow from them."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class SalesDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
