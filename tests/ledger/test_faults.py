"""Disks that are full, read-only or wrong by a bit; keys that are wrong; clocks that go back."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.core.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerWrongKey,
)
from daemon.ledger.door import PAGE_BYTES, open_writer
from daemon.ledger.lock import lock_path
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import Flaw, verify
from daemon.ledger.wal import wal_path
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, person, recharge, sale

ROOT = Path(__file__).parents[2]
PUBLIC = SeedSigner().public_key


async def open_ledger(path: Path, clock: TickClock | None = None, key: bytes = KEY) -> SqlLedger:
    return await SqlLedger.open(path, key, SeedSigner(), clock or TickClock(), device="device-1")


def on_a_small_disk(tmp_path: Path, fault: str) -> dict[str, Any]:
    """Runs the fault shop on a tmpfs of 1 MiB that only it can see."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a private mount namespace needs root and unshare")
    ran = subprocess.run(
        [
            "unshare", "-m", "sh", "-c",
            'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"', "sh", str(tmp_path),
            sys.executable, "-m", "tests.ledger.fault_shop", fault, str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    if "permission denied" in ran.stderr.lower() and "mount" in ran.stderr:
        pytest.skip("this machine does not let root mount a tmpfs")
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_a_full_disk_stops_the_counter_and_loses_nothing(tmp_path: Path) -> None:
    told = on_a_small_disk(tmp_path, "full")
    assert (told["error"], told["key"]) == ("LedgerFull", "ledger_full")
    assert told["stopped"] == "ledger_full"
    assert told["later"] == "ledger_stopped (because=ledger_full)"
    assert told["readable"] == told["done"] == told["kept"] > 3
    assert told["more"] == told["done"] + 1
    assert told["verified"]


def test_a_read_only_disk_is_said_at_the_start(tmp_path: Path) -> None:
    told = on_a_small_disk(tmp_path, "read_only")
    assert told == {"error": "LedgerError", "key": "ledger_read_only"}


async def test_a_write_that_fails_stops_the_counter(path: Path, clock: TickClock) -> None:
    """The kernel refuses bytes beyond a limit (EFBIG), as a failing card refuses them with EIO."""
    ledger = await open_ledger(path, clock)
    who = member(clock)
    entry = await ledger.write(recharge(clock, who, 100_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal_path(path).stat().st_size, before[1]))
    try:
        with pytest.raises(LedgerError) as caught:
            for _ in range(5):
                await ledger.write(sale(clock, who, 10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.key in ("ledger_failed", "ledger_full")
    assert ledger.stopped == caught.value.key
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(sale(clock, who, 10))
    await ledger.close()
    again = await open_ledger(path, clock)
    assert (await again.read(lambda books: books.head())).dseq >= entry.dseq
    await again.close()
    assert verify(path, KEY, PUBLIC).ok


async def test_who_waits_is_told_when_the_commit_fails(path: Path, clock: TickClock) -> None:
    ledger = await open_ledger(path, clock)
    who = member(clock)
    await ledger.write(recharge(clock, who, 100_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal_path(path).stat().st_size, before[1]))
    try:
        async with asyncio.timeout(30):
            outcomes = await asyncio.gather(
                *(ledger.write(sale(clock, who, 10)) for _ in range(40)), return_exceptions=True
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert all(isinstance(outcome, LedgerError) for outcome in outcomes)
    await ledger.close()


async def test_a_wrong_key(path: Path, clock: TickClock, capfd: pytest.CaptureFixture[str]) -> None:
    ledger = await open_ledger(path, clock)
    await ledger.write(recharge(clock, member(clock), 100))
    await ledger.close()
    before = path.read_bytes()
    with pytest.raises(LedgerWrongKey, match="ledger_wrong_key"):
        await open_ledger(path, clock, key=bytes(32))
    assert path.read_bytes() == before
    assert capfd.readouterr().err == ""
    again = await open_ledger(path, clock)
    assert (await again.read(lambda books: books.head())).dseq == 1
    await again.close()


async def test_nothing_readable_lies_on_the_disk(path: Path, clock: TickClock) -> None:
    ledger = await open_ledger(path, clock)
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person("Zaphod", "13812341234")))
    await ledger.write(recharge(clock, who, 100))
    everything = b"".join(each.read_bytes() for each in path.parent.iterdir())
    await ledger.close()
    everything += b"".join(each.read_bytes() for each in path.parent.iterdir())
    for word in (b"Zaphod", b"13812341234", who.member_id.encode(), b"CREATE TABLE", b"SQLite"):
        assert word not in everything
    for each in path.parent.iterdir():
        if each != path:
            assert each.stat().st_mode & 0o077 == 0 or each.name.endswith((".db", "-wal", "-shm"))


async def test_one_daemon_a_ledger(sql: SqlLedger, path: Path) -> None:
    with pytest.raises(LedgerBusy, match="ledger_in_use"):
        await open_ledger(path)
    program = (
        "import asyncio, pathlib, sys\n"
        "from tests.ledger.test_faults import open_ledger\n"
        "asyncio.run(open_ledger(pathlib.Path(sys.argv[1])))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert "LedgerBusy: ledger_in_use" in ran.stderr
    await sql.write(lambda books: books.put_setting("still", "here"))


async def test_a_lock_left_behind_holds_nobody_up(path: Path) -> None:
    lock_path(path).touch()
    ledger = await open_ledger(path)
    await ledger.close()


async def test_a_clock_set_back_does_not_reach_the_journal(path: Path) -> None:
    ledger = await open_ledger(path, TickClock(2_000_000))
    clock = TickClock(2_000_000)
    entry = await ledger.write(recharge(clock, member(clock), 100))
    await ledger.close()
    ledger = await open_ledger(path, TickClock(1_000))
    assert ledger.latest_ms == entry.draft.at_ms
    back = TickClock(1_000, seed=1)
    later = await ledger.write(recharge(back, member(back), 100))
    assert later.draft.at_ms == entry.draft.at_ms
    await ledger.close()
    assert verify(path, KEY, PUBLIC).ok


@pytest.mark.parametrize("seed", range(20))
async def test_a_flipped_bit_in_the_database(path: Path, clock: TickClock, seed: int) -> None:
    ledger = await open_ledger(path, clock)
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person()))
    await ledger.write(recharge(clock, who, 100_000))
    for _ in range(60):
        await ledger.write(sale(clock, who, 10))
    await ledger.close()
    flip_a_bit(path, random.Random(seed), 0)
    try:
        report = verify(path, KEY, PUBLIC)
    except LedgerWrongKey:
        # The first page holds the salt: damaged there, nothing can be told from a wrong key.
        pass
    else:
        assert Flaw.UNREADABLE in {problem.flaw for problem in report.problems}
    try:
        again = await open_ledger(path, clock)
        try:
            await again.write(sale(clock, who, 10))
            stopped = again.stopped
        finally:
            await again.close()
    except LedgerError as error:
        assert error.key in ("ledger_corrupt", "ledger_wrong_key")
    else:
        # The page was not needed for a sale; verifying has found it all the same.
        assert stopped is None


async def crashed_copy(folder: Path, clock: TickClock, sales: int) -> Path:
    """A ledger as a power cut leaves it: all of it in the WAL, nothing signed."""
    live = folder / "live.db"
    ledger = await open_ledger(live, clock)
    who = member(clock)
    await ledger.write(recharge(clock, who, 100_000))
    for _ in range(sales):
        await ledger.write(sale(clock, who, 10))
    path = folder / "crashed.db"
    shutil.copy(live, path)
    shutil.copy(wal_path(live), wal_path(path))
    await ledger.close()
    return path


def flip_a_bit(path: Path, rng: random.Random, first: int, last: int | None = None) -> int:
    raw = bytearray(path.read_bytes())
    offset = rng.randrange(first, len(raw) if last is None else last)
    raw[offset] ^= 1 << rng.randrange(8)
    path.write_bytes(raw)
    return offset


async def test_a_power_cut_keeps_what_is_in_the_wal(tmp_path: Path, clock: TickClock) -> None:
    path = await crashed_copy(tmp_path, clock, 20)
    assert verify(path, KEY, PUBLIC).entries == 21
    ledger = await open_ledger(path, clock)
    assert (await ledger.read(lambda books: books.head())).dseq == 21
    await ledger.close()


@pytest.mark.parametrize("seed", range(20))
async def test_a_flipped_bit_in_the_wal(tmp_path: Path, clock: TickClock, seed: int) -> None:
    """SQLite alone would open it without a word and without the sales behind the break."""
    path = await crashed_copy(tmp_path, clock, 40)
    frame = 24 + PAGE_BYTES
    size = wal_path(path).stat().st_size
    offset = flip_a_bit(wal_path(path), random.Random(seed), 0, size - 14 * frame)
    report = verify(path, KEY, PUBLIC)
    with pytest.raises(LedgerCorrupt) as caught:
        await open_ledger(path, clock)
    assert caught.value.key in ("ledger_wal_damaged", "ledger_corrupt"), offset
    assert {Flaw.WAL_DAMAGED, Flaw.UNREADABLE} & {p.flaw for p in report.problems}, offset


@pytest.mark.parametrize("seed", range(20))
async def test_a_wal_torn_at_its_end(tmp_path: Path, clock: TickClock, seed: int) -> None:
    """What a cut in the middle of a write leaves: the last commit is missing or garbled."""
    path = await crashed_copy(tmp_path, clock, 20)
    rng = random.Random(seed)
    raw = wal_path(path).read_bytes()
    torn = raw[: len(raw) - rng.randrange(1, 2 * PAGE_BYTES)] + rng.randbytes(rng.randrange(100))
    wal_path(path).write_bytes(torn)
    ledger = await open_ledger(path, clock)
    assert (await ledger.read(lambda books: books.head())).dseq == 20
    await ledger.write(recharge(clock, member(clock, "2"), 5))
    await ledger.close()
    report = verify(path, KEY, PUBLIC)
    assert report.ok and report.entries == 21


async def test_damage_seen_by_a_reader_stops_the_writer(path: Path, clock: TickClock) -> None:
    ledger = await open_ledger(path, clock)
    who = member(clock)
    await ledger.write(recharge(clock, who, 1_000_000))
    for _ in range(200):
        await ledger.write(sale(clock, who, 10))
    await ledger.close()
    raw = bytearray(path.read_bytes())
    for page in range(30, len(raw) // PAGE_BYTES):
        raw[page * PAGE_BYTES + 77] ^= 4
    path.write_bytes(raw)
    try:
        ledger = await open_ledger(path, clock)
    except LedgerCorrupt as error:
        assert error.key == "ledger_corrupt"
        return
    with pytest.raises(LedgerCorrupt):
        await ledger.read(lambda books: books.leaves(1, 1_000))
    assert ledger.stopped == "ledger_corrupt"
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(lambda books: books.put_setting("a", "b"))
    await ledger.close()


async def test_a_ledger_of_a_later_release_is_left_alone(path: Path, clock: TickClock) -> None:
    ledger = await open_ledger(path, clock)
    await ledger.close()
    connection = open_writer(path, KEY)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(LedgerCorrupt, match="ledger_too_new"):
        await open_ledger(path, clock)
