"""What the cashier keyed: lines, passes to use, coupons shown and how the customer pays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.core.errors import BadRequest

MOST_LINES = 200
"""Far above a till's basket; bounds the work of one price."""
MOST_QUANTITY = 10_000_000
MOST_STAFF = 8


@dataclass(frozen=True, slots=True)
class Server:
    """An employee who served a line, with the share of the commission, e.g. weights 60 and 40."""

    employee_id: str
    grade: str = ""
    weight: int = 1


class OverrideReason(Enum):
    """Why a cashier asks less than the list says. Values are in kept quotes: never rename one."""

    DAMAGED = "damaged"
    NEAR_END = "near_end"
    """Soon past its day."""
    PRICE_MATCH = "price_match"
    GOODWILL = "goodwill"
    AGREED = "agreed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Override:
    """A price that was changed at the counter (改价): `price_fen` for one unit of the code."""

    price_fen: int
    reason: OverrideReason

    def __post_init__(self) -> None:
        if self.price_fen < 0:
            raise BadRequest("price_malformed")


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` counts parts of the code's unit: pieces, grams. A line without a code is an open
    amount in `category`, and its quantity is fen. `gift`: taken for points instead of money.

    `line_id` is the caller's; fen that cannot be divided fall in its order, so the order in which
    lines are keyed never matters."""

    line_id: str
    code: str | None
    quantity: int = 1
    category: str | None = None
    gift: bool = False
    staff: tuple[Server, ...] = ()
    override: Override | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quantity <= MOST_QUANTITY:
            raise BadRequest("quantity_out_of_range", line=self.line_id)
        if (self.code is None) == (self.category is None):
            raise BadRequest("line_needs_code_or_category", line=self.line_id)
        if self.gift and self.code is None:
            raise BadRequest("gift_needs_code", line=self.line_id)
        if self.override is not None and (self.code is None or self.gift):
            raise BadRequest("override_not_for_this", line=self.line_id)
        if len(self.staff) > MOST_STAFF or any(each.weight <= 0 for each in self.staff):
            raise BadRequest("staff_malformed", line=self.line_id)
        if len({each.employee_id for each in self.staff}) != len(self.staff):
            raise BadRequest("staff_twice", line=self.line_id)


@dataclass(frozen=True, slots=True)
class PassUse:
    """`count` pieces of a line are paid with uses of a pass."""

    line_id: str
    pass_id: str
    count: int


class TenderKind(Enum):
    STORED = "stored"
    CASH = "cash"
    BANK_CARD = "bank_card"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    PURSE = "purse"
    """The electronic purse on the card itself: never asked for, only decided on at a tap."""


@dataclass(frozen=True, slots=True)
class Tender:
    """`amount_fen` None is whatever is left to pay; cash may be more, the rest is change."""

    kind: TenderKind
    amount_fen: int | None = None

    def __post_init__(self) -> None:
        if self.amount_fen is not None and self.amount_fen < 0:
            raise BadRequest("amount_not_positive")
