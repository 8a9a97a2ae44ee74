"""Whatever is sold, recharged, voided, refused and restarted: the balances are the model's."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.errors import Refused
from daemon.core.records import Member
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from daemon.ports.ledger import Books
from tests.budget import NIGHTLY
from tests.ledger.shop import KEY, SALES, SeedSigner, TickClock, member, owner_of, recharge, sale


@dataclass
class Model:
    """What a shopkeeper with a pencil would have."""

    held: dict[Account, int] = field(default_factory=dict)
    sold_fen: int = 0
    entries: int = 0
    sales: dict[str, Entry] = field(default_factory=dict)


class Shop(RuleBasedStateMachine):
    members = Bundle("members")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.loop = asyncio.new_event_loop()
        self.clock = TickClock()
        self.model = Model()
        self.count = 0
        self.open()

    def open(self) -> None:
        self.ledger = self.loop.run_until_complete(
            SqlLedger.open(self.path, KEY, SeedSigner(), self.clock, device="device-1")
        )

    def holdings(self, who: Member) -> dict[Account, int]:
        return {
            account: balance
            for account, balance in self.model.held.items()
            if account.owner == owner_of(who) and balance
        }

    @rule(target=members)
    def join(self) -> Member:
        self.count += 1
        return member(self.clock, str(self.count))

    @rule(who=members, principal=st.integers(1, 10_000), bonus=st.integers(0, 1_000))
    def recharge(self, who: Member, principal: int, bonus: int) -> None:
        entry = self.loop.run_until_complete(
            self.ledger.write(recharge(self.clock, who, principal, bonus))
        )
        self.take(entry)

    @rule(who=members, amounts=st.lists(st.integers(1, 12_000), min_size=1, max_size=6))
    def sell_at_once(self, who: Member, amounts: list[int]) -> None:
        """In the order of the queue, those that fit are sold and the others change nothing."""

        async def all_of_them() -> list[Entry | BaseException]:
            return await asyncio.gather(
                *(self.ledger.write(sale(self.clock, who, amount)) for amount in amounts),
                return_exceptions=True,
            )

        for amount, told in zip(amounts, self.loop.run_until_complete(all_of_them()), strict=True):
            fits = sum(self.holdings(who).values()) >= amount
            assert isinstance(told, Entry) == fits, told
            if isinstance(told, Entry):
                self.take(told)
                self.model.sales[told.draft.op_id] = told
                self.model.sold_fen += amount

    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        if not self.model.sales:
            return
        op_id = data.draw(st.sampled_from(sorted(self.model.sales)))
        sold = self.model.sales.pop(op_id).draft
        draft = Draft(
            self.clock.new_id(),
            Kind.VOID_SALE,
            self.clock.now_ms(),
            "employee:1",
            sold.member_id,
            refers_to=op_id,
            postings=tuple(Posting(p.account, -p.amount) for p in sold.postings),
        )
        self.take(self.loop.run_until_complete(self.ledger.write(lambda b: b.append(draft))))
        self.model.sold_fen -= sum(p.amount for p in sold.postings if p.account == SALES)

    @rule(who=members, amount=st.integers(1, 100))
    def refuse(self, who: Member, amount: int) -> None:
        def work(books: Books) -> None:
            recharge(self.clock, who, amount)(books)
            raise Refused("day_limit")

        try:
            self.loop.run_until_complete(self.ledger.write(work))
        except Refused:
            return
        raise AssertionError("it was not refused")

    @rule()
    def restart(self) -> None:
        self.loop.run_until_complete(self.ledger.close())
        self.open()

    def take(self, entry: Entry) -> None:
        self.model.entries += 1
        assert entry.dseq == self.model.entries
        for posting in entry.draft.postings:
            if posting.account.owner.startswith("member:"):
                before = self.model.held.get(posting.account, 0)
                self.model.held[posting.account] = before + posting.amount

    @invariant()
    def agree(self) -> None:
        def look(books: Books) -> dict[str, dict[Account, int]]:
            owners = {account.owner for account in self.model.held}
            return {
                owner: {h.account: h.balance for h in books.holdings(owner)} for owner in owners
            }

        told = self.loop.run_until_complete(self.ledger.read(look))
        flat = {account: balance for held in told.values() for account, balance in held.items()}
        assert flat == {account: fen for account, fen in self.model.held.items() if fen}
        sold = self.loop.run_until_complete(self.ledger.read(lambda books: books.balance(SALES)))
        assert sold == self.model.sold_fen

    def teardown(self) -> None:
        self.loop.run_until_complete(self.ledger.close())
        self.loop.close()
        report = verify(self.path, KEY, SeedSigner().public_key)
        self.folder.cleanup()
        assert report.ok, str(report)
        assert report.entries == self.model.entries


TestShop = Shop.TestCase
TestShop.settings = settings(
    max_examples=1_000 if NIGHTLY else 25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
