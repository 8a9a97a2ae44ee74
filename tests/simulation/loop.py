"""An event loop whose time is virtual: where everybody waits, the clock leaps to the next one who
wakes. What runs is asyncio's own loop; its clock, its waiting and its chance are the seed's."""

from __future__ import annotations

import asyncio
import os
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.simulation.wrong import instead

T = TypeVar("T")


class Stuck(Exception):
    """Everybody waits for something that nobody will do."""


class _Leaping(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.leap: Callable[[float], None] = lambda seconds: None

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Stuck
        self.leap(max(timeout, 1e-6))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 0 and passes only while nobody has anything to do."""

    def __init__(self) -> None:
        selector = _Leaping()
        self._virtual_s = 0.0
        selector.leap = self._pass
        super().__init__(selector)

    def _pass(self, seconds: float) -> None:
        self._virtual_s += seconds

    def time(self) -> float:
        return self._virtual_s


def run_virtual(seed: int, main: Callable[[random.Random], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` to its end on a loop of its own. `os.urandom` draws from the seed as well, so
    ids and nonces, and with them every order, are the same at each run."""
    chance = random.Random(seed)
    bytes_of = random.Random(seed + 1)
    loop = VirtualLoop()
    try:
        with instead(os, urandom=bytes_of.randbytes):
            return loop.run_until_complete(main(chance))
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
