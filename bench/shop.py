"""The shop's figures: `python -m bench shop [--json] [--quick]`."""

from __future__ import annotations

import argparse
import json

from bench import shop_prices

AIM_QUOTE_MS_P99 = 5.0


def main(argv: list[str]) -> int:
    """Prints the figures; 1 if a price takes longer than it should or grows faster."""
    parser = argparse.ArgumentParser(prog="bench shop", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the prices")
    asked = parser.parse_args(argv)
    figures = shop_prices.measure(quick=asked.quick)
    if asked.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    return 0 if figures["quote_ms_p99"] <= AIM_QUOTE_MS_P99 else 1
