"""Whatever the looking through of a member file can find has words: at length in the file of bad
rows (zh-CN and en), in short on the page, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from daemon.operations.import_rows import REASONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "web_ui" / "src" / "office" / "members" / "findings.ts"
ASKED_OF_A_CELL = {
    "daemon/operations/import_rows.py": None,
    "daemon/operations/member_form.py": {
        "require_name",
        "require_phone",
        "require_number",
        "require_gender",
        "require_birthday",
        "require_day",
        "require_tags",
    },
    "daemon/core/member_fields.py": {"read_field"},
}
"""Where the finding of a cell is raised: in which functions, None for the whole module."""


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def functions(tree: ast.Module, names: set[str] | None) -> Iterator[ast.AST]:
    """The named functions, and those of the module that they call."""
    if names is None:
        yield tree
        return
    known = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    seen: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        seen.add(name)
        yield known[name]
        inner = {each for each in known if any(True for _ in calls(known[name], each))}
        left |= inner - seen


def constants(arguments: Sequence[ast.expr]) -> set[str]:
    words = [each.value for each in arguments if isinstance(each, ast.Constant)]
    return {word for word in words if isinstance(word, str)}


def found_by_code() -> set[str]:
    """Keys of `Problem`, and of what reading a cell raises."""
    keys: set[str] = set()
    for path, names in ASKED_OF_A_CELL.items():
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        for function in functions(tree, names):
            for raised in ("BadRequest", "Problem", "_unfit"):
                for call in calls(function, raised):
                    keys |= constants(call.args[:2])
    tree = ast.parse((ROOT / "daemon/operations/member_import.py").read_text(encoding="utf-8"))
    for call in calls(tree, "Problem"):
        keys |= constants(call.args)
    return keys


def on_the_page() -> dict[str, tuple[str, str]]:
    rows = re.findall(r'^  (\w+): \["(.+)", "(.+)"\],$', PAGE.read_text("utf-8"), re.MULTILINE)
    return {key: (chinese, english) for key, chinese, english in rows}


def test_every_finding_has_words_in_the_file_of_bad_rows() -> None:
    found = found_by_code()
    assert {"masked", "member_erased", "field_no_choice", "row_too_wide"} <= found
    assert found == set(REASONS)


def test_every_finding_has_words_on_the_page_and_none_is_left_over() -> None:
    assert set(on_the_page()) == set(REASONS)


@pytest.mark.parametrize("key", sorted(REASONS))
def test_the_words_are_of_their_language(key: str) -> None:
    for chinese, english in (REASONS[key], on_the_page()[key]):
        assert re.search(r"[\u4e00-\u9fff]", chinese) and english.isascii()
