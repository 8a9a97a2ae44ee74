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
from typing import Final

from bench import chain_cloud, chain_line
from simulator import postgres

MOST: Final = {
    "ingest_over_copy": 2.0,
    "online_debit_over_update": 1.5,
    "backlog_s": 20.0,
    "lost_card_s": 5.0,
    "exchange_cpu_1000_over_10": 1.2,
}


@dataclass(frozen=True)
class Size:
    fleets: tuple[int, ...] = (10, 100, 1_000)
    rounds: int = 5
    debits: int = 800
    members: int = 2_000
    sales: int = chain_cloud.WEEK
    times: int = 5


QUICK: Final = Size(fleets=(10, 100), rounds=3, debits=200, members=300, sales=5_000, times=2)


async def measure(server: postgres.Server, size: Size) -> dict[str, float]:
    figures = chain_cloud.batch_figures(size.rounds)
    caught_up = await chain_cloud.ingest_rows(server, size.fleets[0], 20, size.rounds)
    figures |= {
        "ingest_rows_per_s": caught_up.per_s,
        "copy_rows_per_s": caught_up.bare_per_s,
        "ingest_over_copy": caught_up.over,
    }
    for devices in size.fleets:
        small = await chain_cloud.ingest_rows(server, devices, 1, size.rounds)
        figures[f"ingest_rows_per_s_of_50_at_{devices}"] = small.per_s
        figures[f"ingest_over_copy_of_50_at_{devices}"] = small.over
    for devices in size.fleets:
        debits = await chain_cloud.online_debits(server, devices, size.rounds, size.debits)
        figures[f"debits_per_s_at_{devices}"] = debits.per_s
        figures[f"updates_per_s_at_{devices}"] = debits.bare_per_s
        figures[f"online_debit_over_update_at_{devices}"] = debits.over
    last = size.fleets[-1]
    figures["online_debit_over_update"] = figures[f"online_debit_over_update_at_{last}"]
    for devices in size.fleets:
        figures[f"grants_per_s_at_{devices}"] = await chain_cloud.grants(
            server, devices, size.members
        )
    figures["grants_per_s"] = figures[f"grants_per_s_at_{last}"]
    seconds, exchanges = await chain_cloud.backlog(server, size.sales)
    figures |= {"backlog_s": seconds, "backlog_exchanges": exchanges}
    return figures | await _lines(server, size)


async def _lines(server: postgres.Server, size: Size) -> dict[str, float]:
    lost = await chain_line.lost_card(server, size.times)
    figures = {"lost_card_s": statistics.median(lost), "lost_card_s_worst": max(lost)}
    for devices in size.fleets:
        middle, last = await chain_line.news_to_all(server, devices, 3)
        figures[f"news_s_median_at_{devices}"] = middle
        figures[f"news_s_last_at_{devices}"] = last
        figures[f"exchange_cpu_ms_at_{devices}"] = await chain_line.exchange_cpu_ms(server, devices)
    first, most = size.fleets[0], size.fleets[-1]
    ratio = figures[f"exchange_cpu_ms_at_{most}"] / figures[f"exchange_cpu_ms_at_{first}"]
    return {**figures, "exchange_cpu_1000_over_10": ratio}


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
