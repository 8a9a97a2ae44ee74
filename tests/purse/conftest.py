from __future__ import annotations

from tests.web.conftest import bare, counter

__all__ = ["bare", "counter"]
