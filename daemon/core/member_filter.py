"""Filters over members (B3): a list of conditions that must all hold.

A condition names a field, an operator and a value, as the office keeps them:
`{"field": "last_day", "op": "older_than_days", "value": 90}`. Reading one checks the value against
the field's kind and says what does not fit; what comes out is typed, and relative days have become
days. `daemon.ledger.member_query` makes SQL of it; nothing that was typed gets into a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Final

from daemon.core.errors import BadRequest
from daemon.core.member_fields import FieldKind, MemberField, clean_text, read_day

MOST_CONDITIONS: Final = 12
MOST_VALUES: Final = 50
LONGEST_VALUE: Final = 200
LARGEST: Final = 10**15
MOST_DAYS: Final = 36_500
CUSTOM: Final = "field:"
"""Before the code of a custom field."""


class Kind(Enum):
    """What a field holds, which decides the operators that it knows."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DAY = "day"
    COMING_DAY = "coming_day"
    """A day that usually lies ahead: the last day of the benefits."""
    TAGS = "tags"
    WORD = "word"
    """Personal: kept as keyed hashes, so only whole values can be asked for."""
    MONTH = "month"
    MEMBER = "member"


class Op(Enum):
    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    STARTS = "starts"
    HAS = "has"
    HAS_NOT = "has_not"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    FROM = "from"
    TO = "to"
    OLDER_THAN_DAYS = "older_than_days"
    WITHIN_DAYS = "within_days"
    EMPTY = "empty"
    FILLED = "filled"


