"""SQL for the conditions of a filter: constants and question marks only; values are bound.

`m` is the member, `s` its standing (which a member without a visit has not). What is personal is
asked for by hashed words, and one of those drives the query where it can: the members of a month
are read from the month's own end instead of going through everybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from daemon.core.member_filter import Condition, Kind, Op

MS_PER_DAY: Final = 86_400_000
EPOCH: Final = date(1970, 1, 1)
_MEMBER: Final = {
    "number": "m.number",
    "category": "m.category",
    "level": "m.level",
    "status": "m.status",
    "valid_to": "m.valid_to",
}
_STANDING: Final = {
    "first_day": "s.first_day",
    "last_day": "s.last_day",
    "visits": "coalesce(s.visits, 0)",
    "spent_fen": "coalesce(s.spent_fen, 0)",
    "recharged_fen": "coalesce(s.recharged_fen, 0)",
    "principal_fen": "coalesce(s.principal_fen, 0)",
    "bonus_fen": "coalesce(s.bonus_fen, 0)",
    "balance_fen": "coalesce(s.principal_fen + s.bonus_fen, 0)",
    "points": "coalesce(s.points, 0)",
}
_COMPARE: Final = {
    Op.IS: "=",
    Op.AT_LEAST: ">=",
    Op.AT_MOST: "<=",
    Op.FROM: ">=",
    Op.TO: "<=",
}
_WORDS: Final = {"gender": "gender:", "birthday_month": "bm:", "birthday": "bd:"}


@dataclass
class Query:
    """`where` with `values` in the order of its marks; `driver` is the one word that every member
    found has, if a condition asks for exactly one."""

    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    driver: int | None = None
    standing: bool = False

    def add(self, sql: str, *values: Any) -> None:
        assert sql.count("?") == len(values)
        self.where.append(sql)
        self.values += values

    @property
    def conditions(self) -> str:
        return " AND ".join(f"({each})" for each in self.where) or "1"


def compile_filter(
    conditions: Sequence[Condition],
    hashed: Callable[[str], int],
    field_word: Callable[[str, str | int], str],
    utc_offset_min: int,
    waiting: Callable[[Sequence[int]], Sequence[str]],
    *,
    drives: bool = True,
) -> Query:
    """`hashed` hashes a word; `field_word` makes the word of a custom field's value; `waiting`
    tells the ids of members whose words of these are not in the index yet. `drives`: whether a word
    may drive the query (the order is by id)."""
    query = Query()
    for condition in conditions:
        if condition.kind in (Kind.WORD, Kind.MONTH):
            words = [hashed(word) for word in _words(condition, field_word)]
            unsettled = waiting(words)
            if drives and query.driver is None and len(words) == 1 and not unsettled:
                query.driver = words[0]
            else:
                _any_word(query, words, unsettled)
        elif condition.field == "created":
            _created(query, condition, utc_offset_min)
        elif condition.kind is Kind.TAGS:
            _tags(query, condition)
        elif condition.kind is Kind.MEMBER:
            _referrer(query, condition)
        else:
            _plain(query, condition)
    return query


def _words(condition: Condition, field_word: Callable[[str, str | int], str]) -> list[str]:
    code = condition.custom
    if code is not None:
        return [field_word(code, value) for value in condition.values]
    return [f"{_WORDS[condition.field]}{value}" for value in condition.values]


def _any_word(query: Query, words: Sequence[int], unsettled: Sequence[str]) -> None:
    marks = ", ".join("?" * len(words))
    settled = (
        "EXISTS (SELECT 1 FROM member_word x WHERE x.member_id = m.member_id"
        f" AND x.word IN ({marks}))"
    )
    if unsettled:
        either = f"{settled} OR m.member_id IN (SELECT value FROM json_each(?))"
        query.add(either, *words, json.dumps(list(unsettled)))
    else:
        query.add(settled, *words)


def _created(query: Query, condition: Condition, utc_offset_min: int) -> None:
    def begin(day: str, more: int) -> int:
        days = (date.fromisoformat(day) - EPOCH + timedelta(days=more)).days
        return days * MS_PER_DAY - utc_offset_min * 60_000

    op = condition.op
    if op in (Op.EMPTY, Op.FILLED):
        query.add("1" if op is Op.FILLED else "0")
        return
    day = str(condition.values[0])
    if op in (Op.FROM, Op.IS):
        query.add("m.created_ms >= ?", begin(day, 0))
    if op in (Op.TO, Op.IS):
        query.add("m.created_ms < ?", begin(day, 1))


def _tags(query: Query, condition: Condition) -> None:
    if condition.op in (Op.EMPTY, Op.FILLED):
        query.add("m.tags = '[]'" if condition.op is Op.EMPTY else "m.tags <> '[]'")
        return
    tag = condition.values[0]
    written = json.dumps(tag, ensure_ascii=False)
    # The cheap look at the text leaves few for the exact one.
    held = "instr(m.tags, ?) > 0 AND EXISTS (SELECT 1 FROM json_each(m.tags) j WHERE j.value = ?)"
    query.add(held if condition.op is Op.HAS else f"NOT ({held})", written, tag)


def _referrer(query: Query, condition: Condition) -> None:
    if condition.op in (Op.EMPTY, Op.FILLED):
        query.add(f"m.referrer IS {'' if condition.op is Op.EMPTY else 'NOT '}NULL")
        return
    query.add(
        "m.referrer = (SELECT r.member_id FROM member r WHERE r.number = ?)", condition.values[0]
    )


def _plain(query: Query, condition: Condition) -> None:
    code, op = condition.custom, condition.op
    if code is not None:
        # A value that was kept while the field was of another kind is not compared.
        wanted = "integer" if condition.kind is Kind.NUMBER else "text"
        path = f'$."{code}"'
        column = f"(CASE json_type(m.fields, ?) WHEN '{wanted}' THEN json_extract(m.fields, ?) END)"
        at: tuple[str, ...] = (path, path)
    else:
        column, at = (_MEMBER | _STANDING)[condition.field], ()
        query.standing |= condition.field in _STANDING
    if op in (Op.EMPTY, Op.FILLED):
        query.add(f"{column} IS {'' if op is Op.EMPTY else 'NOT '}NULL", *at)
    elif op is Op.IS_NOT:
        query.add(f"{column} IS NOT ?", *at, condition.values[0])
    elif op is Op.IN:
        marks = ", ".join("?" * len(condition.values))
        query.add(f"{column} IN ({marks})", *at, *condition.values)
    elif op is Op.STARTS:
        start = str(condition.values[0])
        query.add(f"substr({column}, 1, ?) = ?", *at, len(start), start)
    else:
        query.add(f"{column} {_COMPARE[op]} ?", *at, condition.values[0])
