"""Counters that sell while exchanges are lost, doubled, late and out of turn, all from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from daemon.core.entry import Entry, Kind
from daemon.sync.link.asking import Debit, Granted, Insufficient, Reverse, Reversed
from tests.chain.counter import Counter
from tests.chain.shop import Chain

MEMBERS = ("m1", "m2", "m3")


@dataclass
class Truth:
    """What really happened, told by nobody. `funded` and `spent` are fen of all members."""

    funded: int = 0
    spent: int = 0


@dataclass
class Weather:
    """`step` does one thing to one counter."""

    chain: Chain
    dice: random.Random
    truth: Truth = field(default_factory=Truth)
    old: list[bytes] = field(default_factory=list)
    asked: dict[str, tuple[Counter, str, int]] = field(default_factory=dict)
    sales: dict[str, list[Entry]] = field(default_factory=dict)

    async def step(self) -> None:
        counter = self.dice.choice(list(self.chain.counters.values()))
        member = self.dice.choice(MEMBERS)
        deed = self.dice.choices(
            ["recharge", "sell", "void", "talk", "lost", "double", "late", "debit", "reverse",
             "reboot"],
            [2, 6, 1, 8, 2, 2, 2, 4, 1, 1],
        )[0]  # fmt: skip
        match deed:
            case "recharge":
                self.recharge(counter, member)
            case "sell":
                self.sell(counter, member)
            case "void":
                self.void(counter)
            case "debit":
                self.ask(counter, member)
            case "reverse":
                self.give_up(counter)
            case "reboot":
                counter.reboot()
            case _:
                await self.talk(counter, deed)

    def recharge(self, counter: Counter, member: str) -> None:
        if counter.disk.number:
            fen = self.dice.randrange(1, 200_00)
            counter.recharge(member, fen)
            self.truth.funded += fen

    def sell(self, counter: Counter, member: str) -> None:
        here = counter.balance(member)
        if here:
            fen = self.dice.randrange(1, here + 1)
            self.sales.setdefault(counter.name, []).append(counter.sell(member, fen))
            self.truth.spent += fen

    def void(self, counter: Counter) -> None:
        sales = self.sales.get(counter.name)
        if sales:
            sale = sales.pop(self.dice.randrange(len(sales)))
            counter.void(sale)
            back = sum(p.amount for p in sale.draft.postings if p.amount < 0)
            self.truth.spent += back

    def ask(self, counter: Counter, member: str) -> None:
        txid = self.chain.world.new_id("sale")
        fen = self.dice.randrange(1, 100_00)
        self.asked[txid] = (counter, member, fen)
        counter.requests.append(Debit(txid, member, fen, "principal_first"))

    def give_up(self, counter: Counter) -> None:
        """What was not answered, or with a no that a late copy of the question may have turned
        into a yes, is not to be."""
        for txid, (who, _, _) in self.asked.items():
            said = counter.answers.get(txid)
            if who is counter and (said is None or isinstance(said, Insufficient)):
                counter.requests = [r for r in counter.requests if getattr(r, "txid", "") != txid]
                counter.requests.append(Reverse(txid))
                counter.answers[txid] = Reversed(txid)

    async def talk(self, counter: Counter, how: str) -> None:
        message = counter.message()
        if how == "late" and self.old:
            message = self.dice.choice(self.old)
        self.old.append(message)
        answer = await self.chain.cloud.exchange(message)
        if how == "lost":
            return
        if how == "double":
            again = await self.chain.cloud.exchange(message)
            answer = self.dice.choice([answer, again])
        if how != "late":
            self.obey(counter, answer)
            if how == "double":
                self.obey(counter, answer)

    def obey(self, counter: Counter, answer: bytes) -> None:
        given_up = {txid for txid, said in counter.answers.items() if isinstance(said, Reversed)}
        counter.obey(answer)
        for txid in given_up:
            counter.answers[txid] = Reversed(txid)
        for txid, (who, member, fen) in list(self.asked.items()):
            said = counter.answers.get(txid)
            if who is not counter or not isinstance(said, Granted):
                continue
            del self.asked[txid]
            counter.take_debit(member, said)
            counter.sell(member, fen, op_id=txid)
            self.truth.spent += fen

    async def clear(self) -> None:
        """Everybody is heard in peace, and what is open is given up."""
        for counter in self.chain.counters.values():
            self.give_up(counter)
        for _ in range(8):
            for counter in self.chain.counters.values():
                self.obey(counter, await self.chain.cloud.exchange(counter.message()))


def true_books(counters: dict[str, Counter]) -> tuple[int, int]:
    """(funded, net spent) of money, from the journals themselves."""
    funded = spent = 0
    for counter in counters.values():
        for entry in counter.disk.entries:
            draft = entry.draft
            for posting in draft.postings:
                if not posting.account.owner.startswith("member:"):
                    continue
                if draft.kind is Kind.RECHARGE:
                    funded += posting.amount
                elif draft.kind in (Kind.SALE, Kind.VOID_SALE):
                    spent -= posting.amount
    return funded, spent
