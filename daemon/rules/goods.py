"""What the shop sells (C2), passes (C5) and gifts (C4)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from daemon.core.pricing.catalogue import Category, Code, PassGrant, Unit
from daemon.rules.membership import Earns
from daemon.rules.parts import (
    Colour,
    Day,
    Days,
    Fen,
    GoodsCode,
    Id,
    Name,
    Part,
    Word,
    kept,
    refusal,
)

OPEN_CATEGORY = "general"
"""Where an amount that was keyed in belongs in a shop that has no catalogue yet."""


class ConsumptionCategory(Part):
    """消费类别."""

    category: Id
    name: Name
    earns: Earns | None = Field(
        default=None, description="Points; empty: as the member category says."
    )

    def value(self) -> Category:
        return Category(self.category, self.name, self.earns.value() if self.earns else None)


OPEN = ConsumptionCategory(category=OPEN_CATEGORY, name="储值消费")


class Measure(Part):
    """What a price is for: pieces, or a unit that is counted in parts (1 kg of 1000 g)."""

    name: Word = "件"
    parts: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class Grant(Part):
    """A pass: what selling the code gives."""

    codes: Annotated[tuple[GoodsCode, ...], Field(min_length=1, max_length=200)]
    count: Annotated[int, Field(ge=1, le=10_000)]
    valid_days: Days | None = Field(
        default=None, description="Empty: as the parameters say for passes."
    )

    def value(self, usual_days: int | None = None) -> PassGrant:
        return PassGrant(frozenset(self.codes), self.count, self.valid_days or usual_days)


class GiftPrice(Part):
    """Points for one, by member category; none named: for every other."""

    member_category: Id | None = None
    points: Annotated[int, Field(ge=1, le=10_000_000)]


class ConsumptionCode(Part):
    """消费代码: a thing that is sold, with a price."""

    code: GoodsCode
    name: Name
    pinyin: Annotated[str, Field(max_length=60, pattern="^[ -~]*$")] = Field(
        default="", description="Initials to find it by."
    )
    category: Id
    price_fen: Fen
    unit: Measure = Measure()
    fixed: bool = Field(
        default=False, description="No discount, promotion, coupon or points: a fee, tobacco."
    )
    earns: Earns | None = None
    grants: Grant | None = None
    gift_points: Annotated[tuple[GiftPrice, ...], Field(max_length=50)] = ()
    stocked: bool = Field(default=False, description="Pieces on hand are counted.")
    from_day: Day | None = None
    to_day: Day | None = None
    quick: bool = Field(default=True, description="A button on the cashier's page.")
    colour: Colour = ""

    @model_validator(mode="after")
    def _whole(self) -> ConsumptionCode:
        if self.from_day and self.to_day and self.from_day > self.to_day:
            raise refusal("days_malformed")
        if len({row.member_category for row in self.gift_points}) != len(self.gift_points):
            raise refusal("row_twice")
        kept(self.value)
        return self

    def value(self, usual_days: int | None = None) -> Code:
        return Code(
            self.code,
            self.name,
            self.category,
            self.price_fen,
            unit=Unit(self.unit.name, self.unit.parts),
            fixed=self.fixed,
            earns=self.earns.value() if self.earns else None,
            grants=self.grants.value(usual_days) if self.grants else None,
            gift_points={row.member_category or "": row.points for row in self.gift_points},
            from_day=self.from_day,
            to_day=self.to_day,
        )


class CatalogueRules(Part):
    """Consumption categories and codes."""

    categories: Annotated[tuple[ConsumptionCategory, ...], Field(min_length=1, max_length=200)] = (
        OPEN,
    )
    codes: Annotated[tuple[ConsumptionCode, ...], Field(max_length=3_000)] = ()
