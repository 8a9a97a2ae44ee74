"""Coupons (D4): the row that each issued code has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from daemon.core.pricing.promotion import Coupon, Promotion


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

    def priced(self, offer: Promotion, minimum_fen: int, with_promotions: bool) -> Coupon:
        """The coupon as a price takes it; the rest is what its campaign says today."""
        return Coupon(
            code=self.code,
            offer=offer,
            minimum_fen=minimum_fen,
            member_id=self.member_id,
            with_promotions=with_promotions,
            from_day=date.fromisoformat(self.from_day) if self.from_day else None,
            to_day=date.fromisoformat(self.to_day) if self.to_day else None,
            used=self.state != "issued",
        )
