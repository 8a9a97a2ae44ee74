"""Points, passes, coupons, check-ins, thanks, triggers and messages."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class LoyaltyDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
