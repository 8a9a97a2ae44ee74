"""What was sold, line by line, and what a member's habits are."""

from __future__ import annotations

from typing import Protocol


class SaleBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
