"""The one door to pypinyin: its table of single characters, without its dictionary of phrases.

Importing the package would load 60 MB of phrases for names that are never looked up as phrases, so
the table is read from the package's own file.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from daemon.core.pinyin import toneless

TABLE: Final = "pinyin_dict.json"
KEPT: Final = 8192
"""Characters whose readings are kept ready: more than names are made of."""


@lru_cache(maxsize=KEPT)
def readings_of(character: str) -> tuple[str, ...]:
    """Toneless, most usual first; lǚ both as `lv`, which is typed, and as `lu`."""
    found: dict[str, None] = {}
    for reading in _table().get(str(ord(character)), "").split(","):
        typed = toneless(reading)
        if typed:
            found[typed] = None
            if "v" in typed:
                found[typed.replace("v", "u")] = None
    return tuple(found)


@cache
def syllables() -> tuple[str, ...]:
    """Every syllable of the common characters, in order."""
    found = {
        syllable
        for code in _table()
        if 0x4E00 <= int(code) <= 0x9FA5
        for syllable in map(toneless, _table()[code].split(","))
        if syllable and any(vowel in syllable for vowel in "aeiouv")
    }
    return tuple(sorted(found | {each.replace("v", "u") for each in found}))


@cache
def _table() -> dict[str, str]:
    spec = find_spec("pypinyin")
    assert spec is not None and spec.origin is not None, "pypinyin is not installed"
    table: dict[str, str] = json.loads(Path(spec.origin).with_name(TABLE).read_bytes())
    return table
