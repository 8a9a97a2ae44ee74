"""What the desks need of a database: statements inside one transaction.

SQL is written once, in the part that SQLite and PostgreSQL share, with `?` for values; a store
brings its own way to run it. `for_update` is what makes a SELECT hold its rows until the commit
("" where a transaction has the whole file to itself). Rows that are held are always asked for in
the order of their key, so two transactions never wait for each other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Generic, Protocol, TypeVar

Row = tuple[Any, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A SELECT that holds nothing, and what its rows say: several can be asked together."""

    statement: str
    values: Row
    read: Callable[[list[Row]], T]


class Statements(Protocol):
    for_update: str
    for_share: str
    """Keeps the rows from being changed, beside others who do the same."""

    async def rows(self, statement: str, *values: object) -> list[Row]: ...

    async def row(self, statement: str, *values: object) -> Row | None:
        """The only row, or None."""
        ...

    async def together(self, asks: Sequence[Ask[Any]]) -> list[list[Row]]:
        """The rows of each, of one moment and in one question, if the store can."""
        ...

    async def run(self, statement: str, *values: object) -> int:
        """How many rows it changed."""
        ...

    async def many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """The same statement for each of `rows`."""
        ...

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """New rows, the fastest way that the store has. Raises on a key that is there."""
        ...

    async def tell(self, topic: str) -> None:
        """Wakes whoever waits for `topic`, in any process, once this transaction is committed."""
        ...


async def answer(statements: Statements, ask: Ask[T]) -> T:
    return ask.read(await statements.rows(ask.statement, *ask.values))


def marks(count: int) -> str:
    """`(?, ?, ?)`"""
    return "(" + ", ".join("?" * count) + ")"


@functools.lru_cache(maxsize=1024)
def numbered(statement: str) -> str:
    """`?` as PostgreSQL writes it: $1, $2 ..."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))


def scripts(kind: str) -> list[tuple[int, str]]:
    """The versions of the schema: (number, script), oldest first. `kind`: sqlite or postgres."""
    folder = resources.files("cloud").joinpath("schema", kind)
    found = [each for each in folder.iterdir() if each.name.endswith(".sql")]
    return sorted((int(each.name[:4]), each.read_text("utf-8")) for each in found)


def parts_of(script: str) -> list[str]:
    """The statements of a script, whose comments hold no semicolon."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [part for each in "\n".join(lines).split(";") if (part := each.strip())]
