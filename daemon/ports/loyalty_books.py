"""Points, passes, coupons, check-ins, thanks, triggers and messages."""

from __future__ import annotations

from typing import Protocol


class LoyaltyBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""
