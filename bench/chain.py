"""The chain's figures: `python -m bench chain [--json] [--quick]`.

One PostgreSQL on this machine's disk, as it comes (fsync on, synchronous_commit on), with 10, 100
and 1,000 simulated devices where the number matters. What has a bare peer takes turns with it,
round by round; a figure is the median over the rounds of the ratio of the two.

* ingest: reports of twenty batches of 50 sales (a device that catches up) and of one batch (one
  that sells), verified and committed, against COPY of the same rows, eight connections each;
* an online debit against one conditional UPDATE, sixteen cashiers at once;
* grants, a week's backlog, a lost card over two real counters, one exchange by number of devices.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench import chain_cloud, chain_line
from bench.chain_shop import Fleet
from simulator import postgres

MOST: Final = {
    "ingest_over_copy": 2.0,
    "online_debit_over_update": 1.5,
    "backlog_s": 20.0,
    "lost_card_s": 5.0,
    "exchange_cpu_most_over_least": 1.2,
}


@dataclass(frozen=True)
class Size:
    fleets: tuple[int, ...] = (10, 100, 1_000)
    rounds: int = 5
    batches: int = 20
    debits: int = 400
    members: int = 1_000
    sales: int = chain_cloud.WEEK
    times: int = 5


QUICK: Final = Size((10, 100), rounds=3, batches=4, debits=200, members=200, sales=5_000, times=2)


async def measure(server: postgres.Server, size: Size) -> dict[str, float]:
    figures = chain_cloud.batch_figures(size.rounds)
    figures |= await chain_cloud.backlog(server, size.sales)
    lost = await chain_line.lost_card(server, size.times)
    figures |= {"lost_card_s": statistics.median(lost), "lost_card_s_worst": max(lost)}
    for devices in size.fleets:
        async with chain_cloud.fleet_of(server, devices) as (fleet, pool):
            told = await _of_fleet(fleet, pool, size)
            figures |= {f"{name}_at_{devices}": value for name, value in told.items()}
            if devices == size.fleets[0]:
                figures |= await _caught_up(fleet, pool, size)
    first, last = size.fleets[0], size.fleets[-1]
    for name in ("online_debit_over_update", "grants_per_s"):
        figures[name] = figures[f"{name}_at_{last}"]
    ratio = figures[f"exchange_cpu_ms_at_{last}"] / figures[f"exchange_cpu_ms_at_{first}"]
    return {**figures, "exchange_cpu_most_over_least": ratio}


async def _of_fleet(fleet: Fleet, pool: Any, size: Size) -> dict[str, float]:
    """What is measured for each number of devices. Ingest comes last: its effects wait."""
    middle, last = await chain_line.news_to_all(fleet, 3)
    idle_ms = await chain_line.idle_cpu_ms(fleet)
    cpu_ms = await chain_line.exchange_cpu_ms(fleet)
    debits = await chain_cloud.online_debits(fleet, pool, size.rounds, size.debits)
    granted = await chain_cloud.grants(fleet, size.members)
    small = await chain_cloud.ingest_rows(fleet, pool, 1, size.rounds)
    return {
        "news_s_median": middle,
        "news_s_last": last,
        "idle_exchange_cpu_ms": idle_ms,
        "exchange_cpu_ms": cpu_ms,
        "debits_per_s": debits.per_s,
        "updates_per_s": debits.bare_per_s,
        "online_debit_over_update": debits.over,
        "grants_per_s": granted,
        "ingest_rows_per_s_of_50": small.per_s,
        "ingest_over_copy_of_50": small.over,
    }


async def _caught_up(fleet: Fleet, pool: Any, size: Size) -> dict[str, float]:
    many = await chain_cloud.ingest_rows(fleet, pool, size.batches, size.rounds)
    kept = await chain_cloud.kept_rows(fleet, pool, size.batches, size.rounds)
    return {
        "ingest_rows_per_s": many.per_s,
        "ingest_rows_per_s_core": many.per_s_core,
        "copy_rows_per_s": many.bare_per_s,
        "ingest_over_copy": many.over,
        "kept_rows_per_s": kept.per_s,
        "kept_over_copy": kept.over,
    }


def missed(figures: Mapping[str, float]) -> list[str]:
    """Figures that are beyond their aim."""
    return [name for name, most in MOST.items() if not figures[name] <= most]


def main(argv: list[str]) -> int:
    """Prints the figures; 1 if one is beyond its aim, which is named."""
    parser = argparse.ArgumentParser(prog="bench chain", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, 100 devices")
    asked = parser.parse_args(argv)
    with postgres.cluster() as server:
        if server is None:
            parser.error("PostgreSQL is not installed")
        measured = asyncio.run(measure(server, QUICK if asked.quick else Size()))
    figures = {name: round(value, 3) for name, value in measured.items()}
    over = missed(figures)
    if asked.json:
        print(json.dumps({**figures, "missed": over}, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value}{'   MISSED' if name in over else ''}")
    return 1 if over else 0