_BARE: Final = frozenset({Op.EMPTY, Op.FILLED})
OPS: Final[Mapping[Kind, frozenset[Op]]] = {
    Kind.TEXT: frozenset({Op.IS, Op.IS_NOT, Op.IN, Op.STARTS}) | _BARE,
    Kind.CHOICE: frozenset({Op.IS, Op.IS_NOT, Op.IN}) | _BARE,
    Kind.NUMBER: frozenset({Op.IS, Op.AT_LEAST, Op.AT_MOST}) | _BARE,
    Kind.DAY: frozenset({Op.IS, Op.FROM, Op.TO, Op.OLDER_THAN_DAYS, Op.WITHIN_DAYS}) | _BARE,
    Kind.COMING_DAY: frozenset({Op.IS, Op.FROM, Op.TO, Op.WITHIN_DAYS}) | _BARE,
    Kind.TAGS: frozenset({Op.HAS, Op.HAS_NOT}) | _BARE,
    Kind.WORD: frozenset({Op.IS, Op.IN}),
    Kind.MONTH: frozenset({Op.IS, Op.IN}),
    Kind.MEMBER: frozenset({Op.IS}) | _BARE,
}
FIELDS: Final[Mapping[str, Kind]] = {
    "number": Kind.TEXT,
    "category": Kind.CHOICE,
    "level": Kind.CHOICE,
    "status": Kind.CHOICE,
    "tags": Kind.TAGS,
    "created": Kind.DAY,
    "valid_to": Kind.COMING_DAY,
    "first_day": Kind.DAY,
    "last_day": Kind.DAY,
    "visits": Kind.NUMBER,
    "spent_fen": Kind.NUMBER,
    "recharged_fen": Kind.NUMBER,
    "balance_fen": Kind.NUMBER,
    "principal_fen": Kind.NUMBER,
    "bonus_fen": Kind.NUMBER,
    "points": Kind.NUMBER,
    "birthday_month": Kind.MONTH,
    "birthday": Kind.WORD,
    "gender": Kind.WORD,
    "referrer": Kind.MEMBER,
}
_MONTH_AND_DAY: Final = re.compile(r"(?:--)?(\d\d)-(\d\d)\Z")


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` are texts or whole numbers by `kind`: one, several for IN, none for EMPTY and
    FILLED. `op` is never relative. Words are as the vault hashes them, without the custom
    field's."""

    field: str
    kind: Kind
    op: Op
    values: tuple[str | int, ...]

    @property
    def custom(self) -> str | None:
        return self.field.removeprefix(CUSTOM) if self.field.startswith(CUSTOM) else None


def kind_of(field: str, fields: Sequence[MemberField]) -> Kind | None:
    """None for a field that is not there."""
    if not field.startswith(CUSTOM):
        return FIELDS.get(field)
    found = next((each for each in fields if CUSTOM + each.code == field), None)
    if found is None:
        return None
    if found.personal:
        return Kind.WORD
    return {
        FieldKind.TEXT: Kind.TEXT,
        FieldKind.NUMBER: Kind.NUMBER,
        FieldKind.DATE: Kind.DAY,
        FieldKind.CHOICE: Kind.CHOICE,
    }[found.kind]


def read_filter(
    content: object, fields: Sequence[MemberField], today: str
) -> tuple[Condition, ...]:
    """The conditions of a filter as it was typed or kept.

    Raises BadRequest("filter_malformed", at=place from 0, why=...): `not_a_list`, `too_many`,
    `not_a_condition`, `field_unknown`, `op_unknown`, `op_not_for_field`, `value_missing`,
    `value_not_text`, `value_not_number`, `value_not_day`, `value_not_month`, `value_not_list`."""
    if not isinstance(content, list):
        raise BadRequest("filter_malformed", at=0, why="not_a_list")
    if len(content) > MOST_CONDITIONS:
        raise BadRequest("filter_malformed", at=MOST_CONDITIONS, why="too_many")
    conditions: list[Condition] = []
    for place, each in enumerate(content):
        try:
            conditions += _condition(each, fields, date.fromisoformat(today))
        except _Unfit as unfit:
            raise BadRequest("filter_malformed", at=place, why=str(unfit)) from None
    return tuple(conditions)


class _Unfit(Exception):
    """Carries the word for what does not fit."""


def _condition(given: object, fields: Sequence[MemberField], today: date) -> list[Condition]:
    if not isinstance(given, dict) or not set(given) <= {"field", "op", "value"}:
        raise _Unfit("not_a_condition")
    name, word = given.get("field"), given.get("op")
    kind = kind_of(name, fields) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise _Unfit("field_unknown")
    try:
        op = Op(word)
    except ValueError:
        raise _Unfit("op_unknown") from None
    if op not in OPS[kind]:
        raise _Unfit("op_not_for_field")
    value = given.get("value")
    if op in _BARE:
        return [Condition(name, kind, op, ())]
    if value is None or value in ("", []):
        raise _Unfit("value_missing")
    if op in (Op.OLDER_THAN_DAYS, Op.WITHIN_DAYS):
        return [
            Condition(name, kind, each, (day.isoformat(),))
            for each, day in _relative(kind, op, _count(value, MOST_DAYS), today)
        ]
    return [Condition(name, kind, op, _values(name, kind, op, value))]


def _relative(kind: Kind, op: Op, days: int, today: date) -> list[tuple[Op, date]]:
    try:
        if op is Op.OLDER_THAN_DAYS:
            return [(Op.TO, today - timedelta(days=days + 1))]
        if kind is Kind.COMING_DAY:
            return [(Op.FROM, today), (Op.TO, today + timedelta(days=days))]
        return [(Op.FROM, today - timedelta(days=days)), (Op.TO, today)]
    except OverflowError:
        raise _Unfit("value_not_number") from None


def _values(name: str, kind: Kind, op: Op, value: object) -> tuple[str | int, ...]:
    if op is not Op.IN:
        return (_value(name, kind, value),)
    if not isinstance(value, list) or len(value) > MOST_VALUES:
        raise _Unfit("value_not_list")
    return tuple(dict.fromkeys(_value(name, kind, each) for each in value))


def _value(name: str, kind: Kind, value: object) -> str | int:
    if kind is Kind.NUMBER:
        return _count(value, LARGEST, least=-LARGEST)
    if kind is Kind.MONTH:
        month = _count(value, 12, least=1, why="value_not_month")
        return f"{month:02d}"
    if kind is Kind.WORD and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_VALUE:
        raise _Unfit("value_not_text")
    if kind in (Kind.DAY, Kind.COMING_DAY):
        day = read_day(value)
        if day is None:
            raise _Unfit("value_not_day")
        return day
    if name == "birthday":
        return _month_and_day(value)
    text = clean_text(value)
    if not text:
        raise _Unfit("value_missing")
    return text


def _month_and_day(value: str) -> str:
    found = _MONTH_AND_DAY.match(value.strip())
    if found is None:
        raise _Unfit("value_not_day")
    try:
        return date(2024, int(found[1]), int(found[2])).isoformat()[5:]
    except ValueError:
        raise _Unfit("value_not_day") from None


def _count(value: object, most: int, least: int = 0, why: str = "value_not_number") -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _Unfit(why)
    return value
