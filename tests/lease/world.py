"""One account, its cloud, its counters and a bad network; and the bounds that must hold whatever
happens (docs/leases.md). `check` is called after each step, `settle` ends a run: everything that
can still be told is told, and then the books must say what really happened."""

from __future__ import annotations

from daemon.core.errors import CounterError
from daemon.core.lease import book, line
from daemon.core.lease.book import AccountBook, DebitState, FindingKind, Holder, LeaseState
from daemon.core.lease.line import LineHome
from tests.lease.counter import Counter, Truth
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
    Report,
    ReverseAsk,
    ReverseSays,
    StatusAsk,
)

NAMES = ("a", "b", "c")
FORGED = (FindingKind.GRANT_FORGED, FindingKind.DEBIT_FORGED)
HONEST = (FindingKind.LATE_AFTER_FORCE, FindingKind.OVERSPEND)


class World:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.truth = Truth()
        self.counters = {name: Counter(name, rules, self.truth) for name in NAMES}
        self.network: list[Message] = []
        self.book = AccountBook()
        self.known: dict[Holder, tuple[Leaf, ...]] = {}
        self.epochs = dict.fromkeys(NAMES, 1)
        self.dead: set[Holder] = set()
        self.ended: set[Holder] = set()
        """Dead epochs whose device was told where the next one begins: nothing more is taken in."""
        self.heard: dict[tuple[str, int], int] = {}
        self.lines: dict[str, LineHome] = {}
        self.allowed: set[str] = set()
        self.homes: dict[str, str] = {}
        self.at_risk_ever = 0
        self.forged = 0
        self.restored = False
        self.number = 0

    def next_name(self, what: str) -> str:
        self.number += 1
        return f"{what}{self.number}"

    def send(self, message: Message | None) -> None:
        if message is not None:
            self.network.append(message)

    # The cloud by itself.

    def holder(self, name: str) -> Holder:
        return (name, self.epochs[name])

    def grant(self, name: str, amount: int) -> None:
        holder = self.holder(name)
        if holder in self.dead:
            return
        try:
            self.book = self.rules.grant(self.book, holder, amount)
        except CounterError:
            return
        self.send(GrantTo(*holder, self.book.lease(holder).granted, amount))

    def grant_again(self, name: str) -> None:
        """Orders are worked out anew in every exchange."""
        holder = self.holder(name)
        total = self.book.lease(holder).granted
        if total and holder not in self.dead:
            self.send(GrantTo(*holder, total, 0))

    def answer_again(self, name: str) -> None:
        """Debits that are open for this device."""
        holder = self.holder(name)
        for txid, known in self.book.debits.items():
            mine = (known.device, known.epoch) == holder
            if mine and known.state is DebitState.OPEN:
                self.send(DebitSays(*holder, txid, ok=True))

    def recall(self, name: str) -> None:
        holder = self.holder(name)
        self.book = book.recall(self.book, holder)
        if self.book.lease(holder).state is LeaseState.RECALLING:
            self.grant_again(name)
            self.send(RecallOf(*holder))

    def force(self, name: str) -> None:
        self._bury(self.holder(name))

    def _bury(self, holder: Holder) -> None:
        if holder in self.dead:
            return
        opened = sum(
            known.amount
            for known in self.book.debits.values()
            if (known.device, known.epoch) == holder and known.state is DebitState.OPEN
        )
        before = self.book.home.at_risk
        out = self.book.lease(holder).out
        self.book = self.rules.force(self.book, holder)
        if self.book.home.at_risk > before:
            assert self.book.home.at_risk == before + out + opened
            self.at_risk_ever += out + opened
        self.dead.add(holder)

    # The cloud hears.

    def hear(self, told: Message) -> None:
        holder = (told.device, told.epoch)
        match told:
            case Batch():
                self._take_in(told)
            case Hello():
                self._greet(told)
            case DebitAsk(txid=txid, amount=amount):
                self._debit(holder, txid, amount)
            case StatusAsk(txid=txid):
                known = self.book.debits.get(txid)
                if known is not None and known.state is DebitState.OPEN:
                    self.send(DebitSays(*holder, txid, ok=True))
            case ReverseAsk(txid=txid):
                self.book = self.rules.reverse(self.book, holder, txid)
                self.send(ReverseSays(*holder, txid))
            case RefundAsk():
                self._refund(holder, told)

    def _debit(self, holder: Holder, txid: str, amount: int) -> None:
        if holder in self.dead:
            return
        try:
            self.book = self.rules.debit(self.book, holder, txid, amount)
            self.send(DebitSays(*holder, txid, ok=True))
        except CounterError:
            self.send(DebitSays(*holder, txid, ok=False))

    def _refund(self, holder: Holder, told: RefundAsk) -> None:
        if told.rid not in self.allowed:
            if holder in self.dead:
                return
            try:
                home = self.lines.get(told.sale, LineHome())
                self.lines[told.sale] = line.allow(home, told.amount)
                self.allowed.add(told.rid)
            except CounterError:
                seller = self.homes[told.sale]
                self.send(LineRecall(*self.holder(seller), told.sale))
                return
        self.send(RefundSays(*holder, told.rid))

    def _take_in(self, batch: Batch) -> None:
        holder = (batch.device, batch.epoch)
        known = self.known.get(holder, ())
        self._is_old(batch)
        if holder in self.ended:
            return
        new = self.rules.accept(tuple(leaf.uid for leaf in known), batch)
        if new is None:
            return
        for leaf in new:
            self._apply((batch.device, leaf.epoch), leaf)
        self.known[holder] = (*known, *new)
        self.send(Receipt(*holder, len(self.known[holder])))

    def _apply(self, holder: Holder, leaf: Leaf) -> None:
        before = self.book.home.at_risk
        came = leaf.moves.topped_up + leaf.moves.refunded + leaf.moves.seen
        self.book, findings = self.rules.apply_leaf(self.book, holder, leaf.moves)
        if came and self.book.home.at_risk > before:
            self.at_risk_ever += self.book.home.at_risk - before
        for finding in findings:
            assert self.restored or finding.kind in HONEST, f"nobody lies here: {finding}"
            self.forged += finding.amount if finding.kind in FORGED else 0
        if leaf.gave_up is not None:
            sale, amount = leaf.gave_up
            self.lines[sale] = line.gave_up(self.lines.get(sale, LineHome()), amount)

    def _greet(self, hello: Hello) -> None:
        """A journal that is behind or beside what is known here, or one of a dead epoch."""
        holder = (hello.device, hello.epoch)
        if self._is_old(hello):
            return
        known = tuple(leaf.uid for leaf in self.known.get(holder, ()))
        same = self.rules.parted(known, hello)
        if same is None and holder not in self.dead:
            return
        self._bury(holder)
        newest = self.holder(hello.device)
        if newest in self.dead or self.known.get(newest):
            self._bury(newest)
            self.epochs[hello.device] += 1
        self.ended.add(holder)
        after = len(known) if same is None else same
        self.send(NewEpoch(*holder, hello.serial, self.epochs[hello.device], after))

    def _is_old(self, report: Report) -> bool:
        """A report that was overtaken must not look like a disk that was restored. Boots have no
        order: an old one's that comes late may cost an epoch, but its orders are not obeyed."""
        boot = (report.device, report.boot)
        if report.serial <= self.heard.get(boot, 0):
            return True
        self.heard[boot] = report.serial
        return False

    # Bounds.

    def check(self) -> None:
        book.check(self.book)  # I1, I2, I4
        home, truth = self.book.home, self.truth
        for counter in self.counters.values():
            assert counter.disk.counters.here >= 0, "I2"
        risk = self.at_risk_ever + truth.credit + truth.discarded
        assert truth.net_spent <= truth.funded + risk, "I3"
        credit = sum(lease.credit for lease in self.book.leases.values())
        assert home.overspent <= self.at_risk_ever + credit + self.forged, "I5"
        for holder in self.dead:
            lease = self.book.leases.get(holder)
            assert lease is None or lease.state is LeaseState.CLOSED_FORCED, "I8"
        for known in self.book.debits.values():
            dead = (known.device, known.epoch) in self.dead
            assert not (dead and known.state is DebitState.OPEN), "I8"
        for sale, back in truth.refunded.items():
            assert back <= truth.sold[sale] + truth.forgotten.get(sale, 0), "I10"
        for name, counter in self.counters.items():
            self._check_places(name, counter)

    def _check_places(self, name: str, counter: Counter) -> None:
        """I6: what has its effect is the device's own journal, place by place; of a restored one
        until the cloud has heard of it."""
        holder = (name, counter.disk.epoch)
        known = self.known.get(holder, ())
        journal = counter.disk.journal
        if not counter.forked:
            assert known == journal[: len(known)], "I6"

    def upload(self, name: str) -> None:
        """All that the cloud has not, at once and without loss."""
        batch = self.counters[name].batch(0, 1_000)
        if batch is not None:
            self.deliver(batch)

    # The end of a run.

    def settle(self) -> None:
        """Those that still have a network say all they have; debits that nobody waits for end."""
        for _ in range(60):
            self._exchange_all()
            self.check()
            if not self.network and self._told_all():
                break
        else:
            raise AssertionError("it does not come to rest")
        self.check_settled()

    def _exchange_all(self) -> None:
        for name, counter in self.counters.items():
            if counter.lost:
                continue
            self.send(counter.batch(0, 1_000))
            self.send(counter.hello())
            for txid in counter.disk.asked:
                self.send(counter.give_in(txid))
            self.grant_again(name)
            self.answer_again(name)
        queue, self.network = self.network, []
        while queue:
            self.deliver(queue.pop(0))
            queue, self.network = queue + self.network, []

    def deliver(self, message: Message) -> None:
        if isinstance(message, _TO_DEVICE):
            for answer in self.counters[message.device].hear(message):
                self.send(answer)
        else:
            self.hear(message)

    def _told_all(self) -> bool:
        return all(
            counter.lost
            or len(self.known.get((name, counter.disk.epoch), ())) == len(counter.disk.journal)
            for name, counter in self.counters.items()
        )

    def check_settled(self) -> None:
        """I3 at rest: what the cloud has of each live device is what that device has."""
        home, truth = self.book.home, self.truth
        there = [counter for counter in self.counters.values() if not counter.lost]
        for counter in there:
            holder = (counter.name, counter.disk.epoch)
            assert holder not in self.dead, "a live device has a live epoch"
            lease, own = self.book.lease(holder), counter.disk.counters
            assert own.seen == lease.granted == lease.seen
            mine = (own.online, own.topped_up, own.refunded, own.spent, own.returned, own.credit)
            assert mine == (
                lease.online,
                lease.topped_up,
                lease.refunded,
                lease.spent,
                lease.returned,
                lease.credit,
            ), "the counters agree"
            assert counter.here == lease.out
        opened = [known for known in self.book.debits.values() if known.state is DebitState.OPEN]
        if len(there) == len(NAMES) and not self.restored:
            assert not opened and home.in_debit == 0, "a debit is left open"
            assert home.funded == truth.funded, "all that was paid is known"
            assert home.settled == truth.net_spent, "all that was spent is settled"
            if not self.at_risk_ever:
                assert home.overspent <= truth.credit
        if not (self.at_risk_ever or truth.credit or self.restored):
            assert home.overspent == 0 and truth.net_spent <= truth.funded, "no overspend at all"


_TO_DEVICE = (
    GrantTo,
    RecallOf,
    Receipt,
    DebitSays,
    ReverseSays,
    RefundSays,
    LineRecall,
    NewEpoch,
)
