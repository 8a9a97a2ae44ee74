"""A few hours of a chain: sales, recharges, voids, cut lines, crashes, restored disks, forced
leases; then the network heals and the books of everybody are compared to the fen."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cloud.answer import Cloud
from cloud.books import CloudBooks
from cloud.epochs import end_epoch
from cloud.records import Device
from cloud.sqlite_books import SqliteStore
from daemon.core.card import CardStatus, Technology
from daemon.core.entry import Entry, Kind, parse_leaf
from daemon.core.errors import CounterError, SyncError
from daemon.core.ids import make_id
from daemon.core.lease.policy import ChainPolicy
from daemon.core.records import Card, Member, Personal
from daemon.ports.ledger import Books
from daemon.sync.envelope import SeedKey
from tests.fakes.card_readers import PlasticCard
from tests.simulation.device import MERCHANT, START_MS, LoopClock, SimDevice
from tests.simulation.disks import Copy, Disk, FileDisk, MemoryDisk
from tests.simulation.wire import CALM, Wire

CLOUD_SEED = bytes(range(32))
MONEY = ("principal", "bonus")
ROUNDS_TO_REST = 80


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is made of. `faults` False: no restored disk and nothing forced, so that not one
    fen may be overspent."""

    devices: int = 4
    members: int = 3
    actions: int = 80
    faults: bool = True
    policy: ChainPolicy = field(default_factory=ChainPolicy)


@dataclass
class Outcome:
    seed: int
    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    overspent_fen: int = 0
    at_risk_fen: int = 0
    resold_fen: int = 0
    shown_fen: int = 0


