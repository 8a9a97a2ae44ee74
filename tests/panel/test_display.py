"""Customer displays over a real pseudo terminal; the far side is the simulated display, a process
that was written from the makers' manuals and shares no code with ours."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import PanelError
from daemon.core.panel import Act, Scene
from daemon.core.pole_text import Charset, PoleText, frame
from daemon.panel.display import Display, PoleSettings
from daemon.panel.poles import POLES
from daemon.panel.serial_line import Line, SerialLines
from daemon.ports.cards import ReaderState
from simulator.display.screen import KINDS, Glass
from tests.panel.display_process import display_process
from tests.panel.far_side import PATIENCE_S, until
from tests.unit.test_pole_text import SCENES

SHOP = PoleText(idle="示范会员店", balance=True)
DUE = Scene(Act.LAY_CARD, 123456)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pole"


@asynccontextmanager
async def showing(
    path: Path, profile: str = "escpos", name: str = "pole", write_s: float = 2.0
) -> AsyncIterator[Display]:
    settings = PoleSettings(name, str(path), profile, text=SHOP)
    lines = SerialLines(write_s)
    display = Display(settings, lines, lambda: None, look_s=0.02, write_s=write_s)
    await display.start()
    try:
        yield display
    finally:
        await display.stop()


def stands(display: Display, state: ReaderState, problem: str | None = None) -> bool:
    return (display.status().state, display.status().problem) == (state, problem)


@pytest.mark.parametrize("profile", ["escpos", "cd5220"])
async def test_a_sale_on_two_lines(path: Path, profile: str) -> None:
    async with display_process(path, profile) as far, showing(path, profile) as display:
        await far.shows("示范会员店", "欢迎光临")
        display.show(DUE)
        await far.shows("应收         1234.56", "请刷卡")
        display.show(Scene(Act.TYPE_PIN, 123456, stars=4))
        await far.shows("应收         1234.56", "密码            ****")
        display.show(Scene(Act.PAID, 123456, 5000))
        await far.shows("已付         1234.56", "余额           50.00")


async def test_a_stop_clears_the_display(path: Path) -> None:
    async with display_process(path, "cd5220") as far:
        async with showing(path, "cd5220") as display:
            display.show(DUE)
            await far.shows("应收         1234.56", "请刷卡")
        await far.shows("", "")


@pytest.mark.parametrize("turns", range(6))
async def test_it_stops_also_in_the_turn_in_which_it_was_woken(path: Path, turns: int) -> None:
    async with display_process(path, "cd5220") as far, showing(path, "cd5220") as display:
        await far.shows("示范会员店", "欢迎光临")
        display.show(DUE)
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await display.stop()


async def test_a_sale_on_a_display_of_numbers(path: Path) -> None:
    async with display_process(path, "digits") as far, showing(path, "digits") as display:
        display.show(DUE)
        seen = await far.until(lambda seen: seen["digits"] == "1234.56")
        assert seen["lamp"] == "total"
        display.show(Scene(Act.PAID, 123456, None, 4400))
        seen = await far.until(lambda seen: seen["digits"] == "44.00")
        assert seen["lamp"] == "change"
        display.show(Scene(Act.LAY_CARD, 10**11))
        await far.until(lambda seen: seen["digits"] == "--------")
        display.show(Scene(Act.IDLE))
        await far.until(lambda seen: (seen["digits"], seen["lamp"]) == ("", ""))


@given(st.lists(SCENES, max_size=4), st.sampled_from(KINDS), st.sampled_from(Charset), st.data())
def test_the_glass_shows_what_was_meant(
    scenes: list[Scene], kind: str, charset: Charset, data: st.DataObject
) -> None:
    """Whatever was there before, and in whatever pieces the bytes come."""
    glass, text = Glass(kind), PoleText(charset=charset, idle="示范店 A1", balance=True)
    sent = POLES[kind].begin + b"".join(POLES[kind].paint(scene, text) for scene in scenes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        glass.take(sent[start:end])
    assert glass.unknown == []
    assert not glass.cursor or kind == "digits"
    if scenes and kind != "digits":
        encoding = "gbk" if charset is Charset.GB18030 else "ascii"
        meant = [row.encode(encoding, "replace") for row in frame(scenes[-1], text)]
        assert [row.encode("gb18030") for row in glass.lines()] == meant


@given(st.binary(max_size=400), st.sampled_from(KINDS))
def test_the_far_side_takes_any_bytes(received: bytes, kind: str) -> None:
    glass = Glass(kind)
    glass.take(received)
    assert all(len(row) == 20 for row in glass.rows)
    glass.take(b"\r")
    glass.lines()


async def test_absent_at_start_and_plugged_in_later(path: Path) -> None:
    async with showing(path) as display:
        await until(lambda: stands(display, ReaderState.ABSENT, "panel_absent"))
        display.show(DUE)
        async with display_process(path, "escpos") as far:
            await far.shows("应收         1234.56", "请刷卡")
            assert stands(display, ReaderState.READY)
            assert display.status().last == "panel_absent"


async def test_unplugged_idle_and_in_the_middle_and_back(path: Path) -> None:
    async with display_process(path, "escpos") as far, showing(path) as display:
        await far.shows("示范会员店", "欢迎光临")
        for fen in range(100, 110):
            await far.fault("unplugged")
            await until(lambda: not stands(display, ReaderState.READY))
            assert display.status().problem in ("panel_cut_off", "panel_absent")
            display.show(Scene(Act.LAY_CARD, fen))
            await far.fault("ok")
            await far.shows(f"应收            {fen / 100:.2f}", "请刷卡")
        assert stands(display, ReaderState.READY)


async def test_one_that_lost_its_own_power_is_painted_again(path: Path) -> None:
    async with display_process(path, "escpos") as far, showing(path) as display:
        display.show(DUE)
        await far.shows("应收         1234.56", "请刷卡")
        await far.dark()
        await far.shows("应收         1234.56", "请刷卡")
        assert display.status().failures == 0


async def test_one_that_takes_no_bytes_is_given_up_and_comes_back(path: Path) -> None:
    async with display_process(path, "escpos") as far, showing(path, write_s=0.05) as display:
        await far.shows("示范会员店", "欢迎光临")
        await far.fault("stalled")
        turn = 0
        async with asyncio.timeout(20):
            # The line's own buffer takes some pictures before it is full.
            while not stands(display, ReaderState.FAULTED, "panel_stalled"):
                turn += 1
                display.show(Scene(Act.LAY_CARD, turn))
                await asyncio.sleep(0.002)
        display.show(DUE)
        await far.fault("ok")
        await far.shows("应收         1234.56", "请刷卡")


class _Hanging:
    """A driver that does not keep its own deadline."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.real = SerialLines(0.05)

    def open(self, path: str, baud: int) -> Line:
        self.free.wait()
        return self.real.open(path, baud)


