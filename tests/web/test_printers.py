"""Printers tried out over HTTP (A5)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.printer_model import MODELS, Role
from daemon.core.receipt import Text
from daemon.ports.printing import PlacedPrinter
from tests.fakes.clock import HandClock
from tests.fakes.receipt_printer import MemoryPrinter
from tests.web.till import CASHIER, MANAGER, Counter, living


def counter(folder: Path, kitchen: MemoryPrinter) -> Counter:
    made = Counter(folder, HandClock())
    model = MODELS["xprinter-xp-80"]
    narrow = replace(MODELS["generic-58"], drawer_pin=0)
    made.printers = {
        Role.CUSTOMER: PlacedPrinter("till", Role.CUSTOMER, "network", model, made.printer),
        Role.KITCHEN: PlacedPrinter("kitchen", Role.KITCHEN, "serial", narrow, kitchen),
    }
    return made


async def test_a_manager_tries_each_printer(tmp_path: Path) -> None:
    kitchen = MemoryPrinter()
    async with living(counter(tmp_path, kitchen)) as shop:
        await shop.hire()
        await shop.sign_in(MANAGER)
        assert await shop.post("/printers/customer/test") == {
            "role": "customer",
            "outcome": "confirmed",
        }
        assert await shop.post("/printers/kitchen/test") == {
            "role": "kitchen",
            "outcome": "confirmed",
        }
        (wide,), (narrow,) = shop.printer.papers, kitchen.papers
        assert [len(block.text) for block in wide.blocks if is_ruler(block)] == [48]
        assert [len(block.text) for block in narrow.blocks if is_ruler(block)] == [32]  # type: ignore[union-attr]
        assert (shop.printer.drawer_opened, kitchen.drawer_opened) == (1, 0)
        assert (shop.printer.beeps, kitchen.beeps) == (1, 1)
        log = (await shop.get("/log?event=printer_tested&limit=5"))["entries"]
        assert [entry["facts"]["printer"] for entry in log] == ["kitchen", "customer"]


async def test_the_status_names_each_printer(tmp_path: Path) -> None:
    async with living(counter(tmp_path, MemoryPrinter())) as shop:
        await shop.hire()
        await shop.sign_in(CASHIER)
        told = (await shop.get("/status"))["printers"]
        assert [(each["role"], each["name"], each["connection"]) for each in told] == [
            ("customer", "till", "network"),
            ("kitchen", "kitchen", "serial"),
        ]
        assert all(each["online"] and each["problem"] is None for each in told)


async def test_what_is_wrong_is_told_and_nothing_waits(tmp_path: Path) -> None:
    async with living(counter(tmp_path, MemoryPrinter())) as shop:
        await shop.hire()
        await shop.sign_in(MANAGER)
        shop.printer.run_out_of_paper()
        reply = await shop.ask("POST", "/printers/customer/test", {})
        assert (reply.status, reply.key) == (503, "printer_paper_out")
        reply = await shop.ask("POST", "/printers/shop/test", {})
        assert (reply.status, reply.key) == (404, "printer_unknown")
        assert (await shop.get("/status"))["printer"]["waiting"] == 0


async def test_a_cashier_needs_a_managers_yes(tmp_path: Path) -> None:
    async with living(counter(tmp_path, MemoryPrinter())) as shop:
        await shop.hire()
        await shop.sign_in(CASHIER)
        reply = await shop.ask("POST", "/printers/customer/test", {})
        assert (reply.status, reply.key) == (403, "permission_needed")
        wanted = {"permission": "cash_move", "employee": MANAGER[0], "pin": MANAGER[1]}
        token = (await shop.post("/approvals", wanted))["token"]
        headers = {"Approval": token}
        reply = await shop.ask("POST", "/printers/customer/test", {}, headers=headers)
        assert reply.status == 200


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_page_is_in_both_languages(language: str) -> None:
    from daemon.core.receipt_roles import trial_page

    page = trial_page("p", "till", Role.SHOP, MODELS["generic-80"], "2026-11-22", language)
    title = page.blocks[0]
    assert isinstance(title, Text)
    assert title.text == ("PRINTER TEST" if language == "en" else "打印机测试页")


def is_ruler(block: object) -> bool:
    return isinstance(block, Text) and block.text.startswith("1234567890")
