"""Custom fields of members (B2): what the merchant asks for besides name, phone and birthday.

A field is text, a whole number, a day or a choice. A field that is marked personal is kept with the
name, sealed; the others are kept in the open, where filters can read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from daemon.core.errors import BadRequest

Value = str | int

LONGEST_TEXT: Final = 200
LARGEST_NUMBER: Final = 10**15
"""Far inside what SQLite and JSON readers hold exactly."""
GENDERS: Final = ("f", "m", "")
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class FieldKind(Enum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class MemberField:
    """`code` names it in documents and filters, `name` is what people read. `choices`, for a choice
    only, by what is kept and what people read."""

    code: str
    name: str
    kind: FieldKind
    personal: bool = False
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()

    def choice(self, text: str) -> str | None:
        """The choice with that code or name, as it is kept."""
        found = (code for code, name in self.choices if text in (code, name))
        return next(found, None)


def read_field(field: MemberField, value: object) -> Value | None:
    """The value in the one form that is kept; None for an empty one.

    Raises BadRequest("field_malformed" | "field_no_choice", field=code, name=..., kind=...)."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if field.kind is FieldKind.NUMBER:
        return _number(field, value)
    if not isinstance(value, str):
        raise _unfit("field_malformed", field)
    text = clean_text(value)
    if field.kind is FieldKind.DATE:
        day = read_day(text)
        if day is None:
            raise _unfit("field_malformed", field)
        return day
    if field.kind is FieldKind.CHOICE:
        choice = field.choice(text)
        if choice is None:
            raise _unfit("field_no_choice", field)
        return choice
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise _unfit("field_malformed", field)
    return text


def _unfit(key: str, field: MemberField) -> BadRequest:
    return BadRequest(key, field=field.code, name=field.name, kind=field.kind.value)


def _number(field: MemberField, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        text = clean_text(value) if isinstance(value, str) else ""
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
            raise _unfit("field_malformed", field)
        number = int(text)
    if abs(number) > LARGEST_NUMBER:
        raise _unfit("field_malformed", field)
    return number


@dataclass(frozen=True, slots=True)
class FieldValues:
    """Values by where they are kept: `plain` in the open, `personal` sealed."""

    plain: Mapping[str, Value]
    personal: Mapping[str, Value]


def change_fields(
    fields: Sequence[MemberField],
    plain: Mapping[str, Value],
    personal: Mapping[str, Value],
    given: Mapping[str, object],
) -> FieldValues:
    """What is kept after `given` was written over it; an empty value removes one. A value of a
    field that is no longer defined stays as it is.

    Raises BadRequest("field_unknown" | "field_malformed" | "field_no_choice" | "field_missing",
    field=code), with the field's name and kind where there is one."""
    known = {field.code: field for field in fields}
    open_values, sealed = dict(plain), dict(personal)
    for code, value in given.items():
        field = known.get(code)
        if field is None:
            raise BadRequest("field_unknown", field=code[:40])
        kept = read_field(field, value)
        open_values.pop(code, None)
        sealed.pop(code, None)
        if kept is not None:
            (sealed if field.personal else open_values)[code] = kept
        elif field.required:
            raise _unfit("field_missing", field)
    return FieldValues(open_values, sealed)


def require_all(fields: Sequence[MemberField], given: Mapping[str, object]) -> None:
    """Raises BadRequest("field_missing") where a new member lacks a field that must be there."""
    for field in fields:
        if field.required and given.get(field.code) in (None, ""):
            raise _unfit("field_missing", field)


def clean_text(text: str) -> str:
    """One form for what looks the same: composed, without control and format characters, single
    blanks."""
    if text.isprintable() and " " not in text and unicodedata.is_normalized("NFC", text):
        return text
    composed = unicodedata.normalize("NFC", text)
    kept = (c for c in composed if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def read_day(text: str) -> str | None:
    """`2024-2-9`, `2024/02/09`, `2024.2.9`, `2024年2月9日`, `20240209` as YYYY-MM-DD, or None."""
    if _ISO_DAY.match(text):
        parts: tuple[int, ...] | None = (int(text[:4]), int(text[5:7]), int(text[8:]))
    else:
        parts = _day_parts(text)
    if parts is None or len(parts) != 3:
        return None
    year, month, day = parts
    try:
        return date(year, month, day).isoformat() if 1900 <= year <= 2999 else None
    except ValueError:
        return None


def read_birthday(text: str) -> str | None:
    """As `read_day`, or `2-9`, `2月9日`, `--02-09` as --MM-DD; "" stays; None: not a birthday."""
    if _ISO_DAY.match(text):
        return read_day(text)
    clean = unicodedata.normalize("NFKC", text).strip()
    if not clean:
        return ""
    parts = _day_parts(clean.removeprefix("--"))
    if parts is None or len(parts) != 2 or (len(clean) == 8 and clean.isdigit()):
        return read_day(clean)
    month, day = parts
    try:
        return "--" + date(2024, month, day).isoformat()[5:]
    except ValueError:
        return None


def _day_parts(text: str) -> tuple[int, ...] | None:
    folded = unicodedata.normalize("NFKC", text).strip()
    if len(folded) == 8 and folded.isascii() and folded.isdigit():
        return int(folded[:4]), int(folded[4:6]), int(folded[6:])
    for mark in "年月/.":
        folded = folded.replace(mark, "-")
    # A spreadsheet's day comes with a time of midnight.
    folded = folded.removesuffix("日").removesuffix(" 00:00:00").removesuffix("T00:00:00")
    parts = folded.split("-")
    if not all(p.isascii() and p.isdigit() and 1 <= len(p) <= 4 for p in parts):
        return None
    return tuple(int(part) for part in parts)
