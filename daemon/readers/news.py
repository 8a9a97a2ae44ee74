"""What readers tell, to everybody who listens: a bounded queue for each, and the present state
again for one that is too far behind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from daemon.ports.cards import ReaderEvent

MAX_WAITING = 256


class News:
    """`present` tells the state as it is now."""

    def __init__(self, present: Callable[[], Sequence[ReaderEvent]]) -> None:
        self._present = present
        self._listeners: set[_Listener] = set()

    def publish(self, event: ReaderEvent) -> None:
        for listener in self._listeners:
            if len(listener.waiting) >= MAX_WAITING:
                listener.waiting.clear()
                listener.waiting.extend(self._present())
            else:
                listener.waiting.append(event)
            listener.woken.set()

    async def events(self) -> AsyncIterator[ReaderEvent]:
        listener = _Listener(self._present())
        self._listeners.add(listener)
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                listener.woken.clear()
                await listener.woken.wait()
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self, first: Sequence[ReaderEvent]) -> None:
        self.waiting: deque[ReaderEvent] = deque(first)
        self.woken = asyncio.Event()
