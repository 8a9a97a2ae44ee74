"""Where the time of a deduction goes: the profile that bench/README.md argues from.

`work` is Python and SQL up to COMMIT; `frames` is COMMIT without a sync (encrypting pages and
handing them to the kernel); `sync` is what a sync adds to it. `group` gives the same for one of
sixteen in a commit, and `hash_and_leaf` is the part of `work` that makes the leaf and its link.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import median

from bench.deduction import DirectShop, deduct, encrypted, fastest, open_shop, plain
from daemon.core.entry import GENESIS, chain_hash

MEMBERS, ENTRIES = 1_000, 5_000
TOGETHER = 16


class _Anatomy:
    """One shop and the seconds of its parts in a round."""

    def __init__(self, shop: DirectShop) -> None:
        self.shop = shop
        self.work: list[float] = []
        self.commit: list[float] = []

    def sell(self, together: int) -> None:
        shop = self.shop
        began = time.perf_counter()
        shop.connection.execute("BEGIN IMMEDIATE")
        for _ in range(together):
            deduct(shop.books, shop.next_member())
        worked = time.perf_counter()
        shop.connection.execute("COMMIT")
        self.work.append((worked - began) / together)
        self.commit.append((time.perf_counter() - worked) / together)

    def means_ms(self) -> tuple[float, float]:
        told = fastest(self.work) * 1e3, fastest(self.commit) * 1e3
        self.work.clear()
        self.commit.clear()
        return told


def anatomy(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds for each deduction, the median over the rounds, by contender."""
    shops: dict[str, _Anatomy] = {}
    for name, connect in (("sqlite", plain), ("deduct", encrypted)):
        for synced in ("synced", "unsynced"):
            connection = connect(folder / f"anatomy-{name}-{synced}.db")
            if synced == "unsynced":
                connection.execute("PRAGMA synchronous = OFF")
            shops[f"{name}-{synced}"] = _Anatomy(open_shop(connection, MEMBERS, ENTRIES))
    told: dict[str, dict[str, float]] = {}
    for together in (1, TOGETHER):
        means = _rounds(shops, together, rounds)
        for name in ("sqlite", "deduct"):
            work, commit = _medians(means[f"{name}-synced"])
            _, frames = _medians(means[f"{name}-unsynced"])
            told[name if together == 1 else f"{name}_group"] = {
                "work": round(work, 3),
                "frames": round(frames, 3),
                "sync": round(commit - frames, 3),
            }
    told["deduct"]["hash_and_leaf"] = _hash_and_leaf(shops["deduct-synced"].shop)
    for each in shops.values():
        each.shop.connection.close()
    return told


def _rounds(
    shops: dict[str, _Anatomy], together: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    rng = random.Random(11)
    means: dict[str, list[tuple[float, float]]] = {name: [] for name in shops}
    for _ in range(rounds):
        for _ in range(40):
            names = list(shops)
            rng.shuffle(names)
            for name in names:
                shops[name].sell(together)
        for name, each in shops.items():
            each.shop.tend()
            means[name].append(each.means_ms())
    return means


def _medians(means: list[tuple[float, float]]) -> tuple[float, float]:
    return median(work for work, _ in means), median(commit for _, commit in means)


def _hash_and_leaf(shop: DirectShop) -> float:
    entry = shop.books.entry_of(_last_op(shop))
    assert entry is not None
    taken = []
    for _ in range(500):
        began = time.perf_counter()
        chain_hash(GENESIS, entry.leaf())
        taken.append(time.perf_counter() - began)
    return round(fastest(taken) * 1e3, 3)


def _last_op(shop: DirectShop) -> str:
    row = shop.connection.execute("SELECT op_id FROM journal ORDER BY dseq DESC").fetchone()
    return str(row[0])
