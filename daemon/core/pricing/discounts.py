"""Member discount by consumption category (会员折扣, 大类打折) and level, C3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from daemon.core.errors import BadRequest
from daemon.core.pricing.rounding import WHOLE_BP, rate_of


class Together(Enum):
    """How the rate of the member's category and that of the level meet."""

    BETTER = "better"
    """The lower of the two."""
    MULTIPLIED = "multiplied"


RateTable = Mapping[tuple[str, str | None], int]
"""(member category or level, consumption category) -> what is paid, in basis points. The
consumption category None is for every category without a row of its own."""


@dataclass(frozen=True, slots=True)
class DiscountTable:
    by_category: RateTable = field(default_factory=dict)
    by_level: RateTable = field(default_factory=dict)
    together: Together = Together.BETTER

    def __post_init__(self) -> None:
        for rate in (*self.by_category.values(), *self.by_level.values()):
            if not 0 <= rate <= WHOLE_BP:
                raise BadRequest("rate_out_of_range", rate_bp=rate)

    def rate_bp(self, category: str | None, level: str | None, goods: str) -> tuple[int, str]:
        """What a member pays for goods of a consumption category, and the rows that say so:
        `category:<member category>/<goods>` and `level:<level>/<goods>`."""
        rows = [
            (rate, f"{kind}:{who}/{goods}")
            for kind, table, who in (
                ("category", self.by_category, category),
                ("level", self.by_level, level),
            )
            if who is not None
            and (rate := table.get((who, goods), table.get((who, None), WHOLE_BP))) < WHOLE_BP
        ]
        if not rows:
            return WHOLE_BP, ""
        if self.together is Together.BETTER or len(rows) == 1:
            return min(rows)
        return rate_of(rows[0][0], rows[1][0]), "+".join(name for _, name in rows)
