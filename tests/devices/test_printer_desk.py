"""All printers of a counter over real books: each with its role, its cable and its pace (A5)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from printer_bench import eventually
from printer_process import SimulatedPrinter, a_sale, simulated_printer

from daemon.core.printer_config import PrinterSettings
from daemon.core.printer_model import MODELS, Model, Role
from daemon.core.records import Operation, OpState
from daemon.keys.files import generate
from daemon.ledger.spool import keep_print_places, print_queue
from daemon.ledger.store import SqlLedger
from daemon.ports.ledger import Books
from daemon.printer.desk import PrinterDesk
from daemon.printer.spool import Pace
from tests.fakes.clock import HandClock

PACE = Pace(look_s=0.05, first_s=0.05, most_s=0.2)
TEXT_80, TEXT_58 = replace(MODELS["generic-80"], encoding="gb18030"), MODELS["generic-58-serial"]
_numbers = itertools.count(1)


def networked(role: Role, far: SimulatedPrinter, model: Model = TEXT_80) -> PrinterSettings:
    host, port = far.address.host, far.address.port
    return PrinterSettings(role.value, role, "network", model, host, port)


def cabled(role: Role, far: SimulatedPrinter, model: Model = TEXT_58) -> PrinterSettings:
    path = str(far.cable)
    return PrinterSettings(role.value, role, "serial", model, path=path, baud=115200)


@asynccontextmanager
async def books(folder: Path) -> AsyncIterator[SqlLedger]:
    keys = generate(folder / "keys")
    ledger = await SqlLedger.open(
        folder / "l.db", keys.ledger_key(), keys.signer(), HandClock(), device="d1"
    )
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def desk(ledger: SqlLedger, *printers: PrinterSettings) -> AsyncIterator[PrinterDesk]:
    made = PrinterDesk(
        printers,
        lambda role: print_queue(ledger, role),
        lambda role: None,
        lambda receipt_id, state: None,
        pace=PACE,
    )
    await keep_print_places(ledger, made.configured - {Role.CUSTOMER})
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def sell(ledger: SqlLedger, desk: PrinterDesk) -> str:
    number = f"S01-{next(_numbers):04d}"
    receipt = replace(a_sale(number=number), receipt_id=f"receipt-{number}", open_drawer=True)

    def work(books: Books) -> None:
        books.add_operation(
            Operation(f"op-{number}", "sale", OpState.OPEN, "1", 5, {}, f"key-{number}")
        )
        books.spool_receipt(receipt, f"op-{number}", 5)

    await ledger.write(work)
    desk.poke()
    return number


async def test_one_without_paper_holds_up_nobody_else(tmp_path: Path) -> None:
    with ExitStack() as far_sides:
        counter, shop = (
            far_sides.enter_context(simulated_printer(tmp_path / name)) for name in ("c", "s")
        )
        kitchen = far_sides.enter_context(simulated_printer(tmp_path / "k", 384, "gbk"))
        kitchen.fault("paper-out")
        async with (
            books(tmp_path) as ledger,
            desk(
                ledger,
                networked(Role.CUSTOMER, counter),
                cabled(Role.SHOP, shop, TEXT_80),
                cabled(Role.KITCHEN, kitchen),
            ) as printers,
        ):
            numbers = [await sell(ledger, printers) for _ in range(3)]
            await eventually(lambda: (counter.papers(), shop.papers()) == (3, 3))
            told = {view["role"]: view for view in printers.views()}
            assert told["kitchen"]["paper"] == "out" and told["kitchen"]["waiting"] == 3
            assert told["customer"]["problem"] in (None, "printer_no_font")
            assert kitchen.papers() == 0
            kitchen.fault("ok")
            await eventually(lambda: told_waiting(printers) == 0)
        for n, number in enumerate(numbers, 1):
            assert number in counter.text(n) and "商户联" not in counter.text(n)
            assert number in shop.text(n) and "商户联" in shop.text(n)
        await eventually(lambda: kitchen.papers() >= 1)
        slips = "".join(kitchen.text(n) for n in range(1, kitchen.papers() + 1))
        assert all(number in slips for number in numbers)
        assert "制作单" in slips and "龙井" in slips and "￥" not in slips and "18.50" not in slips
        assert "可能已打印过" not in slips
        kicks = [far.state()["drawer_kicks"] for far in (counter, shop, kitchen)]
        assert kicks == [3, 0, 0]


def told_waiting(printers: PrinterDesk) -> int:
    return sum(int(view["waiting"]) for view in printers.views())


async def test_a_role_without_a_printer_is_not_printed(tmp_path: Path) -> None:
    with simulated_printer(tmp_path / "c") as counter:
        async with (
            books(tmp_path) as ledger,
            desk(ledger, networked(Role.CUSTOMER, counter)) as printers,
        ):
            await sell(ledger, printers)
            await eventually(lambda: counter.papers() == 1)
            assert [view["role"] for view in printers.views()] == ["customer"]
        assert "商户联" not in counter.text(1)


async def test_without_any_printer_receipts_wait(tmp_path: Path) -> None:
    async with books(tmp_path) as ledger, desk(ledger) as printers:
        await sell(ledger, printers)
        await eventually(lambda: printers.view()["waiting"] == 1)
        assert printers.views() == [] and printers.view()["reachable"] is False
