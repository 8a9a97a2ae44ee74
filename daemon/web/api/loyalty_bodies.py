"""What a client may say of points, coupons, stock and messages, and what it is answered."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from daemon.operations.coupons import MOST_ISSUED
from daemon.operations.gifts import LOW, MOST_ON_HAND
from daemon.operations.points import MOST_ADJUSTED
from daemon.web.api.bodies import EXAMPLE_ID, ID_PATTERN, Body, Id, Query, whole_number
from daemon.web.api.office_bodies import ConditionBody

Reason = Annotated[
    str,
    Field(
        pattern="^[a-z_]{1,32}$",
        description="A short code for the journal, e.g. `goodwill`; no personal data.",
    ),
]
Level = Annotated[str, Field(pattern="^[a-z0-9_-]{1,32}$")]
CampaignId = Annotated[str, Field(pattern="^[a-z0-9_-]{1,32}$")]
GoodsCode = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,20}$")]
CouponCode = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        description="As typed or scanned: small letters, blanks and hyphens are read.",
        examples=["7K3M-9QXA-2B4C"],
    ),
]


_Adjusted = Annotated[
    int,
    Field(ge=-MOST_ADJUSTED, le=MOST_ADJUSTED, json_schema_extra={"not": {"const": 0}}),
]
Adjusted = Annotated[_Adjusted, BeforeValidator(whole_number, json_schema_input_type=_Adjusted)]
_OnHand = Annotated[int, Field(ge=0, le=MOST_ON_HAND)]
OnHand = Annotated[_OnHand, BeforeValidator(whole_number, json_schema_input_type=_OnHand)]
_Change = Annotated[int, Field(ge=-MOST_ON_HAND, le=MOST_ON_HAND)]
Change = Annotated[_Change, BeforeValidator(whole_number, json_schema_input_type=_Change)]
_Count = Annotated[int, Field(ge=1, le=MOST_ISSUED)]
Count = Annotated[_Count, BeforeValidator(whole_number, json_schema_input_type=_Count)]


class PointsAdjustment(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"points": 100, "reason": "goodwill"}]}
    )

    points: Adjusted = Field(description="Added; below zero: taken. Never 0.")
    reason: Reason
    note: str = Field(default="", max_length=200, description="Kept with the request.")


class StockChange(Body):
    """`on_hand` (what was counted) or `change`, one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "MUG", "on_hand": 20, "reason": "counted"}],
            "oneOf": [{"required": ["on_hand"]}, {"required": ["change"]}],
        }
    )

    code: GoodsCode
    on_hand: OnHand = Field(default=None)  # type: ignore[assignment]
    change: Change = Field(default=None)  # type: ignore[assignment]
    reason: Reason

    @model_validator(mode="after")
    def _one(self) -> StockChange:
        if (self.on_hand is None) == (self.change is None):
            raise ValueError("on_hand or change, one of the two")
        return self


class StockQuery(Query):
    low: int = Field(default=LOW, ge=0, le=MOST_ON_HAND, description="So few are too few.")


class NewCoupons(Body):
    """To `member_ids`, or `count` codes to print."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"campaign": "spring", "member_ids": [EXAMPLE_ID]},
                {"campaign": "spring", "count": 100},
            ],
            "oneOf": [{"required": ["member_ids"]}, {"required": ["count"]}],
        }
    )

    campaign: CampaignId
    member_ids: list[Id] = Field(default=[], min_length=1, max_length=MOST_ISSUED)
    count: Count = Field(default=None)  # type: ignore[assignment]

    @model_validator(mode="after")
    def _one(self) -> NewCoupons:
        if bool(self.member_ids) == (self.count is not None):
            raise ValueError("member_ids or count, one of the two")
        return self


class NewCouponJob(Body):
    """A coupon to each member of `filter`, or of `member_ids`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"campaign": "spring", "member_ids": [EXAMPLE_ID]}]}
    )

    campaign: CampaignId
    filter: list[ConditionBody] | None = Field(
        default=None, max_length=12, description="Whom; left out: `member_ids`."
    )
    member_ids: list[Id] = Field(default=[], max_length=10_000)


class CouponsQuery(Query):
    campaign: CampaignId
    state: Literal["issued", "redeemed", "withdrawn"] | None = None
    after: str | None = Field(
        default=None, max_length=12, description="The code that the last page ended with."
    )
    limit: int = Field(default=100, ge=1, le=1_000)


class CouponQuestion(Body):
    code: CouponCode
    member_id: Id | None = None


class CouponWithdrawal(Body):
    code: CouponCode
    reason: Reason


class CouponExtension(Body):
    code: CouponCode
    to_day: date = Field(description="The new last day.")


class LevelChange(Body):
    level: Level | None = Field(description="null takes the level away.")
    reason: Reason


