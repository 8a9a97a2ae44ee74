"""What is on hand of the codes that a store counts: the table `stock`."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.core.projection.rows import ANY, Values


class Shelf:
    """A code is counted from its first count by hand on."""

    def __init__(self) -> None:
        self._on_hand: dict[str, int] = {}
        self._unsure: set[str] = set()

    def count(self, code: str, on_hand: int) -> None:
        self._on_hand[code] = on_hand
        self._unsure.discard(code)

    def move(self, moved: Iterable[tuple[str, int]]) -> None:
        for code, pieces in moved:
            if code in self._on_hand:
                self._on_hand[code] += pieces

    def doubt(self, codes: Iterable[str]) -> None:
        """Whether these were taken from the shelf is told nowhere, until they are counted again."""
        self._unsure.update(code for code in codes if code in self._on_hand)

    def rows(self) -> dict[str, Values]:
        return {
            code: (ANY if code in self._unsure else on_hand,)
            for code, on_hand in self._on_hand.items()
        }