async def test_a_driver_that_hangs_costs_nothing(path: Path) -> None:
    lines = _Hanging()
    settings = PoleSettings("pole", str(path), "escpos", text=SHOP)
    async with display_process(path, "escpos") as far:
        display = Display(settings, lines, lambda: None, look_s=0.02, write_s=-0.49)
        await display.start()
        display.show(DUE)
        await until(lambda: stands(display, ReaderState.FAULTED, "panel_stalled"))
        lines.free.set()
        await far.until(lambda seen: "1234.56" in seen["lines"][0])
        await display.stop()


async def test_two_of_a_kind_show_the_same(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    async with (
        display_process(one, "cd5220") as near,
        display_process(two, "cd5220") as far,
        showing(one, "cd5220") as first,
        showing(two, "cd5220", "second") as second,
    ):
        for display in (first, second):
            display.show(DUE)
        for glass in (near, far):
            await glass.shows("应收         1234.56", "请刷卡")
        await near.fault("unplugged")
        await until(lambda: not stands(first, ReaderState.READY))
        second.show(Scene(Act.PAID, 123456))
        await far.shows("已付         1234.56", "谢谢")


async def test_held_by_another_program(path: Path) -> None:
    async with display_process(path, "escpos") as far:
        held = SerialLines().open(str(path), 9600)
        with pytest.raises(PanelError, match="panel_busy"):
            SerialLines().open(str(path), 9600)
        async with showing(path) as display:
            await until(lambda: stands(display, ReaderState.FAULTED, "panel_busy"))
            held.close()
            await far.shows("示范会员店", "欢迎光临")


async def test_permission_denied(path: Path) -> None:
    async with display_process(path, "escpos"):
        node, was = os.path.realpath(path), os.geteuid()
        os.chmod(node, 0)
        # Nobody, where this user may be anybody: the superuser is denied nothing.
        if was == 0:
            os.seteuid(65534)
        try:
            async with showing(Path(node)) as display:
                await until(lambda: stands(display, ReaderState.FAULTED, "panel_access_denied"))
        finally:
            if was == 0:
                os.seteuid(was)


async def test_a_wrong_kind_of_node_is_told(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    async with showing(plain) as display:
        await until(lambda: not stands(display, ReaderState.OPENING))
        assert display.status().state is not ReaderState.READY
