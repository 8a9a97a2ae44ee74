"""What changed between two versions of a document, row by row, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

_ROW_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "member_categories": ("category",),
    "categories": ("category",),
    "codes": ("code",),
    "discounts": ("goods",),
    "extend": ("days",),
    "rungs": ("level",),
    "gift_points": ("member_category",),
    "promotions": ("promotion_id",),
    "campaigns": ("campaign",),
    "tiers": ("from_fen",),
    "by_code": ("member_category", "code"),
    "by_goods": ("member_category", "category"),
    "streaks": ("days",),
    "roles": ("role",),
    "grades": ("grade",),
    "commission": ("rule",),
    "fields": ("field",),
    "choices": ("choice",),
    "triggers": ("trigger_id",),
}
"""What a row of a list is known by, so that a row put in at the top does not move all others."""


class Difference(NamedTuple):
    """`path` names rows by their id, `codes.0101.price_fen`. None stands for nothing there."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any) -> list[Difference]:
    """In the order of the documents; a row that came or went is one difference."""
    return list(_between("", "", before, after))


def _between(path: str, name: str, before: Any, after: Any) -> Iterator[Difference]:
    if before is after or (before == after and type(before) is type(after)):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _between(_join(path, key), key, before.get(key), after.get(key))
        return
    if isinstance(before, list) and isinstance(after, list):
        old, new = _by_id(name, before), _by_id(name, after)
        if old is not None and new is not None:
            yield from _rows(path, old, new)
            return
    yield Difference(path, before, after)


def _rows(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for row_id in dict.fromkeys([*old, *new]):
        yield from _between(_join(path, row_id), "", old.get(row_id), new.get(row_id))
    stayed_old = [row_id for row_id in old if row_id in new]
    stayed_new = [row_id for row_id in new if row_id in old]
    if stayed_old != stayed_new:
        yield Difference(path, list(old), list(new))


def _by_id(name: str, rows: Sequence[Any]) -> dict[str, Any] | None:
    """None for a list whose rows have no id of their own."""
    keys = _ROW_IDS.get(name)
    if keys is None or not all(isinstance(row, dict) for row in rows):
        return None
    found = {"/".join(_spoken(row.get(key)) for key in keys): row for row in rows}
    return found if len(found) == len(rows) else None


def _spoken(value: Any) -> str:
    return "*" if value is None else str(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
