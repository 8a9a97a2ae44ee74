"""No thread, lock or file of a ledger is left where it was not opened, or not opened whole, and a
process that forgot to close one can still exit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.core.errors import LedgerBusy, LedgerCorrupt, LedgerError, LedgerWrongKey
from daemon.ledger.lock import lock
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from daemon.ports.ledger import Books
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, recharge

ROOT = Path(__file__).parents[2]
WAIT_S = 30.0


class BusyClock(TickClock):
    """The writer asks for the time while it makes a new ledger: `busy` happens then."""

    def __init__(self, busy: Callable[[], object]) -> None:
        super().__init__()
        self._busy = busy

    def now_ms(self) -> int:
        self._busy()
        return super().now_ms()


async def opening(path: Path, clock: TickClock, key: bytes = KEY) -> SqlLedger:
    return await SqlLedger.open(path, key, SeedSigner(), clock, device="device-1")


def ledger_threads() -> list[str]:
    return sorted(each.name for each in threading.enumerate() if each.name.startswith("ledger-"))


def open_files(folder: Path) -> list[str]:
    held = (os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd"))
    return sorted(each for each in held if each.startswith(str(folder)))


@pytest.fixture(autouse=True)
def nothing_left(path: Path) -> Iterator[None]:
    yield
    assert ledger_threads() == []
    assert open_files(path.parent) == []
    if path.parent.exists():
        os.close(lock(path))


async def test_an_open_ledger_has_two_threads_and_a_closed_one_none(
    path: Path, clock: TickClock
) -> None:
    ledger = await opening(path, clock)
    assert ledger_threads() == ["ledger-reader", "ledger-writer"]
    await ledger.close()
    assert ledger_threads() == []
    await ledger.close()


async def test_the_reader_cannot_open(path: Path) -> None:
    """The file is taken away under the writer that has it open."""
    with pytest.raises(LedgerError, match="ledger_not_accessible"):
        await opening(path, BusyClock(path.unlink))
    assert ledger_threads() == []


async def test_the_books_cannot_be_opened(path: Path, clock: TickClock) -> None:
    await (await opening(path, clock)).close()
    with pytest.raises(LedgerWrongKey):
        await opening(path, clock, key=bytes(32))
    assert ledger_threads() == []


async def test_the_ledger_is_gone_but_for_its_head(path: Path, clock: TickClock) -> None:
    ledger = await opening(path, clock)
    await ledger.write(recharge(clock, member(clock), 100))
    await ledger.close()
    path.unlink()
    with pytest.raises(LedgerCorrupt, match="ledger_missing"):
        await opening(path, clock)
    assert ledger_threads() == []


async def test_the_folder_is_not_there(path: Path, clock: TickClock) -> None:
    with pytest.raises(LedgerError, match="ledger_not_accessible"):
        await opening(path.parent / "missing" / "ledger.db", clock)
    assert ledger_threads() == []


async def test_another_daemon_has_it(path: Path, clock: TickClock) -> None:
    ledger = await opening(path, clock)
    with pytest.raises(LedgerBusy):
        await opening(path, clock)
    assert ledger_threads() == ["ledger-reader", "ledger-writer"]
    await ledger.close()


async def test_given_up_while_the_writer_opens(path: Path, clock: TickClock) -> None:
    entered, gate = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert gate.wait(WAIT_S)

    task = asyncio.create_task(opening(path, BusyClock(wait)))
    assert await asyncio.to_thread(entered.wait, WAIT_S)
    task.cancel()
    await asyncio.sleep(0)
    # Still being written: nobody else may have it yet.
    with pytest.raises(LedgerBusy):
        await opening(path, clock)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger_threads() == []
    await (await opening(path, clock)).close()


async def test_given_up_twice_the_threads_end_by_themselves(path: Path, clock: TickClock) -> None:
    entered, gate = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert gate.wait(WAIT_S)

    task = asyncio.create_task(opening(path, BusyClock(wait)))
    assert await asyncio.to_thread(entered.wait, WAIT_S)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    writers = [each for each in threading.enumerate() if each.name == "ledger-writer"]
    with pytest.raises(LedgerBusy):
        await opening(path, clock)
    gate.set()
    for writer in writers:
        await asyncio.to_thread(writer.join, WAIT_S)
    assert ledger_threads() == []


@pytest.mark.parametrize("turns", range(1, 12))
async def test_given_up_at_any_point(path: Path, clock: TickClock, turns: int) -> None:
    """However far it came by then, it is open or nothing of it is left."""
    task = asyncio.create_task(opening(path, clock))
    for _ in range(turns):
        await asyncio.sleep(0.003)
    task.cancel()
    try:
        ledger = await task
    except asyncio.CancelledError:
        assert ledger_threads() == []
    else:
        await ledger.close()


async def test_a_ledger_that_stopped_lets_go_of_everything(path: Path, clock: TickClock) -> None:
    ledger = await opening(path, clock)
    ledger._writer.halt("ledger_corrupt")
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(lambda books: None)
    await ledger.close()


async def test_a_close_that_is_given_up_ends_all_the_same(path: Path, clock: TickClock) -> None:
    ledger = await opening(path, clock)
    entered, gate = threading.Event(), threading.Event()

    def slow(books: Books) -> None:
        entered.set()
        assert gate.wait(WAIT_S)
        books.put_setting("late", "kept")

    writing = asyncio.create_task(ledger.write(slow))
    assert await asyncio.to_thread(entered.wait, WAIT_S)
    closing = asyncio.create_task(ledger.close())
    await asyncio.sleep(0.05)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    # What was asked before is still being written, so the lock is still held.
    with pytest.raises(LedgerBusy):
        await opening(path, clock)
    gate.set()
    await writing
    await ledger.close()
    again = await opening(path, clock)
    assert await again.read(lambda books: books.setting("late")) == "kept"
    await again.close()


FORGETS = """
import asyncio, os, pathlib, sys, threading
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, recharge
from daemon.ledger.store import SqlLedger

kept = []

async def main(how):
    clock = TickClock()
    path = pathlib.Path(sys.argv[1])
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    kept.append(ledger)
    await ledger.write(recharge(clock, member(clock), 100))
    if how == "writing":
        gate = threading.Event()
        kept.append(asyncio.ensure_future(ledger.write(lambda books: gate.wait())))
        await asyncio.sleep(0.1)
    raise SystemExit(7)

asyncio.run(main(sys.argv[2]))
"""


@pytest.mark.parametrize("how", ["idle", "writing"])
def test_a_process_that_never_closes_its_ledger_exits(path: Path, how: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORGETS, str(path), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 7, ran.stderr
    report = verify(path, KEY, SeedSigner().public_key)
    assert report.ok and report.entries == 1
