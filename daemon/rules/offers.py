"""Promotions (D1), what coupons of a campaign do (D4), and recharge tiers (C1) as documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.core.money import MAX_FEN
from daemon.core.pricing import conditions as when
from daemon.core.pricing import promotion as does
from daemon.rules.parts import (
    Day,
    Days,
    Fen,
    GoodsCode,
    Id,
    Line,
    Name,
    Part,
    SomeFen,
    kept,
    refusal,
)

Share = Annotated[int, Field(ge=0, le=10_000, description="Basis points, 1/10 000.")]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Minute = Annotated[int, Field(ge=0, le=1_440, description="Minutes since midnight.")]


class PercentOff(Part):
    """A percentage: 8 800 is 88 折."""

    kind: Literal["percent_off"]
    rate_bp: Share

    def value(self) -> does.Effect:
        return does.PercentOff(self.rate_bp)


class FixedPrice(Part):
    kind: Literal["fixed_price"]
    price_fen: Fen

    def value(self) -> does.Effect:
        return does.FixedPrice(self.price_fen)


class BuyN(Part):
    """买 N 送 M, 第二件半价: of every buy + get pieces the cheapest are cheaper by off_bp."""

    kind: Literal["buy_n"]
    buy: Annotated[int, Field(ge=0, le=1_000)]
    get: Annotated[int, Field(ge=1, le=1_000)] = 1
    off_bp: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    most_sets: Annotated[int, Field(ge=1, le=10_000)] | None = None

    def value(self) -> does.Effect:
        return does.BuyN(self.buy, self.get, self.off_bp, self.most_sets)


class SpendTier(Part):
    """From `from_fen`, `off_fen` or `off_bp` less; one of the two."""

    from_fen: Fen
    off_fen: Fen = 0
    off_bp: Share = 0


class SpendTiers(Part):
    """满减, 满折, 每满."""

    kind: Literal["spend_tiers"]
    tiers: Annotated[tuple[SpendTier, ...], Field(min_length=1, max_length=20)]
    counts: Literal["list", "member_price"] = "member_price"
    every: bool = Field(default=False, description="Again for each time the one tier is reached.")
    most_off_fen: SomeFen | None = None

    @model_validator(mode="after")
    def _whole(self) -> SpendTiers:
        kept(self.value)
        return self

    def value(self) -> does.Effect:
        tiers = tuple(does.Tier(row.from_fen, row.off_fen, row.off_bp) for row in self.tiers)
        return does.SpendTiers(tiers, does.Counts(self.counts), self.every, self.most_off_fen)


class PointsTimes(Part):
    """Points are multiplied: 20 000 is double."""

    kind: Literal["points_times"]
    times_bp: Annotated[int, Field(ge=10_000, le=1_000_000)]

    def value(self) -> does.Effect:
        return does.PointsTimes(self.times_bp)


class BonusTier(Part):
    """From `from_fen` paid at once, a share and a sum are given on top."""

    from_fen: SomeFen
    bonus_bp: Annotated[int, Field(ge=0, le=100_000)] = 0
    bonus_fen: Fen = 0

    def value(self) -> does.RechargeTier:
        return does.RechargeTier(self.from_fen, self.bonus_bp, self.bonus_fen)


class RechargeBonus(Part):
    """A campaign on recharges."""

    kind: Literal["recharge_bonus"]
    tiers: Annotated[tuple[BonusTier, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _whole(self) -> RechargeBonus:
        kept(self.value)
        return self

    def value(self) -> does.Effect:
        return does.RechargeBonus(tuple(row.value() for row in self.tiers))


Effect = Annotated[
    PercentOff | FixedPrice | BuyN | SpendTiers | PointsTimes | RechargeBonus,
    Field(discriminator="kind"),
]
CouponEffect = Annotated[PercentOff | FixedPrice | BuyN | SpendTiers, Field(discriminator="kind")]


class Scope(Part):
    """Which goods; neither codes nor categories: all."""

    codes: Annotated[tuple[GoodsCode, ...], Field(max_length=500)] = ()
    categories: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    but_codes: Annotated[tuple[GoodsCode, ...], Field(max_length=500)] = ()

    def value(self) -> does.Scope:
        return does.Scope(
            frozenset(self.codes), frozenset(self.categories), frozenset(self.but_codes)
        )


class Hours(Part):
    """The end is not included; past midnight where it ends before it begins."""

    from_minute: Minute
    to_minute: Minute


class BirthdayWindow(Part):
    days_before: Annotated[int, Field(ge=0, le=180)] = 0
    days_after: Annotated[int, Field(ge=0, le=180)] = 0
    whole_month: bool = False


class HabitRange(Part):
    """RFM: last visit, visits, spending; bounds inclusive, empty is none."""

    away_days_least: Count | None = None
    away_days_most: Count | None = None
    visits_least: Count | None = None
    visits_most: Count | None = None
    spent_least_fen: Fen | None = None
    spent_most_fen: Fen | None = None


class Conditions(Part):
    """For whom and when: all that are given must hold, of `tags` one."""

    member_categories: Annotated[tuple[Id, ...], Field(max_length=50)] = ()
    levels: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    tags: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    stores: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    from_day: Day | None = None
    to_day: Day | None = None
    weekdays: Annotated[
        tuple[Annotated[int, Field(ge=0, le=6)], ...],
        Field(max_length=7, description="0 is Monday; none: every day."),
    ] = ()
    hours: Annotated[tuple[Hours, ...], Field(max_length=10)] = ()
    birthday: BirthdayWindow | None = None
    habit: HabitRange | None = None

    @model_validator(mode="after")
    def _days(self) -> Conditions:
        if self.from_day and self.to_day and self.from_day > self.to_day:
            raise refusal("days_malformed")
        return self

    def value(self) -> when.Conditions:
        return when.Conditions(
            categories=frozenset(self.member_categories),
            levels=frozenset(self.levels),
            tags=frozenset(self.tags),
            stores=frozenset(self.stores),
            from_day=self.from_day,
            to_day=self.to_day,
            season=when.Season(
                weekdays=frozenset(self.weekdays),
                hours=tuple(when.Hours(row.from_minute, row.to_minute) for row in self.hours),
                birthday=when.BirthdayWindow(**self.birthday.model_dump())
                if self.birthday
                else None,
                habit=when.HabitRange(**self.habit.model_dump()) if self.habit else None,
            ),
        )


class Promotion(Part):
    """促销."""

    promotion_id: Id
    name: Name
    active: bool = True
    effect: Effect
    scope: Scope = Scope()
    conditions: Conditions = Conditions()
    group: Id = Field(default="promotion", description="Two of one group never meet on a line.")
    exclusive: Literal["no", "goods", "sale"] = "no"
    with_member_discount: bool = True
    with_line_promotions: bool = True
    earns_points: bool = True
    say: Line = Field(default="", description="On the receipt; empty: its name.")

    def value(self) -> does.Promotion:
        return does.Promotion(
            self.promotion_id,
            self.name,
            self.effect.value(),
            self.scope.value(),
            self.conditions.value(),
            self.group,
            does.Exclusive(self.exclusive),
            self.with_member_discount,
            self.with_line_promotions,
            self.earns_points,
        )


class Promotions(Part):
    """All promotions, and in which order their groups act."""

    promotions: Annotated[tuple[Promotion, ...], Field(max_length=1_000)] = ()
    group_order: Annotated[tuple[Id, ...], Field(max_length=50)] = ()


class Campaign(Part):
    """优惠券活动: what each of its coupons does, and how long it lives."""

    campaign: Id
    name: Name
    active: bool = Field(default=True, description="Coupons may be issued; old ones stay good.")
    effect: CouponEffect
    scope: Scope = Scope()
    conditions: Conditions = Conditions()
    minimum_fen: Fen = 0
    group: Id = Field(default="coupon", description="Two of one group never meet on a line.")
    with_promotions: bool = True
    with_member_discount: bool = True
    earns_points: bool = True
    valid_days: Days | None = Field(default=None, description="Counted from its issue.")
    from_day: Day | None = None
    to_day: Day | None = None
    most_issued: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    say: Line = ""

    @model_validator(mode="after")
    def _days(self) -> Campaign:
        if self.from_day and self.to_day and self.from_day > self.to_day:
            raise refusal("days_malformed")
        return self

    def offer(self) -> does.Promotion:
        """What one coupon does, as a promotion under the campaign's id."""
        return does.Promotion(
            self.campaign,
            self.say or self.name,
            self.effect.value(),
            self.scope.value(),
            self.conditions.value(),
            self.group,
            does.Exclusive.NO,
            self.with_member_discount,
            True,
            self.earns_points,
        )


class Campaigns(Part):
    """Campaigns that issue coupons."""

    campaigns: Annotated[tuple[Campaign, ...], Field(max_length=500)] = ()


class Recharge(Part):
    """储值: what is given on top."""

    tiers: Annotated[tuple[BonusTier, ...], Field(max_length=20)] = (
        BonusTier(from_fen=20_000, bonus_bp=500),
        BonusTier(from_fen=50_000, bonus_bp=1_000),
        BonusTier(from_fen=100_000, bonus_bp=1_500),
    )
    bonus_valid_days: Days | None = Field(
        default=None, description="The bonus ends then, the principal never; empty: never."
    )
    quick_fen: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MAX_FEN)], ...],
        Field(max_length=12, description="Buttons on the cashier's page."),
    ] = (10_000, 20_000, 50_000, 100_000)
