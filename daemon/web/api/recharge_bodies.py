"""What a client may say of a recharge, and what it is answered."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from daemon.core.takings import Offer
from daemon.operations.recharge import RechargeOrder
from daemon.web.api.answers import Balance, Fact, Member
from daemon.web.api.bodies import EXAMPLE_ID, Body, Fen, Id

MOST_TENDERS = 8


class OutsideTender(Enum):
    CASH = "cash"
    BANK_CARD = "bank_card"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    BANK_TRANSFER = "bank_transfer"


class OutsideTenderLine(Body):
    """One of a mix. `amount_fen` left out: whatever is left to pay. Of cash it is what was handed
    over, and the rest is change."""

    kind: OutsideTender
    amount_fen: Fen | None = None

    def value(self) -> Offer:
        return Offer(self.kind.value, self.amount_fen)


class NewRecharge(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"member_id": EXAMPLE_ID, "amount_fen": 50_000, "tender": "cash"},
                {
                    "member_id": EXAMPLE_ID,
                    "amount_fen": 50_000,
                    "tenders": [{"kind": "wechat", "amount_fen": 20_000}, {"kind": "cash"}],
                },
            ],
            "oneOf": [{"required": ["tender"]}, {"required": ["tenders"]}],
        }
    )

    member_id: Id
    amount_fen: Fen
    tender: OutsideTender = Field(default=OutsideTender.CASH, description="It pays the whole.")
    tenders: list[OutsideTenderLine] = Field(
        default=[], min_length=1, max_length=MOST_TENDERS, description="A mix, instead of `tender`."
    )
    agent: bool = Field(default=False, description="Somebody does the errand for the buyer.")
    company: bool = Field(default=False, description="A firm pays, not a person.")

    @model_validator(mode="after")
    def _one_of_them(self) -> NewRecharge:
        if ("tender" in self.model_fields_set) == ("tenders" in self.model_fields_set):
            raise ValueError("either tender or tenders")
        return self

    def value(self) -> RechargeOrder:
        offers = tuple(line.value() for line in self.tenders)
        return RechargeOrder(
            self.member_id,
            self.amount_fen,
            offers or (Offer(self.tender.value),),
            self.agent,
            self.company,
        )


class RechargeQuestion(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"member_id": EXAMPLE_ID, "amount_fen": 50_000}]}
    )

    member_id: Id
    amount_fen: Fen
    tenders: list[OutsideTenderLine] = Field(
        default=[], max_length=MOST_TENDERS, description="Left out: cash."
    )
    agent: bool = False
    company: bool = False

    def value(self) -> RechargeOrder:
        offers = tuple(line.value() for line in self.tenders)
        return RechargeOrder(
            self.member_id, self.amount_fen, offers or (Offer("cash"),), self.agent, self.company
        )


class TenderPart(BaseModel):
    kind: str
    amount_fen: int


class Recharge(BaseModel):
    recharge_id: Id
    member: Member
    amount_fen: int
    bonus_fen: int
    bonus_to_day: str | None = Field(description="The bonus's last day; null: it never ends.")
    rule: str = Field(description="As it is kept with both lots.")
    tender: OutsideTender = Field(description="The one that paid most.")
    tenders: list[TenderPart]
    change_fen: int
    balance: Balance
    receipt_id: Id
    created_ms: int
    voided: bool


class Given(BaseModel):
    rule: str
    name: str
    fen: int


class NotGiven(BaseModel):
    """An offer that was found and did not count."""

    rule: str
    name: str
    reason: str
    by: str = Field(description="The offer that stood in its way.")
    short_fen: int


class LawRefusal(BaseModel):
    """What forbids it, as the request that does it would be refused."""

    reason: str
    facts: dict[str, Fact]


class RechargeQuote(BaseModel):
    member_id: Id
    amount_fen: int
    bonus_fen: int
    bonus_to_day: str | None
    given: list[Given]
    not_applied: list[NotGiven]
    tenders: list[TenderPart]
    change_fen: int
    balance_after: Balance
    refusals: list[LawRefusal]
