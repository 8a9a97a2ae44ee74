"""What a client may send about baskets, and what it is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from daemon.core.loyalty.coupon_code import read_code
from daemon.core.money import MAX_FEN
from daemon.core.pricing.basket import (
    MOST_LINES,
    MOST_QUANTITY,
    MOST_STAFF,
    Line,
    Override,
    OverrideReason,
    PassUse,
    Server,
    Tender,
    TenderKind,
)
from daemon.operations.basket import Basket, open_amount
from daemon.operations.sell import Order
from daemon.web.api.bodies import EXAMPLE_ID, Body, Fen, Id, whole_number

LINE_ID: Final = "^[0-9A-Za-z_-]{1,32}$"
_Count = Annotated[int, Field(ge=1, le=MOST_QUANTITY)]
Count = Annotated[_Count, BeforeValidator(whole_number, json_schema_input_type=_Count)]
_Zero = Annotated[int, Field(ge=0, le=10**9)]
_Free = Annotated[int, Field(ge=0, le=MAX_FEN)]
FreeFen = Annotated[_Free, BeforeValidator(whole_number, json_schema_input_type=_Free)]
Points = Annotated[_Zero, BeforeValidator(whole_number, json_schema_input_type=_Zero)]
_Weight = Annotated[int, Field(ge=1, le=1000)]
Weight = Annotated[_Weight, BeforeValidator(whole_number, json_schema_input_type=_Weight)]
LineId = Annotated[str, Field(pattern=LINE_ID, examples=["1"])]
GoodsCode = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,20}$")]
GoodsCategory = Annotated[str, Field(pattern="^[a-z0-9_-]{1,32}$")]
CouponCode = Annotated[str, Field(pattern="^[!-~]{1,32}$")]
RuleId = Annotated[str, Field(pattern="^[!-~]{1,64}$")]


class StaffShare(Body):
    """Who served a line, and with what part of its commission."""

    employee_id: Id
    weight: Weight = 1


class ChangedPrice(Body):
    """A price that was changed at the counter: below the list, for one unit."""

    price_fen: FreeFen
    reason: Literal["damaged", "near_end", "price_match", "goodwill", "agreed", "other"]

    def value(self) -> Override:
        return Override(self.price_fen, OverrideReason(self.reason))


class BasketLine(Body):
    """A code, or an amount (quantity is fen) in a consumption category."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["code"]}, {"required": ["category"]}]}
    )

    line_id: LineId
    code: GoodsCode = Field(default=None)  # type: ignore[assignment]
    category: GoodsCategory = Field(default=None)  # type: ignore[assignment]
    quantity: Count = Field(default=1, description="Pieces, or parts of the unit: grams, fen.")
    gift: bool = Field(default=False, description="Taken for points.")
    staff: list[StaffShare] = Field(default_factory=list, max_length=MOST_STAFF)
    override: ChangedPrice | None = Field(
        default=None, description="Needs `price_override`. No other rule acts on this line then."
    )

    @model_validator(mode="after")
    def _one_of(self) -> BasketLine:
        if (self.code is None) == (self.category is None):
            raise ValueError("either code or category")
        return self

    def value(self) -> Line:
        return Line(
            line_id=self.line_id,
            code=self.code,
            quantity=self.quantity,
            category=self.category,
            gift=self.gift,
            staff=tuple(Server(each.employee_id, "", each.weight) for each in self.staff),
            override=self.override.value() if self.override is not None else None,
        )


Lines = Annotated[list[BasketLine], Field(min_length=1, max_length=MOST_LINES)]


class UseOfPass(Body):
    line_id: LineId
    pass_id: Annotated[str, Field(pattern="^pass:[0-9A-Za-z_-]{1,20}@[0-9]{1,18}$")]
    count: Count


class TenderOffer(Body):
    """How a part is paid. Without an amount: whatever is left."""

    kind: Literal["stored", "cash", "bank_card", "wechat", "alipay"]
    amount_fen: Fen | None = None


