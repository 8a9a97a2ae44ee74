"""Records of consumption, commission and the log."""

from __future__ import annotations

from typing import Final

from daemon.web.api.route import Route

ROUTES: Final[tuple[Route, ...]] = ()
