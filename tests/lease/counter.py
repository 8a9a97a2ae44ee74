"""A device of the model: a journal that is durable leaf by leaf, and what follows from it. It tells
the cloud nothing but what is on the journal, and asks with ids."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from daemon.core.lease.device import Counters
from daemon.core.lease.line import SoldLine, give_up
from daemon.core.lease.values import Moves
from tests.lease.rules import Rules
from tests.lease.talk import (
    Batch,
    DebitAsk,
    DebitSays,
    GrantTo,
    Hello,
    Leaf,
    LineRecall,
    Message,
    NewEpoch,
    RecallOf,
    Receipt,
    RefundAsk,
    RefundSays,
    ReverseAsk,
    ReverseSays,
)


@dataclass
class Truth:
    """What really happened, whoever knows of it."""

    uid: int = 0
    funded: int = 0
    net_spent: int = 0
    credit: int = 0
    discarded: int = 0
    sold: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    """Refunds of a sale that stand on a timeline which was thrown away."""

    def next_uid(self) -> int:
        self.uid += 1
        return self.uid


@dataclass(frozen=True)
class Disk:
    """All that a device keeps; a backup is a copy of it. `journal` is that of this epoch, `asked`
    the debits by txid, `asking` refunds that the cloud was asked for, `refunds` by the leaf."""

    epoch: int = 1
    journal: tuple[Leaf, ...] = ()
    counters: Counters = field(default_factory=Counters)
    receipted: int = 0
    lines: dict[str, SoldLine] = field(default_factory=dict)
    asked: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    asking: dict[str, tuple[str, int]] = field(default_factory=dict)
    refunds: dict[int, tuple[str, int]] = field(default_factory=dict)
    timeline: tuple[Leaf, ...] = ()
    """All leaves ever, of every epoch."""


class Counter:
    def __init__(self, name: str, rules: Rules, truth: Truth) -> None:
        self.name, self.rules, self.truth = name, rules, truth
        self.disk = Disk()
        self.backup = self.disk
        self.unlowered = 0
        self.lost = False
        self.forked = False
        self.boot = truth.next_uid()
        self.said = 0

    @property
    def here(self) -> int:
        """The balance that decides. Only a mutant has something that is not lowered yet."""
        return self.disk.counters.here + self.unlowered

    # What happens at the counter.

    def sell(self, amount: int, sale: str) -> bool:
        if not 0 < amount <= self.here:
            return False
        self._put(Moves(spent=amount))
        self._sold(sale, amount, amount)
        return True

    def top_up(self, amount: int) -> None:
        self._put(Moves(topped_up=amount))
        self.truth.funded += amount

    def sell_on_credit(self, amount: int) -> None:
        self._put(Moves(credit=amount))
        self.truth.credit += amount
        self.truth.net_spent += amount

    def refund(self, sale: str, amount: int) -> bool:
        after = self.rules.refund_right(self.disk.lines.get(sale), amount)
        if after is None:
            return False
        self.disk = replace(self.disk, lines={**self.disk.lines, sale: after})
        self._refunded(sale, amount)
        return True

    def ask_refund(self, rid: str, sale: str, amount: int) -> RefundAsk:
        self.disk = replace(self.disk, asking={**self.disk.asking, rid: (sale, amount)})
        return RefundAsk(self.name, self.disk.epoch, rid, sale, amount)

    def ask_debit(self, txid: str, total: int) -> DebitAsk | None:
        """The sale of `total` needs more than is here: the intent is durable, then it is sent."""
        short = total - self.here
        if short <= 0:
            return None
        asked = {**self.disk.asked, txid: (total, short, "asked")}
        self.disk = replace(self.disk, asked=asked)
        return DebitAsk(self.name, self.disk.epoch, txid, short)

    def ask_again(self, txid: str) -> DebitAsk | None:
        _, short, state = self.disk.asked[txid]
        return DebitAsk(self.name, self.disk.epoch, txid, short) if state == "asked" else None

    def give_in(self, txid: str) -> ReverseAsk | None:
        """Nobody waits for the answer any more."""
        total, short, state = self.disk.asked[txid]
        if state not in ("asked", "reversing"):
            return None
        asked = {**self.disk.asked, txid: (total, short, "reversing")}
        self.disk = replace(self.disk, asked=asked)
        return ReverseAsk(self.name, self.disk.epoch, txid)

    # What it says by itself.

    def batch(self, start: int, most: int) -> Batch | None:
        journal = self.disk.journal
        after = min(self.disk.receipted + start, len(journal))
        leaves = journal[after : after + most]
        if not leaves:
            return None
        previous = journal[after - 1].uid if after else 0
        return Batch(*self._heading(), after, previous, leaves)

    def hello(self) -> Hello:
        uids = tuple(leaf.uid for leaf in self.disk.journal)
        return Hello(*self._heading(), uids)

    def _heading(self) -> tuple[str, int, int, int]:
        self.said = self.truth.next_uid()
        return self.name, self.disk.epoch, self.boot, self.said

    # What it hears.

    def hear(self, told: Message) -> list[Message]:
        if self.lost or (told.epoch != self.disk.epoch and not isinstance(told, GrantTo)):
            return []
        match told:
            case GrantTo():
                self._grant(told)
            case RecallOf():
                self._release()
            case Receipt(upto=upto):
                if upto <= len(self.disk.journal):
                    self.disk = replace(self.disk, receipted=max(self.disk.receipted, upto))
            case DebitSays(txid=txid, ok=ok):
                return self._answered(txid, ok)
            case ReverseSays(txid=txid):
                self._ended(txid, "reversed")
            case RefundSays(rid=rid):
                self._may_refund(rid)
            case LineRecall(sale=sale):
                self._give_up(sale)
            case NewEpoch(echo=echo) if echo == self.said:
                self._begin(told)
        return []

    def _grant(self, told: GrantTo) -> None:
        more = self.rules.take(self.disk.counters.seen, self.disk.epoch, told)
        if more:
            self._put(Moves(seen=more))

    def _release(self) -> None:
        here = self.disk.counters.here
        lowered = self.rules.release(here)
        if here:
            self.unlowered += here - lowered
            self._put(Moves(returned=here))

    def _answered(self, txid: str, ok: bool) -> list[Message]:
        if txid not in self.disk.asked:
            # An older copy of the disk does not remember that it asked.
            return [ReverseAsk(self.name, self.disk.epoch, txid)] if ok else []
        total, short, state = self.disk.asked[txid]
        if state != "asked":
            return []
        if not ok:
            # A copy of the question may still be on its way and find money: a no ends nothing.
            self.give_in(txid)
        elif total - short <= self.here:
            # GRANTED(ONLINE) and the sale, in one transaction.
            self._put(Moves(online={txid: short}))
            self._put(Moves(spent=total))
            self._sold(txid, total, total)
            self._ended(txid, "granted")
        else:
            self.give_in(txid)
        return []

    def _ended(self, txid: str, state: str) -> None:
        if txid in self.disk.asked:
            total, short, was = self.disk.asked[txid]
            if was == "granted":
                return
            asked = {**self.disk.asked, txid: (total, short, state)}
            self.disk = replace(self.disk, asked=asked)

    def _may_refund(self, rid: str) -> None:
        if rid in self.disk.asking:
            sale, amount = self.disk.asking[rid]
            asking = {key: each for key, each in self.disk.asking.items() if key != rid}
            self.disk = replace(self.disk, asking=asking)
            self._refunded(sale, amount)

    def _give_up(self, sale: str) -> None:
        if sale in self.disk.lines:
            after, amount = give_up(self.disk.lines[sale])
            if amount:
                self.disk = replace(self.disk, lines={**self.disk.lines, sale: after})
                self._put(Moves(), (sale, amount))

    def _begin(self, told: NewEpoch) -> None:
        """What was held is void. Leaves after the place that both know go up once more, under the
        old epoch's lease."""
        tail = self.disk.journal[told.after :]
        begins = Leaf(self.truth.next_uid(), told.begin, Moves(), begins=True)
        open_asks = {
            txid: (total, short, "reversing" if state == "asked" else state)
            for txid, (total, short, state) in self.disk.asked.items()
        }
        self.unlowered = 0
        self.forked = False
        self.disk = replace(
            self.disk,
            epoch=told.begin,
            journal=(*tail, begins),
            counters=Counters(),
            receipted=0,
            asked=open_asks,
            asking={},
            timeline=(*self.disk.timeline, begins),
        )

    # The disk.

    def keep_backup(self) -> None:
        self.backup = self.disk

    def restore(self) -> None:
        """An old copy of the disk. What the thrown-away leaves let out is spent a second time at
        worst: B."""
        lost = self.disk.timeline[len(self.backup.timeline) :]
        for leaf in lost:
            self.truth.discarded += leaf.moves.spent + leaf.moves.returned
            if leaf.uid in self.disk.refunds:
                sale, amount = self.disk.refunds[leaf.uid]
                before = self.truth.forgotten.get(sale, 0)
                self.truth.forgotten[sale] = before + amount
            if leaf.gave_up is not None:
                sale, amount = leaf.gave_up
                before = self.truth.forgotten.get(sale, 0)
                self.truth.forgotten[sale] = before + amount
        self.unlowered = 0
        self.forked = self.forked or bool(lost)
        self.boot, self.said = self.truth.next_uid(), 0
        self.disk = self.backup

    def _put(self, moves: Moves, gave_up: tuple[str, int] | None = None) -> int:
        leaf = Leaf(self.truth.next_uid(), self.disk.epoch, moves, gave_up)
        spent = min(self.unlowered, moves.spent)
        self.unlowered -= spent
        before = self.disk.counters
        counters = before.after(replace(moves, spent=moves.spent - spent))
        self.disk = replace(
            self.disk,
            journal=(*self.disk.journal, leaf),
            timeline=(*self.disk.timeline, leaf),
            counters=counters,
        )
        return leaf.uid

    def _sold(self, sale: str, amount: int, refundable: int) -> None:
        self.truth.net_spent += amount
        self.truth.sold[sale] = self.truth.sold.get(sale, 0) + refundable
        self.disk = replace(self.disk, lines={**self.disk.lines, sale: SoldLine(refundable)})

    def _refunded(self, sale: str, amount: int) -> None:
        uid = self._put(Moves(refunded=amount))
        self.disk = replace(self.disk, refunds={**self.disk.refunds, uid: (sale, amount)})
        self.truth.net_spent -= amount
        self.truth.refunded[sale] = self.truth.refunded.get(sale, 0) + amount
