"""Finished papers on disk: a PNG, a text and a JSON file each, numbered on over restarts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.printer.paper import Paper

MAX_PAPERS = 500
"""Older ones are removed: a simulated roll must not fill the disk."""
PREVIEW_CHARACTERS = 240


@dataclass(frozen=True)
class Record:
    """What the list of papers says of one. `at` is ISO 8601 with its zone."""

    n: int
    at: str
    text_preview: str
    url: str
    width: int
    height: int
    ended: str
    notes: list[str]


class PaperArchive:
    """A folder of papers. Not for two printers at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.records: list[Record] = []
        for path in sorted(folder.glob("paper-*.json")):
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.records.append(Record(**{key: stored[key] for key in Record.__annotations__}))
        self.records.sort(key=lambda record: record.n)

    def path(self, n: int, suffix: str) -> Path:
        """Where paper n is, suffix `png`, `txt` or `json`."""
        return self.folder / f"paper-{n:06d}.{suffix}"

    def save(self, paper: Paper, at: datetime) -> Record:
        """Writes the three files, the JSON last and whole; drops the oldest over the limit."""
        n = self.records[-1].n + 1 if self.records else 1
        text = paper.text()
        image = paper.image()
        record = Record(
            n=n,
            at=at.isoformat(timespec="milliseconds"),
            text_preview=text[:PREVIEW_CHARACTERS],
            url=f"/api/papers/{n}.png",
            width=image.width,
            height=image.height,
            ended=paper.ended,
            notes=list(paper.notes),
        )
        image.convert("1").save(self.path(n, "png"), optimize=True)
        self.path(n, "txt").write_text(text, encoding="utf-8")
        stored: dict[str, Any] = asdict(record) | {
            "text": text,
            "lines": [asdict(line) for line in paper.lines],
            "pictures": [
                {"x": each.x, "y": each.y, "width": each.ink.width, "height": each.ink.height}
                for each in paper.pictures
            ],
        }
        whole = json.dumps(stored, ensure_ascii=False, indent=1)
        aside = self.path(n, "new")
        aside.write_text(whole, encoding="utf-8")
        aside.replace(self.path(n, "json"))
        self.records.append(record)
        for old in self.records[:-MAX_PAPERS]:
            for suffix in ("png", "txt", "json"):
                self.path(old.n, suffix).unlink(missing_ok=True)
        del self.records[:-MAX_PAPERS]
        return record
