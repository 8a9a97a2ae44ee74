"""`python -m tests.purse --sales 10000 --seed 1`: see tests/purse/street.py."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from tests.purse.street import Street


def main() -> None:
    """Ends with an error where anything does not agree; the last line is the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.purse")
    parser.add_argument("--sales", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="counterd-purse-") as made:
        report = asyncio.run(Street(Path(made), options.sales, options.seed).run())
    print(json.dumps(report))


if __name__ == "__main__":
    main()
