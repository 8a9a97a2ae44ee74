"""Points, check-in and sharing (C4), and standing triggers (D1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.core.pricing.points import PointsOffset
from daemon.rules.membership import Earns
from daemon.rules.offers import Scope, Share
from daemon.rules.parts import Days, Fen, GoodsCode, Id, Name, Part, Points, SomeFen, refusal


class CodeRate(Part):
    """What members of a category earn with a code."""

    member_category: Id
    code: GoodsCode
    earns: Earns


class GoodsRate(Part):
    """What members of a category earn with goods of a consumption category."""

    member_category: Id
    category: Id
    earns: Earns


class Offset(Part):
    """积分抵现: points against the price, in whole steps."""

    step_points: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    step_fen: SomeFen = 100
    most_share_bp: Share = 10_000
    minimum_fen: Fen = 0
    scope: Scope = Scope()
    member_categories: Annotated[tuple[Id, ...], Field(max_length=50)] = Field(
        default=(), description="Who may; none named: everybody."
    )

    def value(self) -> PointsOffset:
        return PointsOffset(
            self.step_points,
            self.step_fen,
            self.most_share_bp,
            self.minimum_fen,
            self.scope.value(),
            frozenset(self.member_categories),
        )


class Streak(Part):
    """So many days in a row bring so many points more, on the day that they are reached."""

    days: Annotated[int, Field(ge=2, le=366)]
    points: Points


class CheckIn(Part):
    """签到, once a day."""

    points: Points
    streaks: Annotated[tuple[Streak, ...], Field(max_length=20)] = ()


class Sharing(Part):
    """分享: thanks for bringing a friend, on the friend's first sale."""

    referrer_points: Points = 0
    friend_points: Points = 0
    most_per_month: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Friends who count in one month; empty: all."
    )
    minimum_fen: Fen = Field(default=0, description="The friend's first sale is at least this.")


class PointsRules(Part):
    """积分."""

    by_code: Annotated[tuple[CodeRate, ...], Field(max_length=3_000)] = ()
    by_goods: Annotated[tuple[GoodsRate, ...], Field(max_length=2_000)] = ()
    bonus_earns: bool = Field(default=True, description="Spending from the bonus earns too.")
    offset: Offset | None = Field(default=None, description="Empty: points do not pay.")
    valid_days: Days | None = Field(default=None, description="Empty: points never end.")
    check_in: CheckIn | None = None
    sharing: Sharing | None = None


class Trigger(Part):
    """A standing rule: on an occasion, a coupon, points, a message."""

    trigger_id: Id
    name: Name
    active: bool = True
    on: Literal["birthday", "first_visit", "absent", "promoted", "expiring"]
    days: Annotated[int, Field(ge=0, le=3_650)] = Field(
        default=0, description="Before the birthday or the end; since the last visit."
    )
    campaign: Id | None = Field(default=None, description="Gives one of its coupons.")
    points: Points = 0
    message_kind: Id | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Trigger:
        if self.campaign is None and self.points == 0 and self.message_kind is None:
            raise refusal("trigger_does_nothing")
        if self.on in ("absent", "expiring") and self.days == 0:
            raise refusal("days_missing")
        return self


class Triggers(Part):
    """Standing triggers."""

    triggers: Annotated[tuple[Trigger, ...], Field(max_length=100)] = ()
