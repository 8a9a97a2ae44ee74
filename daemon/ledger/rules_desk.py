"""The merchant's rules on the disk."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class RulesDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