class NewQuote(Body):
    """A bare amount, or lines."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["amount_fen"]}, {"required": ["lines"]}],
            "examples": [
                {"amount_fen": 1850},
                {
                    "lines": [{"line_id": "1", "code": "cut", "quantity": 1}],
                    "member_id": EXAMPLE_ID,
                    "tenders": [{"kind": "stored", "amount_fen": 2000}, {"kind": "cash"}],
                },
            ],
        }
    )

    amount_fen: Fen = Field(default=None)  # type: ignore[assignment]
    lines: Lines = Field(default=None)  # type: ignore[arg-type]
    member_id: Id | None = None
    coupons: list[CouponCode] = Field(default_factory=list, max_length=20)
    points_to_use: Points = 0
    passes: list[UseOfPass] = Field(default_factory=list, max_length=MOST_LINES)
    leave_out: list[RuleId] = Field(default_factory=list, max_length=50)
    tenders: list[TenderOffer] = Field(default_factory=list, max_length=10)

    @model_validator(mode="after")
    def _one_of(self) -> NewQuote:
        if (self.amount_fen is None) == (self.lines is None):
            raise ValueError("either amount_fen or lines")
        return self

    def order(self) -> Order:
        """Raises BadRequest for what a line or a tender refuses."""
        bare = self.lines is None
        lines = (
            open_amount(self.amount_fen).lines
            if bare
            else tuple(line.value() for line in self.lines)
        )
        basket = Basket(
            lines=lines,
            member_id=self.member_id,
            coupons=tuple(read_code(code) or code for code in self.coupons),
            points_to_use=self.points_to_use,
            passes=tuple(PassUse(use.line_id, use.pass_id, use.count) for use in self.passes),
            leave_out=tuple(self.leave_out),
            tenders=tuple(
                Tender(TenderKind(tender.kind), tender.amount_fen) for tender in self.tenders
            ),
        )
        return Order(basket, self.amount_fen if bare else None)


class NewSale(NewQuote):
    """A basket, and in a chain what a manager agreed to."""

    credit_fen: Fen | None = Field(
        default=None,
        description="Offline credit up to this, where a sale was declined with "
        "`credit_needs_manager`; needs `credit`.",
    )

    def order(self) -> Order:
        return replace(super().order(), credit_fen=self.credit_fen or 0)


Quantities = Annotated[
    dict[LineId, Count],
    Field(min_length=1, max_length=MOST_LINES, json_schema_extra={"additionalProperties": False}),
]


class RefundLines(Body):
    """Line id -> quantity; left out: all that is left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": {"1": 1}}]})

    lines: Quantities | None = None


class RuleStep(BaseModel):
    kind: Literal["prepaid", "gift", "override", "member", "promotion", "coupon", "points", "wipe"]
    rule_id: str
    rule: str = Field(description="What people call it.")
    fen: int


class PassTaken(BaseModel):
    pass_id: str
    name: str
    uses: int


class SoldLine(BaseModel):
    """List price less the steps is what is paid. `left` can still be brought back."""

    line_id: str
    code: str | None
    category: str
    name: str
    quantity: int
    gift: bool
    list_fen: int
    steps: list[RuleStep]
    paid_fen: int
    points_used: int
    points_earned: int
    points_rule: str | None
    passes: list[PassTaken]
    uses_granted: int
    staff: list[str]
    left: int


class TenderTaken(BaseModel):
    kind: Literal["stored", "cash", "bank_card", "wechat", "alipay", "purse", "owed"]
    amount_fen: int


class NotApplied(BaseModel):
    rule_id: str
    rule: str
    reason: str
    by: str | None
    by_rule: str | None
    short_fen: int


class Purse(BaseModel):
    principal_fen: int
    bonus_fen: int


class Quote(BaseModel):
    """A price with every fen explained. `needs` is what the sale would ask of the member."""

    member_id: str | None
    lines: list[SoldLine]
    not_applied: list[NotApplied]
    list_fen: int
    saved_fen: int
    paid_fen: int
    short_fen: int
    change_fen: int
    tenders: list[TenderTaken]
    taken: Purse
    coupons: list[str]
    points_offset: int
    points_used: int
    points_earned: int
    level: str | None
    proved_best: bool
    needs: Literal["nothing", "card", "pin"]


class LevelChange(BaseModel):
    before: str | None
    after: str | None
    changed: bool


class ShortRefund(BaseModel):
    refund_id: Id
    paid_fen: int
    lines: dict[str, int]
    created_ms: int
    receipt_id: Id


class BasketSale(BaseModel):
    """What a sale shows of its basket."""

    basket: dict[str, Any] = Field(description="What was asked for, as POST /sales takes it.")
    lines: list[SoldLine]
    list_fen: int | None
    tenders: list[TenderTaken]
    change_fen: int
    coupons: list[str]
    points_used: int
    points_earned: int
    points_left: int | None
    level: LevelChange | None
    refunds: list[ShortRefund]
    refundable: bool


class RefundedLine(BaseModel):
    line_id: str
    code: str | None
    name: str
    quantity: int
    list_fen: int
    steps: list[RuleStep]
    paid_fen: int


class PassBack(BaseModel):
    pass_id: str
    uses: int


class Debt(BaseModel):
    """What cannot be taken back: points, or uses of the pass that a line gave."""

    kind: Literal["points", "uses"]
    amount: int
    worth_fen: int
    line_id: str | None


class RefundQuote(BaseModel):
    lines: list[RefundedLine]
    whole: bool
    paid_fen: int
    tenders: list[TenderTaken]
    returned: Purse
    points_back: int
    points_taken: int
    passes_back: list[PassBack]
    coupons: list[str]
    debts: list[Debt]
    debt_worth_fen: int
