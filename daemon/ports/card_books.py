"""What the life of a card and the law ask of the books."""

from __future__ import annotations

from typing import Protocol


class CardBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
