"""A shop on a disk of its own, for the tests of disks that fail. Run inside a private mount
namespace: `python -m tests.ledger.fault_shop full|read_only FOLDER`. Prints one JSON object."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from daemon.core.errors import CounterError, LedgerError
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, recharge, sale


async def until_full(folder: Path) -> dict[str, Any]:
    """Sells until the disk is full, sees the counter stop, makes room and opens again."""
    path = folder / "ledger.db"
    clock = TickClock()
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    who = member(clock)
    done = [(await ledger.write(recharge(clock, who, 10_000_000))).draft.op_id]
    with (folder / "ballast").open("wb") as ballast:
        while shutil.disk_usage(folder).free > 60_000:
            ballast.write(bytes(20_000))
            ballast.flush()
    failure: CounterError | None = None
    while failure is None and len(done) < 5_000:
        try:
            done.append((await ledger.write(sale(clock, who, 1))).draft.op_id)
        except LedgerError as error:
            failure = error
    assert failure is not None
    later = await _refusal(ledger, clock)
    readable = (await ledger.read(lambda books: books.head())).dseq
    stopped = ledger.stopped
    await ledger.close()
    (folder / "ballast").unlink()
    again = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    kept = [
        await again.read(lambda books, o=op_id: books.entry_of(o))  # type: ignore[misc]
        for op_id in done
    ]
    more = (await again.write(sale(clock, who, 1))).dseq
    await again.close()
    return {
        "error": type(failure).__name__,
        "key": failure.key,
        "stopped": stopped,
        "later": later,
        "readable": readable,
        "done": len(done),
        "kept": sum(entry is not None for entry in kept),
        "more": more,
        "verified": verify(path, KEY, SeedSigner().public_key).ok,
    }


async def _refusal(ledger: SqlLedger, clock: TickClock) -> str:
    try:
        await ledger.write(lambda books: books.put_setting("a", "b"))
    except LedgerError as error:
        return str(error)
    return "written"


async def read_only(folder: Path) -> dict[str, Any]:
    """A ledger on a disk that became read-only, as a worn SD card does."""
    path = folder / "ledger.db"
    clock = TickClock()
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    await ledger.write(recharge(clock, member(clock), 100))
    await ledger.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    except CounterError as error:
        return {"error": type(error).__name__, "key": error.key}
    return {"error": None}


if __name__ == "__main__":
    told = {"full": until_full, "read_only": read_only}[sys.argv[1]]
    print(json.dumps(asyncio.run(told(Path(sys.argv[2])))))
