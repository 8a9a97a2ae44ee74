"""Who waits is woken: topics that count how often they were rung in this process.

A waiter takes the count, looks at the books, and waits only if nobody has rung in between: nothing
is missed, and being woken for nothing costs one more look.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

EVERYTHING: Final = "*"
"""Rung when it cannot be known what was missed, or when everybody is meant."""
OUTBOX: Final = "outbox"


def of_device(device: str) -> str:
    return f"device:{device}"


class Bell:
    def __init__(self) -> None:
        self._rung = Counter[str]()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def count(self, topics: Sequence[str]) -> int:
        return sum(self._rung[topic] for topic in (*topics, EVERYTHING))

    def ring(self, topic: str) -> None:
        self._rung[topic] += 1
        if topic == EVERYTHING:
            woken = [event for events in self._waiting.values() for event in events]
        else:
            woken = list(self._waiting.get(topic, ()))
        for event in woken:
            event.set()

    async def wait(self, topics: Sequence[str], since: int, timeout_s: float) -> bool:
        """Whether one of `topics` was rung after `since` was counted, within `timeout_s`."""
        if self.count(topics) != since:
            return True
        woken = asyncio.Event()
        for topic in topics:
            self._waiting.setdefault(topic, set()).add(woken)
        try:
            async with asyncio.timeout(timeout_s):
                await woken.wait()
        except TimeoutError:
            return False
        finally:
            for topic in topics:
                self._waiting[topic].discard(woken)
                if not self._waiting[topic]:
                    del self._waiting[topic]
        return True
