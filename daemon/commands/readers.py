"""`counterd readers`: what is plugged in that swipes or scans, and which entry of the configuration
takes it. With `--swipe-now`, the one that is swiped or scanned with tells what it is, and the lines
that name it are printed, ready for the configuration file.

For store IT, with the service running or stopped: what the service holds is in use and stays so.
What was read is told by its kind and length alone."""

from __future__ import annotations

import argparse
import json
import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.app import swipe_sources
from daemon.config import Settings, load
from daemon.core.errors import BankCardShown, ReaderError, SwipeError
from daemon.core.swipe import Code, Swipe, Typed
from daemon.readers.feed import DeviceSeen, Feed, Heard, Kind, SwipeSource
from daemon.readers.hidraw import HidReaders
from daemon.readers.keyboard import EvdevKeyboards
from daemon.readers.serial_port import SerialReaders
from daemon.readers.wedge import TypingReaders

LONGEST_WAIT_S: Final = 120
"""Keyboards are taken hold of meanwhile, the one of who waits as well."""
_BY_ID: Final = Path("/dev/serial/by-id")
_UNIQUE: Final = ("ID_SERIAL_SHORT", "ID_SERIAL", "ID_PATH")
"""What tells two of a kind apart, best first."""
_IDENTITY: Final = ("ID_VENDOR_ID", "ID_MODEL_ID")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--swipe-now",
        type=int,
        metavar="SECONDS",
        help=f"wait for a swipe or a scan, 1 to {LONGEST_WAIT_S} s; keyboards are silent then",
    )
    parser.add_argument("--baud", type=int, default=9600, help="of serial lines that nobody named")


def carry_out(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where nothing was swiped."""
    settings = load(arguments.config)
    named = swipe_sources(settings)
    found = look(kinds_of(settings), named)
    if arguments.swipe_now is None:
        for each in found:
            print(each)
        if not found:
            print("nothing is plugged in that swipes or scans")
        return 0
    wait_s = min(max(arguments.swipe_now, 1), LONGEST_WAIT_S)
    return 0 if swipe_now(found, wait_s, arguments.baud, print) else 1


def kinds_of(settings: Settings) -> list[Kind]:
    sources = swipe_sources(settings)
    return [TypingReaders(EvdevKeyboards()), SerialReaders(sources), HidReaders()]


@dataclass(frozen=True, slots=True)
class Found:
    """A device that is plugged in. `source`: the entry that takes it."""

    kind: Kind
    seen: DeviceSeen
    source: SwipeSource | None

    def __str__(self) -> str:
        told = self.seen.properties
        known = [f"{name}={told[name]}" for name in (*_IDENTITY, "NAME") if told.get(name)]
        name = f'"{self.source.name}"' if self.source else "not in the configuration"
        return "  ".join([self.seen.path, *known, name])


def look(kinds: Sequence[Kind], named: Sequence[SwipeSource]) -> list[Found]:
    return [
        Found(kind, seen, next((source for source in named if source.fits(seen)), None))
        for kind in kinds
        for seen in kind.seen()
    ]


def swipe_now(
    found: Sequence[Found], wait_s: float, baud: int, say: Callable[[str], object]
) -> bool:
    """Waits until something that can be named is swiped or scanned. Whether it was."""
    with ExitStack() as opened, selectors.DefaultSelector() as ready:
        for each in found:
            source = each.source or SwipeSource("new", baud=baud)
            try:
                feed = each.kind.open(each.seen.path, source)
            except ReaderError as error:
                say(f"{each}: {error.key}")
                continue
            opened.callback(feed.close)
            ready.register(feed.fileno(), selectors.EVENT_READ, (each, feed))
        if not ready.get_map():
            say("nothing could be opened")
            return False
        say(f"swipe or scan now, within {wait_s:.0f} seconds")
        return _wait(found, ready, time.monotonic() + wait_s, say)


def _wait(
    found: Sequence[Found],
    ready: selectors.BaseSelector,
    until: float,
    say: Callable[[str], object],
) -> bool:
    pause_s = SwipeSource("new").form.idle_ms / 1000
    while ready.get_map() and (left_s := until - time.monotonic()) > 0:
        spoke = {key.fd for key, _ in ready.select(min(pause_s, left_s))}
        for key in list(ready.get_map().values()):
            each, feed = key.data
            try:
                heard = _heard(feed, spoke=key.fd in spoke, quiet=not spoke)
            except ReaderError:
                ready.unregister(key.fileobj)
                say(f"{each}: reader_unplugged")
                continue
            for one in heard:
                say(f"{each.seen.path}: {what(one)}")
                if isinstance(one, Swipe | Code | BankCardShown):
                    say(entry_for(each, one, [other.seen for other in found]))
                    return True
    say("nothing was swiped")
    return False


def _heard(feed: Feed, *, spoke: bool, quiet: bool) -> Sequence[Heard]:
    if spoke:
        return feed.read()
    return feed.silent() if quiet and feed.waiting else ()


def what(heard: Heard) -> str:
    """In words, without a character of what was read."""
    if isinstance(heard, BankCardShown):
        return "a bank card, which is refused; the reader works"
    if isinstance(heard, SwipeError):
        return f"a swipe that could not be read ({heard.key})"
    if isinstance(heard, Code):
        return f"a code of {len(heard.text)} characters"
    if isinstance(heard, Typed):
        return "somebody typed"
    read = [
        f"track {number} of {len(track)} characters"
        for number, track in enumerate(heard.tracks, 1)
        if track is not None
    ]
    torn = [f"track {number} not read" for number in sorted(heard.torn)]
    return "a magnetic card: " + (", ".join(read + torn) or "nothing on it")


def entry_for(found: Found, heard: Heard, others: Sequence[DeviceSeen]) -> str:
    """The lines of the configuration that name this reader."""
    if found.source is not None:
        return f'"{found.source.name}" of the configuration takes it'
    section = "scanner" if isinstance(heard, Code) else "swipe"
    lines = [f"[[{section}]]", f'name = "{section}"', _named_by(found.seen, others)]
    if isinstance(heard, Swipe):
        there = [number for number, track in enumerate(heard.tracks, 1) if track]
        lines.append(f"track = {2 if 2 in there or not there else there[0]}")
    return "\n".join(lines)


def _named_by(seen: DeviceSeen, others: Sequence[DeviceSeen]) -> str:
    """By its port where that has a name that stays; else by what no other device says of itself."""
    port = _lasting_name(seen.path)
    if port is not None:
        return f"port = {json.dumps(port)}"
    names = [name for name in _IDENTITY if seen.properties.get(name)] or ["NAME"]
    for more in ((), *((name,) for name in _UNIQUE)):
        chosen = {name: seen.properties.get(name, "") for name in (*names, *more)}
        if all(chosen.values()) and _count(chosen, others) == 1:
            break
    else:
        chosen = {name: seen.properties.get(name, "") for name in names}
    return f"match = {json.dumps([f'{name}={value}' for name, value in chosen.items()])}"


def _count(chosen: Mapping[str, str], others: Sequence[DeviceSeen]) -> int:
    return sum(chosen.items() <= dict(other.properties).items() for other in others)


def _lasting_name(path: str, folder: Path = _BY_ID) -> str | None:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    wanted = os.path.realpath(path)
    full = (str(folder / name) for name in names)
    return next((name for name in full if os.path.realpath(name) == wanted), None)
