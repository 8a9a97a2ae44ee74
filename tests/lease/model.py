"""The exhaustive run of lease.pml with SPIN: `python -m tests.lease.model`, or `./dev model`.

Prints the states of each size that must hold, and at which state each mutant is caught. Ends with 1
where something did not hold or was not caught.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("lease.pml")
SMALL = ("FUND=2", "SMAX=1")
SIZES: dict[str, tuple[str, ...]] = {
    "one counter asks online, two lines, refunds": (),
    "both counters ask online": ("FUND=2", "GMAX=1", "ASKERS=3"),
}
MUTANTS = {
    "DELTA": "grants as deltas",
    "SILENT": "silent reclaim",
    "EARLY": "release before lowering",
    "NOTOMB": "REVERSE without tombstone",
    "FREELATE": "late spend not charged",
    "NOLOWER": "grant without lowering the reserve",
    "SKIP": "cursor that skips",
    "REFUND2": "refund at two devices",
}


@dataclass(frozen=True)
class Outcome:
    """`broken` is the assertion that failed, "" if all held."""

    states: int
    errors: int
    broken: str
    complete: bool


def missing() -> list[str]:
    return [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]


def explore(switches: Sequence[str]) -> Outcome:
    """Every state of the model with these -D switches; stops at the first error."""
    with tempfile.TemporaryDirectory(prefix="lease-model-") as folder:
        defined = [f"-D{switch}" for switch in switches]
        _run(["spin", *defined, "-a", str(SOURCE)], folder)
        _run(["gcc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=2000", "-o", "pan", "pan.c"], folder)
        said = _run(["./pan", "-m200000", "-w22"], folder)
    states = re.search(r"(\d+) states, stored", said)
    errors = re.search(r"errors: (\d+)", said)
    assert states is not None and errors is not None, said
    broken = re.search(r"assertion violated (.*) \(at depth", said)
    cut = "max search depth too small" in said or "out of memory" in said
    complete = "Search not completed" not in said and not cut
    told = broken.group(1) if broken is not None else ""
    return Outcome(int(states.group(1)), int(errors.group(1)), told, complete)


def _run(command: list[str], folder: str) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout


def main() -> int:
    absent = missing()
    if absent:
        print(f"not run: {' and '.join(absent)} missing (apt-get install {' '.join(absent)})")
        return 1
    good = True
    for name, switches in SIZES.items():
        outcome = explore(switches)
        good = good and outcome.errors == 0 and outcome.complete
        whole = "whole" if outcome.complete else "NOT COMPLETE"
        print(f"{name}: {outcome.states:,} states, {whole}, errors: {outcome.errors}", flush=True)
    for switch, name in MUTANTS.items():
        outcome = explore((switch, *SMALL))
        caught = outcome.errors == 1 and outcome.broken != ""
        good = good and caught
        how = f"caught after {outcome.states:,} states: {outcome.broken}"
        print(f"mutant {name}: {how if caught else 'NOT CAUGHT'}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
