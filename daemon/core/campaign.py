"""Coupons (D4): what a coupon of a campaign does, and the row that each issued code has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from daemon.core.pricing.promotion import Coupon, Promotion


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What every coupon of `campaign` does, as the rules say today. Pricing's `Coupon` says what
    each field means."""

    campaign: str
    offer: Promotion
    minimum_fen: int = 0
    with_promotions: bool = True


@dataclass(frozen=True, slots=True)
class IssuedCoupon:
    """A code on the books. `member_id` None: whoever brings it. Days are YYYY-MM-DD, inclusive.
    `state` is issued, redeemed (by `used_op`) or withdrawn."""

    code: str
    campaign: str
    issued_ms: int
    issued_op: str
    member_id: str | None = None
    from_day: str | None = None
    to_day: str | None = None
    state: str = "issued"
    used_op: str | None = None

    def priced(self, terms: CouponTerms) -> Coupon:
        """The coupon as a price takes it."""
        return Coupon(
            code=self.code,
            offer=terms.offer,
            minimum_fen=terms.minimum_fen,
            member_id=self.member_id,
            with_promotions=terms.with_promotions,
            from_day=date.fromisoformat(self.from_day) if self.from_day else None,
            to_day=date.fromisoformat(self.to_day) if self.to_day else None,
            used=self.state != "issued",
        )
