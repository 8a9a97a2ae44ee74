"""What a sale costs an SD card: bytes that the process sends to the block layer, by the kernel's
own count (`write_bytes` of /proc/self/io), the moving of the WAL into the database included.

A `deduction` is the one entry of the other figures. A `whole_sale` is what a sale writes from the
amount to the paper, in its five transactions: the operation, the settling with its entry, its
receipt and its spool job, the attempt to print, and the end of the job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.deduction import CLOCK, DirectShop, deduct, encrypted, open_shop
from daemon.core.receipt import Align, Block, Pair, Receipt, Rule, Text
from daemon.core.records import Operation, OpState
from daemon.ledger.writer import TEND_EVERY
from daemon.ports.printing import Printed

MEMBERS, ENTRIES = 1_000, 5_000
DAY = "2026-11-22"


def kib_written(folder: Path, sales: int) -> dict[str, Any]:
    """KiB for each deduction, one by one and eight in a commit, and for each whole sale."""
    shop = open_shop(encrypted(folder / "wear.db"), MEMBERS, ENTRIES)
    shop.sell_together(64)
    shop.tend()
    told = {
        "single": _per_sale(shop, shop.sell, sales, 1),
        "batched_by_8": _per_sale(shop, lambda: shop.sell_together(8), sales // 8, 8),
        "whole_sale": _per_sale(shop, lambda: whole_sale(shop), sales // 4, 1),
    }
    shop.connection.close()
    return told


def _per_sale(shop: DirectShop, sell: Callable[[], None], times: int, sales: int) -> float:
    before = _written_bytes()
    for number in range(times):
        sell()
        if number % TEND_EVERY == TEND_EVERY - 1:
            shop.tend()
    shop.tend()
    return round((_written_bytes() - before) / 1024 / times / sales, 1)


def _written_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "write_bytes":
            return int(value)
    raise AssertionError("this kernel does not count")


def whole_sale(shop: DirectShop) -> None:
    books, member_id = shop.books, shop.next_member()
    op_id = CLOCK.new_id()

    def commit(work: Callable[[], object]) -> None:
        shop.connection.execute("BEGIN IMMEDIATE")
        work()
        shop.connection.execute("COMMIT")

    def settle() -> None:
        entry = deduct(books, member_id)
        books.change_operation(
            op_id,
            OpState.APPROVED,
            answer={"taken": {"principal_fen": 10, "bonus_fen": 2}, "receipt_id": op_id},
            settled_ms=CLOCK.now_ms(),
            dseq=entry.dseq,
        )
        books.add_spent(member_id, DAY, 12)
        number = books.next_receipt_number(DAY)
        books.spool_receipt(_receipt(op_id, number), op_id, CLOCK.now_ms())

    commit(
        lambda: books.add_operation(
            Operation(
                op_id,
                "sale",
                OpState.OPEN,
                "01EMPLOYEE",
                CLOCK.now_ms(),
                {"amount_fen": 12},
                client_key=f"01EMPLOYEE/{op_id}",
            )
        )
    )
    commit(
        lambda: books.change_operation(
            op_id, OpState.OPEN, request={"amount_fen": 12, "member_id": member_id}
        )
    )
    commit(settle)
    job = books.next_job()
    assert job is not None
    commit(lambda: books.begin_job(job.job_id))
    commit(lambda: books.end_job(job.job_id, Printed.CONFIRMED))


def _receipt(receipt_id: str, number: int) -> Receipt:
    """About what `daemon.core.receipt_text` composes for a sale."""
    rows = [Pair(left, right) for left, right in (
        ("单号", f"S1-20261122-{number:04}"), ("时间", "2026-11-22 12:00:00"), ("收银员", "01 Amy"),
        ("会员", "张* 1001"), ("消费", "0.12"), ("本金", "-0.10"), ("赠金", "-0.02"),
        ("本金余额", "499,999.90"), ("赠金余额", "49,999.98"),
    )]  # fmt: skip
    blocks: tuple[Block, ...] = (
        Text("示例商店", Align.CENTRE, 2),
        Rule(),
        *rows,
        Rule(double=True),
        Text("谢谢惠顾"),
    )
    return Receipt(receipt_id, f"S1-20261122-{number:04}", blocks)
