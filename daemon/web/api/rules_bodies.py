"""Bodies and answers of the shop's rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from daemon.web.api.bodies import Body, Query

Version = Annotated[int, Field(ge=0, le=999_999_999)]
Content = dict[str, Any]


class NewContent(Body):
    """`content` fits GET /rules/{section}/schema; what is left out takes its default."""

    base_version: Version = Field(
        description="The version that this was made from; another is 409."
    )
    content: Content
    note: str = Field(default="", max_length=200, description="Why; no personal data.")


class TriedContent(Body):
    content: Content


class Back(Body):
    version: Version = Field(description="0 is what the device was set up with.")
    base_version: Version


class VersionsQuery(Query):
    limit: int = Field(default=50, ge=1, le=200)


class SectionHead(BaseModel):
    section: str
    version: int = Field(description="0: nobody has changed it yet.")
    changed_ms: int | None
    actor: str | None = Field(description="The employee's number.")
    actor_name: str | None
    note: str


class Sections(BaseModel):
    sections: list[SectionHead]


class Section(SectionHead):
    content: Content


class Versions(BaseModel):
    versions: list[SectionHead]


class Changed(BaseModel):
    path: str = Field(description="Rows are named by their id: `codes.0101.price_fen`.")
    before: Any
    after: Any


class OneVersion(Section):
    changes: list[Changed] = Field(description="Against the version before.")


class RuleMistake(BaseModel):
    at: str
    key: str
    facts: dict[str, int | str]


class Checked(BaseModel):
    mistakes: list[RuleMistake] = Field(description="Empty: it could be kept.")


class NamedGoods(BaseModel):
    category: str
    name: str


class GoodsButton(BaseModel):
    code: str
    name: str
    pinyin: str
    category: str
    price_fen: int
    unit: str
    parts: int = Field(description="A quantity counts parts of the unit: 1000 g of 1 kg.")
    fixed: bool
    quick: bool
    colour: str
    stocked: bool
    pass_count: int | None
    gift: bool


class NamedMemberCategory(BaseModel):
    category: str
    name: str
    named: bool
    technology: Literal["uid", "magstripe", "desfire"] | None
    colour: str


class NamedLevel(BaseModel):
    level: str
    name: str
    colour: str


class NamedGrade(BaseModel):
    grade: str
    name: str


class FieldChoice(BaseModel):
    choice: str
    name: str


class CustomField(BaseModel):
    field: str
    name: str
    kind: Literal["text", "number", "date", "choice"]
    choices: list[FieldChoice]
    personal: bool
    required: bool


class CashierCatalogue(BaseModel):
    edition: int = Field(description="Grows with every change of the rules (event `rules`).")
    categories: list[NamedGoods]
    codes: list[GoodsButton]
    open_amount_unit: str
    tenders: list[str]
    member_categories: list[NamedMemberCategory]
    usual_category: str
    levels: list[NamedLevel]
    fields: list[CustomField]
    grades: list[NamedGrade]
    points_pay: bool
    quick_recharges_fen: list[int]
    most_sale_fen: int
    without_card: bool
    shift_required: bool
    notes_fen: list[int]
    float_fen: int


class Spoken(BaseModel):
    """The same in both languages."""

    zh_cn: str = Field(serialization_alias="zh-CN")
    en: str


class Sample(BaseModel):
    sample: str
    name: Spoken
    about: Spoken
    codes: int
    member_categories: int
    promotions: int


class Samples(BaseModel):
    samples: list[Sample]


class SetUpStep(BaseModel):
    step: Literal["shop", "staff", "categories", "codes", "cards"]
    state: Literal["open", "done", "skipped"]
    counted: int = Field(
        description="What is there: versions, employees, categories, codes, cards."
    )


class SetUpState(BaseModel):
    steps: list[SetUpStep]
    sample: str | None
    may_begin: bool = Field(description="Nothing was sold yet: a sample can still be taken.")
    finished: bool


class StepState(Body):
    state: Literal["open", "done", "skipped"]
