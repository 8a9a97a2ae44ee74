"""docs/cloud.md says what is in the code."""

from __future__ import annotations

import re
from pathlib import Path

from cloud.discrepancies import SEVERITIES

DOCUMENT = (Path(__file__).parents[2] / "docs/cloud.md").read_text(encoding="utf-8")


def test_every_type_of_discrepancy_is_told_with_its_severity() -> None:
    told: dict[str, str] = {}
    for row in re.findall(r"^\| (`[A-Z_`, ]+) \| ([A-Z, ]+) \|", DOCUMENT, re.M):
        types = re.findall(r"`([A-Z_]+)`", row[0])
        severities = row[1].split(", ")
        assert len(severities) in (1, len(types))
        told |= dict(zip(types, severities * len(types), strict=False))
    assert told == {kind: severity.value for kind, severity in SEVERITIES.items()}


def test_every_verb_is_told() -> None:
    for verb in ("init", "serve", "devices", "leases", "discrepancies", "force", "revoke",
                 "enrol-code", "settlement", "statement", "policy"):  # fmt: skip
        assert re.search(rf"`?{verb}\b", DOCUMENT), verb
