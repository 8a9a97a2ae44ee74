"""kill -9 at random moments: what was acknowledged is there once, what was refused is not."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon.core.records import OpState
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from tests.ledger.shop import KEY, SeedSigner, TickClock

KILLS = 400 if os.environ.get("COUNTERD_NIGHTLY") else 50
LEDGERS = 5
"""The kills are spread over a few ledgers, so that each is also opened after many crashes."""
LONGEST_S = 0.4
ROOT = Path(__file__).parents[2]


def run_and_kill(path: Path, seed: int) -> list[tuple[str, str, int]]:
    """Starts a shop on the ledger and kills it at a moment that the seed chooses: from the first
    moments of its opening to well into its sales. Returns what it had acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.crash_writer", str(path), str(seed), "4"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    rng = random.Random(seed)
    if rng.random() < 0.9:
        first = process.stdout.readline()
        assert first == b"open - 0\n", f"seed {seed}: {first!r}"
    time.sleep(rng.random() * LONGEST_S)
    process.kill()
    rest, _ = process.communicate()
    lines = [line.split() for line in rest.decode().splitlines(keepends=True) if line[-1] == "\n"]
    return [(what, op_id, int(dseq)) for what, op_id, dseq in lines if what != "open"]


@pytest.mark.parametrize("number", range(LEDGERS))
async def test_a_killed_shop_keeps_what_it_said(tmp_path: Path, number: int) -> None:
    path = tmp_path / "ledger.db"
    done: dict[str, int] = {}
    refused: set[str] = set()
    asked: set[str] = set()
    for seed in range(number, KILLS, LEDGERS):
        for what, op_id, dseq in run_and_kill(path, seed):
            if what == "done":
                done[op_id] = dseq
            else:
                (refused if what == "refused" else asked).add(op_id)
        if not path.exists():
            continue
        ledger = await SqlLedger.open(
            path, KEY, SeedSigner(), TickClock(1_900_000_000_000), device="device-1"
        )
        leaves = await ledger.read(lambda books: books.leaves(1, 10**9))
        assert [row[0] for row in leaves] == list(range(1, len(leaves) + 1)), f"seed {seed}"
        for op_id, dseq in done.items():
            entry = await ledger.read(lambda books, o=op_id: books.entry_of(o))  # type: ignore
            assert entry is not None and entry.dseq == dseq, f"seed {seed}: {op_id}"
        for op_id in refused:
            entry = await ledger.read(lambda books, o=op_id: books.entry_of(o))  # type: ignore
            assert entry is None, f"seed {seed}: {op_id}"
        for op_id in asked:
            kept = await ledger.read(lambda books, o=op_id: books.operation(o))  # type: ignore
            assert kept is not None, f"seed {seed}: {op_id}"
            assert (kept.state is OpState.APPROVED) or op_id not in done, f"seed {seed}: {op_id}"
        await ledger.close()
        report = verify(path, KEY, SeedSigner().public_key)
        assert report.ok, f"seed {seed}: {report}"
    assert done and refused
