"""What a client may say of cards and balances, and what it is answered."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from daemon.core.card_life import MOST_DAYS, Service
from daemon.core.money import MAX_FEN
from daemon.core.records import IdentityPaper
from daemon.core.takings import Offer
from daemon.operations.balance_refund import Payout
from daemon.operations.card_service import ServiceOrder
from daemon.web.api.answers import Balance, Card, Member
from daemon.web.api.bodies import EXAMPLE_ID, Body, Fen, Id, Pin, Query, whole_number
from daemon.web.api.recharge_bodies import (
    MOST_TENDERS,
    LawRefusal,
    OutsideTender,
    TenderPart,
)

_Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
Days = Annotated[_Days, BeforeValidator(whole_number, json_schema_input_type=_Days)]
_FeeFen = Annotated[int, Field(ge=0, le=MAX_FEN)]
FeeFen = Annotated[_FeeFen, BeforeValidator(whole_number, json_schema_input_type=_FeeFen)]
VOUCHER: Final = "^[0-9A-Za-z-]{0,40}$"


class ServiceName(Enum):
    ISSUE = "issue"
    REISSUE = "reissue"
    REPAIR = "repair"
    EXTEND = "extend"
    REPORT_LOST = "report_lost"
    LIFT_LOSS = "lift_loss"
    LOCK = "lock"
    UNLOCK = "unlock"
    RETURN = "return"
    TRANSFER = "transfer"


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
        pattern=VOUCHER,
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


class AnyTender(Enum):
    STORED = "stored"
    CASH = "cash"
    BANK_CARD = "bank_card"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    BANK_TRANSFER = "bank_transfer"


class TenderLine(Body):
    """One of a mix. `amount_fen` left out: whatever is left to pay. Of cash it is what was handed
    over, and the rest is change. `stored` is the account's own balance, and asks for the PIN."""

    kind: AnyTender
    amount_fen: Fen | None = None

    def value(self) -> Offer:
        return Offer(self.kind.value, self.amount_fen)


class PayoutTo(Body):
    tender: OutsideTender = OutsideTender.CASH
    voucher: str = Field(default="", pattern=VOUCHER)
    same_name: bool = False
    paper_shown: bool = False
    had_same_before: bool = False


class NewCardService(Body):
    """`card_id`, or for issue, extend and transfer `member_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"service": "report_lost", "card_id": EXAMPLE_ID},
                {"service": "reissue", "card_id": EXAMPLE_ID, "tenders": [{"kind": "cash"}]},
                {"service": "extend", "member_id": EXAMPLE_ID, "days": 365},
            ]
        }
    )

    service: ServiceName
    card_id: Id | None = None
    member_id: Id | None = None
    to_member_id: Id | None = Field(default=None, description="Who takes the account over.")
    days: Days = 0
    tenders: list[TenderLine] = Field(
        default=[], max_length=MOST_TENDERS, description="What pays the fee; none for no fee."
    )
    fee_fen: FeeFen | None = Field(
        default=None, description="What the quote said; another fee is refused."
    )
    reason: str = Field(
        default="", pattern="^[a-z_]{0,32}$", description="A short code for the journal."
    )
    number: str = Field(
        default="",
        pattern="^[0-9A-Za-z]{0,20}$",
        description="As printed on the new card; empty: the next of the category's range.",
    )
    payout: PayoutTo | None = Field(
        default=None, description="How a returned card's balance is paid out."
    )
    category: str = Field(
        default="",
        pattern="^[a-z0-9_-]{0,32}$",
        description="For issue without a member: an unnamed card of this member category.",
    )

    def value(self) -> ServiceOrder:
        to = self.payout
        payout = None
        if to is not None:
            payout = Payout(
                "",
                to.tender.value,
                to.voucher,
                to.same_name,
                to.paper_shown,
                to.had_same_before,
            )
        return ServiceOrder(
            Service(self.service.value),
            self.card_id,
            self.member_id,
            self.to_member_id,
            self.days,
            tuple(line.value() for line in self.tenders),
            self.fee_fen,
            self.reason,
            self.number,
            payout,
            self.category,
        )


class DoCardService(NewCardService):
    pin: Pin | None = Field(default=None, description="The member's, where stored value pays.")


class MovedMoney(BaseModel):
    to_member_id: Id
    money: Balance
    passes: list[PassKept]
    points_kept: int = Field(description="Points stay with who earned them.")


class BalanceBack(BaseModel):
    """What a returned card's balance came to."""

    lots: list[BackLot]
    fee_fen: int
    refund_fen: int
    tender: OutsideTender
    points_kept: int
    passes_kept: list[PassKept]


class CardService(BaseModel):
    service_id: Id
    service: ServiceName
    status: Literal["awaiting_card", "working", "done", "failed"]
    reason: str | None
    created_ms: int
    member: Member | None = Field(description="Null: an unnamed card that is not made yet.")
    card: Card | None = Field(description="The card that it was done to, as it was then.")
    new_card: Card | None
    fee_fen: int
    fee_voided: bool = Field(description="The fee was given back; the service stays done.")
    waived: str | None = Field(description="Why nothing was charged, e.g. `no_extension_fee`.")
    tenders: list[TenderPart]
    change_fen: int
    valid_to: str | None
    refund: BalanceBack | None
    moved: MovedMoney | None
    receipt_id: Id | None


class CardServiceQuote(BaseModel):
    service: ServiceName
    member: Member | None = Field(description="Null: an unnamed card that is not made yet.")
    card: Card | None
    becomes: str | None = Field(description="The card's status afterwards.")
    fee_fen: int
    listed_fen: int = Field(description="What the category says.")
    waived: str | None
    valid_to: str | None = Field(description="After an extension; else as it is.")
    number: str | None = Field(description="The number that the new card should show.")
    refund: BalanceBack | None
    moved: MovedMoney | None
    permission: str
    permitted: bool = Field(description="Without a manager's approval.")
    refusals: list[LawRefusal]


class ExtensionFee(BaseModel):
    days: int
    fee_fen: int


class Able(BaseModel):
    service: ServiceName
    permission: str
    permitted: bool
    fee_fen: int
    extensions: list[ExtensionFee]
    refusals: list[LawRefusal]


class CardDetail(Card):
    member: Member
    replaced_by: Id | None
    services: list[Able]


class MemberNewPin(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pin": "123456"}, {"pin": "123456", "old_pin": "2468"}]}
    )

    pin: Pin
    old_pin: Pin | None = Field(
        default=None,
        description="To change a PIN; not asked for while a card that proves itself lies there.",
    )


class PinReset(Body):
    """The member is known by the phone number or the card's printed number, told in full, or by a
    card that proves itself and lies there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pin": "123456", "phone": "13812341234"}]}
    )

    pin: Pin
    phone: str = Field(default="", max_length=40)
    card_number: str = Field(default="", pattern="^[0-9A-Za-z]{0,20}$")


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
