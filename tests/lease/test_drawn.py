"""The tables of docs/protocol.md are those that the code draws."""

from __future__ import annotations

from tests.lease.drawn import DOCUMENT, drawn


def test_the_tables_are_drawn_from_the_code() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert text == drawn(text), "run: python -m tests.lease.drawn"
