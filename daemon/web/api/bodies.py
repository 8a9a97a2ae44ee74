"""What a client may send: strict, with a bound on every number and string, nothing unknown."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from daemon.core.money import MAX_FEN

ID_PATTERN: Final = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
PIN_PATTERN: Final = "^[0-9]{4,8}$"
EXAMPLE_ID: Final = "01JD8ZK3V7Q4M9T2X6R5W1C0BA"


def whole_number(value: Any) -> Any:
    """JSON Schema (2020-12, 6.1.1) counts 18.0 as an integer. True and "18" are left to be
    refused."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_Bounded = Annotated[int, Field(ge=1, le=MAX_FEN, description="Integer fen: 1850 is 18.50 yuan.")]
Fen = Annotated[_Bounded, BeforeValidator(whole_number, json_schema_input_type=_Bounded)]
Id = Annotated[str, Field(pattern=ID_PATTERN, examples=[EXAMPLE_ID])]
Pin = Annotated[str, Field(pattern=PIN_PATTERN, examples=["123456"])]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Nothing(Body):
    """An empty object; the body may also be left out."""


class Credentials(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"employee": "1", "pin": "123456"}]})

    employee: str = Field(min_length=1, max_length=20, description="The employee's number.")
    pin: Pin


class NewSale(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_fen": 1850}]})

    amount_fen: Fen


class MemberPin(Body):
    pin: Pin


FieldValues = Annotated[
    dict[
        Annotated[str, Field(pattern="^[a-z0-9_.-]{1,40}$")],
        Annotated[str, Field(max_length=200)] | int | None,
    ],
    Field(max_length=50, description="Custom fields by their id; empty: removed."),
]


class NewMember(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "张伟", "phone": "13812341234"}]}
    )

    name: str = Field(min_length=1, max_length=60)
    phone: str = Field(
        default="", max_length=40, pattern=r"^$|^(\+86[ -]?)?[0-9]([ -]?[0-9]){4,14}$"
    )
    number: str | None = Field(
        default=None,
        pattern="^[0-9A-Za-z]{1,20}$",
        description="Left out: the next free number of this store.",
    )
    gender: Literal["f", "m", ""] = ""
    birthday: str = Field(
        default="",
        max_length=20,
        description="YYYY-MM-DD, or --MM-DD where the year is not told.",
    )
    category: str | None = Field(default=None, max_length=40)
    tags: list[Annotated[str, Field(max_length=20)]] = Field(default=[], max_length=20)
    fields: FieldValues = {}
    referrer: str | None = Field(
        default=None, max_length=20, description="The number of the member who brought them."
    )
    phone_may_repeat: bool = Field(
        default=False, description="Yes, another member has this phone (`phone_taken`)."
    )


class NewIssue(Body):
    member_id: Id


class NewCardStatus(Body):
    status: Literal["active", "lost", "locked"]
    reason: str | None = Field(
        default=None,
        pattern="^[a-z_]{1,32}$",
        description="A short code for the journal, e.g. `told_by_phone`; no personal data.",
    )


class Query(BaseModel):
    """Query parameters are text: they are read leniently, unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")


class NoQuery(Query):
    pass


class SaleStatus(Enum):
    AWAITING_CARD = "awaiting_card"
    AWAITING_PIN = "awaiting_pin"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    PARKED = "parked"


class SalesQuery(Query):
    limit: int = Field(default=20, ge=1, le=100)
    status: SaleStatus | None = None


class MembersQuery(Query):
    q: str = Field(
        default="",
        max_length=64,
        description="Number, printed card number, name or its beginning, pinyin initials or its"
        " beginning, phone, or the phone's last four digits.",
    )
    limit: int = Field(default=20, ge=1, le=50)
    before: str | None = Field(
        default=None, max_length=26, description="`next` of the page before this one."
    )


class ReceiptsQuery(Query):
    limit: int = Field(default=20, ge=1, le=100)


class EventsQuery(Query):
    after: str | None = Field(
        default=None, max_length=64, description="As Last-Event-ID, which comes first."
    )
