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
    rules: ShopRules, form: Form, member_id: str, now_ms: int, today: str
) -> tuple[Member, Personal]:
    """The number stays "" where the form gives none. Raises BadRequest."""
    if form.name is None:
        raise BadRequest("name_malformed")
    if rules.fields:
        require_all(custom_fields(rules), form.fields)
    category = require_category(rules, form.category or rules.usual_category)
    days = rules.member_category(category).valid_days
    end = None if days is None else (date.fromisoformat(today) + timedelta(days=days)).isoformat()
    named = rules.member_category(category).named
    blank = Member(member_id, "", category, "active", now_ms, valid_to=end, named=named)
    return changed_member(rules, blank, Personal(""), form)


def changed_member(
    rules: ShopRules, member: Member, personal: Personal, form: Form
) -> tuple[Member, Personal]:
    """Both records with what the form says.

    Raises BadRequest("name_malformed" | "phone_malformed" | "number_malformed" |
    "gender_malformed" | "birthday_malformed" | "day_malformed" | "tags_malformed" |
    "member_category_unknown", and what `change_fields` raises)."""
    kept = FieldValues(member.fields, personal.fields)
    if form.fields:
        kept = change_fields(custom_fields(rules), kept.plain, kept.personal, form.fields)
    number, category, valid_to, tags = form.number, form.category, form.valid_to, form.tags
    changed = replace(
        member,
        number=member.number if number is None else require_number(number),
        category=member.category if category is None else require_category(rules, category),
        valid_to=member.valid_to if valid_to is None else require_day(valid_to),
        tags=member.tags if tags is None else require_tags(tags),
        fields=kept.plain,
    )
    name, phone, gender, birthday = form.name, form.phone, form.gender, form.birthday
    who = replace(
        personal,
        name=personal.name if name is None else require_name(name),
        phone=personal.phone if phone is None else require_phone(phone),
        gender=personal.gender if gender is None else require_gender(gender),
        birthday=personal.birthday if birthday is None else require_birthday(birthday),
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
