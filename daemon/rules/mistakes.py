"""What does not fit in the shop's rules: where it is, why, and figures for the sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.core.errors import BadRequest

MOST_MISTAKES: Final = 50
KEYS: Final[Mapping[str, str]] = {
    "missing": "field_missing",
    "extra_forbidden": "field_unknown",
    "int_type": "not_a_whole_number",
    "int_from_float": "not_a_whole_number",
    "int_parsing": "not_a_whole_number",
    "int_parsing_size": "too_large",
    "bool_type": "not_yes_or_no",
    "string_type": "not_a_text",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "wrong_form",
    "too_short": "too_few_rows",
    "too_long": "too_many_rows",
    "greater_than_equal": "too_small",
    "greater_than": "too_small",
    "less_than_equal": "too_large",
    "less_than": "too_large",
    "literal_error": "not_a_choice",
    "enum": "not_a_choice",
    "union_tag_invalid": "not_a_choice",
    "union_tag_not_found": "field_missing",
    "date_type": "not_a_day",
    "date_parsing": "not_a_day",
    "date_from_datetime_parsing": "not_a_day",
    "date_from_datetime_inexact": "not_a_day",
    "tuple_type": "not_a_list",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "json_invalid": "not_json",
}
_BOUNDS: Final = ("ge", "gt", "le", "lt", "min_length", "max_length", "limit")


@dataclass(frozen=True, slots=True)
class Mistake:
    """`at` is a path of names and numbers from the section on, `catalogue.codes.3.price_fen`; `key`
    names the sentence, `facts` are figures and ids for it."""

    at: str
    key: str
    facts: Mapping[str, int | str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "key": self.key, "facts": dict(self.facts)}


class RulesInvalid(BadRequest):
    """The rules would not hold together. `mistakes` is never empty."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        assert mistakes
        super().__init__("rules_invalid", mistakes=len(mistakes))
        self.mistakes = tuple(mistakes[:MOST_MISTAKES])


def of_schema(section: str, rows: Iterable[Mapping[str, Any]]) -> list[Mistake]:
    """From what pydantic found. The tags of a union are left out of the paths: they are no names
    of the document."""
    found = []
    for row in rows:
        kind, loc, context = str(row["type"]), list(row["loc"]), dict(row.get("ctx") or {})
        for place in range(len(loc) - 1, 0, -1):
            if loc[place - 1] == "effect":
                del loc[place]
        # What pydantic itself found has a bound under many names; ours has its facts as they are.
        ours = kind not in KEYS and kind.replace(" ", "_") == str(row["msg"]).replace(" ", "_")
        facts = {
            ("limit" if name in _BOUNDS else name): fact
            for name, fact in context.items()
            if isinstance(fact, int | str) and not isinstance(fact, bool)
            if ours or name in _BOUNDS
        }
        key = kind if ours else KEYS.get(kind, "malformed")
        found.append(Mistake(".".join([section, *map(str, loc)]), key, facts))
    # A list whose rows do not fit counts as short of rows: that is no mistake of its own.
    places = [each.at for each in found]
    return [
        each
        for each in found
        if each.key != "too_few_rows" or not any(at.startswith(each.at + ".") for at in places)
    ]