class MessageState(Enum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class MessagesQuery(Query):
    state: MessageState | None = None
    before: str | None = Field(
        default=None, pattern=ID_PATTERN, description="The id that the last page ended with."
    )
    limit: int = Field(default=50, ge=1, le=200)


# -- answers --------------------------------------------------------------------------------------


class PointsLot(BaseModel):
    points: int
    to_day: str | None = Field(description="The last day; null is for ever.")
    given: str = Field(description="The rule that gave it.")


class Points(BaseModel):
    available: int
    lots: list[PointsLot] = Field(description="What ends first is spent first.")


class Adjustment(BaseModel):
    adjustment_id: Id
    member_id: Id
    points: int
    reason: str
    available: int
    undoes: str | None


class NextBonus(BaseModel):
    in_days: int
    points: int


class CheckedIn(BaseModel):
    check_in_id: Id
    member_id: Id
    day: str
    streak: int
    points: int
    available: int
    next_bonus: NextBonus | None


class CheckInState(BaseModel):
    offered: bool
    done_today: bool
    streak: int
    last_day: str | None
    brings: int = Field(description="What a check-in now would bring.")
    next_bonus: NextBonus | None


class Person(BaseModel):
    member_id: Id
    number: str
    name: str = Field(description="Masked.")


class Friend(Person):
    credited_ms: int | None
    points: int


class Friends(BaseModel):
    code: str = Field(description="The member's own code, to be shown by a friend who joins.")
    brought_by: Person | None
    brought: list[Friend] = Field(description="The newest hundred.")


class Gift(BaseModel):
    code: str
    name: str
    category: str
    points: int
    on_hand: int | None = Field(description="null: this store does not count it.")
    uses: int | None = Field(description="Of the pass that it is, if it is one.")
    affordable: bool
    there: bool


class Gifts(BaseModel):
    available: int
    gifts: list[Gift]


class StockRow(BaseModel):
    code: str
    name: str
    on_hand: int | None
    low: bool


class Stock(BaseModel):
    stock: list[StockRow]


class StockChanged(BaseModel):
    stock_id: Id
    code: str
    before: int | None
    on_hand: int


class Coupon(BaseModel):
    code: str
    printed: str
    campaign: str
    member_id: str | None
    issued_ms: int
    from_day: str | None
    to_day: str | None
    state: Literal["issued", "redeemed", "withdrawn"]
    used_op: str | None


class Coupons(BaseModel):
    coupons: list[Coupon]


class CouponsIssued(Coupons):
    issue_id: Id
    campaign: str
    issued_ms: int
    count: int


class CouponCounts(BaseModel):
    issued: int = Field(description="All that ever were.")
    redeemed: int
    withdrawn: int
    expired: int


class CampaignCoupons(Coupons):
    campaign: str
    counts: CouponCounts


class CampaignCounts(BaseModel):
    campaign: str
    name: str
    active: bool
    most_issued: int | None
    counts: CouponCounts


class Campaigns(BaseModel):
    campaigns: list[CampaignCounts]


class CouponChecked(Coupon):
    name: str
    says: str
    minimum_fen: int
    effect: str | None
    usable: bool
    reason: str | None = Field(description="Why not, as in a quote's `not_applied`.")


class WalletPass(BaseModel):
    pass_id: str
    code: str
    name: str
    codes: list[str]
    left: int
    to_day: str | None


class WalletCoupon(BaseModel):
    code: str
    printed: str
    campaign: str
    name: str
    says: str
    minimum_fen: int
    from_day: str | None
    to_day: str | None


class LevelDiscount(BaseModel):
    goods: str | None
    rate_bp: int


class LevelRung(BaseModel):
    level: str
    name: str
    from_value: int
    points_bp: int
    discounts: list[LevelDiscount]


class NextRung(LevelRung):
    missing: int


class WalletLevel(BaseModel):
    level: str | None
    name: str
    measure: Literal["spend", "recharge", "points", "visits"]
    window_days: int | None
    demotes: bool
    progress: int
    now: LevelRung | None
    next: NextRung | None


class Money(BaseModel):
    principal_fen: int
    bonus_fen: int


class Whole(Money):
    """`owed_fen`: sold on credit and not taken from the balance yet."""

    owed_fen: int
    as_of_ms: int


class Here(Money):
    at_ms: int


class MemberInChain(BaseModel):
    here: Here = Field(description="Held at this counter: all that it can spend by itself.")
    whole: Whole | None = Field(description="In all branches, as the cloud last said.")


class Wallet(BaseModel):
    member_id: Id
    number: str
    valid_to: str | None
    benefits: bool
    points: Points
    passes: list[WalletPass]
    coupons: list[WalletCoupon]
    level: WalletLevel
    check_in: CheckInState
    friends: Friends
    chain: MemberInChain | None


class LevelChanged(BaseModel):
    member_id: Id
    before: str | None
    level: str | None


class Message(BaseModel):
    message_id: Id
    member_id: Id
    kind: str
    facts: dict[str, int | str]
    created_ms: int
    state: MessageState
    attempts: int
    settled_ms: int | None


class Messages(BaseModel):
    messages: list[Message]


class NightlyRound(BaseModel):
    day: str = Field(description="The shop's day that the round is of; empty: none yet.")
    since: str
    stage: Literal["expiry", "members", "visits", "coupons", "lots", "birthdays", "done"]
    looked_at: int = Field(description="Members for whom something might have been due.")
    expired: int = Field(description="Lots that were looked at because their last day is over.")
    levels_lost: int
    notices: int
    fired: int
    started_ms: int
    ended_ms: int
