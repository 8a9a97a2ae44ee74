"""The rules in force, as one value that is replaced whole when a document changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.campaign import CouponTerms
from daemon.core.permissions import ALL, CASHIER, Permission
from daemon.core.policy import Policy
from daemon.core.pricing.catalogue import Catalogue, Category
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.receipt_text import ShopHead

OPEN_CATEGORY = "general"
"""Where an amount that was keyed in belongs in a shop that has no catalogue yet."""


@dataclass(frozen=True, slots=True)
class ShopRules:
    """Everything that a decision may ask. Immutable; made from the documents by
    `daemon.rules.compile`.

    `campaigns`: what a coupon does, by campaign. `points_valid_days`: how long points live that a
    sale earned, the day itself among them; None is for ever."""

    policy: Policy
    head: ShopHead
    book: RuleBook
    roles: tuple[tuple[str, frozenset[Permission]], ...] = (
        ("manager", ALL),
        ("cashier", CASHIER),
    )
    campaigns: Mapping[str, CouponTerms] = field(default_factory=dict)
    points_valid_days: int | None = None

    def permissions_of(self, role: str) -> frozenset[Permission]:
        """None for a role that is not there (any more)."""
        return dict(self.roles).get(role, frozenset())


class RulesCell:
    """Holds the rules in force. One writer (the operation that changed a document), many readers,
    on any thread: the reference is replaced at once."""

    def __init__(self) -> None:
        self._now: ShopRules | None = None

    def now(self, policy: Policy, head: ShopHead) -> ShopRules:
        """What was put last, or the shop without documents: the file's policy and one category."""
        if self._now is None:
            book = RuleBook(
                Catalogue([Category(OPEN_CATEGORY, "储值消费")], []),
                spend_order=policy.spend_order,
                utc_offset_min=policy.utc_offset_min,
            )
            self._now = ShopRules(policy, head, book)
        return self._now

    def put(self, rules: ShopRules) -> None:
        self._now = rules
