"""docs/features.md names what exists: every id of the shop, its routes, tests and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.web.api import ROUTES
from daemon.web.api.route import BASE

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "features.md"
IDS = [
    *("A13", "B1", "B2", "B3", "B4", "B5", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8"),
    *("D1", "D4", "E1", "E2", "E3", "E4", "F1", "F5", "Privacy"),
]
ROUTED = {f"{route.method} {route.path.removeprefix(BASE)}" for route in ROUTES}


def rows() -> dict[str, list[str]]:
    found = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and cells[0] in IDS:
            found[cells[0]] = cells
    return found


def test_every_feature_has_its_row() -> None:
    assert list(rows()) == IDS


@pytest.mark.parametrize("feature", IDS)
def test_a_row_names_what_exists(feature: str) -> None:
    _, page, operation, tests, picture = rows()[feature]
    assert page
    routes = re.findall(r"`((?:GET|POST|PUT|DELETE) [^`]+)`", operation)
    assert routes and set(routes) <= ROUTED, set(routes) - ROUTED
    named = re.findall(r"`(tests/[^`]+)`", tests)
    assert named
    for each in named:
        path, _, test = each.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not test or re.search(rf"^(?:async )?def {test}\(", text, re.MULTILINE), each
    (image,) = re.findall(r"\]\(([^)]+)\)", picture)
    assert (TABLE.parent / image).exists(), image
