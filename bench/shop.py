"""The shop's figures: `python -m bench shop [--json] [--quick]`.

Prices (`bench.shop_prices`), searches, lists and imports (`bench.search`), and what the office's
first page loads (`web_ui/scripts/budget.mjs`, where the page is built)."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import search, shop_prices

BUDGET: Final = Path(__file__).parents[1] / "web_ui" / "scripts" / "budget.mjs"
MOST: Final = {
    "quote_ms_p99": 5.0,
    "search_ratio_1e6_over_1e3": search.AIM_RATIO,
    "search_ms_p99_1e6": search.AIM_P99_MS,
    "sale_slowdown_during_import": search.AIM_SLOWDOWN,
    "office_first_page_kb_gz": 300.0,
}
LEAST: Final = {"import_rows_per_s": float(search.AIM_ROWS_PER_S)}


def pages() -> dict[str, float]:
    """What each page loads; nothing where there is no Node or no built page."""
    node = shutil.which("node")
    if node is None or not (BUDGET.parents[2] / "daemon/web/static/manifest.json").exists():
        return {}
    done = subprocess.run([node, str(BUDGET), "--json"], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def missed(figures: Mapping[str, float]) -> list[str]:
    """Figures that are beyond their aim, or are not there."""
    return [
        *(name for name, most in MOST.items() if not figures.get(name, most + 1) <= most),
        *(name for name, least in LEAST.items() if not figures.get(name, 0.0) >= least),
    ]


def main(argv: list[str]) -> int:
    """Prints the figures; 1 if one is beyond its aim, which is named."""
    parser = argparse.ArgumentParser(prog="bench shop", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    asked = parser.parse_args(argv)
    figures: dict[str, float] = {
        **shop_prices.measure(quick=asked.quick),
        **{
            name: round(value, 3)
            for name, value in asyncio.run(search.measure(quick=asked.quick)).items()
        },
        **pages(),
    }
    over = missed(figures)
    if asked.json:
        print(json.dumps({**figures, "missed": over}, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}{'   MISSED' if name in over else ''}")
    return 1 if over else 0
