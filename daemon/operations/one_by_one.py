"""Work that must not overlap: a queue with one server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from daemon.core.errors import CounterError, LedgerError

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_QUEUED = 64
"""A cashier cannot press faster; a flood beyond it waits at its source."""


class OneByOne:
    """`serve` runs what was put in, one after the other, for ever. `on_ledger_error` hears of a
    ledger that failed under a piece of work that nobody waits for."""

    def __init__(self, on_ledger_error: Callable[[LedgerError], None]) -> None:
        self._queue: asyncio.Queue[Callable[[], Awaitable[object]]] = asyncio.Queue(MOST_QUEUED)
        self._on_ledger_error = on_ledger_error

    async def serve(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await work()
            except LedgerError as error:
                log.critical("the ledger failed: %s", error)
                self._on_ledger_error(error)
            except CounterError as error:
                log.warning("refused while serving the counter: %s", error)

    async def put(self, work: Callable[[], Awaitable[object]]) -> None:
        await self._queue.put(work)

    def put_soon(self, work: Callable[[], Awaitable[object]]) -> None:
        """From a timer: dropped where the queue is full, since the state has moved on anyway."""
        if not self._queue.full():
            self._queue.put_nowait(work)

    async def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs `work` in its turn and returns or raises what it does. A caller that is cancelled
        does not cancel the work."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = await work()
            except Exception as error:
                if done.cancelled():
                    raise
                done.set_exception(error)
                if isinstance(error, LedgerError):
                    raise
            else:
                if not done.cancelled():
                    done.set_result(result)

        await self._queue.put(run)
        return await asyncio.shield(done)
