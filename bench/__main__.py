"""`python -m bench NAME [arguments]`: runs one benchmark by name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    here = Path(__file__).parent
    names = sorted(
        each.stem
        for each in here.glob("*.py")
        if not each.stem.startswith("__") and "def main(" in each.read_text(encoding="utf-8")
    )
    if not arguments or arguments[0] not in names:
        print(f"usage: python -m bench {{{','.join(names)}}} [--json] [--quick]", file=sys.stderr)
        return 2
    chosen = importlib.import_module(f"bench.{arguments[0]}")
    return int(chosen.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
