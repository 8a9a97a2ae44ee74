"""`counterd rebuild --config FILE [--json]`: makes the tables that follow from the journal again,
in one transaction, and says what changed. The daemon must not be running.

Exit code 0 where they are right now; 1 where the ledger is in use, or where `counterd verify` finds
more than such tables: then nothing was changed."""

from __future__ import annotations

import argparse
import asyncio
import json

from daemon.config import Settings, load
from daemon.keys.files import find_keys
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import Rebuilt
from daemon.system.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")


def carry_out(arguments: argparse.Namespace) -> int:
    rebuilt = asyncio.run(_rebuild(load(arguments.config)))
    print(json.dumps(rebuilt.to_json()) if arguments.json else rebuilt)
    return 0


async def _rebuild(settings: Settings) -> Rebuilt:
    keys, clock = find_keys(settings.storage.keys), SystemClock()
    ledger = await SqlLedger.open(
        settings.storage.ledger,
        keys.ledger_key(),
        keys.signer(),
        clock,
        device=settings.device.id,
    )
    try:
        clock.not_before(ledger.latest_ms)
        return await ledger.rebuild_projections(settings.policy.utc_offset_min)
    finally:
        await ledger.close()
