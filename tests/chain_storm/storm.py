"""The storm over a chain: counters sell one another's members' money while daemons and clouds are
killed with SIGKILL, cables are cut, the database's primary dies, and old messages come again.

Afterwards everything is healed, every cursor agrees, and `audit` looks for every yuan.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chain_storm.audit import Audit, Report, cloud_dseqs, leaves_of
from tests.chain_storm.cashier import Book, Cashier
from tests.chain_storm.disk import SmallDisk
from tests.chain_storm.tap import Tap
from tests.chain_storm.town import CounterProcess, Database, Town

MEMBERS: Final = 6
FIRST_FEN: Final = 4_000
HEAL_S: Final = 240.0
QUIET_ROUNDS: Final = 3
"""So often in a row nothing may have moved, before the cursors are believed."""


@dataclass(frozen=True)
class Plan:
    """`force`: leases of counters that are cut off are forced, so an overspend within what is
    booked as at risk is right."""

    seconds: float
    devices: int
    seed: int
    database: str = "postgres"
    force: bool = False
    small_disks: bool = False
    """Every ledger lies on a disk that can be filled (`tests.chain_storm.disk`)."""


class Storm:
    """`state` is an empty folder."""

    def __init__(self, state: Path, plan: Plan) -> None:
        self.state = state
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.book = Book()
        self.report = Report(devices=plan.devices, database=plan.database)
        self.cashiers: list[Cashier] = []
        self.taps: list[Tap] = []
        self.kills = Counter[str]()
        self._closed = False
        self._mending: set[asyncio.Task[None]] = set()
        self._cut: set[str] = set()
        self._full: set[str] = set()

    async def run(self) -> Report:
        with ExitStack() as stack:
            database = Database(self.plan.database, stack)
            town = Town(self.state, self.plan.devices, database, self.plan.small_disks)
            try:
                await self._open(town)
                await self._blow(town)
                await self._heal(town)
                for counter in town.counters:
                    await counter.keeper.stop()
            finally:
                for cashier in self.cashiers:
                    await cashier.close()
                for tap in self.taps:
                    await tap.stop()
                await town.stop()
            self._count(town)
            await Audit(town, self.book, self.report).run()
            for counter in town.counters:
                if counter.disk is not None:
                    counter.disk.take_away()
        return self.report

    # -- the shop opens --------------------------------------------------------------------------

    async def _open(self, town: Town) -> None:
        """Every second counter speaks through a tap that keeps its messages."""
        await town.start()
        lines: list[int] = []
        for number in range(self.plan.devices):
            if number % 2:
                lines.append(town.cloud_ports[number % len(town.cloud_ports)])
                continue
            tap = Tap(town.site, town.cloud_ports, random.Random(self.chance.random()))
            await tap.start()
            self.taps.append(tap)
            tap.wear(town.identity(number))
            lines.append(tap.port)
        await town.open_counters(lines)
        for counter in town.counters:
            chance = random.Random(self.chance.random())
            self.cashiers.append(Cashier(counter, self.book, chance))
        await asyncio.gather(*(each.until_open() for each in self.cashiers))
        for number in range(MEMBERS):
            await self.cashiers[number % len(self.cashiers)].new_member(number, FIRST_FEN)
        for cashier in self.cashiers:
            for member in self.book.members:
                await cashier.until_known(member)

    # -- the storm -------------------------------------------------------------------------------

    async def _blow(self, town: Town) -> None:
        ends = time.monotonic() + self.plan.seconds
        selling = [asyncio.create_task(each.run(lambda: self._closed)) for each in self.cashiers]
        half = time.monotonic() + self.plan.seconds / 2
        failed_over = not town.database.can_fail_over
        while (now := time.monotonic()) < ends:
            if now > half and not failed_over:
                failed_over = True
                self.kills["primary"] += 1
                await asyncio.to_thread(town.database.fail_over)
            else:
                await self._one_blow(town)
            await asyncio.sleep(self.chance.uniform(0.3, 2.5))
        self._closed = True
        await asyncio.gather(*self._mending)
        for counter in town.counters:
            counter.cable.set("joined")
        await asyncio.gather(*selling)

    async def _one_blow(self, town: Town) -> None:
        counter = self.chance.choice(town.counters)
        what = self.chance.choices(
            ["daemon", "cloud", "cut", "replay", "force", "full"],
            weights=[4, 2, 4, 3, 2 * self.plan.force, self.plan.small_disks],
        )[0]
        if what == "daemon":
            self.kills["daemon"] += counter.keeper.kill()
        elif what == "cloud":
            self.kills["cloud"] += self.chance.choice(town.clouds).kill()
        elif what == "replay":
            tap = self.chance.choice(self.taps)
            self._later(tap.replay(self.chance.randint(1, 12)))
        elif what == "full":
            if counter.disk is not None and counter.device not in self._full:
                self._full.add(counter.device)
                self.report.full_disks += 1
                self._later(self._fill(counter, counter.disk))
        elif counter.device not in self._cut:
            self._cut.add(counter.device)
            seconds = self.chance.uniform(2.0, 15.0)
            counter.cable.set(self.chance.choice(["refused", "silent"]))
            self.report.cuts += 1
            self._later(self._mend(town, counter, seconds, force=what == "force"))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _mend(
        self, town: Town, counter: CounterProcess, seconds: float, *, force: bool
    ) -> None:
        """Some time later. Forced, a counter goes on selling what it held, and so do the others."""
        await asyncio.sleep(seconds / 2)
        if force:
            try:
                await town.force(counter)
                self.report.forced += 1
            except RuntimeError as error:
                # The database was away; the operator tries again some other time.
                self.book.problems += [] if "store_unusable" in str(error) else [str(error)]
        await asyncio.sleep(seconds / 2)
        counter.cable.set("joined")
        self._cut.discard(counter.device)

    async def _fill(self, counter: CounterProcess, disk: SmallDisk) -> None:
        """The disk is full for a while. Then somebody makes room and begins the daemon again, as
        the page of a counter that has stopped says."""
        await asyncio.to_thread(disk.fill)
        await asyncio.sleep(self.chance.uniform(3.0, 10.0))
        disk.make_room()
        self.kills["daemon"] += counter.keeper.kill()
        self._full.discard(counter.device)

    # -- afterwards ------------------------------------------------------------------------------

    async def _heal(self, town: Town) -> None:
        """Everything is up and joined; what was begun ends; the cursors come to agree."""
        async with asyncio.timeout(HEAL_S):
            for keeper in (*town.clouds, *(each.keeper for each in town.counters)):
                await keeper.up.wait()
        await asyncio.gather(*(each.finish() for each in self.cashiers))
        for tap in self.taps:
            await tap.replay(20)
        quiet, before = 0, ""
        try:
            async with asyncio.timeout(HEAL_S):
                while quiet < QUIET_ROUNDS:
                    await asyncio.sleep(1.0)
                    agreed, now = await self._agreed(town)
                    quiet = quiet + 1 if agreed and now == before else 0
                    before = now
        except TimeoutError:
            self.book.problems.append(f"the cursors do not agree: {before}")

    async def _agreed(self, town: Town) -> tuple[bool, str]:
        there = await cloud_dseqs(town)
        here = {
            counter.device: len(await asyncio.to_thread(leaves_of, counter))
            for counter in town.counters
        }
        agreed = all(there.get(device) == (dseq, 0) for device, dseq in here.items())
        return agreed, f"devices {here}, cloud {there}"

    def _count(self, town: Town) -> None:
        report = self.report
        report.kills = dict(self.kills)
        report.replayed = sum(each.replayed for each in self.taps)
        report.replays_answered = sum(each.answered for each in self.taps)
        for keeper in (*town.clouds, *(each.keeper for each in town.counters)):
            if keeper.fell:
                report.problems.append(f"{keeper.name} ended by itself {keeper.fell} times")
