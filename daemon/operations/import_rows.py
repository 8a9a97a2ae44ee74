"""A row of a member file, read: what it says, what does not fit and why, and whom it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.core.errors import BadRequest
from daemon.core.member_fields import clean_text, read_field
from daemon.operations.member_form import (
    Form,
    custom_fields,
    require_birthday,
    require_day,
    require_gender,
    require_name,
    require_number,
    require_phone,
    require_tags,
)
from daemon.ports.ledger import Books
from daemon.rules.cell import ShopRules

MOST_KEPT: Final = 4_096
"""Cells whose meaning is kept ready: genders, days, categories and tags come again and again."""
_ALIKE: Final = frozenset({"gender", "birthday", "category", "valid_to", "tags"})
WHOLE_ROW: Final = -1
"""The column of a mistake that is not one cell's."""
_DIVIDERS: Final = str.maketrans("，、；;|", ",,,,,")
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "name_malformed": ("姓名须为 1 至 60 个可见字符", "a name has 1 to 60 visible characters"),
    "name_missing": ("新会员缺少姓名", "a new member needs a name"),
    "masked": ("内容带星号，是脱敏后的导出", "this is a masked export"),
    "phone_malformed": ("手机号须为 5 至 15 位数字", "a phone number has 5 to 15 digits"),
    "number_malformed": ("会员号须为 1 至 20 位字母或数字", "a number has 1 to 20 letters, digits"),
    "gender_malformed": ("性别请填男或女", "gender is male or female"),
    "birthday_malformed": ("生日不是有效日期", "the birthday is not a day"),
    "day_malformed": ("有效期不是有效日期", "the validity is not a day"),
    "member_category_unknown": ("没有这个会员类别", "there is no such category"),
    "level_unknown": ("没有这个等级", "there is no such level"),
    "tags_malformed": ("标签过多或过长", "too many tags, or one is too long"),
    "field_malformed": ("内容与该字段的类型不符", "this does not fit the field"),
    "field_no_choice": ("不是该字段的选项", "this is not one of the choices"),
    "field_missing": ("缺少必填字段", "a field that must be filled is missing"),
    "referrer_unknown": ("推荐人不存在", "there is no such referrer"),
    "duplicate_number": ("会员号与文件中前面的行重复", "an earlier row has this number"),
    "duplicate_phone": ("手机号与文件中前面的行重复", "an earlier row has this phone"),
    "phone_ambiguous": ("多位会员使用此手机号，请填会员号", "several members have this phone"),
    "phone_of_another": ("手机号属于另一会员", "another member has this phone"),
    "member_erased": ("该会员资料已删除", "this member was erased"),
    "member_known": ("会员已存在，按设置跳过", "the member is there already"),
    "row_too_wide": ("本行的列比表头多", "the row has more cells than the heading"),
}  # fmt: skip
"""Why a cell or row was not taken, in zh-CN and en."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`column` counts from 0, WHOLE_ROW for none."""

    column: int
    key: str

    def as_json(self) -> list[Any]:
        return [self.column, self.key]


@dataclass
class Reading:
    """A row as it was read. `referrer` is a number, `level` a level's code; "" says nothing."""

    row: int
    form: Form
    referrer: str = ""
    level: str = ""
    problems: list[Problem] = field(default_factory=list)


