"""All the rules that make a price, in one immutable value."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.core.errors import BadRequest
from daemon.core.policy import SpendOrder
from daemon.core.pricing.catalogue import Catalogue
from daemon.core.pricing.commission import CommissionTable
from daemon.core.pricing.discounts import DiscountTable
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.levels import Ladder
from daemon.core.pricing.points import Earning, PointsOffset


@dataclass(frozen=True, slots=True)
class RuleBook:
    """`group_order`: stacking groups in the order in which they act; groups that are not named act
    after them by name. `wipe_fen`: what is due is cut down to a multiple of it (1: nothing is let
    go). `points_offset` None: points do not pay."""

    catalogue: Catalogue
    discounts: DiscountTable = field(default_factory=DiscountTable)
    promotions: PromotionIndex = field(default_factory=PromotionIndex)
    group_order: tuple[str, ...] = ()
    points_offset: PointsOffset | None = None
    wipe_fen: int = 1
    spend_order: SpendOrder = SpendOrder.PRINCIPAL_FIRST
    earning: Earning = field(default_factory=Earning)
    ladder: Ladder = field(default_factory=Ladder)
    commission: CommissionTable = field(default_factory=CommissionTable)
    utc_offset_min: int = 8 * 60

    def __post_init__(self) -> None:
        if self.wipe_fen not in (1, 10, 50, 100, 1000):
            raise BadRequest("wipe_malformed")
        if len(set(self.group_order)) != len(self.group_order):
            raise BadRequest("group_twice")
