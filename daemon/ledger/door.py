"""The only door to sqlcipher3 and aiosqlite: opens keyed connections and translates their errors.

Durability: WAL with `synchronous=FULL`, so that a COMMIT returns after its frames are synced and a
reader never sees what a power cut could still take back (docs/decisions/0003-fsync.md has what was
measured about the sync). All page caches together stay far under 24 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
from sqlcipher3 import dbapi2

from daemon.core.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerWrongKey,
)
from daemon.ledger.desk import Connection

T = TypeVar("T")

DriverError: Final[type[Exception]] = dbapi2.Error

KEY_BYTES: Final = 32
PAGE_BYTES: Final = 2048
"""Measured against 4 KiB: a third less written to the card for each sale, and no slower."""
WRITER_CACHE_KIB: Final = 8192
READER_CACHE_KIB: Final = 4096
BUSY_TIMEOUT_S: Final = 5.0
"""For a reader of another process (`counterd verify`) that holds a lock for a moment."""
AUTOCHECKPOINT_PAGES: Final = 4000
"""A backstop: the writer moves the WAL into the database itself, after it has answered."""

# Result codes of SQLite (sqlite.org/rescode.html), without the extension in the upper bytes.
_PERM, _BUSY, _LOCKED, _NOMEM, _READONLY = 3, 5, 6, 7, 8
_IOERR, _CORRUPT, _FULL, _CANTOPEN, _PROTOCOL, _NOTADB = 10, 11, 13, 14, 15, 26
_FATAL: Final[dict[int, tuple[type[LedgerError], str]]] = {
    _PERM: (LedgerError, "ledger_not_accessible"),
    _BUSY: (LedgerBusy, "ledger_in_use"),
    _LOCKED: (LedgerBusy, "ledger_in_use"),
    _NOMEM: (LedgerError, "ledger_failed"),
    _READONLY: (LedgerError, "ledger_read_only"),
    _IOERR: (LedgerError, "ledger_failed"),
    _CORRUPT: (LedgerCorrupt, "ledger_corrupt"),
    _FULL: (LedgerFull, "ledger_full"),
    _CANTOPEN: (LedgerError, "ledger_not_accessible"),
    _PROTOCOL: (LedgerError, "ledger_failed"),
    _NOTADB: (LedgerCorrupt, "ledger_corrupt"),
}


def translate(error: Exception) -> LedgerError | AssertionError:
    """A LedgerError where the disk, the file or another process is at fault; an AssertionError
    where we are (a constraint that does not hold, wrong SQL, a value of a wrong type)."""
    code = getattr(error, "sqlite_errorcode", None)
    name = str(getattr(error, "sqlite_errorname", type(error).__name__))
    if code is not None and code & 0xFF in _FATAL:
        kind, key = _FATAL[code & 0xFF]
        return kind(key, sqlite=name)
    return AssertionError(f"{name}: {error}")


def open_writer(path: Path, key: bytes) -> Connection:
    """Creates the file where there is none. Raises LedgerError and its kinds; LedgerWrongKey where
    nothing can be read with `key`."""
    connection = _open(path, key, WRITER_CACHE_KIB)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        # What is erased is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
    except dbapi2.Error as error:
        connection.close()
        raise translate(error) from error
    return connection


def open_reader(path: Path, key: bytes) -> Connection:
    """A connection that cannot write, nor move a WAL that a crash left into the database. The file
    must be there."""
    connection = _open(path, key, READER_CACHE_KIB, mode="ro")
    try:
        connection.execute("PRAGMA query_only = ON")
    except dbapi2.Error as error:
        connection.close()
        raise translate(error) from error
    return connection


def _open(path: Path, key: bytes, cache_kib: int, mode: str = "rwc") -> Connection:
    assert len(key) == KEY_BYTES
    connection: Any = None
    try:
        connection = dbapi2.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_S,
            cached_statements=256,
        )
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute(f"PRAGMA cipher_page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except dbapi2.Error as error:
        if connection is not None:
            connection.close()
        failure = translate(error)
        if getattr(error, "sqlite_errorcode", None) == _NOTADB:
            # SQLCipher cannot tell a wrong key from a first page that was changed.
            failure = LedgerWrongKey("ledger_wrong_key")
        raise failure from error
    made: Connection = connection
    return made


class Reader(aiosqlite.Connection):
    """A read-only connection on a thread of its own; `look` is one hop for a whole question."""

    def __init__(self, path: Path, key: bytes) -> None:
        def connect() -> Any:
            return open_reader(path, key)

        super().__init__(connect, iter_chunk_size=64)
        # aiosqlite's thread would keep the interpreter from exiting for as long as nobody closes
        # the connection: a daemon that crashed would hang instead of being started again. Reading
        # leaves nothing half done, so the thread may be cut anywhere.
        self._thread.daemon = True
        self._thread.name = "ledger-reader"

    async def look(self, question: Callable[[Connection], T]) -> T:
        """Runs `question` inside one snapshot. Raises LedgerError and its kinds, and whatever
        `question` raises."""
        # The one way to run more than a statement in aiosqlite's own thread.
        answer: T = await self._execute(_ask, self._conn, question)  # type: ignore[no-untyped-call]
        return answer

    async def close(self) -> None:
        """Ends the thread after what was asked before, also where the connection could not be
        opened. Closing again does nothing."""
        await super().close()
        if self._thread.ident is not None:
            # Given up while it was opening, it ends after that; the loop is not to wait for it.
            await asyncio.to_thread(self._thread.join)


def _ask(connection: Connection, question: Callable[[Connection], T]) -> T:
    try:
        connection.execute("BEGIN")
        try:
            return question(connection)
        finally:
            connection.execute("ROLLBACK")
    except dbapi2.Error as error:
        raise translate(error) from error
