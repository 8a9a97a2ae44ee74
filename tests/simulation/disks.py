"""What a simulated counter writes on: SQLite in memory, for thousands of seeds, or SQLCipher in a
file with the daemon's own pragmas, where every commit is synced and a crash is a new beginning on
what lies in the file and its WAL."""

from __future__ import annotations

import shutil
import sqlite3
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import cast

from daemon.ledger.books import SqlBooks
from daemon.ledger.door import open_writer
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from tests.fakes.ledger import MemoryLedger

KEY = bytes(range(32))
Copy = Callable[[], None]
"""Puts the disk back as it was when the copy was made; only while its counter is down."""


class Disk(MemoryLedger):
    """The ledger of one counter; it outlives the counter."""

    @abstractmethod
    def copy(self) -> Copy:
        """The disk as it is now."""

    @abstractmethod
    def crashed(self) -> None:
        """Whoever wrote on it is gone."""

    def look(self) -> SqlBooks:
        """The books as they lie there."""
        return SqlBooks(self.connection, Vault(bytes(32)), writable=False)


class MemoryDisk(Disk):
    def copy(self) -> Copy:
        kept = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.backup(kept)
        return lambda: kept.backup(self.connection)

    def crashed(self) -> None:
        """Everything that was committed is there."""


class FileDisk(Disk):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._copies = 0
        super().__init__()

    def open_connection(self) -> sqlite3.Connection:
        connection = open_writer(self.path, KEY)
        migrate(connection)
        # The driver's connection has the interface of the standard library's.
        return cast(sqlite3.Connection, connection)

    def copy(self) -> Copy:
        self._copies += 1
        kept = self.path.with_suffix(f".{self._copies}")
        kept.mkdir()
        for part in self._parts():
            shutil.copyfile(part, kept / part.name)

        def put_back() -> None:
            self.connection.close()
            for part in (*self._parts(), self.path.with_name(f"{self.path.name}-shm")):
                part.unlink(missing_ok=True)
            for part in kept.iterdir():
                shutil.copyfile(part, self.path.with_name(part.name))
            self.begin()

        return put_back

    def crashed(self) -> None:
        """Closed without a last word: the copy of the files is what a power cut leaves."""
        self.copy()()

    def _parts(self) -> list[Path]:
        """The file and its WAL; the WAL's index is made again by whoever opens them."""
        names = (self.path.name, f"{self.path.name}-wal")
        return [part for part in map(self.path.with_name, names) if part.exists()]
