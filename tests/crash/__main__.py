"""`python -m tests.crash --kills 200 --seed 1`: see tests/crash/storm.py."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.crash.storm import Storm


def main() -> int:
    """Exit code 0 when every check holds; the last line is the report as JSON."""
    parser = argparse.ArgumentParser(prog="./dev crash")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="kept afterwards; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterd-crash-") as made:
        state = (options.state or Path(made)).absolute()
        report = asyncio.run(Storm(state, options.kills, options.seed).run())
        if options.state:
            print(f"verify it with: counterd verify --config {state / 'counterd.toml'} --json")
    print(json.dumps(report.as_json()))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
