"""Brings an older ledger to this version's schema: one transaction a version, `user_version` says
how far it is. A version is a file schema/NNNN.sql and is never edited once it was released."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from daemon.core.errors import LedgerCorrupt
from daemon.ledger.desk import Connection


def versions() -> list[str]:
    """The scripts in order: the first brings an empty database to version 1."""
    folder = files("daemon.ledger") / "schema"
    named = sorted((file.name, file) for file in folder.iterdir() if file.name.endswith(".sql"))
    for number, (name, _) in enumerate(named, start=1):
        assert name == f"{number:04}.sql", "a version is missing"
    return [file.read_text(encoding="utf-8") for _, file in named]


def migrate(
    connection: Connection, upto: int | None = None, scripts: Sequence[str] | None = None
) -> int:
    """Applies what is missing of `scripts` (default: `versions()`), up to version `upto` or the
    newest, and returns the version.

    Raises LedgerCorrupt("ledger_too_new") for a ledger that a later release has written, and the
    driver's error where a version cannot be applied; that version is then undone whole."""
    if scripts is None:
        scripts = versions()
    present = int(connection.execute("PRAGMA user_version").fetchone()[0])
    wanted = len(scripts) if upto is None else upto
    if present > len(scripts):
        raise LedgerCorrupt("ledger_too_new", version=present, known=len(scripts))
    for number in range(present + 1, wanted + 1):
        connection.execute("BEGIN IMMEDIATE")
        done = False
        try:
            for statement in _statements(scripts[number - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
            done = True
        finally:
            if not done:
                connection.execute("ROLLBACK")
    return max(present, wanted)


def _statements(script: str) -> list[str]:
    """Splits a script where a line ends a statement; inside a trigger only END; does."""
    statements: list[str] = []
    lines: list[str] = []
    for line in script.splitlines():
        if not line.strip() or line.lstrip().startswith("--"):
            continue
        lines.append(line)
        in_trigger = lines[0].startswith("CREATE TRIGGER")
        if line.endswith("END;" if in_trigger else ";"):
            statements.append("\n".join(lines))
            lines = []
    assert not lines, "a statement without an end"
    return statements
