"""What a pull does when the line, the device or the power lets it down: nothing that counts."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from cloud.link import Link, connect
from cloud.pull import Pulled, pull
from cloud.store import Store
from daemon.core.errors import SyncError
from daemon.sync.envelope import Circumstances, Position, RawBatch, encode_batches, open_batch, seal
from daemon.sync.receipts import progress
from tests.sync.appliance import IDENTITY, ROOT, START_MS, Served
from tests.sync.dishonest import Dishonest, listening, record, words_of
from tests.sync.test_cloud_pull import contents

NIGHTLY = bool(os.environ.get("COUNTERD_NIGHTLY"))
pytestmark = pytest.mark.timeout(3600 if NIGHTLY else 300)


@pytest.fixture
async def far(served: Served) -> AsyncIterator[Dishonest]:
    await served.appliance.trade(119)
    async with listening(await record(served), served) as heard:
        yield heard


@asynccontextmanager
async def line_to(far: Dishonest, served: Served) -> AsyncIterator[Link]:
    files = served.files
    async with connect(far.url, files.client, files.client_key, files.ca) as link:
        yield link


async def pull_once(
    far: Dishonest, served: Served, store: Store, *, from_start: bool = False
) -> Pulled:
    async with line_to(far, served) as link:
        return await pull(
            link,
            store,
            served.cloud_key,
            device_key=served.appliance.signer.public_key,
            from_start=from_start,
        )


async def refused(far: Dishonest, served: Served, store: Store, **how: bool) -> str:
    with pytest.raises(SyncError) as caught:
        await pull_once(far, served, store, **how)
    return caught.value.key


def flip(place: int, bit: int) -> Callable[[bytes], bytes]:
    def torn(body: bytes) -> bytes:
        changed = bytearray(body)
        changed[place % len(body)] ^= 1 << bit
        return bytes(changed)

    return torn


async def test_a_flipped_byte_is_refused_by_name_and_moves_nothing(
    served: Served, far: Dishonest, tmp_path: Path
) -> None:
    far.each = 1
    body = encode_batches(far.batches[:1])
    seeded = random.Random(31)
    places = range(len(body)) if NIGHTLY else seeded.sample(range(len(body)), 150)
    with closing(Store(tmp_path / "cloud.db")) as store:
        named = set()
        for place in places:
            far.tamper = flip(place, seeded.randrange(8))
            named.add(await refused(far, served, store))
            assert store.position(IDENTITY) == Position(IDENTITY)
        assert named <= {
            "batch_malformed",
            "batch_signature",
            "batch_merkle",
            "batch_key_unknown",
        }
        assert {reason for _, reason, _ in store.quarantined(IDENTITY)} == named
        assert far.receipts == []
        far.tamper = lambda body: body
        pulled = await pull_once(far, served, store)
        assert (pulled.new, pulled.after.dseq) == (3, 120)
        assert len(far.receipts) == 1


async def test_the_batches_before_a_broken_one_count(
    served: Served, far: Dishonest, store: Path
) -> None:
    leaf = far.batches[1].leaves[-1]
    far.tamper = lambda body: body.replace(leaf, flip(len(leaf) - 1, 0)(leaf))
    code, report = await served.pull(store, url=far.url)
    assert (code, report["ok"], report["key"]) == (1, False, "batch_merkle")
    assert report["facts"]["bseq"] == 2
    assert [row[2] for row in contents(store)["batches"]] == [1]
    with closing(sqlite3.connect(store)) as db:
        (row,) = db.execute("SELECT after_bseq, reason, times, facts FROM quarantine")
    assert row[:3] == (1, "batch_merkle", 1) and json.loads(row[3])["bseq"] == 2
    code, _ = await served.pull(store, url=far.url)
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("SELECT reason, times FROM quarantine").fetchall() == [
            ("batch_merkle", 2)
        ]
    code, report = await served.pull(store)
    assert (code, report["new"]) == (0, 2)
    assert report["quarantined"] == [{"after_bseq": 1, "reason": "batch_merkle", "times": 2}]


@pytest.mark.parametrize("cut_at", [0, 1, 500, 9_000])
async def test_a_line_that_is_cut_in_a_body_changes_nothing(
    served: Served, far: Dishonest, store: Path, cut_at: int
) -> None:
    far.cut_at = cut_at
    with closing(Store(store)) as opened:
        assert await refused(far, served, opened) == "link_failed"
        assert opened.position(IDENTITY).bseq == 0
        assert opened.quarantined(IDENTITY) == []
        far.cut_at = None
        assert (await pull_once(far, served, opened)).new == 3


def tell(far: Dishonest, served: Served, raws: list[RawBatch]) -> None:
    far.batches = raws
    far.words = words_of(served, raws)


def other_history(far: Dishonest, served: Served, after: int) -> list[RawBatch]:
    """The same leaves, sealed once more by the same key behind batch `after`."""
    trusted = {served.appliance.signer.key_id: served.appliance.signer.public_key}
    position = Position(IDENTITY)
    told = list(far.batches[:after])
    for raw in told:
        position = open_batch(raw.message, raw.leaves, trusted, position).position
    for raw in far.batches[after:]:
        again = seal(
            position, raw.leaves, served.appliance.signer, Circumstances(START_MS + 999_999)
        )
        told.append(RawBatch(again.message, again.leaves))
        position = again.position
    return told


async def test_a_fork_is_seen_and_kept(served: Served, far: Dishonest, store: Path) -> None:
    with closing(Store(store)) as opened:
        await pull_once(far, served, opened)
        before = contents(store)
        tell(far, served, other_history(far, served, 1))
        assert await refused(far, served, opened) == "batch_fork"
        assert await refused(far, served, opened, from_start=True) == "batch_fork"
        assert contents(store) == before
        assert [reason for _, reason, _ in opened.quarantined(IDENTITY)] == ["batch_fork"]


async def test_a_fork_behind_the_cursor_does_not_go_on(
    served: Served, far: Dishonest, store: Path
) -> None:
    honest = list(far.batches)
    with closing(Store(store)) as opened:
        tell(far, served, honest[:2])
        await pull_once(far, served, opened)
        tell(far, served, other_history(Dishonest({}, honest), served, 1))
        assert await refused(far, served, opened) == "batch_fork"
        assert opened.position(IDENTITY).bseq == 2


async def test_a_device_that_went_back_is_named(
    served: Served, far: Dishonest, store: Path
) -> None:
    with closing(Store(store)) as opened:
        await pull_once(far, served, opened)
        tell(far, served, list(far.batches[:2]))
        assert await refused(far, served, opened) == "device_behind"
        far.words["epoch"] = 0
        assert await refused(far, served, opened) == "device_behind"
        assert opened.position(IDENTITY).bseq == 3


async def test_batches_that_are_withheld_or_left_out(
    served: Served, far: Dishonest, store: Path
) -> None:
    with closing(Store(store)) as opened:
        far.tamper = lambda _: b"\x80"
        assert await refused(far, served, opened) == "batch_gap"
        far.tamper = lambda _: encode_batches(far.batches[1:])
        assert await refused(far, served, opened) == "batch_gap"
        far.tamper = lambda _: encode_batches([far.batches[0], far.batches[2]])
        assert await refused(far, served, opened) == "batch_gap"
        assert opened.position(IDENTITY).bseq == 1


@pytest.mark.parametrize(
    "words",
    [
        {"public_key": "zz"},
        {"public_key": "00"},
        {"epoch": -1},
        {"epoch": True},
        {"device": 5},
        {"head": {"bseq": "1", "hash": ""}},
        {"head": []},
        {"receipted": None},
    ],
)
async def test_a_device_that_talks_nonsense(
    served: Served, far: Dishonest, store: Path, words: dict[str, Any]
) -> None:
    far.words |= words
    with closing(Store(store)) as opened:
        assert await refused(far, served, opened) == "device_malformed"


async def test_an_impostor_with_the_right_certificate(
    served: Served, far: Dishonest, store: Path
) -> None:
    far.words["public_key"] = bytes(32).hex()
    with closing(Store(store)) as opened:
        assert await refused(far, served, opened) == "device_key_mismatch"
        assert opened.device("D-7F3A") is None


async def test_killed_between_the_commit_and_the_receipt(
    served: Served, far: Dishonest, store: Path
) -> None:
    async def kill(what: str) -> None:
        if what == "receipts":
            process.send_signal(signal.SIGKILL)
            await process.wait()

    far.on_request = kill
    process = await start(served, store, far)
    await process.wait()
    assert len(contents(store)["batches"]) == 3
    assert (await progress(served.appliance.ledger)).receipted == 0
    code, report = await served.pull(store)
    assert (code, report["new"], report["acknowledged"]) == (0, 0, 3)
    assert (await progress(served.appliance.ledger)).receipted == 3


async def test_killed_at_any_moment(served: Served, far: Dishonest, store: Path) -> None:
    """Each seed kills the pull a little after one of its requests; then a whole pull must find
    exactly what it would have found alone."""
    far.each = 1
    once = store.with_name("once.db")
    await served.pull(once)
    wanted = contents(once)
    for seed in range(100 if NIGHTLY else 6):
        seeded = random.Random(seed)
        fresh = store.with_name(f"killed-{seed}.db")
        await kill_after(served, far, fresh, seeded.randrange(1, 6), seeded.uniform(0, 0.02))
        if fresh.exists():
            assert_whole(contents(fresh), wanted)
        code, report = await served.pull(fresh)
        assert code == 0 and report["reconciled"], seed
        assert contents(fresh) == wanted, seed


def assert_whole(kept: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> None:
    """Whole batches from the first on, with all their leaves, and the cursor at the last."""
    for name in ("batches", "leaves"):
        assert kept[name] == wanted[name][: len(kept[name])]
    last = kept["batches"][-1] if kept["batches"] else None
    assert len(kept["leaves"]) == (last[4] if last else 0)
    assert [cursor[3] for cursor in kept["cursors"]] == ([last[2]] if last else [])


async def kill_after(
    served: Served, far: Dishonest, store: Path, requests: int, delay_s: float
) -> None:
    left = requests

    async def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, stop, process)

    far.on_request = count
    process = await start(served, store, far)
    await process.wait()


def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)


async def start(served: Served, store: Path, far: Dishonest) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *served.pull_arguments(store, url=far.url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )
