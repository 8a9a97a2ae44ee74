"""Member categories (B1), levels (B5) and the merchant's own fields of members (B2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.core.pricing.catalogue import EarnRate
from daemon.rules.parts import (
    Colour,
    Days,
    Fen,
    Id,
    Name,
    Part,
    Png,
    Points,
    RateBp,
    SomeFen,
    refusal,
)


class Earns(Part):
    """Points for money: `points` for every `per_fen`, in proportion."""

    points: Points
    per_fen: SomeFen = 100

    def value(self) -> EarnRate:
        return EarnRate(self.points, self.per_fen)


class Discount(Part):
    """What is paid for goods of a consumption category; `goods` empty: for all others."""

    goods: Id | None = None
    rate_bp: RateBp


class Extension(Part):
    days: Days
    fee_fen: Fen


class Fees(Part):
    """收费设置: what an operation on a card costs. 0 is free."""

    issue_fen: Fen = 0
    reissue_fen: Fen = Field(default=0, description="A new card after a loss (补卡).")
    repair_fen: Fen = Field(default=0, description="A new card for a damaged one (修卡).")
    transfer_fen: Fen = Field(default=0, description="The account goes to another person.")
    return_fen: Fen = Field(default=0, description="The balance is paid out (退卡).")
    extend: Annotated[tuple[Extension, ...], Field(max_length=20)] = Field(
        default=(), description="延期收费: by duration. A named card never pays."
    )


class CardDesign(Part):
    """卡面: how cards of this category look and which numbers are printed on them."""

    technology: Literal["uid", "magstripe", "desfire"] | None = Field(
        default=None, description="Cards of another technology are refused; empty: any."
    )
    picture_png_base64: Png = ""
    number_from: Annotated[str, Field(pattern="^[0-9]{0,20}$")] = ""
    number_to: Annotated[str, Field(pattern="^[0-9]{0,20}$")] = ""
    colour: Colour = ""

    @model_validator(mode="after")
    def _range(self) -> CardDesign:
        if len(self.number_from) != len(self.number_to) or self.number_from > self.number_to:
            raise refusal("range_malformed")
        return self


class MemberCategory(Part):
    """会员类别: what its members pay, earn and are asked for."""

    category: Id
    name: Name
    named: bool = Field(default=True, description="Cards are bought by name (记名).")
    valid_days: Days | None = Field(
        default=None, description="Benefits and bonus end then, the principal never; empty: never."
    )
    discounts: Annotated[tuple[Discount, ...], Field(max_length=200)] = ()
    points: Earns | None = Field(default=None, description="General rate; empty: no points.")
    fees: Fees = Fees()
    card: CardDesign = CardDesign()


STANDARD = "standard"
"""What members belong to in a shop that has not made its categories yet."""


class MemberCategories(Part):
    """Member categories, the first being the usual one."""

    member_categories: Annotated[tuple[MemberCategory, ...], Field(min_length=1, max_length=50)] = (
        MemberCategory(category=STANDARD, name="普通会员"),
    )


class Rung(Part):
    """A level and what it brings."""

    level: Id
    name: Name
    from_value: Annotated[int, Field(ge=0, le=10**12)] = Field(
        description="Fen, points or visits, as the ladder measures."
    )
    discounts: Annotated[tuple[Discount, ...], Field(max_length=200)] = ()
    points_bp: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=10_000, description="Points are multiplied: 15000 is one and a half times."
    )
    colour: Colour = ""


class Levels(Part):
    """The ladder (会员等级)."""

    measure: Literal["spend", "recharge", "points", "visits"] = "spend"
    window_days: Days | None = Field(
        default=None, description="What counts is what lies in it; empty: everything so far."
    )
    demotes: bool = Field(default=False, description="Who falls below a level loses it.")
    bonus_counts: bool = Field(default=True, description="Spending from the bonus counts too.")
    together: Literal["better", "multiplied"] = Field(
        default="better", description="How the rates of category and level meet."
    )
    rungs: Annotated[tuple[Rung, ...], Field(max_length=20)] = ()


class Choice(Part):
    choice: Id
    name: Name


class MemberField(Part):
    """One custom field."""

    field: Id
    name: Name
    kind: Literal["text", "number", "date", "choice"]
    choices: Annotated[tuple[Choice, ...], Field(max_length=100)] = ()
    personal: bool = Field(
        default=True, description="Kept sealed with the person, and erased with them."
    )
    required: bool = False

    @model_validator(mode="after")
    def _chosen(self) -> MemberField:
        if (self.kind == "choice") != bool(self.choices):
            raise refusal("choices_malformed")
        return self


class MemberFields(Part):
    """Custom fields of members (自定义字段)."""

    fields: Annotated[tuple[MemberField, ...], Field(max_length=50)] = ()
