"""Employees, a manager's yes, commission."""

from __future__ import annotations

from typing import Protocol


class StaffBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
