"""docs/protocol.md names every refusal that the code can raise, and its example is the vector."""

from __future__ import annotations

import json
import re

from tests.sync.appliance import ROOT

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text("utf-8")
RAISED = re.compile(r"(?:SyncError|Conflict)\(\s*\"([a-z_]+)\"")


def test_every_refusal_is_in_the_document() -> None:
    sources = [*(ROOT / "daemon" / "sync").rglob("*.py"), *(ROOT / "cloud").glob("*.py")]
    raised = {key for path in sources for key in RAISED.findall(path.read_text("utf-8"))}
    assert len(raised) > 15
    assert {key for key in raised if f"`{key}`" not in DOCUMENT} == set()


def test_the_example_is_the_first_vector() -> None:
    vectors = json.loads((ROOT / "tests" / "vectors" / "batches.json").read_text("utf-8"))
    message = vectors["manifests"][0]["message"]
    shown = re.findall(r"\b[0-9a-f]{64}\b", DOCUMENT)
    assert len(shown) > 6
    assert all(part in message for part in shown)
    assert "".join(shown[-2:]) == message[-128:]
