"""Points, passes, coupons, gifts, messages."""

from __future__ import annotations

from typing import Final

from daemon.web.api.route import Route

ROUTES: Final[tuple[Route, ...]] = ()
