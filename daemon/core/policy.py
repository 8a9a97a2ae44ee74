"""The merchant's rules for one counter, with safe defaults. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from daemon.core.card import DEFAULT_PROFILES, Profile, Technology
from daemon.core.money import share


class SpendOrder(Enum):
    """Which of a member's balances pays first (C1)."""

    PRINCIPAL_FIRST = "principal_first"
    BONUS_FIRST = "bonus_first"
    IN_PROPORTION = "in_proportion"


@dataclass(frozen=True, slots=True)
class BonusTier:
    """From `from_fen` paid at once, `bonus_bp` basis points (1/10 000) are given on top."""

    from_fen: int
    bonus_bp: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are milliseconds, money is fen.

    `named_ceiling_fen`: the most that a named card may hold after a recharge (5 000 yuan, the
    Ministry of Commerce's rules for single-purpose prepaid cards)."""

    spend_order: SpendOrder = SpendOrder.PRINCIPAL_FIRST
    tiers: tuple[BonusTier, ...] = (
        BonusTier(20_000, 500),
        BonusTier(50_000, 1_000),
        BonusTier(100_000, 1_500),
    )
    profiles: dict[Technology, Profile] = field(default_factory=lambda: dict(DEFAULT_PROFILES))
    most_sale_fen: int = 500_000
    named_ceiling_fen: int = 500_000
    void_window_ms: int = 30 * 60_000
    double_tap_ms: int = 10_000
    card_wait_ms: int = 120_000
    pin_wait_ms: int = 60_000
    utc_offset_min: int = 8 * 60
    """China Standard Time; a day limit and a receipt's number follow the shop's day."""


def bonus_for(amount_fen: int, tiers: tuple[BonusTier, ...]) -> tuple[int, str]:
    """The bonus that a recharge of `amount_fen` brings and the rule it was given under, as it is
    kept with the lot: `bonus:<from_fen>:<bonus_bp>` or `bonus:none`."""
    reached = [tier for tier in tiers if tier.from_fen <= amount_fen]
    if not reached:
        return 0, "bonus:none"
    best = max(reached, key=lambda tier: tier.from_fen)
    return share(amount_fen, best.bonus_bp), f"bonus:{best.from_fen}:{best.bonus_bp}"
