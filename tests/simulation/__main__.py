"""`python -m tests.simulation --seeds 2000`: as many small chains, and what went wrong in them."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.loop import run_virtual
from tests.simulation.world import Outcome, Setting, World


def run_seed(seed: int, setting: Setting) -> Outcome:
    return run_virtual(seed, World(seed, setting).run)


def main() -> int:
    """Exit code 0 where no seed found a violation."""
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--actions", type=int, default=Setting().actions)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    violations = overspent = at_risk = shown = 0
    began = time.perf_counter()
    for seed in range(options.first, options.first + options.seeds):
        # Every second one without forced leases and restored disks: not a fen may be overspent.
        setting = Setting(actions=options.actions, faults=seed % 2 == 0)
        outcome = run_seed(seed, setting)
        counts.update(outcome.counts)
        overspent += outcome.overspent_fen
        at_risk += outcome.at_risk_fen
        shown += outcome.shown_fen
        for what in outcome.violations:
            violations += 1
            print(f"seed {seed}: {what}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{name:36} {count}")
    taken = time.perf_counter() - began
    print(f"{options.seeds} seeds in {taken:.0f} s; sold {shown / 100:.2f} yuan")
    print(f"overspent {overspent / 100:.2f}, knowingly at risk {at_risk / 100:.2f}")
    print(f"violations {violations}")
    return 0 if not violations else 1


if __name__ == "__main__":
    sys.exit(main())
