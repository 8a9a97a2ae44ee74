"""Random baskets and refunds over the books: everything comes back, nothing twice, and the balances
are the fold of the postings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.authorize import Decline
from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import CounterError
from daemon.core.lot_rule import LotRule
from daemon.core.permissions import ALL
from daemon.core.records import Employee, Member, Operation, OpState
from daemon.operations.basket import basket_from_json
from daemon.operations.cardless_sale import Wait, at_once, pay_with_pin
from daemon.operations.refund_sale import refund
from daemon.operations.sale_view import refunds_of, sale_view
from daemon.operations.sell import KIND, Order, open_sale
from daemon.operations.shop import Actor, Shop
from daemon.operations.void import void
from daemon.ports.ledger import Books
from daemon.rules.compile import compile as compile_rules
from tests.budget import examples
from tests.fakes.clock import HandClock
from tests.fakes.ledger import MemoryLedger
from tests.ledger.proof import proved
from tests.loyalty.shop import add_member, make_shop

from .shop import RULES, Snapshot, folded, snapshot

T = TypeVar("T")
CLERK = Actor("E1", "7", "clerk", "manager", permissions=ALL)
STAFF = ("01JD8ZK3V7Q4M9T2X6R5W1C0BA", "01JD8ZK3V7Q4M9T2X6R5W1C0BB")
COUPONS = ("OPEN1", "OWN2")
HERS = {
    "parameters": {"member_without_card": {"allowed": True, "per_day_fen": None}},
    "points": {**RULES["points"], "valid_days": 40},
}


class Inside(MemoryLedger):
    """A ledger in whose open transaction everything happens: a test undoes it all at its end."""

    async def write(self, work: Callable[[Books], T]) -> T:
        self.connection.execute("SAVEPOINT inside")
        done = False
        try:
            value = work(self._books)
            done = True
        finally:
            if not done:
                self.connection.execute("ROLLBACK TO inside")
            self.connection.execute("RELEASE inside")
        return value

    async def read(self, look: Callable[[Books], T]) -> T:
        return look(self._books)


class Salon:
    """A member with two lots of money, points in two lots and a pass; coupons; a counted shelf."""

    def __init__(self) -> None:
        self.ledger = Inside()
        self.shop: Shop = make_shop(self.ledger, HandClock())
        shop = self.shop
        shop.rules_cell.put(compile_rules({**RULES, **HERS}, shop.base_policy, shop.base_head))
        self.member = self.now(self._prepare)
        self.keys = iter(range(10**9))

    def now(self, work: Callable[[Books], T]) -> T:
        return asyncio.run(self.ledger.write(work))

    def _prepare(self, books: Books) -> Member:
        member = add_member(self.shop, books, "M1", pin_hash="hash")
        owner = f"member:{member.member_id}"
        for fen, points in ((30_000, 500), (90_000, 1_500)):
            self._load(books, owner, fen, points)
        self._issue(books, member)
        for number, employee_id in enumerate(STAFF):
            books.put_employee(
                Employee(employee_id, str(number), "x", "manager", "hash", grade="senior")
            )
        for code in ("R1", "G1"):
            books.put_stock(code, 50)
            self._tell(books, Kind.STOCK, event="count_stock", code=code, before=0, after=50)
        return member

    def _issue(self, books: Books, member: Member) -> None:
        now_ms, op_id = self.shop.clock.now_ms(), self.shop.clock.new_id()
        issued = []
        for code, whose in zip(COUPONS, (None, member.member_id), strict=True):
            assert books.add_coupon(IssuedCoupon(code, "welcome", now_ms, op_id, whose))
            issued.append([code, whose, None, None])
        books.add_operation(
            Operation(
                op_id,
                "coupon_issue",
                OpState.APPROVED,
                "7",
                now_ms,
                {},
                answer={"campaign": "welcome", "issued_ms": now_ms, "coupons": issued},
            )
        )
        self._tell(books, Kind.COUPON, op_id, event="issue_coupons", count=len(issued))

    def _tell(self, books: Books, kind: Kind, op_id: str = "", **detail: int | str) -> None:
        now_ms = self.shop.clock.now_ms()
        books.append(Draft(op_id or self.shop.clock.new_id(), kind, now_ms, "7", detail=detail))

    def prove(self) -> None:
        """Every table beside the journal is what the journal makes of it."""
        report = proved(self.ledger.connection)
        assert report.ok, str(report)

    def _load(self, books: Books, owner: str, fen: int, points: int) -> None:
        opened = {
            Account(owner, "principal"): LotRule("r", paid_fen=fen).as_text(),
            Account(owner, "bonus"): LotRule("r", to_day="2026-12-31").as_text(),
            Account(owner, "points"): LotRule("gift", to_day="2026-11-30").as_text(),
            Account(owner, "pass:P10"): LotRule("p", codes=("C1",), worth_fen=4_000).as_text(),
        }
        amounts = (fen, fen // 10, points, 6)
        shop_side = (
            Account("tender:cash", "taken"),
            Account("shop", "bonus_given"),
            Account("shop", "points"),
            Account("shop", "pass:P10"),
        )
        postings = [
            Posting(account, amount) for account, amount in zip(opened, amounts, strict=True)
        ] + [Posting(account, -amount) for account, amount in zip(shop_side, amounts, strict=True)]
        now_ms, op_id = self.shop.clock.now_ms(), self.shop.clock.new_id()
        books.append(Draft(op_id, Kind.RECHARGE, now_ms, "7", postings=tuple(postings)), opened)

    @contextmanager
    def undone(self) -> Iterator[None]:
        self.ledger.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.ledger.connection.execute("ROLLBACK")

    def look(self) -> Snapshot:
        kept, fold = folded(self.ledger._books)
        assert kept == fold, "the balances are the fold of the postings"
        return snapshot(self.ledger._books)

    def sell(self, request: Mapping[str, Any]) -> Operation | None:
        """None where the shop or the account says no; then nothing has changed."""
        order = Order(basket_from_json(request))
        before = self.look()

        def work(books: Books) -> str:
            sale = open_sale(self.shop, books, CLERK, order, f"k{next(self.keys)}")
            posted = at_once(self.shop, books, sale, CLERK, None)
            if isinstance(posted, Wait):
                paid = pay_with_pin(self.shop, books, sale, CLERK)
                if isinstance(paid, Decline):
                    raise paid_not(paid)
            return sale.op_id

        try:
            op_id = self.now(work)
        except CounterError:
            assert self.look() == before
            return None
        return self.ledger._books.operation(op_id)

    def refund(self, sale: Operation, lines: Mapping[str, int] | None) -> dict[str, Any]:
        return asyncio.run(refund(self.shop, CLERK, sale.op_id, lines, f"r{next(self.keys)}"))

    def void(self, sale: Operation) -> None:
        asyncio.run(void(self.shop, CLERK, KIND, sale.op_id, f"v{next(self.keys)}"))


def paid_not(why: Decline) -> CounterError:
    return CounterError(why.reason)


@pytest.fixture(scope="module")
def salon() -> Salon:
    return Salon()


def staff() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.builds(
        lambda employee_id, weight: {"employee_id": employee_id, "weight": weight},
        st.sampled_from(STAFF),
        st.integers(1, 9),
    )
    return st.lists(one, max_size=2, unique_by=lambda each: each["employee_id"])


@st.composite
def baskets(draw: st.DrawFn) -> dict[str, Any]:
    """Of the member of the salon; `passes` names the pass without its lot."""
    goods = draw(
        st.lists(st.sampled_from(["C1", "C1", "K1", "R1", "P10", "G1", ""]), min_size=1, max_size=5)
    )
    lines: list[dict[str, Any]] = []
    for number, code in enumerate(goods, 1):
        line: dict[str, Any] = {"line_id": str(number), "staff": draw(staff())}
        if code:
            line |= {"code": code, "quantity": draw(st.integers(1, 4)), "gift": code == "G1"}
        else:
            line |= {"category": "colour", "quantity": draw(st.integers(1, 20_000))}
        lines.append(line)
    passes = [
        {"line_id": line["line_id"], "count": draw(st.integers(1, line["quantity"]))}
        for line in lines
        if line.get("code") == "C1" and draw(st.booleans())
    ]
    kinds = draw(st.lists(st.sampled_from(["stored", "cash", "wechat"]), max_size=3, unique=True))
    tenders: list[dict[str, Any]] = [
        {"kind": kind, "amount_fen": draw(st.integers(1, 30_000))} for kind in kinds
    ]
    if draw(st.booleans()) and tenders:
        tenders[-1] = {"kind": tenders[-1]["kind"]}
    return {
        "lines": lines,
        "coupons": draw(st.lists(st.sampled_from(COUPONS), max_size=2, unique=True)),
        "points_to_use": draw(st.sampled_from([0, 0, 100, 750, 2_000])),
        "passes": passes,
        "tenders": tenders,
    }


def asked(salon: Salon, basket: Mapping[str, Any]) -> dict[str, Any]:
    """The basket as a request: for the member, with the lots of the passes."""
    owner = f"member:{salon.member.member_id}"
    lots = [
        held.account.lot
        for held in salon.ledger._books.holdings(owner)
        if held.account.asset == "pass:P10"
    ]
    passes = (
        [
            {**use, "pass_id": f"pass:P10@{lots[place % len(lots)]}"}
            for place, use in enumerate(basket["passes"])
        ]
        if lots
        else []
    )
    return {**basket, "passes": passes, "member_id": salon.member.member_id}


def moved(operations: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for operation in operations:
        for tender in operation["tenders"]:
            sums[tender["kind"]] = sums.get(tender["kind"], 0) + tender["amount_fen"]
    return sums


@examples(200, nightly=10_000)
@given(baskets(), st.lists(st.dictionaries(st.integers(1, 5), st.integers(1, 3)), max_size=3))
def test_what_is_sold_and_brought_back_leaves_no_trace(
    salon: Salon, basket: dict[str, Any], cuts: list[dict[int, int]]
) -> None:
    with salon.undone():
        before = salon.look()
        sale = salon.sell(asked(salon, basket))
        if sale is None:
            return
        sold = sale_view(salon.ledger._books, sale)
        backs = []
        for cut in cuts:
            left = {
                each["line_id"]: each["left"]
                for each in sale_view(salon.ledger._books, sale)["lines"]
            }
            wanted = {str(line): min(count, left.get(str(line), 0)) for line, count in cut.items()}
            wanted = {line: count for line, count in wanted.items() if count}
            if wanted:
                backs.append(salon.refund(sale, wanted))
                salon.look()
        if sale_view(salon.ledger._books, sale)["refundable"]:
            backs.append(salon.refund(sale, None))
        assert moved(backs) == moved([sold])
        assert not any(back["debts"] for back in backs)
        assert salon.look() == before
        salon.prove()


@examples(200, nightly=10_000)
@given(baskets())
def test_a_void_leaves_no_trace(salon: Salon, basket: dict[str, Any]) -> None:
    with salon.undone():
        before = salon.look()
        sale = salon.sell(asked(salon, basket))
        if sale is not None:
            salon.prove()
            salon.void(sale)
            assert salon.look() == before
            salon.prove()


@examples(200, nightly=10_000)
@given(st.lists(st.tuples(baskets(), st.integers(0, 5), st.integers(1, 3)), min_size=2, max_size=5))
def test_no_sequence_pays_out_more_than_was_paid(
    salon: Salon, steps: list[tuple[dict[str, Any], int, int]]
) -> None:
    """Sales whose points and passes are used by later ones, and refunds of any of them between:
    what goes back by each tender is never more than what came in, for each sale."""
    with salon.undone():
        sales: list[Operation] = []
        for basket, which, count in steps:
            sale = salon.sell(asked(salon, basket))
            if sale is not None:
                sales.append(sale)
            if not sales:
                continue
            back = sales[which % len(sales)]
            view = sale_view(salon.ledger._books, back)
            line = next((each for each in view["lines"] if each["left"]), None)
            if line is not None:
                salon.refund(back, {line["line_id"]: min(count, line["left"])})
            salon.look()
        for sale in sales:
            if sale_view(salon.ledger._books, sale)["refundable"]:
                salon.refund(sale, None)
            sold = sale_view(salon.ledger._books, sale)
            views = [
                operation.answer["view"] for operation, _ in refunds_of(salon.ledger._books, sale)
            ]
            assert moved(views) == moved([sold])
            assert all(each["left"] == 0 for each in sold["lines"])
        salon.look()
        salon.prove()
