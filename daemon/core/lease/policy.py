"""The merchant's rules for leases and credit (section `chain` of the rules): how much a branch is
given to hold, for how long, and what may be sold without cover. Defaults are safe: no credit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final

from daemon.core.authorize import Decline
from daemon.core.errors import BadRequest
from daemon.core.lease import rows
from daemon.core.lease.values import Home
from daemon.core.money import MAX_FEN

WHOLE_BP: Final = 10_000


class Bearer(Enum):
    """Who bears an overspend."""

    MEMBER = "member"
    """Repaid by the next top-up, before anything is granted."""
    MERCHANT = "merchant"
    """Written off."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Bounds are inclusive. `what` is for the table in the documents; the office has its own
    words in both languages."""

    low: int
    high: int
    what: str


def _setting(default: int, low: int, high: int, what: str) -> int:
    chosen: int = field(default=default, metadata={"setting": Setting(low, high, what)})
    return chosen


@dataclass(frozen=True, slots=True)
class ChainPolicy:
    """Raises BadRequest("chain_setting_out_of_bounds") for a value outside its bounds."""

    lease_share_bp: int = _setting(
        5_000, 0, WHOLE_BP, "share of the reserve that a regular branch is given to hold"
    )
    lease_cap_fen: int = _setting(20_000, 0, MAX_FEN, "the most that a branch holds of a member")
    regular_branches: int = _setting(2, 0, 20, "the branches most visited that hold leases")
    regular_days: int = _setting(60, 1, 366, "visits of so many days count")
    lease_valid_h: int = _setting(72, 1, 24 * 60, "how long leases hold without contact")
    unsynced_grace_h: int = _setting(12, 0, 24 * 7, "how long leases spend without a set clock")
    unsynced_grace_fen: int = _setting(50_000, 0, MAX_FEN, "and how much")
    credit_sale_fen: int = _setting(0, 0, MAX_FEN, "offline credit in one sale; 0 is none")
    credit_member_fen: int = _setting(0, 0, MAX_FEN, "offline credit that a member may owe here")
    credit_day_fen: int = _setting(0, 0, MAX_FEN, "offline credit of one device in a day")
    credit_in_a_row: int = _setting(3, 0, 1_000, "credit sales of a member before the next contact")
    credit_pin_above_fen: int = _setting(0, 0, MAX_FEN, "above it a manager says yes")
    blocklist_max_age_h: int = _setting(24, 0, 24 * 60, "an older list of blocked cards: no credit")
    debit_deadline_ms: int = _setting(
        2_000, 200, 30_000, "how long a cashier waits for the cloud's answer"
    )
    overspend_bearer: Bearer = Bearer.MEMBER

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise BadRequest("chain_setting_out_of_bounds", setting=name)
            if not setting.low <= value <= setting.high:
                raise BadRequest(
                    "chain_setting_out_of_bounds",
                    setting=name,
                    low=setting.low,
                    high=setting.high,
                )


SETTINGS: Final[dict[str, Setting]] = {
    each.name: each.metadata["setting"]
    for each in fields(ChainPolicy)
    if "setting" in each.metadata
}


@dataclass(frozen=True, slots=True)
class Habit:
    """How a member uses one branch: its `rank` among the branches by visits of `regular_days` (0 is
    the most visited), the visits, and the 95th percentile of what a sale took of this asset."""

    rank: int
    visits: int
    basket: int = 0


def size_grant(asset: str, reserve: int, held_here: int, habit: Habit, policy: ChainPolicy) -> int:
    """What to grant a branch now, in units of the asset; 0 for nothing.

    A regular branch should hold its share of what is free, or a typical basket where that is more,
    up to the cap (of money). It is filled up when it holds less than half of that or less than a
    basket, so that not every sale is followed by a grant."""
    assert reserve >= 0 and held_here >= 0 and habit.basket >= 0
    if habit.rank >= policy.regular_branches or habit.visits <= 0 or reserve == 0:
        return 0
    free = reserve + held_here
    share = -(-free * policy.lease_share_bp // WHOLE_BP)
    if share == 0:
        return 0
    target = min(free, max(share, habit.basket))
    if asset in ("principal", "bonus"):
        target = min(target, policy.lease_cap_fen)
    if held_here >= target or (held_here * 2 >= target and held_here >= habit.basket):
        return 0
    return min(reserve, target - held_here)


@dataclass(frozen=True, slots=True)
class CreditSoFar:
    """Offline credit since the last contact with the cloud: what this member owes here, what this
    device gave today, the member's credit sales in a row; `blocklist_age_ms` of the list of blocked
    cards that is known here."""

    member_fen: int
    day_fen: int
    in_a_row: int
    blocklist_age_ms: int


@dataclass(frozen=True, slots=True)
class CreditYes:
    needs_manager: bool


def may_credit(amount_fen: int, so_far: CreditSoFar, policy: ChainPolicy) -> CreditYes | Decline:
    """Whether `amount_fen` may be sold without cover, offline. The order is that of what the
    cashier can do about it."""
    assert amount_fen > 0
    if policy.credit_sale_fen == 0 or policy.credit_in_a_row == 0:
        return Decline("credit_off")
    if so_far.blocklist_age_ms > policy.blocklist_max_age_h * 3_600_000:
        return Decline("credit_blocklist_old", {"max_age_h": policy.blocklist_max_age_h})
    if so_far.in_a_row >= policy.credit_in_a_row:
        return Decline("credit_in_a_row", {"most": policy.credit_in_a_row})
    for key, limit_fen, used_fen in (
        ("credit_sale_limit", policy.credit_sale_fen, 0),
        ("credit_member_limit", policy.credit_member_fen, so_far.member_fen),
        ("credit_day_limit", policy.credit_day_fen, so_far.day_fen),
    ):
        left_fen = max(0, limit_fen - used_fen)
        if amount_fen > left_fen:
            return Decline(key, {"limit_fen": limit_fen, "left_fen": left_fen})
    return CreditYes(needs_manager=amount_fen > policy.credit_pin_above_fen)


def before_grant(home: Home, policy: ChainPolicy) -> Home:
    """What an account owes is settled before anything of it is granted: the member repays from the
    reserve, or the merchant writes it off."""
    if policy.overspend_bearer is Bearer.MEMBER:
        return rows.repay(home)
    return rows.write_off(home, home.overspent) if home.overspent else home
