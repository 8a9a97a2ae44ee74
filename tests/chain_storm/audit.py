"""Where every yuan is: what cashiers were shown, against the ledgers of devices and cloud.

* lost: acknowledged to a customer, and not on the device's journal or not in the cloud's;
* doubled: an operation that is on any journal twice, or has its effect twice;
* overspend: what a member spent beyond all that was ever paid in, summed over accounts, by the
  devices' own journals, which know nothing of the cloud's arithmetic;
* the cloud's accounts say of each lot what the journals of all devices say together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cloud import site
from cloud.books import CloudBooks
from daemon.config import load
from daemon.core.entry import Entry, Kind, parse_leaf
from daemon.core.lease.moves import AccountKey, moves_of
from daemon.keys.files import find_keys
from daemon.ledger.door import open_reader
from daemon.ledger.verify import verify
from tests.chain_storm.cashier import Book
from tests.chain_storm.town import CounterProcess, Town

_FIRST = AccountKey("", "", -1)
_DEEDS = (Kind.SALE, Kind.RECHARGE, Kind.VOID_SALE)


@dataclass
class Report:
    """Amounts in fen."""

    devices: int = 0
    database: str = ""
    acknowledged: int = 0
    found: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    overspend: int = 0
    booked_risk: int = 0
    deeds: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    cuts: int = 0
    full_disks: int = 0
    forced: int = 0
    replayed: int = 0
    replays_answered: int = 0
    funded_fen: int = 0
    settled_fen: int = 0
    held_fen: int = 0
    online_debits: int = 0
    entries: int = 0
    verified: int = 0
    discrepancies: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return (
            not self.lost
            and not self.doubled
            and self.overspend <= (self.booked_risk if self.forced else 0)
            and not self.problems
            and self.verified == self.devices
            and self.found == self.acknowledged > 0
        )

    def as_json(self) -> dict[str, Any]:
        told = dict(vars(self))
        told |= {"ok": self.ok, "lost": len(self.lost), "doubled": len(self.doubled)}
        return {**told, "which_lost": self.lost[:20], "which_doubled": self.doubled[:20]}

    def lines(self) -> list[str]:
        counts = [f"acknowledged {self.acknowledged}", f"found {self.found}"]
        counts += [f"lost {len(self.lost)}", f"doubled {len(self.doubled)}"]
        return [*counts, f"overspend {self.overspend}", f"booked_risk {self.booked_risk}"]


def leaves_of(counter: CounterProcess) -> list[bytes]:
    """The whole journal, read beside a daemon that may run."""
    settings = load(counter.config)
    keys = find_keys(settings.storage.keys)
    connection = open_reader(settings.storage.ledger, keys.ledger_key())
    try:
        return [
            bytes(row[0]) for row in connection.execute("SELECT leaf FROM journal ORDER BY dseq")
        ]
    finally:
        connection.close()


async def cloud_dseqs(town: Town) -> dict[str, tuple[int, int]]:
    """By device: (newest entry that the cloud has, how many batches wait for their effects)."""
    async with site.open_store(town.site, town.database.url) as store, store.transaction() as books:
        told: dict[str, tuple[int, int]] = {}
        for counter in town.counters:
            newest = await books.journals.newest(counter.device)
            if newest is None:
                continue
            due = 0
            for each in await books.journals.journals(counter.device):
                due += len(await books.journals.outbox_batches(each.device, each.epoch, 1))
            told[counter.device] = (newest.dseq, due)
        return told


class Audit:
    """`run` when the ledgers rest."""

    def __init__(self, town: Town, book: Book, report: Report) -> None:
        self._town = town
        self._book = book
        self.report = report
        self._journals: dict[str, list[bytes]] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._funded = Counter[AccountKey]()
        self._settled = Counter[AccountKey]()

    async def run(self) -> None:
        for counter in self._town.counters:
            self._verify(counter)
            leaves = leaves_of(counter)
            self._journals[counter.device] = leaves
            self._entries[counter.device] = [parse_leaf(leaf) for leaf in leaves]
        self.report.entries = sum(map(len, self._journals.values()))
        self._fold()
        async with (
            site.open_store(self._town.site, self._town.database.url) as store,
            store.transaction() as books,
        ):
            kept = await self._cloud_leaves(books)
            await self._sound(books)
            await self._accounts(books)
            await self._risk(books)
        self._deeds(kept)
        self._overspend()
        self.report.problems += self._book.problems

    def _verify(self, counter: CounterProcess) -> None:
        settings = load(counter.config)
        keys = find_keys(settings.storage.keys)
        proof = verify(settings.storage.ledger, keys.ledger_key(), keys.signer().public_key)
        self.report.verified += proof.ok
        for problem in proof.to_json().get("problems", []):
            self.report.problems.append(f"{counter.device}: {problem}")

    async def _cloud_leaves(self, books: CloudBooks) -> dict[str, set[str]]:
        """By device the operations that the cloud has, each leaf held against the device's own."""
        kept: dict[str, set[str]] = {}
        for device, leaves in self._journals.items():
            there: dict[int, bytes] = {}
            for journal in await books.journals.journals(device):
                for dseq, leaf in await books.journals.leaves(device, journal.epoch, 0, 1 << 62):
                    if there.setdefault(dseq, leaf) != leaf:
                        self.report.problems.append(f"{device}: entry {dseq} has two texts")
            if [there.get(dseq) for dseq in range(1, len(leaves) + 1)] != leaves:
                self.report.problems.append(f"{device}: the cloud's journal is another one")
            entries = [parse_leaf(leaf) for leaf in there.values()]
            kept[device] = {each.draft.op_id for each in entries}
        return kept

    async def _sound(self, books: CloudBooks) -> None:
        for key, wrong in await books.accounts.unsound():
            self.report.problems.append(f"I1 does not hold for {key}: {wrong}")
        for each in await books.office.discrepancies():
            kinds = self.report.discrepancies
            kinds[each.type] = kinds.get(each.type, 0) + 1

    async def _accounts(self, books: CloudBooks) -> None:
        """Funded and settled of each lot are the sums of what the devices did."""
        funded, settled = self._funded, self._settled
        report, after = self.report, _FIRST
        seen: set[AccountKey] = set()
        while page := await books.accounts.all_accounts(after, 1_000):
            after = page[-1].key
            for account in page:
                key, home = account.key, account.home
                seen.add(key)
                if (home.funded, home.settled) != (funded[key], settled[key]):
                    report.problems.append(
                        f"{key}: funded {home.funded} of {funded[key]},"
                        f" settled {home.settled} of {settled[key]}"
                    )
                if key.asset in ("principal", "bonus"):
                    report.funded_fen += home.funded
                    report.settled_fen += home.settled
                    out = home.funded + home.overspent - home.reserve - home.settled
                    report.held_fen += out - home.in_debit
                    report.overspend += home.overspent
        missing = [key for key, fen in funded.items() if fen and key not in seen]
        report.problems += [f"{key}: the cloud has no such account" for key in missing]

    def _fold(self) -> None:
        """Topped up, and spent less refunded, of every account, by the devices' journals."""
        for entries in self._entries.values():
            for entry in entries:
                for key, moves in moves_of(entry).items():
                    self._funded[key] += moves.topped_up
                    self._settled[key] += moves.spent - moves.refunded
                    self.report.online_debits += len(moves.online)

    async def _risk(self, books: CloudBooks) -> None:
        """What was booked as at risk whenever an epoch was ended."""
        for line in await books.devices.log_lines():
            if line.verb == "end_epoch":
                self.report.booked_risk += int(line.facts["at_risk"])

    def _deeds(self, kept: dict[str, set[str]]) -> None:
        report = self.report
        here, voids = self._done()
        for deed in self._book.deeds:
            report.deeds[deed.kind] = report.deeds.get(deed.kind, 0) + 1
            end = f"{deed.seen}:{deed.reason}" if deed.reason else str(deed.seen)
            report.ends[end] = report.ends.get(end, 0) + 1
            name = voids.get((deed.device, str(deed.of))) if deed.kind == "void" else deed.op_id
            on_device = name in here[deed.device]
            if deed.acknowledged:
                report.acknowledged += 1
                if on_device and name in kept[deed.device]:
                    report.found += 1
                else:
                    report.lost.append(f"{deed.kind} {name or deed.of} at {deed.device}")
            elif deed.kind == "sale" and on_device:
                report.problems.append(f"{name}: shown {deed.seen}, and sold")
            if not deed.ended:
                report.problems.append(f"{deed.kind} {name}: never ended")
        known = {deed.op_id for deed in self._book.deeds}
        for entries in self._entries.values():
            for entry in entries:
                if entry.draft.kind is Kind.SALE and entry.draft.op_id not in known:
                    report.problems.append(f"{entry.draft.op_id}: sold to nobody")

    def _done(self) -> tuple[dict[str, set[str]], dict[tuple[str, str], str]]:
        """(operations on each device's journal, voids by device and sale); what is there twice, on
        one journal or on two, is noted."""
        times = Counter[str]()
        here: dict[str, set[str]] = {}
        voids: dict[tuple[str, str], str] = {}
        for device, entries in self._entries.items():
            here[device] = {each.draft.op_id for each in entries}
            for draft in (each.draft for each in entries if each.draft.kind in _DEEDS):
                times[draft.op_id] += 1
                if draft.kind is Kind.VOID_SALE and draft.refers_to is not None:
                    if (device, draft.refers_to) in voids:
                        self.report.doubled.append(f"void of {draft.refers_to}")
                    voids[device, draft.refers_to] = draft.op_id
        self.report.doubled += [op_id for op_id, count in times.items() if count > 1]
        return here, voids

    def _overspend(self) -> None:
        """The worse of two answers: what the cloud booked, and what the journals say."""
        over = sum(max(0, spent - self._funded[key]) for key, spent in self._settled.items())
        self.report.overspend = max(self.report.overspend, over)