class World:
    """One seed. With `folder` every book is a file in it: SQLCipher at the counters, SQLite at the
    cloud."""

    def __init__(self, seed: int, setting: Setting, folder: Path | None = None) -> None:
        self.setting = setting
        self.outcome = Outcome(seed)
        self._folder = folder
        self._images: dict[str, list[Copy]] = defaultdict(list)
        self._lost_sales: set[str] = set()
        self._restored_to: dict[str, int] = {}
        """Device to the head of the older disk that was put in last."""

    async def run(self, chance: random.Random) -> Outcome:
        self.chance = chance
        self.wire = Wire(chance)
        self.clock = LoopClock()
        place = ":memory:" if self._folder is None else self._folder / "cloud.db"
        self.store = await SqliteStore.open(place, threaded=False)
        key = SeedKey(CLOUD_SEED)
        self.cloud = Cloud(self.store, key, MERCHANT, self.clock.now_ms, self.setting.policy)
        try:
            await self._open_shops(key.public_key)
            for _ in range(self.setting.actions):
                await self._act()
                await asyncio.sleep(chance.expovariate(1 / 12))
            await self._rest()
            await self._audit()
        finally:
            for device in self.devices:
                await device.crash()
            await self.store.close()
        self.outcome.counts.update(self.wire.seen)
        return self.outcome

    def _wrong(self, what: str) -> None:
        self.outcome.violations.append(what)

    # -- setting up ------------------------------------------------------------------------------

    async def _open_shops(self, cloud_key: bytes) -> None:
        self.devices: list[SimDevice] = []
        for number in range(self.setting.devices):
            device = SimDevice(
                f"d{number}",
                f"S{number}",
                self.chance,
                cloud_key,
                self.setting.policy,
                self._carry,
                self._wrong,
                self._disk_of(f"d{number}"),
                clock=LoopClock(self.chance.choice((0, 0, 0, -3_600_000, 90_000))),
            )
            self.devices.append(device)
            async with self.store.transaction() as books:
                await books.devices.put_device(
                    Device(device.name, MERCHANT, device.store, device.key.public_key)
                )
        self.cards = [PlasticCard(bytes([4, number] * 3 + [1])) for number in range(9)][
            : self.setting.members
        ]
        self.members = [
            make_id(START_MS - 1000 - number, bytes([number] * 10)) for number in range(9)
        ][: self.setting.members]
        for device in self.devices:
            await device.boot()
        first = self.devices[0]
        while not await first.ledger.read(lambda books: books.journal_number()):
            await asyncio.sleep(1)
        await first.ledger.write(self._add_members)
        for member in self.members:
            await first.recharge(member, self.chance.randrange(5_000, 60_000))
        if self.chance.random() < 0.9:
            # Mostly everybody has heard of everybody before the weather turns.
            self.wire.weather, usual = CALM, self.wire.weather
            await asyncio.sleep(300)
            self.wire.weather = usual

    def _disk_of(self, device: str) -> Disk:
        return MemoryDisk() if self._folder is None else FileDisk(self._folder / f"{device}.db")

    def _add_members(self, books: Books) -> None:
        for number, (member, card) in enumerate(zip(self.members, self.cards, strict=True)):
            row = Member(member, f"{number:08}", "standard", "active", START_MS)
            books.add_member(row, Personal(f"会员{number}", f"1380000{number:04}"))
            books.add_card(
                Card(
                    make_id(START_MS - number, bytes([100 + number] * 10)),
                    member,
                    card.uid,
                    Technology.UID,
                    CardStatus.ACTIVE,
                )
            )

    async def _carry(self, device: str, report: bytes) -> list[bytes]:
        back: list[bytes] = []
        for message in await self.wire.carry(device, report, up=True):
            try:
                orders = await self.cloud.exchange(message, device=device)
            except SyncError as error:
                self.outcome.counts[f"refused {error.key}"] += 1
                continue
            back += await self.wire.carry(device, orders, up=False)
        return back

    # -- what happens ----------------------------------------------------------------------------

    async def _act(self) -> None:
        roll = self.chance.random()
        device = self.chance.choice(self.devices)
        acts: list[tuple[float, Callable[[SimDevice], object]]] = [
            (0.58, self._sell),
            (0.66, self._recharge),
            (0.74, self._void),
            (0.83, self._cut),
            (0.90, self._crash),
            (0.93, self._check),
        ]
        if self.setting.faults:
            acts += [(0.955, self._image), (0.975, self._restore), (0.985, self._force)]
        for most, act in acts:
            if roll < most:
                self.outcome.counts[act.__name__] += 1
                done = act(device)
                if asyncio.iscoroutine(done):
                    await done
                return
        await asyncio.sleep(self.chance.uniform(60, 1_000))

    def _sell(self, device: SimDevice) -> None:
        card = self.chance.choice(self.cards)
        amount = self.chance.choice((100, 1_850, 5_000, 20_000, self.chance.randrange(1, 60_000)))
        if device.up:
            device.start(self._sale(device, card, amount))

    async def _sale(self, device: SimDevice, card: PlasticCard, amount: int) -> None:
        try:
            async with device.till:
                self.outcome.counts[f"sale {await device.sell(card, amount)}"] += 1
        except CounterError as error:
            self.outcome.counts[f"sale raised {error.key}"] += 1

    async def _recharge(self, device: SimDevice) -> None:
        number = self.chance.randrange(len(self.members))
        if device.up and await device.knows(self.cards[number]):
            done = await device.recharge(self.members[number], self.chance.randrange(100, 30_000))
            self.outcome.counts["recharged" if done else "recharge refused"] += 1

    async def _void(self, device: SimDevice) -> None:
        if device.up:
            self.outcome.counts[f"void {await device.void_one()}"] += 1

    def _cut(self, device: SimDevice) -> None:
        """Mostly for a minute, now and then for half an hour."""
        long = self.chance.random() < 0.25
        self.wire.cut.add(device.name)
        asyncio.get_running_loop().call_later(
            self.chance.uniform(5, 1_800 if long else 90), self.wire.cut.discard, device.name
        )

    async def _crash(self, device: SimDevice) -> None:
        await device.crash()
        await asyncio.sleep(self.chance.uniform(0, 20))
        await device.boot()

    async def _image(self, device: SimDevice) -> None:
        self._images[device.name].append(device.ledger.copy())

    async def _restore(self, device: SimDevice) -> None:
        """Somebody puts an older copy of the SD card in."""
        if not self._images[device.name]:
            return
        await device.crash()
        self._count_resold(device)
        before = {entry.dseq: entry for entry in entries_of(device.ledger.look())}
        self.chance.choice(self._images[device.name])()
        after = {entry.dseq: entry for entry in entries_of(device.ledger.look())}
        for dseq, entry in before.items():
            if dseq not in after or after[dseq] != entry:
                self._lost_sales.add(entry.draft.op_id)
        self._restored_to[device.name] = device.ledger.look().head().dseq
        for sale_id in [each for each in device.shown if each in self._lost_sales]:
            del device.shown[sale_id]
        self.outcome.counts["restored"] += 1
        await device.boot()

    def _count_resold(self, device: SimDevice) -> None:
        """What an older disk sold before it was heard: its other life may have spent that already,
        and nobody could know. It ends with the entry of the new epoch."""
        head = self._restored_to.pop(device.name, None)
        if head is None:
            return
        for entry in entries_of(device.ledger.look()):
            if entry.dseq > head and entry.draft.kind is Kind.EPOCH:
                return
            if entry.dseq > head and entry.draft.kind is Kind.SALE:
                self.outcome.resold_fen += spent_by(entry)

    async def _force(self, device: SimDevice) -> None:
        async def force(books: CloudBooks) -> None:
            journal = await books.journals.newest(device.name)
            known = await books.devices.device(device.name)
            if journal is not None and known is not None:
                await end_epoch(books, known, journal, "lost in the post", self.clock.now_ms())

        await self.store.run(force)

    async def _check(self, _device: SimDevice) -> None:
        async with self.store.transaction() as books:
            for key, wrong in await books.accounts.unsound():
                self._wrong(f"I1: {key} is out by {wrong}")

    # -- the end ---------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """The network heals, everybody is up, and goes on until nobody has anything to say."""
        self.wire.weather = CALM
        self.wire.cut.clear()
        for device in self.devices:
            if not device.up:
                await device.boot()
        await asyncio.sleep(120)
        rested = 0
        for _ in range(ROUNDS_TO_REST):
            for device in self.devices:
                await device.exchange()
            # What one of them gave back goes to another in the next round, which spoke before it.
            rested = rested + 1 if await self._at_rest() else 0
            if rested == 2:
                return
        self._wrong("liveness: the chain does not come to rest")

    async def _at_rest(self) -> bool:
        for device in self.devices:
            if await device.link.has_news():
                return False
            books = device.ledger.look()
            async with self.store.transaction() as home:
                journal = await home.journals.newest(device.name)
                due = await home.journals.outbox(1)
            if journal is None or due or journal.epoch != books.epoch():
                return False
            if journal.dseq != books.head().dseq:
                return False
        return True

    async def _audit(self) -> None:
        await self._check(self.devices[0])
        async with self.store.transaction() as books:
            leaves = await all_leaves(books)
            sums = await books.accounts.sums()
            await self._compare_leases(books)
            forced = sum(
                int(line.facts["at_risk"])
                for line in await books.devices.log_lines(10_000)
                if line.verb == "end_epoch"
            )
        for device in self.devices:
            self._count_resold(device)
        self.outcome.at_risk_fen = forced
        self.outcome.overspent_fen = sum(sums.get(asset, {}).get("overspent", 0) for asset in MONEY)
        self._compare_sales(leaves)
        self._compare_money(leaves, sums)
        under_way = sum(each["in_debit"] for each in sums.values())
        if under_way:
            self._wrong(f"liveness: {under_way} are still in debits that nobody waits for")
        overspent, resold = self.outcome.overspent_fen, self.outcome.resold_fen
        if overspent > forced + resold:
            self._wrong(f"I5: overspent {overspent}, at risk {forced}, sold again {resold}")

    async def _compare_leases(self, home: CloudBooks) -> None:
        """What the cloud believes to be out is what lies at the devices."""
        for device in self.devices:
            books = device.ledger.look()
            epoch = books.epoch()
            out: dict[tuple[str, str, int], int] = {}
            for member in self.members:
                for held in await home.accounts.leases_of(member):
                    if held.device != device.name:
                        continue
                    place = (held.key.member, held.key.asset, held.key.lot)
                    if held.epoch == epoch:
                        out[place] = held.lease.out
                    elif held.lease.out:
                        self._wrong(f"{device.name}: a dead epoch holds {held.lease.out}")
            here = {
                (member, each.account.asset, each.account.lot): each.balance
                for member in self.members
                for each in books.holdings(f"member:{member}")
            }
            if {place: value for place, value in out.items() if value} != here:
                self._wrong(f"{device.name}: out {out}, here {here}")

    def _compare_sales(self, leaves: list[tuple[str, int, Entry]]) -> None:
        """Every sale that was shown approved is in the cloud, once."""
        found = Counter(
            entry.draft.op_id for _, _, entry in leaves if entry.draft.kind is Kind.SALE
        )
        for device in self.devices:
            for shown in device.shown.values():
                if found[shown.sale_id] != 1:
                    self._wrong(f"{device.name}: a sale is {found[shown.sale_id]} times there")
                self.outcome.shown_fen += 0 if shown.voided else shown.amount_fen
        doubled = [op_id for op_id, count in found.items() if count > 1]
        if doubled:
            self._wrong(f"doubled sales: {doubled}")

    def _compare_money(
        self, leaves: list[tuple[str, int, Entry]], sums: dict[str, dict[str, int]]
    ) -> None:
        """By addition alone: what came in, less what went out, is in reserve and at the devices."""
        came = gone = 0
        for _, _, entry in leaves:
            if entry.draft.kind in (Kind.GRANTED, Kind.RELEASED, Kind.LEASE_VOIDED):
                continue
            for posting in entry.draft.postings:
                account = posting.account
                if account.owner.startswith("member:") and account.asset in MONEY:
                    back = entry.draft.kind in (Kind.VOID_SALE, Kind.REFUND)
                    if posting.amount > 0 and not back:
                        came += posting.amount
                    else:
                        gone -= posting.amount
        money = {name: sum(sums.get(a, {}).get(name, 0) for a in MONEY) for name in LETTERS}
        if (came, gone) != (money["funded"], money["settled"]):
            self._wrong(f"came {came}, gone {gone}, the cloud says {money}")
        if gone > came + self.outcome.at_risk_fen + self.outcome.resold_fen:
            self._wrong(f"I3: {gone} went out of {came}")
        if not self.setting.faults and (gone > came or self.outcome.overspent_fen):
            self._wrong(f"overspent without a fault: {gone} of {came}")


LETTERS = ("funded", "reserve", "settled", "overspent", "at_risk", "in_debit")


def spent_by(entry: Entry) -> int:
    """What a sale took from its member, in fen."""
    return -sum(
        posting.amount
        for posting in entry.draft.postings
        if posting.account.owner.startswith("member:") and posting.account.asset in MONEY
    )


def entries_of(books: Books) -> list[Entry]:
    last = books.head().dseq
    return [
        parse_leaf(leaf)
        for first in range(1, last + 1, 500)
        for _, leaf, _ in books.leaves(first, 500)
    ]


async def all_leaves(books: CloudBooks) -> list[tuple[str, int, Entry]]:
    """(device, epoch, entry) of everything that has its effect in the accounts. What an epoch that
    is over had sent already comes again with the next one, and counts once."""
    found, seen = [], set()
    for journal in await books.journals.journals():
        for _, leaf in await books.journals.leaves(journal.device, journal.epoch, 0, 1 << 40):
            if (journal.device, leaf) not in seen:
                seen.add((journal.device, leaf))
                found.append((journal.device, journal.epoch, parse_leaf(leaf)))
    return found
