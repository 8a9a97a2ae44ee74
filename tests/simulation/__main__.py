"""`python -m tests.simulation --seeds 2000`: as many small chains, and what went wrong in them."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.core.errors import CounterError
from tests.simulation.loop import Stuck, run_virtual
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Outcome, Setting, World


def setting_of(seed: int, actions: int) -> Setting:
    """Every second seed without forced leases and restored disks: there not one fen may be
    overspent. Sizes differ."""
    return Setting(
        devices=2 + seed % 3, members=1 + seed % 4, actions=actions, faults=seed % 2 == 0
    )


def run_seed(seed: int, actions: int, files: bool = False) -> Outcome:
    """With `files` every book is a file, and written as the daemon and the cloud write it."""
    logging.disable(logging.CRITICAL)
    setting = setting_of(seed, actions)
    if not files:
        return run_virtual(seed, World(seed, setting).run)
    with TemporaryDirectory(prefix="counterd-simulation-") as folder:
        return run_virtual(seed, World(seed, setting, Path(folder)).run)


def run_all(seeds: range, actions: int, jobs: int, files: bool) -> Iterator[Outcome]:
    work = partial(run_seed, actions=actions, files=files)
    if jobs == 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, seeds, chunksize=4)


def hunt(name: str, seeds: range, actions: int) -> tuple[int, str] | None:
    """The first seed that notices the mutant `name`, and by what; None where none does."""
    for seed in seeds:
        with MUTANTS[name]():
            try:
                outcome = run_seed(seed, actions)
            except (AssertionError, CounterError, Stuck) as error:
                return seed, f"{type(error).__name__}: {error}"
        if outcome.violations:
            return seed, outcome.violations[0]
    return None


def run_mutants(seeds: range, actions: int) -> int:
    """Exit code 0 where every mutant is caught."""
    missed = 0
    for name in MUTANTS:
        caught = hunt(name, seeds, actions)
        missed += caught is None
        told = "NOT CAUGHT" if caught is None else f"caught by seed {caught[0]}: {caught[1][:90]}"
        print(f"mutant {name:46} {told}", flush=True)
    return 0 if not missed else 1


def main() -> int:
    """Exit code 0 where no seed found a violation."""
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--actions", type=int, default=Setting().actions)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--files", action="store_true", help="on SQLCipher and SQLite files, every commit synced"
    )
    parser.add_argument("--mutants", action="store_true", help="only the wrong chains")
    options = parser.parse_args()
    if options.mutants:
        return run_mutants(range(options.first, options.first + options.seeds), options.actions)
    counts: Counter[str] = Counter()
    violations = overspent = at_risk = resold = shown = 0
    began = time.perf_counter()
    seeds = range(options.first, options.first + options.seeds)
    for outcome in run_all(seeds, options.actions, options.jobs, options.files):
        counts.update(outcome.counts)
        overspent += outcome.overspent_fen
        at_risk += outcome.at_risk_fen
        resold += outcome.resold_fen
        shown += outcome.shown_fen
        for what in outcome.violations:
            violations += 1
            print(f"seed {outcome.seed}: {what}", flush=True)
        if outcome.seed % 100 == 0:
            print(f"... seed {outcome.seed}, violations {violations}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{name:36} {count}")
    taken = time.perf_counter() - began
    print(f"{options.seeds} seeds in {taken:.0f} s; sold {shown / 100:.2f} yuan")
    print(
        f"overspent {overspent / 100:.2f}, knowingly at risk {at_risk / 100:.2f},"
        f" sold by older disks before they were heard {resold / 100:.2f}"
    )
    print(f"violations {violations}")
    return 0 if not violations else 1


if __name__ == "__main__":
    sys.exit(main())
