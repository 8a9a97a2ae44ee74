"""A member as somebody fills in a form: at the counter, in the office, or in a row of a file.

What was typed becomes the two records that the books keep, or says which part does not fit. Pure
but for the shop's rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from daemon.core.errors import BadRequest
from daemon.core.member_fields import (
    GENDERS,
    FieldKind,
    FieldValues,
    MemberField,
    change_fields,
    clean_text,
    read_birthday,
    read_day,
    require_all,
)
from daemon.core.records import Member, Personal
from daemon.rules.cell import ShopRules

LONGEST_NAME: Final = 60
LONGEST_NUMBER: Final = 20
LONGEST_TAG: Final = 20
MOST_TAGS: Final = 20


@dataclass(frozen=True, slots=True)
class Form:
    """None: nothing was said of it. Texts as they were typed; "" empties what may be empty."""

    number: str | None = None
    name: str | None = None
    phone: str | None = None
    gender: str | None = None
    birthday: str | None = None
    category: str | None = None
    valid_to: str | None = None
    tags: Sequence[str] | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


def custom_fields(rules: ShopRules) -> tuple[MemberField, ...]:
    """The merchant's own fields, as the core reads them."""
    return tuple(
        MemberField(
            each.field,
            each.name,
            FieldKind(each.kind),
            each.personal,
            each.required,
            tuple((choice.choice, choice.name) for choice in each.choices),
        )
        for each in rules.fields.values()
    )


def new_member(
    rules: ShopRules,
    form: Form,
    member_id: str,
    now_ms: int,
    today: str,
    *,
    checked: bool = False,
) -> tuple[Member, Personal]:
    """The number stays "" where the form gives none. `checked`: the form is of `checked_form`, or
    was read cell by cell. Raises BadRequest."""
    if form.name is None:
        raise BadRequest("name_malformed")
    said = form if checked else checked_form(rules, form)
    if rules.fields:
        require_all(custom_fields(rules), said.fields)
    code = said.category or require_category(rules, rules.usual_category)
    category = rules.member_category(code)
    valid_to = said.valid_to or None
    if said.valid_to is None and category.valid_days is not None:
        last = date.fromisoformat(today) + timedelta(days=category.valid_days)
        valid_to = last.isoformat()
    kept = FieldValues({}, {})
    if said.fields:
        kept = change_fields(custom_fields(rules), {}, {}, said.fields)
    member = Member(
        member_id,
        said.number or "",
        code,
        "active",
        now_ms,
        valid_to=valid_to,
        tags=tuple(said.tags or ()),
        fields=kept.plain,
        named=category.named,
    )
    who = Personal(
        said.name or "", said.phone or "", said.gender or "", said.birthday or "", kept.personal
    )
    return member, who


def checked_form(rules: ShopRules, form: Form) -> Form:
    """The form with each text as it is kept; own fields are looked at when they are changed.

    Raises BadRequest("name_malformed" | "phone_malformed" | "number_malformed" |
    "gender_malformed" | "birthday_malformed" | "day_malformed" | "tags_malformed" |
    "member_category_unknown")."""
    return Form(
        number=None if form.number is None else require_number(form.number),
        name=None if form.name is None else require_name(form.name),
        phone=None if form.phone is None else require_phone(form.phone),
        gender=None if form.gender is None else require_gender(form.gender),
        birthday=None if form.birthday is None else require_birthday(form.birthday),
        category=None if form.category is None else require_category(rules, form.category),
        valid_to=None if form.valid_to is None else require_day(form.valid_to) or "",
        tags=None if form.tags is None else require_tags(form.tags),
        fields=form.fields,
    )


def changed_member(
    rules: ShopRules, member: Member, personal: Personal, form: Form, *, checked: bool = False
) -> tuple[Member, Personal]:
    """Both records with what the form says; `checked` as in `new_member`.

    Raises what `checked_form` and `change_fields` raise."""
    said = form if checked else checked_form(rules, form)
    kept = FieldValues(member.fields, personal.fields)
    if said.fields:
        kept = change_fields(custom_fields(rules), kept.plain, kept.personal, said.fields)
    changed = replace(
        member,
        number=member.number if said.number is None else said.number,
        category=member.category if said.category is None else said.category,
        valid_to=member.valid_to if said.valid_to is None else said.valid_to or None,
        tags=member.tags if said.tags is None else tuple(said.tags),
        fields=kept.plain,
    )
    who = replace(
        personal,
        name=personal.name if said.name is None else said.name,
        phone=personal.phone if said.phone is None else said.phone,
        gender=personal.gender if said.gender is None else said.gender,
        birthday=personal.birthday if said.birthday is None else said.birthday,
        fields=kept.personal,
    )
    return changed, who


def version_of(member: Member, personal: Personal | None) -> str:
    """Differs whenever something differs that a form can change: two pages that change the same
    member do not overwrite each other."""
    parts: tuple[Any, ...] = (
        member.number,
        member.category,
        member.valid_to,
        member.tags,
        sorted(member.fields.items()),
        personal
        and (
            personal.name,
            personal.phone,
            personal.gender,
            personal.birthday,
            sorted(personal.fields.items()),
        ),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def require_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= LONGEST_NAME or not clean.isprintable():
        raise BadRequest("name_malformed")
    return clean


def require_phone(phone: str) -> str:
    """Digits alone; "" where there is none."""
    digits = phone.replace(" ", "").replace("-", "").removeprefix("+86")
    if digits and not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
        raise BadRequest("phone_malformed")
    return digits


def require_number(number: str) -> str:
    if not (number.isascii() and number.isalnum() and len(number) <= LONGEST_NUMBER):
        raise BadRequest("number_malformed")
    return number


_GENDER_WORDS: Final = {"男": "m", "女": "f", "male": "m", "female": "f", "先生": "m", "女士": "f"}


def require_gender(gender: str) -> str:
    word = gender.strip().lower()
    word = _GENDER_WORDS.get(word, word)
    if word not in GENDERS:
        raise BadRequest("gender_malformed")
    return word


def require_birthday(birthday: str) -> str:
    day = read_birthday(birthday)
    if day is None:
        raise BadRequest("birthday_malformed")
    return day


def require_day(text: str) -> str | None:
    """None for an empty one. Raises BadRequest("day_malformed")."""
    if not text.strip():
        return None
    day = read_day(text)
    if day is None:
        raise BadRequest("day_malformed")
    return day


def require_tags(tags: Sequence[str]) -> tuple[str, ...]:
    clean = tuple(dict.fromkeys(clean_text(tag) for tag in tags))
    if len(clean) > MOST_TAGS or not all(1 <= len(tag) <= LONGEST_TAG for tag in clean):
        raise BadRequest("tags_malformed")
    return clean


def require_category(rules: ShopRules, category: str) -> str:
    """A category's code. Raises BadRequest("member_category_unknown")."""
    if category not in rules.member_categories:
        raise BadRequest("member_category_unknown")
    return category
