"""`./dev bench ledger`: a deduction against the limit of the disk and against its peers.

All contenders take turns on one disk, in slices of a few deductions, in an order that changes; a
round gives each the mean of its fastest 95 %, and what is reported is the median over the rounds of
the ratio of two such means. So a noisy disk harms all of them alike. bench/README.md explains the
figures and the aims that are missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench import tap
from bench.anatomy import anatomy
from bench.big_ledger import build, member_id
from bench.deduction import (
    CLOCK,
    KEY,
    BenchSigner,
    DirectShop,
    deduct,
    encrypted,
    fastest,
    open_shop,
    plain,
    recharge,
    timed,
)
from bench.postgres import PostgresShop, cluster
from bench.wear import kib_written
from daemon.ledger.books import SqlBooks
from daemon.ledger.door import PAGE_BYTES, open_writer
from daemon.ledger.migrate import migrate
from daemon.ledger.store import SqlLedger
from daemon.ledger.vault import Vault

AIMS: dict[str, tuple[str, float]] = {
    "deduct_over_append": ("at most", 1.6),
    "deduct_over_sqlite": ("at most", 1.25),
    "async_hop_ms": ("at most", 0.3),
    "group16_over_single": ("at least", 5),
    "postgres_over_deduct": ("at least", 4),
    "growth_1e6_over_1e3": ("at most", 1.5),
    "open_ms_at_5e6": ("at most", 50),
}
BATCHED_KIB_AIM = 30
MEMBERS, ENTRIES = 1_000, 10_000
SLICES, SLICE = 8, 20
TOGETHER = 16

Slice = Callable[[int], Awaitable[list[float]]]


class Contenders:
    """Everybody on one disk. Each entry takes a number of deductions and gives seconds of each."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.slices: dict[str, Slice] = {}

    async def prepare(self) -> None:
        await self._append()
        self._direct("sqlite", plain(self._folder / "plain.db"))
        self._direct("deduct", encrypted(self._folder / "direct.db"))
        await self._port()
        await self._postgres()

    async def _append(self) -> None:
        descriptor = os.open(self._folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._stack.callback(os.close, descriptor)
        block = os.urandom(4096)

        def append() -> None:
            os.write(descriptor, block)
            os.fdatasync(descriptor)

        async def slice_of(times: int) -> list[float]:
            return timed(append, times, lambda: None)

        self.slices["append"] = slice_of

    def _direct(self, name: str, connection: Any) -> None:
        shop = open_shop(connection, MEMBERS, ENTRIES)
        self._stack.callback(connection.close)

        async def slice_of(times: int) -> list[float]:
            return timed(shop.sell, times, shop.tend)

        self.slices[name] = slice_of

    async def _port(self) -> None:
        ledger = await SqlLedger.open(
            self._folder / "port.db", KEY, BenchSigner(), CLOCK, device="bench"
        )
        self._stack.push_async_callback(ledger.close)
        members = [CLOCK.new_id() for _ in range(MEMBERS)]
        for each in members:
            await ledger.write(lambda books, each=each: recharge(books, each))  # type: ignore[misc]
        turn = iter(range(10**9))

        async def sell() -> float:
            each = members[next(turn) * 7919 % MEMBERS]
            began = time.perf_counter()
            await ledger.write(lambda books: deduct(books, each))
            return time.perf_counter() - began

        async def one_by_one(times: int) -> list[float]:
            return [await sell() for _ in range(times)]

        async def together(times: int) -> list[float]:
            """Seconds of wall time for each deduction, by bursts of sixteen tills."""

            async def till(sales: int) -> None:
                for _ in range(sales):
                    await sell()

            sales = max(1, 4 * times // TOGETHER)
            began = time.perf_counter()
            await asyncio.gather(*(till(sales) for _ in range(TOGETHER)))
            return [(time.perf_counter() - began) / (sales * TOGETHER)]

        self.slices["port"] = one_by_one
        self.slices["group16"] = together

    async def _postgres(self) -> None:
        socket = await self._stack.enter_async_context(cluster(self._folder))
        if socket is None:
            return
        shop = PostgresShop(socket, MEMBERS)
        await shop.connect()
        self._stack.push_async_callback(shop.close)

        def slices(sell: Callable[[], Awaitable[None]]) -> Slice:
            async def slice_of(times: int) -> list[float]:
                taken = []
                for _ in range(times):
                    began = time.perf_counter()
                    await sell()
                    taken.append(time.perf_counter() - began)
                return taken

            return slice_of

        self.slices["postgres"] = slices(shop.by_statements)
        self.slices["postgres_function"] = slices(shop.by_function)


async def interleave(slices: dict[str, Slice], rounds: int) -> list[dict[str, float]]:
    """For each round, each contender's mean of its fastest 95 %, in seconds."""
    rng = random.Random(5)
    for each in slices.values():
        await each(4 * SLICE)
    means = []
    for _ in range(rounds):
        taken: dict[str, list[float]] = {name: [] for name in slices}
        for _ in range(SLICES):
            names = list(slices)
            rng.shuffle(names)
            for name in names:
                taken[name] += await slices[name](SLICE)
        means.append({name: fastest(each) for name, each in taken.items()})
    return means


def ratio(means: list[dict[str, float]], above: str, below: str) -> float | None:
    if above not in means[0]:
        return None
    return round(statistics.median(each[above] / each[below] for each in means), 3)


def bring_up(big: Path) -> None:
    """A ledger of years that an older version built is taken over, as a shop's would be."""
    connection = open_writer(big, KEY)
    migrate(connection)
    connection.close()


def growth(big: Path, folder: Path, rounds: int) -> float:
    """A deduction on a ledger of years against one of a few weeks, members at random."""
    copy = folder / "grown.db"
    shutil.copyfile(big, copy)
    connection = encrypted(copy)
    entries, members = connection.execute(
        "SELECT (SELECT max(dseq) FROM journal), (SELECT count(*) FROM member)"
    ).fetchone()
    rng = random.Random(3)
    picked = [member_id(rng.randrange(members)) for _ in range(20_000)]
    grown = DirectShop(connection, SqlBooks(connection, Vault(KEY), writable=True), picked)
    small_connection = encrypted(folder / "small.db")
    small = open_shop(small_connection, MEMBERS, ENTRIES)
    for shop in (grown, small):
        timed(shop.sell, 200, shop.tend)
    ratios = []
    for _ in range(rounds):
        taken: dict[int, list[float]] = {0: [], 1: []}
        for turn in range(2 * SLICES):
            shop = (grown, small)[turn % 2]
            taken[turn % 2] += timed(shop.sell, SLICE, shop.tend)
        ratios.append(fastest(taken[0]) / fastest(taken[1]))
    assert grown.books.head().dseq > entries
    connection.close()
    small_connection.close()
    copy.unlink()
    return round(statistics.median(ratios), 3)


async def opening(big: Path, times: int, *, cold: bool) -> float:
    """Milliseconds until a ledger that was closed in order can be written."""
    taken = []
    for _ in range(times):
        if cold:
            _forget(big)
        began = time.perf_counter()
        ledger = await SqlLedger.open(big, KEY, BenchSigner(), CLOCK, device="bench")
        taken.append(time.perf_counter() - began)
        await ledger.close()
    return round(statistics.median(taken) * 1e3, 2)


def _forget(path: Path) -> None:
    """Drops a file from the kernel's cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    options.dir.mkdir(parents=True, exist_ok=True)
    rounds = 3 if options.quick else max(9, options.rounds)
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.dir))
        stack.callback(shutil.rmtree, folder)
        contenders = Contenders(folder, stack)
        await contenders.prepare()
        means = await interleave(contenders.slices, rounds)
        wear = kib_written(folder, 200 if options.quick else 1_600)
        report: dict[str, Any] = {
            "deduct_over_append": ratio(means, "deduct", "append"),
            "deduct_over_sqlite": ratio(means, "deduct", "sqlite"),
            "async_hop_ms": round(
                statistics.median(each["port"] - each["deduct"] for each in means) * 1e3, 3
            ),
            "group16_over_single": ratio(means, "port", "group16"),
            "postgres_over_deduct": ratio(means, "postgres", "deduct"),
            "growth_1e6_over_1e3": None,
            "open_ms_at_5e6": None,
            "kib_written_per_sale": wear,
            "tap_to_approved_ms": None,
        }
        extra: dict[str, Any] = {
            "postgres_over_port": ratio(means, "postgres", "port"),
            "postgres_function_over_deduct": ratio(means, "postgres_function", "deduct"),
            "mean_ms": {
                name: round(statistics.median(each[name] for each in means) * 1e3, 3)
                for name in means[0]
            },
            "profile_ms": anatomy(folder, rounds),
            "rounds": rounds,
        }
        if not options.quick:
            big = options.dir / f"ledger-{options.big_members}-{options.big_entries}.db"
            if not big.exists():
                print("building the ledger of years (some minutes, once)", file=sys.stderr)
                extra["built_s"] = round(build(big, options.big_members, options.big_entries), 1)
            bring_up(big)
            report["growth_1e6_over_1e3"] = growth(big, folder, rounds)
            report["open_ms_at_5e6"] = await opening(big, 5, cold=False)
            extra["open_cold_ms_at_5e6"] = await opening(big, 5, cold=True)
        with contextlib.suppress(tap.NotHere):
            report["tap_to_approved_ms"] = await tap.measured(
                30 if options.quick else tap.TAPS, options.dir
            )
        report |= extra | {"machine": machine(options.dir)}
        report["missed"] = missed(report)
    return report


def missed(report: dict[str, Any]) -> list[str]:
    """The aims that were measured and not reached."""
    names = []
    for name, (bound, aim) in AIMS.items():
        value = report[name]
        if value is not None and (value > aim if bound == "at most" else value < aim):
            names.append(name)
    taps = report["tap_to_approved_ms"]
    if taps is not None and taps["missed"]:
        names.append("tap_to_approved_ms")
    if report["kib_written_per_sale"]["batched_by_8"] > BATCHED_KIB_AIM:
        names.append("kib_written_per_sale")
    return names


def machine(folder: Path) -> dict[str, Any]:
    from sqlcipher3 import dbapi2

    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sqlcipher": dbapi2.sqlite_version,
        "page_bytes": PAGE_BYTES,
        "device": os.stat(folder).st_dev,
    }


def main(arguments: list[str]) -> int:
    """Prints the figures. Exit code 0: an aim that is missed is named, and is no error."""
    parser = argparse.ArgumentParser(prog="bench ledger", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="three rounds, no ledger of years")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--dir", type=Path, default=Path(".dev/bench"), help="on the disk to test")
    parser.add_argument("--big-members", type=int, default=1_000_000)
    parser.add_argument("--big-entries", type=int, default=5_000_000)
    report = asyncio.run(measure(parser.parse_args(arguments)))
    if "--json" in arguments:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            bound, aim = AIMS.get(name, ("", ""))
            print(f"{name:28}  {value}   {bound} {aim}".rstrip())
    return 0
