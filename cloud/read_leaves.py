"""Leaves that were read when they were verified need not be read again for their effects.

A leaf is its entry: the same bytes say the same thing, so what is kept here is never wrong, only
gone. Stage 2 still takes its leaves from the books; a process that did not verify them reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from daemon.core.entry import Entry, parse_leaf
from daemon.sync.envelope import Verified

MOST_KEPT: Final = 8_192
"""A report of 1 MiB brings 5,300 sales; about 3 KB each."""

_kept: dict[bytes, Entry] = {}


def keep(batches: Iterable[Verified]) -> None:
    """The oldest make room."""
    for batch in batches:
        _kept.update(zip(batch.leaves, batch.entries, strict=True))
    for leaf in list(_kept)[: max(0, len(_kept) - MOST_KEPT)]:
        del _kept[leaf]


def entry_of(leaf: bytes) -> Entry:
    """The entry behind a leaf, which effects need once. Raises BadRequest("leaf_malformed")."""
    return _kept.pop(leaf, None) or parse_leaf(leaf)
