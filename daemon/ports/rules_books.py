"""The merchant's rules, section by section and version by version."""

from __future__ import annotations

from typing import Protocol


class RuleBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
