"""A counter of a chain without its shop: a journal in memory, sealed and signed as a device does,
leases obeyed with the device's own pure rules. What a test of the cloud talks to it with."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.entry import (
    GENESIS,
    Account,
    Draft,
    Entry,
    Funding,
    Kind,
    Posting,
    chain_hash,
)
from daemon.core.lease.device import Counters, fold, take_total
from daemon.core.lease.moves import CHAIN, OWED, AccountKey
from daemon.core.lot_number import lot_number
from daemon.sync.envelope import (
    Circumstances,
    Identity,
    Position,
    RawBatch,
    SealedBatch,
    SeedKey,
    encode_batch,
    open_receipt,
    seal,
)
from daemon.sync.envelope.canonical import encode
from daemon.sync.link.asking import Granted, Request
from daemon.sync.link.messages import Change, Hello, Orders, Report, open_orders

MERCHANT = "M-0001"
START_MS = 1_790_000_000_000
MONEY = ("principal", "bonus")


@dataclass
class World:
    """The clock that everybody shares, and ids that never come twice."""

    now_ms: int = START_MS
    count: int = 0

    def tick(self, ms: int = 1000) -> int:
        self.now_ms += ms
        return self.now_ms

    def new_id(self, prefix: str = "op") -> str:
        self.count += 1
        return f"{prefix}-{self.count:06d}"


@dataclass
class Disk:
    """What a power cut keeps and a restore brings back."""

    epoch: int = 1
    number: int = 0
    entries: list[Entry] = field(default_factory=list)
    chain: bytes = GENESIS
    position: Position = field(default_factory=lambda: Position(Identity("", "", "", 1)))
    first_dseq: int = 1
    base: int = 0
    batches: list[SealedBatch] = field(default_factory=list)
    receipted: int = 0
    cursor: int = 0
    told: int = 0
    grants_upto: int = 0
    valid_until_ms: int = 0
    have: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    cseq: int = 0
    rules: dict[AccountKey, str] = field(default_factory=dict)


class Counter:
    """Device `name` of store `store`."""

    def __init__(self, world: World, name: str, store: str, cloud_key: bytes) -> None:
        self.world = world
        self.name = name
        self.store = store
        self.key = SeedKey(name.encode().ljust(32, b"."))
        self.cloud = {SeedKey(cloud_key).key_id: SeedKey(cloud_key).public_key}
        self.boot = world.new_id("boot")
        self.disk = Disk(position=Position(self.identity(1)))
        self.answers: dict[str, object] = {}
        self.requests: list[Request] = []
        self.nonce = 0

    def identity(self, epoch: int) -> Identity:
        return Identity(MERCHANT, self.store, self.name, epoch)

    # -- the journal -----------------------------------------------------------------------------

    def append(
        self,
        kind: Kind,
        member: str | None,
        *postings: Posting,
        op_id: str | None = None,
        refers_to: str | None = None,
        **detail: int | str,
    ) -> Entry:
        dseq = len(self.disk.entries) + 1
        draft = Draft(
            op_id or self.world.new_id(),
            kind,
            self.world.tick(),
            "employee:0001",
            member_id=member,
            refers_to=refers_to,
            postings=postings,
            detail=detail,
        )
        return self.append_draft(Entry(dseq, draft))

    def append_draft(self, entry: Entry) -> Entry:
        assert entry.dseq == len(self.disk.entries) + 1
        self.disk.entries.append(entry)
        self.disk.chain = chain_hash(self.disk.chain, entry.leaf())
        return entry

    def counters(self) -> dict[AccountKey, Counters]:
        return fold(self.disk.entries[self.disk.first_dseq - 1 :])

    def here(self, member: str, *assets: str) -> dict[AccountKey, int]:
        """What can be spent here of a member, by account."""
        wanted = assets or MONEY
        return {
            key: counters.here
            for key, counters in sorted(self.counters().items())
            if key.member == member and key.asset in wanted and counters.here
        }

    def balance(self, member: str, *assets: str) -> int:
        return sum(self.here(member, *assets).values())

    def recharge(self, member: str, fen: int, bonus_fen: int = 0, rule: str = "tier") -> Entry:
        lot = lot_number(self.disk.number, len(self.disk.entries) + 1)
        owner = f"member:{member}"
        postings = [
            Posting(Account("tender:cash", "taken"), -fen),
            Posting(Account(owner, "principal", lot), fen, Funding.LEASE),
        ]
        if bonus_fen:
            postings += [
                Posting(Account("shop", "bonus_given"), -bonus_fen),
                Posting(Account(owner, "bonus", lot), bonus_fen, Funding.LEASE),
            ]
        for posting in postings:
            if posting.account.owner == owner:
                key = f"{member}/{posting.account.asset}/{lot}"
                self.change("lots", key, encode(rule))
        return self.append(Kind.RECHARGE, member, *postings)

    def sell(
        self,
        member: str,
        fen: int,
        *,
        op_id: str | None = None,
        credit_fen: int = 0,
        lines: str = "",
    ) -> Entry:
        """From what is here, oldest lot first; `credit_fen` of it without cover."""
        postings, left = [], fen - credit_fen
        for key, here in self.here(member).items():
            part = min(here, left)
            if part:
                postings.append(Posting(key.account(), -part, Funding.LEASE))
                left -= part
        assert left == 0, "not enough here"
        if credit_fen:
            owed = AccountKey(member, OWED).account()
            postings.append(Posting(owed, -credit_fen, Funding.CREDIT))
        detail = {"lines": lines} if lines else {}
        return self.append(
            Kind.SALE,
            member,
            *postings,
            Posting(Account("shop", "sales"), fen),
            op_id=op_id,
            **detail,
        )

    def void(self, sale: Entry) -> Entry:
        back = [Posting(p.account, -p.amount, p.funding) for p in sale.draft.postings]
        member = sale.draft.member_id
        return self.append(Kind.VOID_SALE, member, *back, refers_to=sale.draft.op_id)

    # -- batches and reports ---------------------------------------------------------------------

    def seal(self, most: int = 50) -> None:
        while self.disk.position.dseq < len(self.disk.entries):
            start = self.disk.position.dseq
            leaves = [each.leaf() for each in self.disk.entries[start : start + most]]
            sealed = seal(self.disk.position, leaves, self.key, Circumstances(self.world.now_ms))
            self.disk.batches.append(sealed)
            self.disk.position = sealed.position

    def report(self, *, wait_ms: int = 0, most: int = 1000) -> Report:
        self.nonce += 1
        disk = self.disk
        after = disk.cursor
        sent = [b for b in disk.batches if b.manifest.bseq > after][:most]
        hello = Hello(
            self.identity(disk.epoch),
            self.boot,
            disk.position.bseq,
            disk.position.head,
            len(disk.entries),
            disk.told,
            self.world.now_ms,
            True,
            "test",
        )
        return Report(
            nonce=self.nonce.to_bytes(16, "big"),
            hello=hello,
            batches=tuple(encode_batch(b.message, b.leaves) for b in sent),
            receipted=disk.receipted,
            have=dict(disk.have),
            grants_upto=disk.grants_upto,
            changes=tuple(disk.changes),
            requests=tuple(self.requests),
            wait_ms=wait_ms,
        )

    def message(self, **more: int) -> bytes:
        self.seal()
        return self.report(**more).sealed_by(self.key)

    # -- orders ----------------------------------------------------------------------------------

    def obey(self, message: bytes) -> Orders:
        orders = open_orders(message, self.cloud)
        self.take(orders)
        return orders

    def take(self, orders: Orders) -> None:
        disk = self.disk
        assert orders.device == self.name
        if orders.epoch != disk.epoch:
            return
        if orders.receipt is not None:
            receipt = open_receipt(orders.receipt, self.cloud)
            heads = {each.manifest.bseq: each.position.head for each in disk.batches}
            if heads.get(receipt.upto) == receipt.head:
                disk.receipted = max(disk.receipted, receipt.upto)
        journal = orders.journal
        if journal is not None and journal.epoch > disk.epoch:
            self.begin_epoch(journal.epoch, journal.number)
            return
        if journal is not None and disk.number == 0:
            disk.number = journal.number
        disk.told = orders.pull.after
        disk.cursor = max(disk.cursor, min(orders.pull.after, disk.position.bseq))
        disk.valid_until_ms = max(disk.valid_until_ms, orders.valid_until_ms)
        disk.changes = [each for each in disk.changes if each.cseq > orders.changes_upto]
        self._take_grants(orders)
        for recall in orders.recalls:
            self.release(recall.member_id, recall.asset)
        for delta in orders.deltas:
            if disk.have.get(delta.dataset, 0) == delta.start:
                for row in delta.rows:
                    disk.rows[delta.dataset, row.key] = row.value
                disk.have[delta.dataset] = delta.end
        for answer in orders.answers:
            self._take_answer(answer)

    def _take_grants(self, orders: Orders) -> None:
        for grant in orders.grants:
            key = AccountKey(grant.member_id, grant.asset, grant.lot)
            seen = self.counters().get(key, Counters()).seen
            more = take_total(seen, grant.total)
            self.disk.rules[key] = grant.rule
            if more:
                self.granted(key, more)
            self.disk.grants_upto = max(self.disk.grants_upto, grant.gseq)

    def granted(self, key: AccountKey, amount: int, sale: str | None = None) -> Entry:
        funding = Funding.LEASE if sale is None else Funding.ONLINE
        return self.append(
            Kind.GRANTED,
            key.member,
            Posting(key.account(), amount, funding),
            Posting(Account(CHAIN, key.asset), -amount, funding),
            refers_to=sale,
        )

    def release(self, member: str, asset: str) -> None:
        for key, amount in self.here(member, asset).items():
            self.append(
                Kind.RELEASED,
                member,
                Posting(key.account(), -amount, Funding.LEASE),
                Posting(Account(CHAIN, asset), amount, Funding.LEASE),
            )

    def _take_answer(self, answer: object) -> None:
        name = getattr(answer, "txid", None) or getattr(answer, "rid", "")
        self.answers[name] = answer
        self.requests = [
            each
            for each in self.requests
            if (getattr(each, "txid", None) or getattr(each, "rid", "")) != name
        ]

    def take_debit(self, member: str, answer: Granted) -> None:
        """What an online debit gave is here now, for its sale."""
        for part in answer.parts:
            self.granted(AccountKey(member, part.asset, part.lot), part.amount, answer.txid)

    def change(self, dataset: str, key: str, value: bytes) -> None:
        self.disk.cseq += 1
        self.disk.changes.append(Change(self.disk.cseq, dataset, key, value))

    # -- what goes wrong -------------------------------------------------------------------------

    def begin_epoch(self, epoch: int, number: int) -> None:
        """As told: what was held is void, batches begin anew behind the last receipt."""
        disk = self.disk
        held = {key: c.here for key, c in self.counters().items() if c.here}
        kept = [b for b in disk.batches if b.manifest.bseq <= disk.receipted]
        base = kept[-1].manifest.last_dseq if kept else disk.base
        voided: dict[str, int] = {}
        postings = []
        for key, amount in held.items():
            postings.append(Posting(key.account(), -amount, Funding.LEASE))
            voided[key.asset] = voided.get(key.asset, 0) + amount
        postings += [
            Posting(Account(CHAIN, asset), amount, Funding.LEASE)
            for asset, amount in voided.items()
        ]
        first = len(disk.entries) + 1
        if postings:
            self.append(Kind.LEASE_VOIDED, None, *postings)
        self.append(Kind.EPOCH, None, event="epoch_begun", epoch=epoch, journal=number)
        disk.epoch, disk.number, disk.first_dseq, disk.base = epoch, number, first, base
        chain = GENESIS
        for entry in disk.entries[:base]:
            chain = chain_hash(chain, entry.leaf())
        disk.position = Position(self.identity(epoch), dseq=base, chain=chain)
        disk.batches, disk.receipted, disk.cursor, disk.grants_upto = [], 0, 0, 0
        disk.told = 0

    def reboot(self) -> None:
        self.boot = self.world.new_id("boot")

    def image(self) -> Disk:
        return copy.deepcopy(self.disk)

    def restore(self, image: Disk) -> None:
        self.disk = copy.deepcopy(image)
        self.reboot()


def total_here(counters: Sequence[Counter], member: str) -> int:
    return sum(each.balance(member) for each in counters)


def encoded(batch: SealedBatch) -> bytes:
    return encode_batch(batch.message, batch.leaves)


def raw(batch: SealedBatch) -> RawBatch:
    return RawBatch(batch.message, batch.leaves)


Rows = Mapping[tuple[str, str], bytes | None]
