"""What happened, pushed to every page that looks on, by server-sent events.

The last events are kept in a ring, so that a page whose line broke asks for what it missed by the
id of the last event that it saw. Ids are `<boot>-<sequence>`: one from before a restart is unknown,
and the page then gets a snapshot. Each listener has a bounded queue; one that does not keep up is
cut off, reconnects, and is told again from the ring. Publishing never waits for anybody.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

log = logging.getLogger(__name__)

KEPT: Final = 512
"""Events in the ring: several minutes of a busy counter, some hundred KiB."""
PER_LISTENER: Final = 128
"""Events that may wait for one page: a page that is further behind does not read."""
MOST_LISTENERS: Final = 32
"""Pages that look on at once: a counter has a few screens."""
RETRY_MS: Final = 1000
KEEP_ALIVE_S: Final = 15.0
"""A comment at least this often, and as often a look whether the session is still open."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event, ready for the wire."""

    sequence: int
    frame: bytes


class TooManyListeners(Exception):
    """The bound on listeners is reached."""


class ListenerClosed(Exception):
    """The stream has ended for this listener: signed out, too slow, or the daemon stops."""


def frame(event_id: str, kind: str, body: Mapping[str, Any]) -> bytes:
    """One event as the HTML standard writes it (section 9.2, server-sent events)."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event_id}\nevent: {kind}\ndata: {text}\n\n".encode()


class Listener:
    """One page's place in the stream. `missed` is what it is told again, or None where it needs a
    snapshot, which carries the id `position`. `owner` names the session that listens."""

    def __init__(
        self,
        owner: bytes,
        position: str,
        missed: tuple[bytes, ...] | None,
        most: int,
        leave: Callable[[Listener], None],
    ) -> None:
        self.owner = owner
        self.position = position
        self.missed = missed
        self.cut_off: Callable[[], object] | None = None
        """Called once when the listener is too slow: breaks the wait of a write that hangs."""
        self._most = most
        self._leave = leave
        self._queue: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def push(self, told: bytes) -> None:
        if self._closed:
            return
        if len(self._queue) >= self._most:
            log.warning("a page does not keep up with the events and is cut off")
            self.close()
            if self.cut_off is not None:
                self.cut_off()
            return
        self._queue.append(told)
        self._something.set()

    async def next(self, patience_s: float) -> bytes | None:
        """All that waits, or None when nothing came in time. Raises ListenerClosed."""
        if not self._queue and not self._closed:
            self._something.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._something.wait()
            except TimeoutError:
                return None
        if self._closed:
            raise ListenerClosed
        together = b"".join(self._queue)
        self._queue.clear()
        return together

    def close(self) -> None:
        """Ends the stream for this listener; what waits is dropped, the ring still has it."""
        if not self._closed:
            self._closed = True
            self._queue.clear()
            self._something.set()
            self._leave(self)


class EventStream:
    """Implements daemon.ports.events.Events. Used on the event loop's thread only."""

    def __init__(
        self,
        boot: str | None = None,
        *,
        kept: int = KEPT,
        per_listener: int = PER_LISTENER,
        most_listeners: int = MOST_LISTENERS,
        keep_alive_s: float = KEEP_ALIVE_S,
        tell: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        """`tell` hears every event as well (the panel); it must not wait and must not raise."""
        self.keep_alive_s = keep_alive_s
        self._boot = boot if boot is not None else secrets.token_hex(4)
        self._sequence = 0
        self._tell = tell
        self._ring: deque[Told] = deque(maxlen=kept)
        self._per_listener = per_listener
        self._most_listeners = most_listeners
        self._listeners: set[Listener] = set()

    @property
    def listening(self) -> int:
        return len(self._listeners)

    def publish(self, kind: str, body: Mapping[str, Any]) -> None:
        sequence = self._sequence + 1
        try:
            told = Told(sequence, frame(self._id(sequence), kind, body))
        except (TypeError, ValueError) as error:
            # A body that is not JSON is a bug of whoever published it, not of the counter's task.
            log.error("an event of kind %s cannot be told: %s", kind, error)
            return
        self._sequence = sequence
        self._ring.append(told)
        for listener in tuple(self._listeners):
            listener.push(told.frame)
        if self._tell is not None:
            self._tell(kind, body)

    def listen(self, after: str | None, owner: bytes) -> Listener:
        """A new listener that goes on after the event `after`. Raises TooManyListeners."""
        if len(self._listeners) >= self._most_listeners:
            raise TooManyListeners
        listener = Listener(
            owner,
            self._id(self._sequence),
            self._missed_since(after),
            self._per_listener,
            self._listeners.discard,
        )
        self._listeners.add(listener)
        return listener

    def _missed_since(self, after: str | None) -> tuple[bytes, ...] | None:
        """What came after the event `after`, or None where the ring does not know."""
        boot, dash, number = (after or "").rpartition("-")
        if not dash or boot != self._boot or not (number.isascii() and number.isdigit()):
            return None
        if len(number) > 18:
            return None
        seen = int(number)
        oldest = self._ring[0].sequence if self._ring else self._sequence + 1
        if not oldest - 1 <= seen <= self._sequence:
            return None
        return tuple(told.frame for told in self._ring if told.sequence > seen)

    def close_owner(self, owner: bytes) -> None:
        """Ends the streams of a session that was signed out."""
        for listener in tuple(self._listeners):
            if listener.owner == owner:
                listener.close()

    def close(self) -> None:
        """Ends every stream: the daemon stops."""
        for listener in tuple(self._listeners):
            listener.close()

    def _id(self, sequence: int) -> str:
        return f"{self._boot}-{sequence}"
