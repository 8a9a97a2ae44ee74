"""What the life of a card and the law ask of the books."""

from __future__ import annotations

from daemon.ledger.desk import Desk


class CardsDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""
