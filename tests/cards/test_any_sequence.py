"""Whatever is recharged, spent, taken back, charged, moved, ended and paid out, in any order:
nobody gets out more than was paid in, no lot goes below zero, and fees are to the fen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.card_life import Service
from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import CounterError
from daemon.core.lot_rule import usable
from daemon.core.permissions import ALL
from daemon.core.pricing.balance_refund import Lot, Method, worth_of
from daemon.core.records import Member
from daemon.core.spend import MONEY_ASSETS, balance_of, plan_spend
from daemon.core.takings import ANY, Offer, take
from daemon.operations import balance_refund, recharge
from daemon.operations.balance_refund import Payout
from daemon.operations.card_fees import Fee, Occasion, charge
from daemon.operations.card_transfer import transfer
from daemon.operations.expiry import expire_next
from daemon.operations.recharge import RechargeOrder
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.operations.void import void
from daemon.ports.ledger import Books
from tests.budget import examples
from tests.fakes.clock import HandClock
from tests.fakes.ledger import MemoryLedger
from tests.ledger.proof import proved
from tests.loyalty.shop import add_member, make_shop

from .desk import DAY_S, tiers

BOSS = Actor("01JD8ZK3V7Q4M9T2X6R5W1C0BA", "9", "boss", "manager", permissions=ALL)
SALES = Account("shop", "sales")
Step = tuple[str, int, int]


@dataclass
class Walk:
    """Two members of a shop, and what the walk knows of the money."""

    shop: Shop
    clock: HandClock
    members: list[Member] = field(default_factory=list)
    recharges: list[str] = field(default_factory=list)
    sales: list[tuple[Posting, ...]] = field(default_factory=list)
    fees_fen: int = 0
    paid_fen: int = 0
    out_fen: int = 0
    keys: int = 0

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    async def step(self, name: str, who: int, number: int) -> None:
        member = self.members[who]
        try:
            await getattr(self, name)(member, number)
        except CounterError as error:
            assert error.key

    async def recharge(self, member: Member, number: int) -> None:
        order = RechargeOrder(member.member_id, number, (Offer("cash"),))
        made = await recharge.recharge(self.shop, BOSS, order, self.key())
        self.recharges.append(made["recharge_id"])
        self.paid_fen += number

    async def void(self, member: Member, number: int) -> None:
        if self.recharges:
            chosen = self.recharges.pop(number % len(self.recharges))
            voided = await void(self.shop, BOSS, recharge.KIND, chosen, self.key())
            self.paid_fen -= voided["amount_fen"]

    async def spend(self, member: Member, number: int) -> None:
        def work(books: Books) -> None:
            day = self.shop.day(self.clock.now_ms())
            held = [
                each
                for each in usable(books.holdings(owner_of(member.member_id)), day)
                if each.account.asset in MONEY_ASSETS
            ]
            fen = min(number, balance_of(held).total_fen)
            if not fen:
                return
            plan = plan_spend(fen, held, self.shop.policy.spend_order)
            drawn = tuple(Posting(account, -part) for account, part in plan if part)
            self._post(books, Kind.SALE, member, (*drawn, Posting(SALES, fen)))
            self.sales.append(drawn)

        await self.shop.ledger.write(work)

    async def take_back(self, member: Member, number: int) -> None:
        """A sale comes back to the lots that paid for it."""
        if not self.sales:
            return
        drawn = self.sales.pop(number % len(self.sales))
        total = sum(posting.amount for posting in drawn)
        back = (*(Posting(p.account, -p.amount) for p in drawn), Posting(SALES, total))
        await self.shop.ledger.write(
            lambda books: self._post(books, Kind.REFUND, self.members[0], back)
        )

    def _post(
        self, books: Books, kind: Kind, member: Member, postings: tuple[Posting, ...]
    ) -> None:
        op_id, now_ms = self.clock.new_id(), self.clock.now_ms()
        books.append(Draft(op_id, kind, now_ms, "9", member.member_id, postings=postings))

    def _occasion(self, member: Member) -> Occasion:
        return Occasion(self.clock.new_id(), self.clock.now_ms(), BOSS, member)

    async def fee(self, member: Member, number: int) -> None:
        fee = Fee(Service.REISSUE, number % 500 + 1)
        taken = take(fee.fee_fen, [Offer("stored", fee.fee_fen // 2 + 1), Offer("wechat")])
        what = self._occasion(member)
        await self.shop.ledger.write(lambda books: charge(self.shop, books, what, fee, taken))
        self.fees_fen += fee.fee_fen

    async def move(self, member: Member, number: int) -> None:
        taker = next(each for each in self.members if each is not member)
        what = self._occasion(member)
        await self.shop.ledger.write(
            lambda books: transfer(self.shop, books, what, taker.member_id, None)
        )

    async def pay_out(self, member: Member, number: int) -> None:
        payout = Payout(
            member.member_id,
            "bank_transfer",
            "v",
            same_name=True,
            paper_shown=True,
            had_same_before=number % 2 == 0,
        )
        done = await balance_refund.refund(self.shop, BOSS, payout, self.key())
        self.out_fen += done["refund_fen"]
        assert await self._sum(member) == 0

    async def wait(self, member: Member, number: int) -> None:
        self.clock.advance((number % 9) * DAY_S)

    async def expire(self, member: Member, number: int) -> None:
        def work(books: Books) -> None:
            while expire_next(self.shop, books, self.clock.now_ms()):
                pass

        await self.shop.ledger.write(work)

    async def _sum(self, member: Member) -> int:
        """What may still be spent."""

        def look(books: Books) -> int:
            held = usable(
                books.holdings(owner_of(member.member_id)), self.shop.day(self.clock.now_ms())
            )
            return balance_of(held).total_fen

        return await self.shop.ledger.read(look)

    async def check(self) -> None:
        def look(books: Books) -> dict[str, int]:
            found = {
                "fees": books.balance(Account("shop", "fees")),
                "out": books.balance(Account("tender:bank_transfer", "taken")),
                "in": -books.balance(Account("tender:cash", "taken")),
            }
            for member in self.members:
                for held in books.holdings(owner_of(member.member_id)):
                    assert held.balance > 0
                balance_refund.held_lots(books, member.member_id, self.shop.day(1 << 42))
            return found

        found = await self.shop.ledger.read(look)
        assert found == {"fees": self.fees_fen, "out": self.out_fen, "in": self.paid_fen}
        assert self.out_fen <= self.paid_fen


STEPS = (
    "recharge",
    "recharge",
    "spend",
    "spend",
    "spend",
    "take_back",
    "take_back",
    "fee",
    "move",
    "pay_out",
    "pay_out",
    "wait",
    "expire",
    "void",
)
MONEY = st.one_of(st.integers(1, 12), st.integers(1, 20_000))
SHOPS = st.fixed_dictionaries(
    {
        "bp": st.sampled_from((0, 1_000, 3_333, 10_000, 90_000)),
        "fixed": st.sampled_from((0, 1, 700)),
        "days": st.sampled_from((None, 1, 5)),
        "method": st.sampled_from(("in_ratio", "whole")),
        "order": st.sampled_from(("principal_first", "bonus_first", "in_proportion")),
    }
)


async def walk_through(rules: dict[str, Any], steps: list[Step]) -> None:
    clock, ledger = HandClock(), MemoryLedger()
    shop = make_shop(
        ledger,
        clock,
        recharge=tiers((1, rules["bp"], rules["fixed"]), days=rules["days"]),
        parameters={"refund_method": rules["method"], "spend_order": rules["order"]},
    )
    walk = Walk(shop, clock)
    numbered: Callable[[str], Callable[[Books], Member]] = lambda number: (  # noqa: E731
        lambda books: add_member(shop, books, number)
    )
    walk.members = [await ledger.write(numbered(each)) for each in ("1", "2")]
    for name, who, number in steps:
        await walk.step(name, who, number)
        await walk.check()
    for who in (0, 1):
        await walk.step("pay_out", who, 0)
        await walk.check()
    report = proved(ledger.connection)
    assert report.ok, str(report)
    await ledger.close()


@examples(200, nightly=10_000)
@given(
    rules=SHOPS,
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1), MONEY), max_size=25),
)
def test_nobody_gets_out_more_than_was_paid_in(rules: dict[str, Any], steps: list[Step]) -> None:
    asyncio.run(walk_through(rules, steps))


@examples(300, nightly=20_000)
@given(
    paid=st.integers(1, 60),
    bonus=st.integers(0, 60),
    parts=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(list(Method)), st.integers(0, 10)),
        max_size=8,
    ),
)
def test_payouts_of_one_recharge_are_never_more_than_it(
    paid: int, bonus: int, parts: list[tuple[int, Method, int]]
) -> None:
    """Parts that come back and are paid out again, with bonus that ends between."""
    taken = out = 0
    for left, method, ends in parts:
        bonus -= min(ends, bonus, paid + bonus - taken)
        left = min(left, paid + bonus - taken)
        principal = min(left, paid)
        lot = Lot(1, paid, bonus, principal, left - principal, 0, method, taken)
        out += worth_of(lot, method)
        taken += left
        assert 0 <= out <= paid


@examples(300, nightly=20_000)
@given(
    due=st.integers(0, 10_000),
    offers=st.lists(
        st.tuples(st.sampled_from(ANY), st.one_of(st.none(), st.integers(1, 12_000))), max_size=5
    ),
)
def test_a_mix_pays_exactly_or_not_at_all(due: int, offers: list[tuple[str, int | None]]) -> None:
    try:
        taken = take(due, [Offer(*each) for each in offers])
    except CounterError as error:
        assert error.key in ("tender_unclear", "tender_too_much", "tender_short")
        return
    cash = sum(fen or 0 for tender, fen in offers if tender == "cash")
    assert sum(fen for _, fen in taken.parts) == due
    assert 0 <= taken.change_fen <= cash and all(fen > 0 for _, fen in taken.parts)
    for tender, fen in taken.parts:
        named = sum(part or 0 for each, part in offers if each == tender)
        open_ended = any(part is None for each, part in offers if each == tender)
        assert fen <= named or open_ended
