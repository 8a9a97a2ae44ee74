"""Points (C4): what a sale earns, and points against the price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.errors import BadRequest
from daemon.core.money import MAX_FEN
from daemon.core.pricing.catalogue import Catalogue, Code, EarnRate
from daemon.core.pricing.promotion import ALL_GOODS, Scope
from daemon.core.pricing.rounding import WHOLE_BP, spread


@dataclass(frozen=True, slots=True)
class Earning:
    """Who earns what, by member category and consumption code, else consumption category.

    Looked for in this order: the member category's row for the code, its row for the consumption
    category, the code's own rate, the consumption category's, the member category's general rate.
    `level_bp` multiplies by level. `bonus_earns`: what is paid from the bonus earns as well."""

    by_code: Mapping[tuple[str, str], EarnRate] = field(default_factory=dict)
    by_goods: Mapping[tuple[str, str], EarnRate] = field(default_factory=dict)
    by_member: Mapping[str, EarnRate] = field(default_factory=dict)
    level_bp: Mapping[str, int] = field(default_factory=dict)
    bonus_earns: bool = True

    def rate(self, member_category: str, code: Code, catalogue: Catalogue) -> EarnRate | None:
        found = (
            self.by_code.get((member_category, code.code))
            or self.by_goods.get((member_category, code.category))
            or code.earns
            or catalogue.categories[code.category].earns
        )
        return found or self.by_member.get(member_category)


@dataclass(frozen=True, slots=True)
class Earned:
    """One line's claim on points: what counts of its payment, its rate, and the multiplier."""

    counted_fen: int
    rate: EarnRate
    times_bp: int


def points_of(claims: Sequence[Earned | None], level_bp: int = WHOLE_BP) -> list[int]:
    """Points of each line: the exact sum of the sale rounded down once, then spread."""
    common = math.lcm(*(claim.rate.per_fen for claim in claims if claim), 1)
    exact = [
        claim.counted_fen * claim.rate.points * claim.times_bp * (common // claim.rate.per_fen)
        if claim
        else 0
        for claim in claims
    ]
    total = sum(exact) * level_bp // (common * WHOLE_BP * WHOLE_BP)
    return spread(total, exact)


@dataclass(frozen=True, slots=True)
class PointsOffset:
    """`step_points` are worth `step_fen` against the price of the goods in scope, in whole steps,
    for at most `most_share_bp` of what is due for them, for sales of at least `minimum_fen` due."""

    step_points: int = 100
    step_fen: int = 100
    most_share_bp: int = WHOLE_BP
    minimum_fen: int = 0
    scope: Scope = ALL_GOODS
    categories: frozenset[str] = frozenset()
    """Member categories that may; empty is all."""

    def __post_init__(self) -> None:
        if not (
            0 < self.step_points <= MAX_FEN
            and 0 < self.step_fen <= MAX_FEN
            and 0 <= self.most_share_bp <= WHOLE_BP
        ):
            raise BadRequest("points_rule_malformed")

    def most_steps(self, due_fen: int) -> int:
        return due_fen * self.most_share_bp // WHOLE_BP // self.step_fen

    def worth_fen(self, points: int) -> int:
        """What points that cannot be taken back are worth, for showing a debt: rounded up."""
        return -(-points * self.step_fen // self.step_points)