class RowReader:
    """Reads rows by one mapping of columns. Made once for a file: it looks categories up by code
    and by name."""

    def __init__(self, rules: ShopRules, mapping: Sequence[str]) -> None:
        self._fields = {f"field:{each.code}": each for each in custom_fields(rules)}
        self._required = [each for each in self._fields.values() if each.required]
        self._columns = [(place, target) for place, target in enumerate(mapping) if target]
        self._width = len(mapping)
        self._categories = {
            word: code
            for code, category in rules.member_categories.items()
            for word in (category.name, code)
        }
        self._levels = {
            word: code for code, rung in rules.levels.items() for word in (rung.name, code)
        }
        self._kept: dict[tuple[str, str], Any] = {}
        self._readers: Mapping[str, Callable[[str], Any]] = {
            "number": require_number,
            "name": self._name,
            "phone": self._phone,
            "gender": require_gender,
            "birthday": require_birthday,
            "category": self._category,
            "valid_to": require_day,
            "tags": lambda text: require_tags(_split(text)),
        }

    def read(self, row: int, cells: Sequence[str]) -> Reading:
        """An empty cell says nothing."""
        said: dict[str, Any] = {}
        fields: dict[str, object] = {}
        found = Reading(row, Form())
        for place, target in self._columns:
            cell = cells[place] if place < len(cells) else ""
            if not cell:
                continue
            try:
                if target == "referrer":
                    found.referrer = require_number(cell)
                elif target == "level":
                    found.level = self._level(cell)
                elif target in self._fields:
                    custom = self._fields[target]
                    fields[custom.code] = read_field(custom, cell)
                elif target in _ALIKE:
                    said[target] = self._again(target, cell)
                else:
                    said[target] = self._readers[target](cell)
            except BadRequest as error:
                found.problems.append(Problem(place, error.key))
        if len(cells) > self._width:
            found.problems.append(Problem(WHOLE_ROW, "row_too_wide"))
        found.form = Form(**said, fields=fields)
        return found

    def _again(self, target: str, cell: str) -> Any:
        """Raises BadRequest as what reads it."""
        key = target, cell
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._readers[target](cell)
        return self._kept[key]

    def require_new(self, reading: Reading) -> None:
        """Notes what a new member lacks."""
        if reading.form.name is None:
            reading.problems.append(Problem(WHOLE_ROW, "name_missing"))
        if any(each.code not in reading.form.fields for each in self._required):
            reading.problems.append(Problem(WHOLE_ROW, "field_missing"))

    def column_of(self, target: str) -> int:
        return next((place for place, each in self._columns if each == target), WHOLE_ROW)

    def _name(self, text: str) -> str:
        name = require_name(clean_text(text))
        if "*" in name:
            raise BadRequest("masked")
        return name

    def _phone(self, text: str) -> str:
        if "*" in text:
            raise BadRequest("masked")
        return require_phone(text)

    def _level(self, text: str) -> str:
        code = self._levels.get(clean_text(text))
        if code is None:
            raise BadRequest("level_unknown")
        return code

    def _category(self, text: str) -> str:
        code = self._categories.get(clean_text(text))
        if code is None:
            raise BadRequest("member_category_unknown")
        return code


def _split(text: str) -> list[str]:
    return [part for part in map(clean_text, text.translate(_DIVIDERS).split(",")) if part]


@dataclass
class Twins:
    """Numbers and phones that were seen in the file so far."""

    numbers: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)

    def note(self, reader: RowReader, reading: Reading) -> bool:
        """Whether an earlier row has the same number or phone; the row is told so."""
        number, phone = reading.form.number, reading.form.phone
        again = False
        if number and number in self.numbers:
            reading.problems.append(Problem(reader.column_of("number"), "duplicate_number"))
            again = True
        if phone and phone in self.phones:
            reading.problems.append(Problem(reader.column_of("phone"), "duplicate_phone"))
            again = True
        if number:
            self.numbers.add(number)
        if phone:
            self.phones.add(phone)
        return again


def whom(
    books: Books, reader: RowReader, readings: Iterable[Reading], *, on_match: str
) -> dict[int, str]:
    """Which member each row means, by number or else by phone; a row that is not in the answer is
    a new member. Rows that cannot be told are given a problem."""
    asked = [reading for reading in readings if not reading.problems]
    numbers = {reading.form.number for reading in asked} | {reading.referrer for reading in asked}
    phones = {reading.form.phone for reading in asked}
    by_number = books.numbered([number for number in numbers if number])
    by_phone = books.phoned([phone for phone in phones if phone])
    found: dict[int, str] = {}
    for reading in asked:
        number, phone = reading.form.number, reading.form.phone
        phoned = by_phone.get(phone or "", ())
        place = reader.column_of("phone")
        member_id = by_number.get(number or "")
        if member_id is None and not number and len(phoned) == 1:
            member_id = phoned[0]
        elif member_id is None and not number and len(phoned) > 1:
            reading.problems.append(Problem(place, "phone_ambiguous"))
        elif phoned and member_id not in phoned:
            reading.problems.append(Problem(place, "phone_of_another"))
        if reading.referrer and reading.referrer not in by_number:
            reading.problems.append(Problem(reader.column_of("referrer"), "referrer_unknown"))
        if member_id is None:
            reader.require_new(reading)
        elif on_match == "skip":
            reading.problems.append(Problem(WHOLE_ROW, "member_known"))
        if member_id is not None and not reading.problems:
            found[reading.row] = member_id
    return found


def reason_text(problems: Sequence[Sequence[Any]], headings: Sequence[str], language: str) -> str:
    """`手机号: 手机号须为 5 至 15 位数字; ...` for a row of the file to mend."""
    place = 0 if language.startswith("zh") else 1
    told = []
    for column, key in problems:
        heading = headings[column] if 0 <= column < len(headings) else ""
        told.append((f"{heading}: " if heading else "") + REASONS.get(key, (key, key))[place])
    return "; ".join(told)
