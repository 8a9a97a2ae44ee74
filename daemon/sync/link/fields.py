"""Reading the fields of a message: each says what it must be, and anything else is malformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from daemon.core.errors import SyncError

T = TypeVar("T")

MOST_TEXT = 200
MOST_RULE = 8_192
"""The text of the rule that a lot was bought under: terms of passes name every code."""
MOST_ROWS = 20_000
"""A bound for what one message may list: a hostile one costs no more than its bytes."""


class Fields:
    """The items of one array, in order. Every method raises SyncError(`key`)."""

    def __init__(self, value: object, count: int, key: str) -> None:
        if not isinstance(value, list) or len(value) != count:
            raise SyncError(key)
        self._items = iter(value)
        self._key = key

    def _next(self) -> Any:
        return next(self._items)

    def text(self, most: int = MOST_TEXT) -> str:
        return self._require_text(self._next(), most)

    def maybe_text(self) -> str | None:
        value = self._next()
        return None if value is None else self._require_text(value)

    def whole(self, least: int = 0) -> int:
        value = self._next()
        if type(value) is not int or value < least:
            raise SyncError(self._key)
        return value

    def flag(self) -> bool:
        value = self._next()
        if not isinstance(value, bool):
            raise SyncError(self._key)
        return value

    def octets(self, length: int | None = None) -> bytes:
        value = self._next()
        if not isinstance(value, bytes) or (length is not None and len(value) != length):
            raise SyncError(self._key)
        return value

    def maybe_octets(self) -> bytes | None:
        value = self._next()
        if value is not None and not isinstance(value, bytes):
            raise SyncError(self._key)
        return value

    def one(self, read: Callable[[object], T]) -> T:
        return read(self._next())

    def maybe(self, read: Callable[[object], T]) -> T | None:
        value = self._next()
        return None if value is None else read(value)

    def rows(self, read: Callable[[object], T]) -> tuple[T, ...]:
        value = self._next()
        if not isinstance(value, list) or len(value) > MOST_ROWS:
            raise SyncError(self._key)
        return tuple(read(item) for item in value)

    def wholes_by_name(self) -> dict[str, int]:
        value = self._next()
        if not isinstance(value, dict) or len(value) > MOST_TEXT:
            raise SyncError(self._key)
        for name, number in value.items():
            self._require_text(name)
            if type(number) is not int or number < 0:
                raise SyncError(self._key)
        return value

    def _require_text(self, value: object, most: int = MOST_TEXT) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise SyncError(self._key)
        return value
