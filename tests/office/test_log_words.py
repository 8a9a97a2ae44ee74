"""Every fact that an operation puts into the journal has a word on the log's page, in both
languages, or is left out on purpose."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = ROOT / "web_ui" / "src" / "office" / "text" / "facts.ts"


def facts_of(tree: ast.AST) -> Iterator[str]:
    """Keys of dictionaries that name an event, of those that are a draft's `detail` or the `facts`
    of what is put on the journal, and what is put into one by name."""
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    names = {"detail", "facts"} if "put_on_journal" in called else {"detail"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and "event" in (keys := list(_keys(node))):
            yield from keys
        elif isinstance(node, ast.keyword) and node.arg in names:
            yield from _keys(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            first = node.targets[0] if isinstance(node, ast.Assign) else node.target
            for target in first.elts if isinstance(first, ast.Tuple) else [first]:
                if _is_one_of(names, target):
                    yield from _keys(node.value)
                elif isinstance(target, ast.Subscript) and _is_one_of(names, target.value):
                    yield from _text(target.slice)


def _is_one_of(names: set[str], node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _keys(node: ast.AST | None) -> Iterator[str]:
    """Of a dictionary, or of those that are joined to one by `|`."""
    if isinstance(node, ast.BinOp):
        yield from _keys(node.left)
        yield from _keys(node.right)
    for key in node.keys if isinstance(node, ast.Dict) else ():
        yield from _text(key)


def _text(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)


def test_every_fact_has_a_word() -> None:
    text = WORDS.read_text(encoding="utf-8")
    hidden = set(re.findall(r'"(\w+)"', text.split("export const FACTS")[0]))
    named = set(re.findall(r"^  (\w+): \[", text, re.MULTILINE))
    assert len(named) > 40 and len(hidden) > 10
    written = {
        fact
        for part in ("operations", "core")
        for path in (ROOT / "daemon" / part).rglob("*.py")
        if path.name != "audit_log.py"  # its rows have an event too, and are no facts
        for fact in facts_of(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {"event", "overrides"} <= written
    assert written - named - hidden == set()
