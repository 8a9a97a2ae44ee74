"""Deterministic CBOR (RFC 8949 section 4.2.1), read as strictly as it is written.

One value has one byte string, so a byte changed anywhere cannot hide in a second spelling of the
same thing. Reading allows whole numbers of at most 64 bits, byte and text strings, arrays, maps,
true, false and null: no tags, no floats, no indefinite lengths.
"""

from __future__ import annotations

from typing import Any, Final

import cbor2

from daemon.core.errors import SyncError

DEEPEST: Final = 12
"""A response holds batches that hold leaves, a manifest rows that hold lists: 6 levels. A bound
keeps hostile nesting from the interpreter's stack."""
_LEAST_WHOLE: Final = -(1 << 63)
_MOST_WHOLE: Final = (1 << 63) - 1


def encode(value: object) -> bytes:
    """The one deterministic encoding of a value of the allowed types."""
    return cbor2.dumps(value, canonical=True)


def decode(encoded: bytes, key: str) -> Any:
    """The value behind `encoded`, if `encode` would have written these bytes for it.

    Raises SyncError(key) on any other byte string.
    """
    try:
        value = cbor2.loads(
            encoded, max_depth=DEEPEST, allow_indefinite=False, allow_duplicate_keys=False
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:
        raise SyncError(key) from error
    if not _is_plain(value, DEEPEST) or encode(value) != encoded:
        raise SyncError(key)
    return value


def _is_plain(value: object, depth: int) -> bool:
    # A shared reference (tag 29) can make a list hold itself: the depth ends the walk.
    if depth < 0:
        return False
    if value is None or isinstance(value, bool | bytes | str):
        return True
    if isinstance(value, int):
        return _LEAST_WHOLE <= value <= _MOST_WHOLE
    if isinstance(value, list):
        return all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, dict):
        return all(
            isinstance(name, int | str) and _is_plain(item, depth - 1)
            for name, item in value.items()
        )
    return False
