"""Draws the tables of docs/protocol.md from the code: `python -m tests.lease.drawn`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from daemon.core.lease import tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
DRAWN: dict[str, Callable[[], str]] = {
    "postings": tables.draw_postings,
    "events": tables.draw_events,
    "states": tables.draw_states,
    "settings": tables.draw_settings,
}
_PLACE = "<!-- drawn from the code: {name} -->\n"
_END = "<!-- end -->"


def drawn(text: str) -> str:
    """`text` with each table as the code draws it now."""
    for name, draw in DRAWN.items():
        begin = re.escape(_PLACE.format(name=name))
        table = f"{_PLACE.format(name=name)}{draw().strip()}\n{_END}"
        text, count = re.subn(
            f"{begin}.*?{re.escape(_END)}", lambda _, new=table: new, text, flags=re.DOTALL
        )
        assert count == 1, f"docs/protocol.md has {count} places for {name}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(drawn(DOCUMENT.read_text("utf-8")), "utf-8")
