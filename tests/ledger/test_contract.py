"""What every ledger does, whatever is behind it: `daemon.ports.ledger`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.card import CardStatus, Technology
from daemon.core.entry import GENESIS, Account, Draft, Kind, Posting, chain_hash, parse_leaf
from daemon.core.errors import Conflict, LedgerError, Refused
from daemon.core.receipt import Receipt, Text, receipt_from_json
from daemon.core.records import Card, Employee, OpState, Session, StoredBatch
from daemon.ledger.spool import SqlPrintQueue
from daemon.ports.ledger import Books, Ledger
from daemon.ports.printing import Printed
from tests.ledger.shop import (
    CASH,
    GIVEN,
    SALES,
    TickClock,
    member,
    operation,
    owner_of,
    person,
    recharge,
    sale,
)

DAY = "2026-11-22"


async def test_an_empty_ledger_begins_at_genesis(ledger: Ledger) -> None:
    head = await ledger.read(lambda books: books.head())
    assert (head.dseq, head.chain) == (0, GENESIS)
    assert ledger.stopped is None
    assert await ledger.read(lambda books: books.leaves(1, 10)) == []


async def test_entries_are_numbered_chained_and_read_back(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person()))
    first = await ledger.write(recharge(clock, who, 50_000, 5_000))
    second = await ledger.write(sale(clock, who, 1_850, card_counter=7))
    assert (first.dseq, second.dseq) == (1, 2)
    leaves = await ledger.read(lambda books: books.leaves(1, 10))
    link = GENESIS
    for (dseq, leaf, chain), entry in zip(leaves, (first, second), strict=True):
        link = chain_hash(link, leaf)
        assert (dseq, chain) == (entry.dseq, link)
        assert parse_leaf(leaf) == entry
    head = await ledger.read(lambda books: books.head())
    assert (head.dseq, head.chain) == (2, link)
    assert await ledger.read(lambda books: books.entry_of(second.draft.op_id)) == second
    assert await ledger.read(lambda books: books.entry_of("nothing")) is None
    assert [row[0] for row in await ledger.read(lambda books: books.leaves(2, 1))] == [2]


async def test_a_lot_gets_the_number_of_the_entry_that_opens_it(
    ledger: Ledger, clock: TickClock
) -> None:
    who = member(clock)
    await ledger.write(recharge(clock, who, 10_000))
    await ledger.write(recharge(clock, who, 20_000, 2_000))
    holdings = await ledger.read(lambda books: books.holdings(owner_of(who)))
    assert [(h.account.asset, h.account.lot, h.balance, h.rule) for h in holdings] == [
        ("principal", 1, 10_000, "rule-1"),
        ("principal", 2, 20_000, "rule-1"),
        ("bonus", 2, 2_000, "rule-1"),
    ]
    assert await ledger.read(lambda books: books.balance(CASH)) == -30_000
    assert await ledger.read(lambda books: books.balance(GIVEN)) == -2_000
    assert await ledger.read(lambda books: books.balance(Account("shop", "never"))) == 0


async def test_a_spent_lot_is_not_held_and_is_held_again_after_a_void(
    ledger: Ledger, clock: TickClock
) -> None:
    who = member(clock)
    lot = Account(owner_of(who), "principal", 1)
    await ledger.write(recharge(clock, who, 1_000))
    spent = await ledger.write(sale(clock, who, 1_000))
    assert await ledger.read(lambda books: books.holdings(owner_of(who))) == []
    void = Draft(
        clock.new_id(),
        Kind.VOID_SALE,
        clock.now_ms(),
        "employee:1",
        who.member_id,
        refers_to=spent.draft.op_id,
        postings=(Posting(lot, 1_000), Posting(SALES, -1_000)),
    )
    assert await ledger.read(lambda books: books.voided_by(spent.draft.op_id)) is None
    await ledger.write(lambda books: books.append(void))
    assert await ledger.read(lambda books: books.voided_by(spent.draft.op_id)) == void.op_id
    holdings = await ledger.read(lambda books: books.holdings(owner_of(who)))
    assert [(h.account, h.balance) for h in holdings] == [(lot, 1_000)]


async def test_no_member_account_goes_below_zero(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    await ledger.write(recharge(clock, who, 1_000))
    with pytest.raises(AssertionError, match="below zero"):
        await ledger.write(sale(clock, who, 1_001))
    assert (await ledger.read(lambda books: books.head())).dseq == 1
    assert await ledger.read(lambda books: books.balance(SALES)) == 0
    assert (await ledger.write(sale(clock, who, 1_000))).dseq == 2


async def test_an_operation_is_in_the_journal_once(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    entry = await ledger.write(recharge(clock, who, 1_000))
    again = recharge(clock, who, 1_000, op_id=entry.draft.op_id)
    with pytest.raises(AssertionError, match="already"):
        await ledger.write(again)
    assert (await ledger.read(lambda books: books.head())).dseq == 1


async def test_a_lot_that_nothing_opened_cannot_be_moved(ledger: Ledger, clock: TickClock) -> None:
    ghost = Account(owner_of(member(clock)), "principal", 9)
    draft = Draft(
        clock.new_id(), Kind.RECHARGE, 1, "e", postings=(Posting(CASH, -5), Posting(ghost, 5))
    )
    with pytest.raises(AssertionError, match="nothing opened"):
        await ledger.write(lambda books: books.append(draft))


async def test_the_time_of_the_journal_never_goes_back(ledger: Ledger, clock: TickClock) -> None:
    late = Draft(clock.new_id(), Kind.PIN_SET, 2_000, "employee:1")
    early = Draft(clock.new_id(), Kind.PIN_SET, 1_000, "employee:1")
    await ledger.write(lambda books: books.append(late))
    entry = await ledger.write(lambda books: books.append(early))
    assert entry.draft.at_ms == 2_000
    assert await ledger.read(lambda books: books.entry_of(early.op_id)) == entry


async def test_what_work_raises_undoes_all_of_it(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)

    def work(books: Books) -> None:
        books.add_member(who, person())
        recharge(clock, who, 5)(books)
        raise Refused("day_limit", left_fen=3)

    with pytest.raises(Refused) as caught:
        await ledger.write(work)
    assert caught.value.facts == {"left_fen": 3}
    assert await ledger.read(lambda books: books.member(who.member_id)) is None
    assert (await ledger.read(lambda books: books.head())).dseq == 0
    assert ledger.stopped is None


async def test_writing_in_a_read_is_refused(ledger: Ledger, clock: TickClock) -> None:
    for write in (
        recharge(clock, member(clock), 5),
        lambda books: books.add_operation(operation(clock)),
        lambda books: books.put_setting("a", "b"),
        lambda books: books.count_copy("r"),
        lambda books: books.add_member(member(clock), person()),
    ):
        with pytest.raises(AssertionError, match="writing in read"):
            await ledger.read(write)
    assert (await ledger.read(lambda books: books.head())).dseq == 0


async def test_operations_live_from_open_to_one_end(ledger: Ledger, clock: TickClock) -> None:
    asked = operation(clock, client_key="employee:1/key-1")
    await ledger.write(lambda books: books.add_operation(asked))
    found = await ledger.read(lambda books: books.operation_by_client_key("employee:1/key-1"))
    assert found == asked
    await ledger.write(
        lambda books: books.change_operation(
            asked.op_id, OpState.UNKNOWN, reason="card_torn", request={"amount_fen": 6, "名": "张"}
        )
    )
    await ledger.write(
        lambda books: books.change_operation(
            asked.op_id, OpState.APPROVED, answer={"taken_fen": 6}, settled_ms=77
        )
    )
    ended = await ledger.read(lambda books: books.operation(asked.op_id))
    assert ended == replace(
        asked,
        state=OpState.APPROVED,
        request={"amount_fen": 6, "名": "张"},
        answer={"taken_fen": 6},
        settled_ms=77,
    )
    with pytest.raises(AssertionError, match="ended"):
        await ledger.write(lambda books: books.change_operation(asked.op_id, OpState.CANCELLED))
    with pytest.raises(AssertionError, match="no such operation"):
        await ledger.write(lambda books: books.change_operation("x", OpState.CANCELLED))


async def test_a_client_key_is_used_once(ledger: Ledger, clock: TickClock) -> None:
    await ledger.write(lambda books: books.add_operation(operation(clock, client_key="k")))
    with pytest.raises(AssertionError):
        await ledger.write(lambda books: books.add_operation(operation(clock, client_key="k")))
    await ledger.write(lambda books: books.add_operation(operation(clock)))
    await ledger.write(lambda books: books.add_operation(operation(clock)))


async def test_operations_are_listed_newest_first(ledger: Ledger, clock: TickClock) -> None:
    asked = [
        operation(clock, state, kind=kind)
        for kind in ("sale", "recharge")
        for state in (OpState.OPEN, OpState.PARKED, OpState.APPROVED)
    ]
    for each in asked:
        await ledger.write(lambda books, each=each: books.add_operation(each))  # type: ignore[misc]
    every = await ledger.operations(kinds=(), states=(), limit=10)
    assert [op.op_id for op in every] == [op.op_id for op in reversed(asked)]
    unsettled = await ledger.operations(
        kinds=("sale",), states=(OpState.OPEN, OpState.PARKED), limit=10
    )
    assert [op.op_id for op in unsettled] == [asked[1].op_id, asked[0].op_id]
    approved = await ledger.operations(kinds=(), states=(OpState.APPROVED,), limit=1)
    assert [op.op_id for op in approved] == [asked[5].op_id]


async def test_members_are_found_by_what_a_cashier_types(ledger: Ledger, clock: TickClock) -> None:
    zhang, li = member(clock, "1001"), member(clock, "1002")
    await ledger.write(lambda books: books.add_member(zhang, person()))
    await ledger.write(lambda books: books.add_member(li, person("Li Lei", "+86 139-0000-5678")))
    for query, found in {
        "1001": zhang,
        " 1002 ": li,
        "张": zhang,
        "张三": zhang,
        "张三丰": zhang,
        "ＬＩ ｌｅｉ": li,
        "li": li,
        "13812341234": zhang,
        "138 1234 1234": zhang,
        "1234": zhang,
        "5678": li,
    }.items():
        assert await ledger.search_members(query, 10) == [found], query
    for query in ("", " ", "三丰", "12341234", "100", "王"):
        assert await ledger.search_members(query, 10) == [], query


async def test_a_search_keeps_to_its_limit(ledger: Ledger, clock: TickClock) -> None:
    everyone = [member(clock, str(number)) for number in range(2000, 2010)]
    for who in everyone:
        await ledger.write(
            lambda books, who=who: books.add_member(who, person("王五", ""))  # type: ignore[misc]
        )
    assert list(await ledger.search_members("王", 3)) == everyone[:-4:-1]


async def test_a_member_number_is_taken_once(ledger: Ledger, clock: TickClock) -> None:
    first, second = member(clock, "7"), member(clock, "8")
    await ledger.write(lambda books: books.add_member(first, person()))
    await ledger.write(lambda books: books.add_member(second, person()))
    with pytest.raises(Conflict, match="member_number_taken"):
        await ledger.write(lambda books: books.add_member(member(clock, "7"), person()))
    with pytest.raises(Conflict, match="member_number_taken"):
        await ledger.write(lambda books: books.change_member(replace(second, number="7")))
    changed = replace(first, status="frozen", pin_hash="x", pin_failures=2, pin_locked_until_ms=9)
    await ledger.write(lambda books: books.change_member(changed))
    assert await ledger.read(lambda books: books.member(first.member_id)) == changed
    with pytest.raises(AssertionError, match="no such member"):
        await ledger.write(lambda books: books.change_member(member(clock, "9")))


async def test_personal_data_is_kept_changed_and_erased(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person()))
    assert await ledger.read(lambda books: books.personal(who.member_id)) == person()
    assert await ledger.read(lambda books: books.personal("nobody")) is None
    changed = person("张四", "13900009999")
    await ledger.write(lambda books: books.change_personal(who.member_id, changed))
    assert await ledger.read(lambda books: books.personal(who.member_id)) == changed
    assert await ledger.search_members("张三", 5) == []
    assert await ledger.search_members("9999", 5) == [who]
    for _ in range(2):
        await ledger.write(lambda books: books.erase_personal(who.member_id))
        assert await ledger.read(lambda books: books.personal(who.member_id)) is None
    assert await ledger.search_members("张", 5) == []
    assert await ledger.search_members("9999", 5) == []
    assert await ledger.search_members(who.number, 5) == [who]
    with pytest.raises(AssertionError, match="erased"):
        await ledger.write(lambda books: books.change_personal(who.member_id, changed))


async def test_cards_are_found_by_id_and_by_uid(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    await ledger.write(lambda books: books.add_member(who, person()))
    uid = bytes.fromhex("04a1b2c3d4e5f6")
    old = Card(clock.new_id(), who.member_id, uid, Technology.UID, CardStatus.LOST, issued_ms=1)
    new = Card(
        clock.new_id(),
        who.member_id,
        uid,
        Technology.DESFIRE,
        CardStatus.ACTIVE,
        key_version=1,
        counter=4,
        issued_ms=2,
    )
    for card in (new, old):
        await ledger.write(lambda books, card=card: books.add_card(card))  # type: ignore[misc]
    assert await ledger.read(lambda books: books.card(old.card_id)) == old
    assert await ledger.read(lambda books: books.card_by_uid(uid)) == new
    assert await ledger.read(lambda books: books.card_by_uid(b"\x01\x02\x03\x04")) is None
    assert await ledger.cards_of(who.member_id) == [new, old]


async def test_a_card_counter_never_goes_back(ledger: Ledger, clock: TickClock) -> None:
    who = member(clock)
    card = Card(
        clock.new_id(),
        who.member_id,
        b"\x04abc",
        Technology.DESFIRE,
        CardStatus.ACTIVE,
        counter=4,
    )
    await ledger.write(lambda books: books.add_member(who, person()))
    await ledger.write(lambda books: books.add_card(card))
    intent = replace(card, pending=5, pending_op="op-5")
    await ledger.write(lambda books: books.change_card(intent))
    assert await ledger.read(lambda books: books.card_pending_for("op-5")) == intent
    settled = replace(card, counter=5)
    await ledger.write(lambda books: books.change_card(settled))
    assert await ledger.read(lambda books: books.card_pending_for("op-5")) is None
    for wrong in (replace(card, counter=3), replace(settled, pending=9, pending_op="x")):
        with pytest.raises(AssertionError):
            await ledger.write(
                lambda books, wrong=wrong: books.change_card(wrong)  # type: ignore[misc]
            )
    assert await ledger.read(lambda books: books.card(card.card_id)) == settled


async def test_what_a_card_spends_in_a_day_adds_up(ledger: Ledger) -> None:
    for amount_fen in (300, 500, -300):
        await ledger.write(lambda books, a=amount_fen: books.add_spent("c", DAY, a))  # type: ignore[misc]
    assert await ledger.read(lambda books: books.spent_on_day("c", DAY)) == 500
    assert await ledger.read(lambda books: books.spent_on_day("c", "2026-11-23")) == 0


async def test_employees_and_sessions(ledger: Ledger) -> None:
    amy = Employee("e1", "01", "Amy", "cashier", "hash")
    await ledger.write(lambda books: books.put_employee(amy))
    locked = replace(amy, failures=5, locked_until_ms=99)
    await ledger.write(lambda books: books.put_employee(locked))
    assert await ledger.read(lambda books: books.employee("e1")) == locked
    assert await ledger.read(lambda books: books.employee_by_number("01")) == locked
    assert await ledger.read(lambda books: books.employee_by_number("02")) is None
    first = Session(b"\x01" * 32, "e1", 1, 1, 100)
    await ledger.write(lambda books: books.put_session(first))
    seen = replace(first, seen_ms=50, expires_ms=150)
    await ledger.write(lambda books: books.put_session(seen))
    assert await ledger.read(lambda books: books.session(first.token_hash)) == seen
    late = Session(b"\x02" * 32, "e1", 200, 200, 300)
    await ledger.write(lambda books: books.put_session(late))
    assert await ledger.read(lambda books: books.session(first.token_hash)) is None
    await ledger.write(lambda books: books.end_session(late.token_hash))
    assert await ledger.read(lambda books: books.session(late.token_hash)) is None


async def test_receipt_numbers_begin_again_each_day(ledger: Ledger) -> None:
    numbers = [
        await ledger.write(lambda books, day=day: books.next_receipt_number(day))  # type: ignore[misc]
        for day in (DAY, DAY, "2026-11-23", DAY)
    ]
    assert numbers == [1, 2, 1, 3]


async def test_receipts_wait_until_they_are_on_paper(ledger: Ledger, clock: TickClock) -> None:
    queue = SqlPrintQueue(ledger)
    first, second = (
        Receipt(clock.new_id(), f"S1-{n}", (Text("合计 18.50"),)) for n in ("0001", "0002")
    )
    assert await queue.next_job() is None
    await ledger.write(lambda books: books.spool_receipt(first, "op-1", 5))
    await ledger.write(lambda books: books.spool_receipt(second, "op-2", 5))
    assert await queue.waiting() == 2
    job = await queue.next_job()
    assert job is not None and (job.receipt, job.attempts) == (first, 0)
    await queue.begin(job.job_id)
    again = await queue.next_job()
    assert again is not None and (again.job_id, again.attempts) == (job.job_id, 1)
    await queue.failed(job.job_id, "printer_paper_out")
    kept = await ledger.receipt(first.receipt_id)
    assert kept is not None and (kept.state, kept.prints) == ("failed", 0)
    await queue.begin(job.job_id)
    await queue.done(job.job_id, Printed.CONFIRMED)
    kept = await ledger.receipt(first.receipt_id)
    assert kept is not None and (kept.state, kept.prints, kept.op_id) == ("printed", 1, "op-1")
    assert receipt_from_json(kept.document) == first
    following = await queue.next_job()
    assert following is not None and following.receipt == second
    await queue.begin(following.job_id)
    await queue.done(following.job_id, Printed.UNCONFIRMED)
    assert [r.state for r in await ledger.receipts(limit=9)] == ["unconfirmed", "printed"]
    assert [r.number for r in await ledger.receipts(limit=9, op_id="op-1")] == ["S1-0001"]
    with pytest.raises(AssertionError, match="no such job"):
        await queue.begin(job.job_id)


async def test_copies_are_counted_and_printed_as_they_are(ledger: Ledger, clock: TickClock) -> None:
    queue = SqlPrintQueue(ledger)
    receipt = Receipt(clock.new_id(), "S1-0001", (Text("x"),))
    await ledger.write(lambda books: books.spool_receipt(receipt, "op-1", 5))
    job = await queue.next_job()
    assert job is not None
    await queue.begin(job.job_id)
    await queue.done(job.job_id, Printed.CONFIRMED)

    def reprint(books: Books) -> int:
        number = books.count_copy(receipt.receipt_id)
        books.respool(receipt.receipt_id, replace(receipt, copy=number), 6)
        return number

    assert [await ledger.write(reprint), await ledger.write(reprint)] == [1, 2]
    job = await queue.next_job()
    assert job is not None and job.receipt.copy == 1 and await queue.waiting() == 2
    kept = await ledger.receipt(receipt.receipt_id)
    assert kept is not None and receipt_from_json(kept.document).copy == 0


async def test_settings_are_kept(ledger: Ledger) -> None:
    assert await ledger.read(lambda books: books.setting("store")) is None
    await ledger.write(lambda books: books.put_setting("store", "S1"))
    await ledger.write(lambda books: books.put_setting("store", "S2"))
    assert await ledger.read(lambda books: books.setting("store")) == "S2"
    assert await ledger.read(lambda books: books.epoch()) == 1


async def test_batches_follow_each_other_without_a_gap(ledger: Ledger, clock: TickClock) -> None:
    for _ in range(5):
        await ledger.write(recharge(clock, member(clock), 100))
    first = StoredBatch(1, 1, 3, b"\x01" * 32, b"manifest 1", 10)
    second = StoredBatch(2, 4, 5, b"\x02" * 32, b"manifest 2", 11)
    for wrong in (
        second,
        replace(first, first_dseq=2),
        replace(first, last_dseq=6),
        replace(first, first_dseq=1, last_dseq=0),
    ):
        with pytest.raises(AssertionError):
            await ledger.write(
                lambda books, wrong=wrong: books.add_batch(wrong)  # type: ignore[misc]
            )
    assert await ledger.read(lambda books: books.last_batch()) is None
    await ledger.write(lambda books: books.add_batch(first))
    await ledger.write(lambda books: books.add_batch(second))
    await ledger.write(lambda books: books.mark_receipted(1, 20))
    await ledger.write(lambda books: books.mark_receipted(2, 30))
    assert await ledger.batches_after(0, 9) == [
        replace(first, receipted_ms=20),
        replace(second, receipted_ms=30),
    ]
    assert [b.bseq for b in await ledger.batches_after(1, 9)] == [2]
    assert await ledger.read(lambda books: books.last_batch()) == replace(second, receipted_ms=30)


async def test_a_stopped_ledger_refuses_every_write(ledger: Ledger) -> None:
    halt = getattr(ledger, "stop", None) or ledger._writer.halt  # type: ignore[attr-defined]
    halt("ledger_full")
    assert ledger.stopped == "ledger_full"
    with pytest.raises(LedgerError, match="ledger_stopped"):
        await ledger.write(lambda books: books.put_setting("a", "b"))
    assert await ledger.read(lambda books: books.setting("a")) is None
