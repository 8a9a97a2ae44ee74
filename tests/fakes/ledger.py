"""The ledger over plain SQLite in memory: the same books and SQL behind another door.

Small and working, for tests of what stands on the port. It passes the suite that the real one
passes (tests/ledger/test_contract.py); it has no thread, no disk, no key and nothing to recover.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from daemon.core.entry import GENESIS, chain_hash
from daemon.core.errors import LedgerCorrupt, LedgerError
from daemon.core.records import Card, Member, Operation, OpState, StoredBatch, StoredReceipt
from daemon.ledger.books import SqlBooks
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from daemon.ports.ledger import Books

T = TypeVar("T")


@cache
def _empty() -> bytes:
    """A ledger in which nothing was written yet: the scripts run once a process, since property
    tests open thousands of ledgers."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    made = connection.serialize()
    connection.close()
    return made


class MemoryLedger:
    """`stop` does what a failed write does to the real one."""

    def __init__(self) -> None:
        self.begin()
        self.latest_ms = 0
        self._books.begin_epoch(1, 0, "created")

    def begin(self) -> None:
        """What a process does first, on what is there."""
        self.connection = self.open_connection()
        vault = Vault(bytes(32))
        self._books = SqlBooks(self.connection, vault, writable=True)
        self._looks = SqlBooks(self.connection, vault, writable=False)
        self._stopped: str | None = None

    def open_connection(self) -> sqlite3.Connection:
        """With the schema of today."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.deserialize(_empty())
        return connection

    @property
    def stopped(self) -> str | None:
        return self._stopped

    def stop(self, key: str) -> None:
        self._stopped = key

    async def write(self, work: Callable[[Books], T]) -> T:
        if self._stopped is not None:
            raise LedgerError("ledger_stopped", because=self._stopped)
        done = False
        self.connection.execute("BEGIN")
        try:
            value = work(self._books)
            done = True
        except sqlite3.Error as error:
            raise AssertionError(str(error)) from error
        finally:
            self.connection.execute("COMMIT" if done else "ROLLBACK")
        return value

    async def read(self, look: Callable[[Books], T]) -> T:
        self.connection.execute("PRAGMA query_only = ON")
        try:
            return look(self._looks)
        except sqlite3.Error as error:
            raise AssertionError(str(error)) from error
        finally:
            self.connection.execute("PRAGMA query_only = OFF")

    async def search_members(self, query: str, limit: int) -> Sequence[Member]:
        return self._looks.search_members(query, limit)

    async def operations(
        self, *, kinds: Sequence[str], states: Sequence[OpState], limit: int
    ) -> Sequence[Operation]:
        return self._looks.operations(kinds=kinds, states=states, limit=limit)

    async def cards_of(self, member_id: str) -> Sequence[Card]:
        return self._looks.cards_of(member_id)

    async def receipt(self, receipt_id: str) -> StoredReceipt | None:
        return self._looks.receipt(receipt_id)

    async def receipts(self, *, limit: int, op_id: str | None = None) -> Sequence[StoredReceipt]:
        return self._looks.receipts(limit=limit, op_id=op_id)

    async def batches_after(self, bseq: int, limit: int) -> Sequence[StoredBatch]:
        return self._looks.batches_after(bseq, limit)

    async def verify_chain(
        self, pause_s: float = 0.0, told: Callable[[int], None] | None = None
    ) -> int:
        chain, verified = GENESIS, 0
        while rows := self._looks.leaves(verified + 1, 100):
            for dseq, leaf, link in rows:
                chain = chain_hash(chain, leaf)
                verified += 1
                if (dseq, link) != (verified, chain):
                    self.stop("ledger_rewritten")
                    raise LedgerCorrupt("ledger_rewritten", dseq=verified)
            if told is not None:
                told(verified)
        return verified

    async def close(self) -> None:
        self.connection.close()
