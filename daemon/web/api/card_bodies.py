"""What a client may say of cards and balances, and what it is answered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.core.records import IdentityPaper
from daemon.operations.balance_refund import Payout
from daemon.web.api.answers import Member
from daemon.web.api.bodies import EXAMPLE_ID, Body, Id, Query
from daemon.web.api.recharge_bodies import LawRefusal, OutsideTender


class NewBalanceRefund(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member_id": EXAMPLE_ID,
                    "tender": "bank_transfer",
                    "voucher": "20260910-17",
                    "same_name": True,
                    "paper_shown": True,
                }
            ]
        }
    )

    member_id: Id
    tender: OutsideTender = OutsideTender.CASH
    voucher: str = Field(
        default="",
        pattern="^[0-9A-Za-z-]{0,40}$",
        description="Names the transfer or payment; no account number. Asked of all but cash.",
    )
    same_name: bool = Field(default=False, description="The account is in the buyer's own name.")
    paper_shown: bool = Field(
        default=False, description="Whoever receives it showed a paper; one on record is as good."
    )
    had_same_before: bool = Field(
        default=False,
        description="The member had the same goods or services before, and so no seven days.",
    )

    def value(self) -> Payout:
        return Payout(
            self.member_id,
            self.tender.value,
            self.voucher,
            self.same_name,
            self.paper_shown,
            self.had_same_before,
        )


class BackLot(BaseModel):
    """One recharge: what was paid and given, what is left, and what comes back of it."""

    lot: int
    bought_ms: int
    paid_fen: int
    bonus_fen: int = Field(description="Without what ended of it.")
    bonus_ended_fen: int
    principal_left_fen: int
    bonus_left_fen: int
    method: Literal["in_ratio", "whole"]
    cooling_off: bool = Field(description="Within the seven days.")
    refund_fen: int
    from_shop_fen: int = Field(description="Above (or, negative, below) the principal left.")


class PassKept(BaseModel):
    code: str
    left: int


class BackOf(BaseModel):
    member: Member
    lots: list[BackLot]
    fee_fen: int
    refund_fen: int = Field(description="What is paid out, the fee taken off.")
    tender: OutsideTender
    points_kept: int = Field(description="Points stay on the account.")
    passes_kept: list[PassKept] = Field(
        description="Passes stay; they come back with the sale that sold them."
    )


class Evidence(BaseModel):
    first_day: str | None
    last_day: str | None
    visits: int


class BalanceRefundQuote(BackOf):
    refusals: list[LawRefusal]
    evidence: Evidence = Field(description="When the member came: the seven days ask for it.")


class BalanceRefund(BackOf):
    refund_id: Id
    receipt_id: Id
    receipt_number: str
    created_ms: int


class Agent(Body):
    kind: Literal["id_card", "passport", "licence"]
    number: str = Field(min_length=5, max_length=40)
    name: str = Field(min_length=1, max_length=60)


class NewIdentity(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "passport", "number": "E12345678", "name": "张伟"}]
        }
    )

    kind: Literal["id_card", "passport", "licence"]
    number: str = Field(min_length=5, max_length=40)
    name: str = Field(min_length=1, max_length=60)
    agent: Agent | None = Field(default=None, description="Who did the errand.")

    def value(self) -> IdentityPaper:
        agent = self.agent
        return IdentityPaper(
            self.kind,
            self.number,
            self.name,
            agent.kind if agent else "",
            agent.number if agent else "",
            agent.name if agent else "",
        )


class IdentityQuery(Query):
    whole: bool = Field(default=False, description="Unmasked; needs `member_unmask`, is logged.")


class Paper(BaseModel):
    kind: str
    number: str
    name: str


class Identity(Paper):
    agent: Paper | None
