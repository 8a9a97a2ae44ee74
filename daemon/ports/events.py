"""What happened, told to every page that looks on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Events(Protocol):
    def publish(self, kind: str, body: Mapping[str, Any]) -> None:
        """Never blocks and never raises. `body` is JSON-ready and holds nothing that a signed-in
        cashier may not see (members masked, no card numbers)."""
        ...
