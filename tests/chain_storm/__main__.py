"""`python -m tests.chain_storm --minutes 3 --seed 1`: see tests/chain_storm/storm.py."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from simulator import postgres
from tests.chain_storm.disk import in_a_world_of_its_own
from tests.chain_storm.storm import Plan, Storm


def main() -> int:
    """Exit code 0 when nothing is lost, doubled or overspent beyond what was booked as at risk;
    the report as lines, and as JSON in the last one."""
    parser = argparse.ArgumentParser(prog="./dev storm", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", type=int, default=6)
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--force", action="store_true", help="force leases of counters cut off")
    parser.add_argument("--state", type=Path, help="kept afterwards; default: a temporary folder")
    options = parser.parse_args()
    small_disks = in_a_world_of_its_own("tests.chain_storm", sys.argv[1:])
    if not small_disks:
        print("skipped: full disks (a mount namespace needs root and unshare)", file=sys.stderr)
    usual = "sqlite" if postgres.binaries() is None else "postgres"
    seconds = options.minutes * 60
    database = options.database or usual
    plan = Plan(seconds, options.devices, options.seed, database, options.force, small_disks)
    with tempfile.TemporaryDirectory(prefix="counterd-storm-") as made:
        state = (options.state or Path(made)).absolute()
        report = asyncio.run(Storm(state, plan).run())
    for line in report.lines():
        print(line)
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    print(json.dumps(report.as_json(), ensure_ascii=False))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
