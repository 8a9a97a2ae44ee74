"""The thread that does a reader's blocking work."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from daemon.readers.lane import Lane, LaneStuck

ROOT = Path(__file__).parents[2]
SOON_S = 0.05
LATER_S = 5.0


class Bench:
    def __init__(self) -> None:
        self.freed: list[Lane] = []
        self.came_back = asyncio.Event()
        self.lane = Lane("test", self._free)

    def _free(self, lane: Lane) -> None:
        self.freed.append(lane)
        self.came_back.set()


def fails() -> None:
    raise ValueError("on the other thread")


async def test_results_and_errors_come_back() -> None:
    bench = Bench()
    assert await bench.lane.call(lambda: 6 * 7, LATER_S) == 42
    with pytest.raises(ValueError, match="other thread"):
        await bench.lane.call(fails, LATER_S)
    assert await bench.lane.call(threading.get_ident, LATER_S) != threading.get_ident()
    bench.lane.close()
    assert bench.lane.join(LATER_S)


async def test_a_call_that_hangs_makes_the_lane_stuck_until_it_comes_back() -> None:
    bench, release = Bench(), threading.Event()
    undone: list[bool] = []
    with pytest.raises(LaneStuck):
        await bench.lane.call(release.wait, SOON_S, undone.append)
    assert bench.lane.stuck
    with pytest.raises(LaneStuck):
        await bench.lane.call(lambda: None, LATER_S)
    assert not bench.freed
    release.set()
    async with asyncio.timeout(LATER_S):
        await bench.came_back.wait()
    assert bench.freed == [bench.lane]
    assert await asyncio.to_thread(bench.lane.join, LATER_S)
    assert undone == [True]


async def test_what_was_posted_is_done_after_the_call_that_hung() -> None:
    bench, release = Bench(), threading.Event()
    done: list[str] = []
    with pytest.raises(LaneStuck):
        await bench.lane.call(release.wait, SOON_S)
    bench.lane.post(lambda: done.append("closed"))
    release.set()
    assert await asyncio.to_thread(bench.lane.join, LATER_S) is False or done
    async with asyncio.timeout(LATER_S):
        await bench.came_back.wait()
    assert await asyncio.to_thread(bench.lane.join, LATER_S)
    assert done == ["closed"]


async def test_a_cancelled_call_is_undone_and_the_lane_goes_on() -> None:
    bench, entered, release = Bench(), threading.Event(), threading.Event()
    undone: list[str] = []

    def open_slowly() -> str:
        entered.set()
        release.wait()
        return "channel"

    task = asyncio.create_task(bench.lane.call(open_slowly, LATER_S, undone.append))
    await asyncio.to_thread(entered.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await bench.lane.call(lambda: "next", LATER_S) == "next"
    bench.lane.close()
    await asyncio.to_thread(bench.lane.join, LATER_S)
    assert undone == ["channel"]
    assert not bench.lane.stuck


def test_a_lane_whose_loop_has_ended_ends_when_its_driver_comes_back() -> None:
    release = threading.Event()
    undone: list[bool] = []

    async def hang() -> Lane:
        lane = Bench().lane
        with pytest.raises(LaneStuck):
            await lane.call(release.wait, SOON_S, undone.append)
        return lane

    lane = asyncio.run(hang())
    release.set()
    assert lane.join(LATER_S)
    assert undone == [True]


HANGS = """
import asyncio, threading
from daemon.readers.lane import Lane, LaneStuck

async def main():
    lane = Lane("test", lambda _: None)
    try:
        await lane.call(threading.Event().wait, 0.05)
    except LaneStuck:
        raise SystemExit(7)

asyncio.run(main())
"""


def test_a_process_whose_driver_hangs_for_ever_exits() -> None:
    ran = subprocess.run([sys.executable, "-c", HANGS], cwd=ROOT, timeout=120)
    assert ran.returncode == 7
