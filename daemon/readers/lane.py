"""One thread that does the blocking work of one reader, so that the event loop never waits.

A call that does not come back within its deadline is given up, not interrupted (nothing can
interrupt a driver): the lane is *stuck*, takes no more calls, and says so when the call does come
back one day. Whoever owns the lane replaces it meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Job = Callable[[], object]


class LaneStuck(Exception):
    """The deadline passed, or the lane was stuck before. The call may still happen."""


class Lane:
    """Use `call` and `post` from the event loop's thread only."""

    def __init__(self, name: str, on_free: Callable[[Lane], None]) -> None:
        """`on_free` is called on the event loop when a stuck lane has come back; it is finished
        then and only remains to be forgotten."""
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._on_free = on_free
        self.stuck = False
        # Nothing can interrupt a driver that hangs: the interpreter must not wait for it, or a
        # daemon that stops or has crashed would never exit. Whoever owns the lane closes it.
        self._thread = threading.Thread(target=self._work, name=f"reader {name}", daemon=True)
        self._thread.start()

    async def call(
        self,
        work: Callable[[], T],
        deadline_s: float,
        undo: Callable[[T], object] | None = None,
    ) -> T:
        """What `work` returns or raises. `undo` gets the result where nobody waits for it any
        more: the deadline has passed or the caller was cancelled.

        Raises LaneStuck."""
        if self.stuck:
            raise LaneStuck
        outcome: asyncio.Future[T] = self._loop.create_future()

        def deliver(result: T) -> None:
            if not outcome.done():
                outcome.set_result(result)
            elif undo is not None:
                self.post(lambda: undo(result))

        def fail(error: Exception) -> None:
            if not outcome.done():
                outcome.set_exception(error)

        def job() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed to the caller, whatever it is
                self._tell(fail, error)
            else:
                if not self._tell(deliver, result) and undo is not None:
                    undo(result)

        self._jobs.put(job)
        try:
            await asyncio.wait((outcome,), timeout=deadline_s)
            if outcome.done():
                return outcome.result()
        finally:
            outcome.cancel()
        self._give_up()
        raise LaneStuck

    def post(self, work: Job) -> None:
        """Does `work` after all that was asked before, without waiting. It must not raise."""
        self._jobs.put(work)

    def close(self) -> None:
        """Ends the thread after what it has to do."""
        self._jobs.put(None)

    def join(self, wait_s: float) -> bool:
        """Whether the thread has ended within `wait_s`. Blocks."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _give_up(self) -> None:
        if not self.stuck:
            self.stuck = True
            self._jobs.put(self._return)

    def _return(self) -> None:
        """Runs on the thread when the call that was given up has come back."""
        if not self._tell(self._come_back):
            self.close()

    def _come_back(self) -> None:
        self._on_free(self)
        self.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _tell(self, call: Callable[..., object], *arguments: object) -> bool:
        """Whether there is still a loop to call it on."""
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # it has been closed: nobody listens
            return False
        return True
