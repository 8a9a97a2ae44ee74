"""A part of a page that is fetched on its own brings every style that it needs, or its page has it.

A class that only another page's style sheet knows looks right to who was on that page before, and
wrong to who opens this one first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "web_ui" / "src"
_IMPORTED = re.compile(r"""(?:import|from)\s+["'](\.[^"']+)["']""")
_LAZY = re.compile(r"""import\(["'](\.[^"']+)["']\)""")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_TEMPLATE = re.compile(r"<template>(.*)</template>", re.DOTALL)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _found(pattern: re.Pattern[str], path: Path) -> Iterator[Path]:
    for name in pattern.findall(_text(path)):
        target = (path.parent / name).resolve()
        for file in (target, target.with_name(target.name + ".ts"), target / "index.ts"):
            if file.is_file():
                yield file
                break


@cache
def closure(path: Path) -> frozenset[Path]:
    """What is fetched together with it."""
    seen: set[Path] = set()
    ahead = [path]
    while ahead:
        file = ahead.pop()
        if file not in seen:
            seen.add(file)
            ahead += _found(_IMPORTED, file)
    return frozenset(seen)


def named(path: Path) -> set[str]:
    """Classes that its style says something of."""
    text = _text(path)
    styles = "".join(_STYLE.findall(text)) if path.suffix == ".vue" else text
    if path.suffix not in {".vue", ".css"}:
        return set()
    styles = re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL)
    return {
        name
        for selector in re.findall(r"([^{}]+)\{", styles)
        for name in re.findall(r"\.([a-zA-Z][\w-]*)", selector)
    }


def worn(path: Path) -> set[str]:
    """Classes that its template gives, as far as they are written out."""
    template = _TEMPLATE.search(_text(path)) if path.suffix == ".vue" else None
    plain = re.findall(r'(?<![:\w-])class="([^"]*)"', template.group(1)) if template else []
    return {name for each in plain for name in each.split()}


def parts(page: Path) -> Iterator[tuple[Path, frozenset[Path]]]:
    """Each part that is fetched on its own, with what is there when it comes."""
    ahead: list[tuple[Path, frozenset[Path]]] = [(page, frozenset())]
    seen: set[tuple[Path, frozenset[Path]]] = set()
    while ahead:
        part, before = ahead.pop()
        if (part, before) in seen:
            continue
        seen.add((part, before))
        here = before | closure(part)
        yield part, here
        ahead += [(later, here) for file in closure(part) for later in _found(_LAZY, file)]


def test_every_part_of_the_office_is_dressed() -> None:
    """The cashier's parts are fetched all at once."""
    everywhere = {name for path in (SOURCE / "office").rglob("*.*") for name in named(path)}
    bare: set[str] = set()
    seen = 0
    for part, here in parts(SOURCE / "office" / "main.ts"):
        seen += 1
        dressed = {name for path in here for name in named(path)}
        bare |= {
            f"{path.relative_to(SOURCE)}: {name}, fetched with {part.name}"
            for path in closure(part)
            for name in worn(path) & everywhere - dressed
        }
    assert seen > 15
    assert sorted(bare) == []
