"""One thread for the blocking calls of one driver, so that the event loop never waits for it.

A call that does not come back in time is given up, not interrupted (nothing can interrupt a
driver): until it does come back, every further call is refused at once."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.core.errors import PanelError

log = logging.getLogger(__name__)
T = TypeVar("T")


class OwnThread:
    """`do` on the event loop's thread only. The thread is a daemon thread: a driver that hangs
    must not keep a stopping process alive."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._turn = asyncio.Lock()
        self._hangs = False
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[], T], within_s: float) -> T:
        """What `work` returns or raises. Raises PanelError("panel_stalled")."""
        async with self._turn:
            if self._hangs:
                raise PanelError("panel_stalled")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            return await self._one(work, within_s)

    async def _one(self, work: Callable[[], T], within_s: float) -> T:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def deliver(result: T | None, error: Exception | None) -> None:
            self._hangs = False
            if outcome.done():
                return
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            result: T | None = None
            failed: Exception | None = None
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed to the caller, whatever it is
                failed = error
            try:
                loop.call_soon_threadsafe(deliver, result, failed)
            except RuntimeError:
                log.debug("%s: nobody waits any more", self._name)

        self._jobs.put(job)
        try:
            await asyncio.wait((outcome,), timeout=within_s)
            if outcome.done():
                return outcome.result()
        finally:
            outcome.cancel()
        self._hangs = True
        raise PanelError("panel_stalled")

    def close(self) -> None:
        """Ends the thread after what it does now."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
