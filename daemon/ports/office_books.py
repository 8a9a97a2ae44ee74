"""Members as the office works with them: filters, batch work, imports."""

from __future__ import annotations

from typing import Protocol


class OfficeBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
