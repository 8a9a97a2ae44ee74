"""The cloud's books: what a transaction can read and write, and the store that opens one.

`CloudBooks` is the same for every store; a store brings the statements (SQLite in a thread,
PostgreSQL over a pool), the transaction and the bell. One contract suite holds both to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeVar

from cloud.bell import Bell
from cloud.desks.accounts import AccountDesk
from cloud.desks.devices import DeviceDesk
from cloud.desks.journals import JournalDesk
from cloud.desks.office import OfficeDesk
from cloud.statements import Ask, Statements

T = TypeVar("T")
BUSY: Final = "store_busy"
"""Two got in each other's way: nothing was kept, and the same may be tried again."""


class CloudBooks:
    """The desks over one open transaction."""

    def __init__(self, statements: Statements) -> None:
        self.devices = DeviceDesk(statements)
        self.journals = JournalDesk(statements)
        self.accounts = AccountDesk(statements)
        self.office = OfficeDesk(statements)
        self._statements = statements

    async def together(self, *asks: Ask[Any]) -> list[Any]:
        """The answers of several questions, of one moment, in their order."""
        found = await self._statements.together(asks)
        return [ask.read(rows) for ask, rows in zip(asks, found, strict=True)]

    async def tell(self, topic: str) -> None:
        """Wakes whoever waits for `topic`, in any process, once this is committed."""
        await self._statements.tell(topic)


class CloudStore(Protocol):
    """Raises SyncError("store_unusable") where the database cannot be used; nothing of the
    transaction is kept then, but for the moment of its commit."""

    bell: Bell
    at_once: bool
    """Whether one statement may change several tables, so that what was decided from a look can be
    kept if nothing has moved meanwhile."""

    @property
    def name(self) -> str: ...

    def transaction(self) -> AbstractAsyncContextManager[CloudBooks]:
        """Committed when the block ends, undone when it raises."""
        ...

    def look(self) -> AbstractAsyncContextManager[CloudBooks]:
        """For reading alone: each question sees the moment at which it is asked, and holds
        nothing."""
        ...

    async def run(self, work: Callable[[CloudBooks], Awaitable[T]]) -> T:
        """`work` in a transaction; again where two got in each other's way. What it does beside
        the books may happen more than once."""
        ...

    async def close(self) -> None: ...
