"""What the office sends and is answered about members, filters and jobs."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.web.api.answers import Member
from daemon.web.api.bodies import EXAMPLE_ID, Body, FieldValues, Id, Query

Tag = Annotated[str, Field(min_length=1, max_length=20)]
Reason = Annotated[
    str,
    Field(
        pattern="^[a-z_]{1,32}$",
        examples=["member_asked"],
        description="A short code for the journal; no personal data.",
    ),
]


class ChangedMember(Body):
    """Only what is given is changed."""

    version: str = Field(pattern="^[0-9a-f]{16}$", description="As the file was seen.")
    number: str | None = Field(default=None, pattern="^[0-9A-Za-z]{1,20}$")
    name: str | None = Field(default=None, min_length=1, max_length=60)
    phone: str | None = Field(
        default=None, max_length=40, pattern=r"^$|^(\+86[ -]?)?[0-9]([ -]?[0-9]){4,14}$"
    )
    gender: Literal["f", "m", ""] | None = None
    birthday: str | None = Field(default=None, max_length=20)
    category: str | None = Field(default=None, max_length=40)
    valid_to: str | None = Field(
        default=None, max_length=10, description="Last day of the benefits; empty: for ever."
    )
    tags: list[Tag] | None = Field(default=None, max_length=20)
    fields: FieldValues = Field(default={})
    phone_may_repeat: bool = False


class Unmasking(Body):
    reason: Reason


class Freezing(Body):
    reason: Reason | None = None


class Erasing(Body):
    despite: bool = Field(
        default=False, description="Also where money, points, passes or open cards are left."
    )


class SortBy(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"


class FilterQuery(Query):
    filter: str = Field(
        default="", max_length=8000, description="Conditions as JSON; empty: everybody."
    )
    after: str | None = Field(default=None, max_length=26, description="`next` of the page before.")


class ListQuery(FilterQuery):
    sort: SortBy = SortBy.NEWEST
    limit: int = Field(default=50, ge=1, le=200)


class ConditionBody(Body):
    """GET /member-fields says which operators a field knows and what kind of value."""

    field: str = Field(max_length=60, examples=["last_day"])
    op: str = Field(max_length=20, examples=["older_than_days"])
    value: str | int | list[str | int] | None = Field(default=None, examples=[90])


class NewFilter(Body):
    name: str = Field(min_length=1, max_length=40)
    filter: list[ConditionBody] = Field(max_length=12)

    def content(self) -> list[Any]:
        return contents_of(self.filter)


def contents_of(conditions: list[ConditionBody]) -> list[Any]:
    return [each.model_dump(exclude_none=True) for each in conditions]


class NewBatch(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "tag", "tags": ["VIP"], "member_ids": [EXAMPLE_ID]}]
        }
    )

    action: Literal["tag", "untag", "category", "extend", "notify", "freeze", "unfreeze"]
    tags: list[Tag] = Field(default=[], max_length=20)
    category: str = Field(default="", max_length=40)
    days: int = Field(default=0, ge=0, le=3660)
    text: str = Field(default="", max_length=200)
    filter: list[ConditionBody] | None = Field(
        default=None, max_length=12, description="Whom; left out: `member_ids`."
    )
    member_ids: list[Id] = Field(default=[], max_length=10_000)


# -- answers ---------------------------------------------------------------------------------------


class Standing(BaseModel):
    first_day: str | None
    last_day: str | None
    visits: int
    spent_fen: int
    recharged_fen: int
    points_earned: int
    principal_fen: int
    bonus_fen: int
    points: int


class OfficeMember(BaseModel):
    member_id: Id
    number: str
    name: str = Field(description="Masked.")
    phone: str = Field(description="Masked.")
    gender: str
    birthday: str = Field(description="Masked: --05-**.")
    category: str
    level: str | None
    status: str
    erased: bool
    created_ms: int
    valid_to: str | None
    tags: list[str]
    standing: Standing


class OfficeMembers(BaseModel):
    members: list[OfficeMember]
    next: str | None = Field(
        description="`after` of the page that follows; null: the end. A page may be shorter than"
        " asked for and not be the end."
    )


class MemberCount(BaseModel):
    count: int = Field(description="As far as was looked this time.")
    next: str | None = Field(description="`after`, to count on from there; null: all counted.")


class FileCard(BaseModel):
    card_id: Id
    status: str
    number: str | None
    issued_ms: int
    valid_to: str | None


class FileJob(BaseModel):
    job_id: Id
    kind: str
    created_ms: int
    by: str


class Referrer(BaseModel):
    member_id: Id
    number: str


class MemberFile(OfficeMember):
    member: Member
    version: str
    named: bool
    fields: dict[str, str | int]
    personal_fields: dict[str, str] = Field(description="Which are filled; masked.")
    referrer: Referrer | None
    cards: list[FileCard]
    jobs: list[FileJob] = Field(description="Imports and batches that touched the member.")


class WholePerson(BaseModel):
    member_id: Id
    name: str
    phone: str
    gender: str
    birthday: str
    fields: dict[str, str | int]
    version: str


class FieldAbout(BaseModel):
    field: str
    kind: str
    ops: list[str]
    name: str
    choices: dict[str, str]
    personal: bool


class FieldsAbout(BaseModel):
    fields: list[FieldAbout]


class SavedFilter(BaseModel):
    filter_id: Id
    name: str
    filter: list[Any]
    by: str
    changed_ms: int


class SavedFilters(BaseModel):
    filters: list[SavedFilter]


class Job(BaseModel):
    job_id: Id
    kind: Literal["batch", "coupons", "import"]
    action: str | None
    state: Literal["ready", "running", "stopping", "undoing", "done", "stopped", "undone"]
    by: str
    created_ms: int
    total: int
    done: int
    refused: int
    undoable: bool
    answer: dict[str, Any]


class Jobs(BaseModel):
    jobs: list[Job]


class Sample(BaseModel):
    member_id: Id
    number: str
    name: str
    what: str
    before: Any
    after: Any
    refused: str | None


class PreparedBatch(Job):
    samples: list[Sample]
