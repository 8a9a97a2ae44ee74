"""Style that a person would otherwise have to remember (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_MODULE_LINES = 500
MOST_FUNCTION_LINES = 70
PRODUCT = ("daemon", "cloud", "simulator")
BANNED_NAMES = re.compile(r"(?:^|_)(utils?|helpers?|misc|common|manager|data|info)(?:_|$)|Manager$")
"""Words that say nothing about what a thing is for. (A shop's manager is a role, not a name.)"""
STANDARD_WORDS = re.compile(r"(?:^|_)(get|read|write|load|create)_data$|^data_file$")
"""DESFire's own ReadData, WriteData, GET DATA: the standard's words at the edge."""
MACHINE_WORDS = (
    "/".join(("", "work", "")),
    "/".join(("", "root", "")),
    "files.pythonhosted",
    "registry.npmjs",
    '"resolved":',
)
"""What a file of the project must not hold: where it was made and where packages came from."""
DOORS = {
    "smartcard": "daemon/readers/pcsc.py",
    "evdev": "daemon/readers/",
    "escpos": "daemon/printer/port.py",
    "serial": (
        "daemon/printer/port.py",
        "daemon/readers/serial_port.py",
        "daemon/panel/serial_line.py",
    ),
    "gpiozero": "daemon/panel/gpio.py",
    "sqlcipher3": "daemon/ledger/door.py",
    "aiosqlite": "daemon/ledger/door.py",
}


def tracked(*folders: str, ending: str = ".py") -> list[Path]:
    """Files that git knows or would add, so that a build's output does not count."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [ROOT / line for line in listed.splitlines() if line.endswith(ending)]
    return [path for path in found if path.exists()]


MODULES = tracked("daemon", "cloud", "simulator", "tests", "bench")
SOURCE = [path for path in MODULES if path.relative_to(ROOT).parts[0] in PRODUCT]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_something_to_check() -> None:
    assert len(SOURCE) > 80


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_in_a_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_MODULE_LINES
    for function in functions(ast.parse(text)):
        assert function.end_lineno is not None
        lines = function.end_lineno - function.lineno + 1
        assert lines <= MOST_FUNCTION_LINES, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no module docstring"


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_names_mean_something(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {path.stem}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    bad = {name for name in names if BANNED_NAMES.search(name)}
    bad = {name for name in bad if not STANDARD_WORDS.search(name)}
    assert not bad


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_one_door_per_driver(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            door = DOORS.get(name.split(".")[0])
            if door is not None and name_of(path).startswith("daemon/"):
                assert name_of(path).startswith(door), f"{name} outside {door}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_is_private_stays_at_home(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.endswith("__")
    ]
    assert not taken, "what two modules use is public"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_cancelled_task_ends(path: Path) -> None:
    """`asyncio.wait_for` of Python 3.11 drops a cancel that comes in the very turn in which what it
    waits for was done (python/cpython#86296): the task that was to stop goes on."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    called = [
        node
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr == "wait_for"
        and isinstance(node.value, ast.Name)
        and node.value.id == "asyncio"
    ]
    taken = [
        alias
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("asyncio")
        for alias in node.names
        if alias.name == "wait_for"
    ]
    assert not called and not taken, "async with asyncio.timeout(...) keeps the cancel"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_left_undone(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    mocks = r"unittest\.mock|unittest import mock|MagicMock|mocker\b"
    assert not re.search(mocks, text), "fake the far side"


def test_every_module_has_a_place_in_the_house() -> None:
    homes = {path.relative_to(ROOT).parts[0] for path in MODULES}
    assert homes <= {"daemon", "cloud", "simulator", "tests", "bench"}


def test_nothing_names_a_machine_or_a_registry() -> None:
    for path in tracked(ending=""):
        if path.suffix in (".png", ".db") or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for word in MACHINE_WORDS:
            assert word not in text, f"{word} in {name_of(path)}"


def test_every_migration_has_an_old_database() -> None:
    migrations = sorted((ROOT / "daemon/ledger/schema").glob("*.sql"))
    kept = {path.stem for path in (ROOT / "tests/ledger/old").glob("*.db")}
    for migration in migrations[:-1]:
        number = int(migration.stem[:4])
        assert any(str(number) in name for name in kept), f"no database of version {number}"


def test_the_docs_do_not_lean_on_what_is_not_here() -> None:
    linked = re.compile(r"\]\((?!https?://|#)([^)#]+)")
    for path in tracked(ending=".md"):
        for target in linked.findall(path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{name_of(path)} -> {target}"
