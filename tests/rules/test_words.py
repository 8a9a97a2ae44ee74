"""Every mistake that the rules can make has a sentence in the office, in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import daemon.core.pricing
import daemon.rules
from daemon.rules import mistakes

OFFICE = Path(__file__).parents[2] / "web_ui" / "src" / "office" / "text" / "mistakes.ts"
RULES = Path(daemon.rules.__file__).parent
USES = RULES.parent / "operations" / "rules_in_use.py"
PRICING = Path(daemon.core.pricing.__file__).parent
OF_RULES = ("catalogue", "commission", "levels", "limits", "points", "promotion", "rulebook")
"""Modules of the core that refuse a rule; others refuse what a customer brings."""
_CALLS = {"refusal": 0, "Mistake": 1, "BadRequest": 0, "_named": 1, "_each": 1}


def keys(source: Path) -> set[str]:
    """The keys that are written out in calls of a module."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = _CALLS.get(node.func.id)
            if place is not None and len(node.args) > place:
                key = node.args[place]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found.add(key.value)
    return found


def test_every_mistake_has_words() -> None:
    core = [PRICING / f"{name}.py" for name in OF_RULES]
    said = set(mistakes.KEYS.values()) | {"malformed"}
    for source in [*RULES.glob("*.py"), USES, *core]:
        said |= keys(source)
    assert {"row_twice", "laxer_than_law", "role_in_use", "promotion_malformed"} <= said
    words = set(re.findall(r"^  (\w+): \[", OFFICE.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(said - words - NEVER_SHOWN) == []


NEVER_SHOWN = {
    "code_twice",
    "commission_twice",
    "unit_malformed",
    "wipe_malformed",
    "not_json",
}
"""The documents' own bounds and checks come first."""
