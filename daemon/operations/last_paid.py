"""What was paid a moment ago: the same card for the same again is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.operations.shop import Shop


@dataclass(frozen=True, slots=True)
class _Paid:
    sale_id: str
    card_id: str
    request: Mapping[str, Any]
    at_ms: int


class LastPaid:
    """The last sale that a card paid for on this counter."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._last: _Paid | None = None

    def note(self, sale_id: str, card_id: str | None, request: Mapping[str, Any]) -> None:
        if card_id is not None:
            self._last = _Paid(sale_id, card_id, request, self._shop.clock.now_ms())

    def forget(self, sale_id: str) -> None:
        """What was taken back is no reason to ask whether the next one is a mistake."""
        if self._last is not None and self._last.sale_id == sale_id:
            self._last = None

    def is_repeat(self, card_id: str, request: Mapping[str, Any]) -> bool:
        last = self._last
        return (
            last is not None
            and (last.card_id, dict(last.request)) == (card_id, dict(request))
            and self._shop.clock.now_ms() - last.at_ms < self._shop.policy.double_tap_ms
        )
