"""The pinyin that people type for a name: initials and beginnings of the whole, for every reading.

`张三丰` is found by `z`, `zs`, `zsf`, `zhang`, `zhangsan`, `zhangsanfeng`, and by whatever part of
its last syllable was typed so far. A character with several readings (单, 曾, 仇) is found by each
of them, up to a bound: the dictionary orders readings by how usual they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

Readings = Callable[[str], Sequence[str]]
"""The readings of one character without tones, most usual first; none for what has no pinyin."""

MOST_SYLLABLES: Final = 6
"""Longer names (minorities', companies') are found by their beginning."""
MOST_READINGS: Final = 3
MOST_SPELLINGS: Final = 8
"""A name of many rare readings shows its most usual spellings only: each costs rows."""
MOST_GUESSES: Final = 64
"""Ways to end a syllable that was typed in part."""
_PARTS: Final = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]")
_FIRST_HAN: Final = "\u4e00"
_LAST_HAN: Final = "\u9fff"
_TYPED: Final = re.compile(r"[a-z']{1,40}\Z")


def toneless(reading: str) -> str:
    """`lǚ -> lv`, `zhāng -> zhang`: as it is typed."""
    marked = unicodedata.normalize("NFD", reading.replace("ü", "v"))
    out: list[str] = []
    for mark in marked:
        if mark == "\u0308" and out and out[-1] == "u":
            out[-1] = "v"
        elif mark.isascii() and mark.isalpha():
            out.append(mark)
    return "".join(out)


def name_words(name: str, readings: Readings) -> set[str]:
    """`initials:zsf` and `pinyin:zhangsan` for every beginning of every spelling of a name."""
    words: set[str] = set()
    for spelling in _spellings(name, readings):
        initials, whole = "initials:", "pinyin:"
        for syllable in spelling:
            initials += syllable[0]
            whole += syllable
            words.add(initials)
            words.add(whole)
    return words


def typed_words(text: str, syllables: Sequence[str]) -> set[str]:
    """What `text` may stand for: initials, whole syllables, or whole syllables and the beginning of
    one more. `syllables` are all that there are, in order."""
    typed = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    if not _TYPED.match(typed):
        return set()
    typed = typed.replace("'", "").replace("ü", "v")
    if not typed:
        return set()
    words = {f"pinyin:{typed}"}
    if len(typed) <= MOST_SYLLABLES:
        words.add(f"initials:{typed}")
    if len(typed) > 1:
        words |= {f"pinyin:{guess}" for guess in _endings(typed, syllables)}
    return words


def _endings(typed: str, syllables: Sequence[str]) -> list[str]:
    """`zhangsa -> zhangsai, zhangsan, ...`: shortest first part that leaves an open syllable."""
    known = frozenset(syllables)
    guesses: list[str] = []
    for cut in range(len(typed)):
        head, tail = typed[:cut], typed[cut:]
        if len(tail) > LONGEST_SYLLABLE or not _splits(head, known):
            continue
        guesses += [head + each for each in syllables if each != tail and each.startswith(tail)]
    return guesses[:MOST_GUESSES]


LONGEST_SYLLABLE: Final = 6
"""zhuang, chuang, shuang."""


def _splits(text: str, known: frozenset[str]) -> bool:
    """Whether `text` is a row of whole syllables."""
    reached = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        reached[end] = any(
            reached[start] and text[start:end] in known
            for start in range(max(0, end - LONGEST_SYLLABLE), end)
        )
    return reached[len(text)]


def _parts(name: str) -> Sequence[str]:
    if name and min(name) >= _FIRST_HAN and max(name) <= _LAST_HAN:
        # The usual name has one form, and each of its characters is a part.
        return name
    return _PARTS.findall(unicodedata.normalize("NFKC", name).casefold())


def _spellings(name: str, readings: Readings) -> list[tuple[str, ...]]:
    """Most usual first. A Latin word counts as one syllable."""
    choices: list[tuple[str, ...]] = []
    for part in _parts(name):
        found: tuple[str, ...] = (part,)
        if not part.isascii():
            found = tuple(readings(part)[:MOST_READINGS])
        if found:
            choices.append(found)
        if len(choices) == MOST_SYLLABLES:
            break
    if not choices:
        return []
    if all(len(found) == 1 for found in choices):
        return [tuple(found[0] for found in choices)]
    spelled: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    for readings_of_one in choices:
        # The sum of ranks tells how unusual a spelling is.
        grown = [
            (rank + place, (*begun, syllable))
            for rank, begun in spelled
            for place, syllable in enumerate(readings_of_one)
        ]
        spelled = sorted(grown, key=lambda each: each[0])[:MOST_SPELLINGS]
    return [spelling for _, spelling in spelled]
