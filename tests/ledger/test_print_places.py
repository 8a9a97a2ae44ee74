"""Printers beside the customer's follow the kept receipts, each at its own pace (A5)."""

from __future__ import annotations

from pathlib import Path

from daemon.core.printer_model import Role
from daemon.core.receipt import Align, Pair, Receipt, Row, Text
from daemon.core.records import Operation, OpState
from daemon.ledger.spool import SqlFollowingQueue, SqlPrintQueue, keep_print_places
from daemon.ledger.store import SqlLedger
from daemon.ports.ledger import Books, Ledger
from daemon.ports.printing import Printed, PrintJob
from tests.ledger.shop import KEY, SeedSigner, TickClock

GOODS = (
    Text("云杉茶铺"),
    Row(("项目", "数量", "金额"), (5, 2, 3)),
    Row(("龙井", "2", "36.00"), (5, 2, 3)),
    Row(("桂花糕", "1", "8.50"), (5, 2, 3)),
    Pair("实付", "￥44.50"),
    Pair("会员", "张*"),
)


async def keep(ledger: Ledger, clock: TickClock, number: str, kind: str = "sale") -> Receipt:
    """A sale of goods, or the paper of something else."""
    blocks = GOODS if kind == "sale" else (Text(kind),)
    receipt = Receipt(clock.new_id(), number, blocks, open_drawer=True, at="2026-11-22 14:05:09")
    op_id = clock.new_id()

    def work(books: Books) -> None:
        made = Operation(op_id, kind, OpState.OPEN, "1", clock.now_ms(), {}, f"key-{number}")
        books.add_operation(made)
        books.spool_receipt(receipt, op_id, clock.now_ms())

    await ledger.write(work)
    return receipt


async def take(queue: SqlFollowingQueue | SqlPrintQueue) -> PrintJob:
    job = await queue.next_job()
    assert job is not None
    await queue.begin(job.job_id)
    await queue.done(job.job_id, Printed.CONFIRMED)
    return job


async def placed(ledger: Ledger) -> tuple[SqlFollowingQueue, SqlFollowingQueue]:
    await keep_print_places(ledger, (Role.SHOP, Role.KITCHEN))
    return SqlFollowingQueue(ledger, Role.SHOP), SqlFollowingQueue(ledger, Role.KITCHEN)


async def test_each_has_a_place_of_its_own(ledger: Ledger, clock: TickClock) -> None:
    shop, kitchen = await placed(ledger)
    kept = [await keep(ledger, clock, f"S1-{n}") for n in range(3)]
    for receipt in kept:
        job = await take(shop)
        assert job.receipt.number == receipt.number
        assert job.receipt.blocks[0] == Text("商户联", Align.CENTRE, bold=True)
        assert job.receipt.blocks[2:] == receipt.blocks and not job.receipt.open_drawer
    assert await shop.next_job() is None and await shop.waiting() == 0
    assert await kitchen.waiting() == 3
    assert (await take(kitchen)).receipt.number == "S1-0"
    customer = SqlPrintQueue(ledger)
    assert await customer.waiting() == 3
    stored = await ledger.receipt(kept[0].receipt_id)
    assert stored is not None and (stored.state, stored.prints) == ("waiting", 0)


async def test_the_kitchen_reads_what_was_ordered_and_nothing_of_money(
    ledger: Ledger, clock: TickClock
) -> None:
    _, kitchen = await placed(ledger)
    await keep(ledger, clock, "S1-1", "recharge")
    await keep(ledger, clock, "S1-2")
    slip = (await take(kitchen)).receipt
    told = str(slip.blocks)
    assert slip.number == "S1-2" and "龙井" in told and "x 2" in told and "桂花糕" in told
    for hidden in ("36.00", "8.50", "44.50", "￥", "张*", "金额"):
        assert hidden not in told
    assert not slip.open_drawer and await kitchen.next_job() is None


async def test_the_shop_gets_no_paper_of_the_till_itself(ledger: Ledger, clock: TickClock) -> None:
    shop, _ = await placed(ledger)
    for kind in ("shift_close", "shift_x", "cash_in", "drawer_opened", "void_sale"):
        await keep(ledger, clock, f"S1-{kind}", kind)
    assert (await take(shop)).receipt.number == "S1-void_sale"
    assert await shop.next_job() is None


async def test_a_new_printer_does_not_print_the_past(ledger: Ledger, clock: TickClock) -> None:
    await keep(ledger, clock, "S1-old")
    shop, kitchen = await placed(ledger)
    assert await shop.next_job() is None and await kitchen.next_job() is None
    await keep(ledger, clock, "S1-new")
    assert (await take(shop)).receipt.number == "S1-new"
    # Taken out and put back: what was sold in between is not for it.
    await keep_print_places(ledger, (Role.KITCHEN,))
    await keep(ledger, clock, "S1-without")
    shop, kitchen = await placed(ledger)
    assert await shop.next_job() is None
    assert (await take(kitchen)).receipt.number == "S1-new"
    assert (await take(kitchen)).receipt.number == "S1-without"


async def test_tries_are_counted_before_the_first_byte_and_kept(
    ledger: Ledger, clock: TickClock
) -> None:
    shop, _ = await placed(ledger)
    await keep(ledger, clock, "S1-1")
    job = await shop.next_job()
    assert job is not None and job.attempts == 0
    await shop.begin(job.job_id)
    await shop.failed(job.job_id, "printer_cut_off")
    again = await SqlFollowingQueue(ledger, Role.SHOP).next_job()
    assert again is not None and (again.receipt.number, again.attempts) == ("S1-1", 1)
    await take(shop)
    await keep(ledger, clock, "S1-2")
    following = await shop.next_job()
    assert following is not None and (following.receipt.number, following.attempts) == ("S1-2", 0)


async def test_the_place_outlives_the_daemon_and_late_papers_say_so(
    tmp_path: Path, clock: TickClock
) -> None:
    path = tmp_path / "ledger.db"
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    shop, _ = await placed(ledger)
    await keep(ledger, clock, "S1-1")
    await keep(ledger, clock, "S1-2")
    await take(shop)
    await ledger.close()
    ledger = await SqlLedger.open(path, KEY, SeedSigner(), clock, device="device-1")
    await keep_print_places(ledger, (Role.SHOP, Role.KITCHEN))
    job = await SqlFollowingQueue(ledger, Role.SHOP, late_before_ms=clock.now_ms()).next_job()
    assert job is not None and job.receipt.number == "S1-2" and job.receipt.late
    await ledger.close()


async def test_what_is_not_for_it_is_passed_over_for_good(ledger: Ledger, clock: TickClock) -> None:
    await placed(ledger)
    kitchen = SqlFollowingQueue(ledger, Role.KITCHEN, look=4)
    for n in range(9):
        await keep(ledger, clock, f"S1-r{n}", "recharge")
    await keep(ledger, clock, "S1-goods")
    assert (await take(kitchen)).receipt.number == "S1-goods"
    assert await kitchen.waiting() == 0
