"""A process that sells until it is killed: `python -m tests.ledger.crash_writer LEDGER SEED TILLS`.

Prints one line for each write that was acknowledged, after it was. Several tills sell at once, some
of what they ask is refused, and the writer is made to tend its WAL and checkpoints often. A till
alone is for looking at the order of system calls: nothing is tended then."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from daemon.core.errors import Refused
from daemon.core.records import Member, OpState
from daemon.ledger import store, writer
from daemon.ledger.store import SqlLedger
from daemon.ports.ledger import Books
from tests.ledger.shop import KEY, SeedSigner, TickClock, member, operation, recharge, sale


async def till(ledger: SqlLedger, clock: TickClock, name: str, rng: random.Random) -> None:
    who = member(clock, f"{name}-{clock.new_id()}")
    entry = await ledger.write(recharge(clock, who, 10_000_000, 1_000_000))
    say("done", entry.draft.op_id, entry.dseq)
    while True:
        await one_sale(ledger, clock, f"{name}/{clock.new_id()}", who, rng)


async def one_sale(
    ledger: SqlLedger, clock: TickClock, client_key: str, who: Member, rng: random.Random
) -> None:
    asked = operation(clock, client_key=client_key)
    await ledger.write(lambda books: books.add_operation(asked))
    say("asked", asked.op_id, 0)
    refuse = rng.random() < 0.2
    sell = sale(clock, who, rng.randint(1, 5_000), op_id=asked.op_id)

    def settle(books: Books) -> int:
        entry = sell(books)
        books.change_operation(asked.op_id, OpState.APPROVED, dseq=entry.dseq)
        if refuse:
            raise Refused("day_limit")
        return entry.dseq

    try:
        say("done", asked.op_id, await ledger.write(settle))
    except Refused:
        say("refused", asked.op_id, 0)


def say(what: str, op_id: str, dseq: int) -> None:
    os.write(1, f"{what} {op_id} {dseq}\n".encode())


async def main(path: Path, seed: int, count: int) -> None:
    store.CHECKPOINT_EVERY = 16  # type: ignore[misc]
    writer.TEND_EVERY = 8 if count > 1 else 1_000_000  # type: ignore[misc]
    rng = random.Random(seed)
    clock = TickClock(1_800_000_000_000 + seed * 10_000_000, seed)
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    say("open", "-", 0)
    async with asyncio.TaskGroup() as tills:
        for number in range(count):
            tills.create_task(till(ledger, clock, f"till-{number}", rng))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
