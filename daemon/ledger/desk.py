"""What every part of the books stands on: a connection, and whether it may write.

The SQL here runs unchanged on SQLCipher and on SQLite; which of them is behind a connection is
known to `door` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from daemon.ledger.vault import Vault


class Cursor(Protocol):
    """What the books use of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """What the books use of a DB-API connection in autocommit mode."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor: ...

    def executescript(self, sql: str, /) -> Cursor: ...

    def close(self) -> None: ...


class Desk:
    """Base of the parts of the books. All of them share one connection and one transaction."""

    def __init__(self, connection: Connection, vault: Vault, *, writable: bool) -> None:
        self._connection = connection
        self._vault = vault
        self._writable = writable

    def _one(self, sql: str, *parameters: Any) -> Any:
        """The first row or None."""
        return self._connection.execute(sql, parameters).fetchone()

    def _all(self, sql: str, *parameters: Any) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()

    def _change(self, sql: str, *parameters: Any) -> int:
        """Runs a statement that writes; returns how many rows it changed."""
        assert self._writable, "writing in read()"
        return self._connection.execute(sql, parameters).rowcount


def to_json(body: Mapping[str, Any]) -> str:
    return _written(body)


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def from_json(text: str) -> dict[str, Any]:
    body = json.loads(text)
    assert isinstance(body, dict)
    return body
