"""`counterd readers`: what is there, which one speaks, and the lines that name it, which the
configuration takes."""

from __future__ import annotations

import asyncio
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import main
from daemon.commands.readers import Found, entry_for, look, swipe_now, what
from daemon.config import ScannerSettings, SwipeSettings, parse
from daemon.core.errors import BankCardShown, SwipeTorn
from daemon.core.swipe import Code, Swipe, Typed
from daemon.readers.feed import DeviceSeen, SwipeSource
from daemon.readers.wedge import TypingReaders
from tests.swipes.lines import Line
from tests.swipes.node import MAGTEK, Nodes
from tests.unit.test_config import GOOD

SWIPED = b"%B0010086^ZHANG/WEI^?;0010086=99?\r"


def settings_of(text: str) -> Any:
    """The configuration with the lines that were printed."""
    return parse({**GOOD, **tomllib.loads(text)}, Path())


def config(folder: Path, line: Line) -> list[str]:
    file = folder / "counterd.toml"
    file.write_text(
        '[device]\nid = "d1"\nstore = "S1"\nmerchant = "m"\n[shop]\nname = "s"\n'
        '[storage]\nledger = "l.db"\n[sync]\nidentity = "tls"\n'
        f'[[swipe]]\nname = "till"\nport = "{line.port}"\n'
    )
    return ["readers", "--config", str(file)]


def test_what_is_there_is_shown_with_its_entry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    arguments = config(tmp_path, line)
    assert main(arguments) == 0
    assert line.port not in capsys.readouterr().out
    line.plug()
    assert main(arguments) == 0
    assert f'{line.port}  "till"' in capsys.readouterr().out
    line.pull_out()


def test_the_one_that_is_swiped_says_which_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    line.plug()
    done = threading.Event()

    def swipe_again_and_again() -> None:
        """What was sent before it was opened is thrown away by the driver."""
        while not done.wait(0.2):
            asyncio.run(line.send(SWIPED))

    person = threading.Thread(target=swipe_again_and_again)
    person.start()
    try:
        assert main([*config(tmp_path, line), "--swipe-now", "60"]) == 0
    finally:
        done.set()
        person.join()
    told = capsys.readouterr().out
    assert "a magnetic card: track 1 of 19 characters, track 2 of 10 characters" in told
    assert '"till" of the configuration takes it' in told
    assert "0010086" not in told and "ZHANG" not in told
    line.pull_out()


def test_nothing_swiped_and_nothing_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    line.plug()
    assert main([*config(tmp_path, line), "--swipe-now", "1"]) == 1
    assert "nothing was swiped" in capsys.readouterr().out
    line.pull_out()
    assert swipe_now([], 1, 9600, print) is False
    assert "nothing could be opened" in capsys.readouterr().out


async def test_a_keyboard_that_nobody_named_is_named_by_its_swipe() -> None:
    nodes = Nodes()
    first, second = nodes.plug({**MAGTEK, "ID_SERIAL_SHORT": "A1"}), nodes.plug()
    told: list[str] = []
    found = look([TypingReaders(nodes)], [])
    heard = asyncio.create_task(asyncio.to_thread(swipe_now, found, 60, 9600, told.append))
    while not (nodes.is_held(first) and nodes.is_held(second)):
        await asyncio.sleep(0.005)
    await nodes.type(first, SWIPED.decode().replace("\r", "\n"))
    assert await heard is True
    assert "0010086" not in "".join(told)
    (swipe,) = settings_of(told[-1]).swipes
    match = ("ID_VENDOR_ID=0801", "ID_MODEL_ID=0001", "ID_SERIAL_SHORT=A1")
    assert swipe == SwipeSettings("swipe", match, track=2)
    nodes.clear()


def test_the_lines_name_one_device_and_the_configuration_takes_them() -> None:
    kind = TypingReaders(Nodes())
    odd = DeviceSeen("a", {"NAME": 'A "quoted" \\ name'})
    same = DeviceSeen("b", {**MAGTEK}), DeviceSeen("c", {**MAGTEK})
    track_one = Swipe(("B1^A", None, None))
    (scanner,) = settings_of(entry_for(Found(kind, odd, None), Code("123456"), [odd])).scanners
    assert scanner == ScannerSettings("scanner", ('NAME=A "quoted" \\ name',))
    (swipe,) = settings_of(entry_for(Found(kind, same[0], None), track_one, same)).swipes
    assert swipe == SwipeSettings("swipe", ("ID_VENDOR_ID=0801", "ID_MODEL_ID=0001"), track=1)
    (alone,) = settings_of(entry_for(Found(kind, same[0], None), track_one, same[:1])).swipes
    assert alone.match == ("ID_VENDOR_ID=0801", "ID_MODEL_ID=0001")
    named = Found(kind, odd, SwipeSource("till"))
    assert entry_for(named, track_one, [odd]) == '"till" of the configuration takes it'


def test_what_was_heard_is_told_without_a_character_of_it() -> None:
    assert what(Code("6901234567892")) == "a code of 13 characters"
    assert what(Typed(3)) == "somebody typed"
    assert what(SwipeTorn("swipe_torn")) == "a swipe that could not be read (swipe_torn)"
    assert what(BankCardShown("bank_card_refused")).startswith("a bank card")
    torn = Swipe((None, "77", None), frozenset({1}))
    assert what(torn) == "a magnetic card: track 2 of 2 characters, track 1 not read"
    assert what(Swipe((None, None, None))) == "a magnetic card: nothing on it"
