"""跨店结算, acquirers' statements, counters of cards and tenders of shifts, from real journals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.folds import day_of
from cloud.settlement import Crossed, Owed, as_csv, crossed, owed
from cloud.statement import Line, match, read_statement
from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.core.errors import BadRequest
from daemon.core.lease.policy import ChainPolicy
from daemon.core.shift_report import CASH, CLOSED, DRAWER, OPENED
from daemon.sync.link.asking import Debit, Granted
from tests.chain.counter import START_MS, Counter
from tests.chain.shop import Chain

TODAY = day_of(START_MS)


async def test_who_sold_what_was_topped_up_where(chain: Chain) -> None:
    chain.cloud.policy = ChainPolicy(regular_branches=0)
    a, b, c = await chain.add("A", "S1"), await chain.add("B", "S2"), await chain.add("C", "S1")
    a.recharge("m1", 100_00, bonus_fen=10_00)
    b.recharge("m1", 50_00)
    await chain.settle()
    for counter in (a, b):
        counter.release("m1", "principal")
        counter.release("m1", "bonus")
    await chain.settle(1)
    b.requests = [Debit("sale-1", "m1", 60_00, "principal_first")]
    await chain.talk(b)
    granted = b.answers["sale-1"]
    assert isinstance(granted, Granted)
    assert {part.rule for part in granted.parts} == {"tier"}
    b.take_debit("m1", granted)
    b.sell("m1", 60_00, op_id="sale-1")
    c.requests = [Debit("sale-2", "m1", 20_00, "bonus_first")]
    await chain.talk(c)
    told = c.answers["sale-2"]
    assert isinstance(told, Granted)
    c.take_debit("m1", told)
    c.sell("m1", 20_00, op_id="sale-2")
    await chain.settle()
    async with chain.store.transaction() as books:
        rows = await crossed(books, TODAY, TODAY + 1)
        assert await crossed(books, TODAY + 1, TODAY + 9) == []
    at_b = next(row for row in rows if row.seller == "S2")
    assert at_b.home == "S1" and at_b.asset == "principal" and at_b.net > 0
    assert all(row.home != row.seller for row in rows)
    (owing,) = owed(rows)
    assert owing.debtor == "S1" and owing.creditor == "S2" and owing.amount_fen > 0
    assert "S2" in as_csv(rows)


def test_both_ways_are_netted() -> None:
    rows = [
        Crossed("S1", "S2", "principal", 100, 10),
        Crossed("S2", "S1", "principal", 30, 0),
        Crossed("S1", "S2", "bonus", 99, 0),
    ]
    assert owed(rows) == [Owed("S1", "S2", 60)]


def paid(counter: Counter, tender: str, fen: int, *, member: str = "m1") -> Entry:
    return counter.append(
        Kind.SALE,
        member,
        Posting(Account(f"tender:{tender}", "taken"), -fen),
        Posting(Account("shop", "sales"), fen),
    )


async def test_a_statement_is_matched(chain: Chain) -> None:
    a = await chain.add("A")
    sales = [paid(a, "wechat", fen) for fen in (10_00, 20_00, 30_00, 40_00)]
    paid(a, "alipay", 99_00)
    await chain.settle()
    one, two, three, four = (sale.draft.op_id for sale in sales)
    text = (
        "交易时间,商户订单号,金额\n"
        f"x,`{one},`10.00\nx,{two},¥20.50\nx,nowhere,7.00\nx,{three},30.00\nx,{three},30.00\n"
    )
    lines = read_statement(text.encode("gb18030"))
    async with chain.store.transaction() as books:
        matched = await match(books, "wechat", lines, TODAY, TODAY + 1, START_MS)
        again = await match(books, "wechat", lines, TODAY, TODAY + 1, START_MS)
    assert matched == again
    assert (matched.agreed, matched.amount_fen, matched.lines) == (1, 10_00, 5)
    told = {each.refs["reference"]: (each.type, each.amount) for each in matched.differences}
    assert told == {
        two: ("AMOUNT", 50),
        "nowhere": ("MISSING_AT_DEVICE", 7_00),
        three: ("AMOUNT", 30_00),
        four: ("MISSING_AT_ACQUIRER", 40_00),
    }
    assert await chain.found() == ["AMOUNT", "AMOUNT", "MISSING_AT_ACQUIRER", "MISSING_AT_DEVICE"]


def test_a_file_that_is_no_statement() -> None:
    assert read_statement(b"reference,amount\nx,-1.5\n\n") == [Line("x", -150)]
    for bad in (b"", b"a,b\n1,2\n", b"reference,amount\nx\n", b"reference,amount\nx,1.234\n"):
        with pytest.raises(BadRequest):
            read_statement(bad)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_statement_or_refused(content: bytes) -> None:
    try:
        lines = read_statement(b"reference,amount\n" + content)
    except BadRequest:
        return
    assert all(line.reference for line in lines)


def use(counter: Counter, card: str, number: int) -> None:
    draft = Draft(
        counter.world.new_id(),
        Kind.SALE,
        counter.world.tick(),
        "employee:0001",
        card_id=card,
        card_counter=number,
        postings=(
            Posting(CASH, -100, Funding.HOME),
            Posting(Account("shop", "sales"), 100),
        ),
    )
    counter.append_draft(Entry(len(counter.disk.entries) + 1, draft))


async def test_counters_of_a_card_are_complete_or_a_record_says(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    for number in (1, 2, 5):
        use(a, "card", number)
    await chain.talk(a)
    assert await chain.found() == ["MISSING_CTR", "MISSING_CTR"]
    use(b, "card", 3)
    await chain.talk(b)
    async with chain.store.transaction() as books:
        left = await books.office.discrepancies(only_open=True)
    assert [each.refs for each in left] == [{"card": "card", "counter": 4}]
    use(b, "card", 5)
    use(b, "card", 40)
    await chain.talk(b)
    assert sorted(await chain.found()) == ["DUP_CTR", *["MISSING_CTR"] * 3]


def shift(counter: Counter, event: str, **facts: int) -> None:
    fen = facts.pop("cash_fen")
    counter.append(
        Kind.SHIFT, None, Posting(CASH, -fen), Posting(DRAWER, fen), event=event, **facts
    )


async def test_a_shift_expects_what_its_entries_moved(chain: Chain) -> None:
    a = await chain.add("A")
    for number, expected in ((1, 150_00), (2, 149_00)):
        shift(a, OPENED, shift=number, cash_fen=100_00)
        paid(a, "cash", 50_00)
        await chain.talk(a)
        shift(a, CLOSED, shift=number, cash_fen=-150_00, expected_fen=expected)
        await chain.talk(a)
    assert await chain.found() == ["TOTALS"]
    async with chain.store.transaction() as books:
        (told,) = await books.office.discrepancies()
    assert told.amount == 1_00 and told.refs["shift"] == 2
