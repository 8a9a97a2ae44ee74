"""A shop as a scenario states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

ROWS = 200


@dataclass
class Shop:
    """One shop's rules as the workbook states them. Money is yuan, rates are parts of one."""

    name: str
    order: str
    categories: Sequence[str]
    codes: Sequence[tuple[str, str, str, str]]
    """code, name, goods category, price"""
    rates: Sequence[tuple[str, str, str]]
    """member category, goods category, rate"""
    members: Sequence[tuple[str, str, str]]
    """key, name, member category"""
    tiers: Sequence[tuple[str, str]]
    points_per_yuan: str = "1"
    bonus_earns: int = 1
    full: str = "0"
    off: str = "0"
    wipe: str = "0.01"
    pass_code: str = ""
    pass_of: str = ""
    pass_count: int = 0
    gift: str = ""
    gift_points: int = 0
    stock: int = 0
    check_in: int = 0
    points_step: str = "0"
    points_share: str = "0"
    coupon_off: str = "0"
    coupon_minimum: str = "0"
    every_third_free: str = ""
    evening_code: str = ""
    evening_price: str = "0"
    level_from: str = "0"
    level_rate: str = "1"
    comm_goods: Sequence[tuple[str, str, str, str]] = ()
    """goods category, grade, yuan a count, share of what was paid"""
    floats: str = "300"
    seed: int = 1
    """One for which `check/lowest_balance` comes out at zero or above."""
    plan: dict[str, int] = field(default_factory=dict)
