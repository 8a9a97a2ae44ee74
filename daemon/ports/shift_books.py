"""Shifts and the drawer, the log and the records."""

from __future__ import annotations

from typing import Protocol


class ShiftBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
