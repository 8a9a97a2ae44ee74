"""The machine that hypothesis drives: every step is one thing that happens somewhere."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.core.lease import book
from tests.lease.counter import Counter
from tests.lease.rules import Rules
from tests.lease.talk import StatusAsk
from tests.lease.world import NAMES, World

names = st.sampled_from(NAMES)
amounts = st.integers(1, 5)
picks = st.integers(0, 1_000)


class LeaseMachine(RuleBasedStateMachine):
    decisions = Rules()
    asks_much = False
    """Whether a seeded run (`drive.py`) is mostly about online debits."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.decisions)

    def counter(self, name: str) -> Counter | None:
        found = self.world.counters[name]
        return None if found.lost else found

    # At the counters.

    @rule(name=names, amount=st.integers(1, 20))
    def top_up(self, name: str, amount: int) -> None:
        if (counter := self.counter(name)) is not None:
            counter.top_up(amount)

    @rule(name=names, amount=st.integers(1, 20))
    def top_up_and_release(self, name: str, amount: int) -> None:
        """A counter with a good network whose money is wanted elsewhere."""
        if (counter := self.counter(name)) is not None and not counter.forked:
            counter.top_up(amount)
            self.world.upload(name)
            self.world.recall(name)
            self.deliver_all()
            self.world.upload(name)

    @rule(name=names, pick=picks)
    def sell(self, name: str, pick: int) -> None:
        if (counter := self.counter(name)) is not None and counter.here:
            sale = self.world.next_name("sale")
            if counter.sell(1 + pick % counter.here, sale):
                self.world.homes[sale] = name

    @rule(name=names, amount=amounts)
    def sell_on_credit(self, name: str, amount: int) -> None:
        if (counter := self.counter(name)) is not None:
            counter.sell_on_credit(amount)

    @rule(name=names, more=amounts)
    def ask_debit(self, name: str, more: int) -> None:
        if (counter := self.counter(name)) is not None:
            sale = self.world.next_name("sale")
            self.world.homes[sale] = name
            self.world.send(counter.ask_debit(sale, counter.here + more))

    @rule(name=names, pick=picks, again=st.sampled_from(["reverse", "status", "debit"]))
    def ask_again(self, name: str, pick: int, again: str) -> None:
        counter = self.counter(name)
        asked = list(counter.disk.asked) if counter is not None else []
        if counter is None or not asked:
            return
        txid = asked[pick % len(asked)]
        if again == "reverse":
            self.world.send(counter.give_in(txid))
        elif again == "status":
            self.world.send(StatusAsk(name, counter.disk.epoch, txid))
        else:
            self.world.send(counter.ask_again(txid))

    @precondition(lambda self: self.world.truth.sold)
    @rule(name=names, pick=picks, amount=amounts)
    def refund(self, name: str, pick: int, amount: int) -> None:
        counter = self.counter(name)
        sales = sorted(self.world.truth.sold)
        if counter is not None:
            sale = sales[pick % len(sales)]
            if not counter.refund(sale, amount):
                rid = self.world.next_name("refund")
                self.world.send(counter.ask_refund(rid, sale, amount))

    # What devices say.

    @rule(name=names, start=st.integers(0, 2), most=st.integers(1, 20))
    def send_batch(self, name: str, start: int, most: int) -> None:
        if (counter := self.counter(name)) is not None:
            self.world.send(counter.batch(start, most))

    @rule(name=names)
    def say_hello(self, name: str) -> None:
        if (counter := self.counter(name)) is not None:
            self.world.send(counter.hello())

    # The cloud.

    @rule(name=names, amount=st.integers(1, 8))
    def grant(self, name: str, amount: int) -> None:
        self.world.grant(name, amount)

    @rule(name=names)
    def grant_again(self, name: str) -> None:
        self.world.grant_again(name)
        self.world.answer_again(name)

    @rule(name=names)
    def recall(self, name: str) -> None:
        self.world.recall(name)

    @rule()
    def repay(self) -> None:
        self.world.book = book.repay(self.world.book)

    # The network.

    @precondition(lambda self: self.world.network)
    @rule(pick=picks)
    def deliver(self, pick: int) -> None:
        network = self.world.network
        self.world.deliver(network.pop(pick % len(network)))

    @precondition(lambda self: self.world.network)
    @rule()
    def deliver_all(self) -> None:
        queue, self.world.network = self.world.network, []
        for message in queue:
            self.world.deliver(message)

    @precondition(lambda self: self.world.network)
    @rule(pick=picks)
    def deliver_twice(self, pick: int) -> None:
        network = self.world.network
        self.world.deliver(network[pick % len(network)])

    @precondition(lambda self: self.world.network)
    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        network = self.world.network
        network.pop(pick % len(network))

    # What should not happen.

    @rule(name=names, sure=st.integers(0, 3))
    def force(self, name: str, sure: int) -> None:
        if sure == 0:
            self.world.force(name)

    @rule(name=names, sure=st.integers(0, 6))
    def lose_device(self, name: str, sure: int) -> None:
        if sure == 0:
            self.world.counters[name].lost = True

    @rule(name=names)
    def keep_backup(self, name: str) -> None:
        self.world.counters[name].keep_backup()

    @rule(name=names, sure=st.integers(0, 2))
    def restore(self, name: str, sure: int) -> None:
        if sure == 0 and (counter := self.counter(name)) is not None:
            counter.restore()
            self.world.restored = self.world.restored or counter.forked

    @invariant()
    def bounds_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.settle()


def machine_of(rules: Rules) -> type[LeaseMachine]:
    return type("LeasesUnderRules", (LeaseMachine,), {"decisions": rules})
