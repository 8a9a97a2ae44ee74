"""A whole counter with its customer's side: sales over HTTP, lamps and contacts on gpiozero's mock
pins, the display a process of its own. A panel that fails costs no sale anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.core.panel import Button, KeyPosition
from daemon.core.panel_settings import DisplaySettings, PanelSettings
from daemon.panel.front import Panel
from daemon.panel.serial_line import SerialLines
from daemon.web.events import EventStream
from tests.fakes.card_readers import PlasticCard
from tests.fakes.clock import HandClock
from tests.panel.display_process import DisplayProcess, display_process
from tests.panel.far_side import Board, until
from tests.web.till import Counter, customer, desfire, uid_card

PINS = PanelSettings(
    ready=17, approved=27, declined=22, attention=23, buzzer=24, cancel=5, confirm=6,
    key_open=12, key_office=13, bounce_ms=2,
)  # fmt: skip


@dataclass
class Front:
    """The counter, what is on its other side, and a member with a card that proves itself."""

    counter: Counter
    board: Board
    far: DisplayProcess
    panel: Panel

    def lit(self) -> set[str]:
        lamps = ("approved", "declined", "attention")
        return {name for name in lamps if self.board.mock.pin(getattr(PINS, name)).state}

    async def rich(self, fen: int = 50_000) -> PlasticCard:
        """50,000 fen bring 5,000 of bonus."""
        return (await customer(self.counter, desfire(), fen=fen)).card


async def turned_on(board: Board, panel: Panel) -> None:
    """Everything is there, and the key stands in "open"."""
    await until(lambda: {each.state.value for each in panel.statuses()} == {"ready"})
    await until(lambda: panel.key is not None)
    # gpiozero's mock puts a contact at its pull when it is opened.
    board.press(PINS.key_open)
    await until(lambda: panel.key is KeyPosition.OPEN)


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    board, path = Board(), tmp_path / "pole"
    counter: Counter | None = None

    def publish(view: dict[str, Any]) -> None:
        if counter is not None:
            counter.events.publish("panel", view)

    panel = Panel(
        PINS,
        [DisplaySettings("pole", str(path), "cd5220", balance=True)],
        board.pins,
        SerialLines(),
        lambda: ("示范会员店", "zh-CN"),
        publish,
        shown_s=600.0,
        retry_s=0.02,
        look_s=0.02,
    )
    async with display_process(path, "cd5220") as far:
        counter = Counter(tmp_path, HandClock(), panel=panel, events=EventStream(tell=panel.told))
        await counter.start()
        try:
            await counter.hire()
            await counter.sign_in()
            await turned_on(board, panel)
            yield Front(counter, board, far, panel)
        finally:
            await counter.stop()


async def test_a_sale_is_seen_and_heard_on_the_other_side(front: Front) -> None:
    card = await front.rich()
    await front.far.shows("示范会员店", "欢迎光临")
    await front.counter.begin(1_234)
    await front.far.shows("应收           12.34", "请刷卡")
    assert front.lit() == set()
    heard = front.board.levels(PINS.buzzer).count(True)
    await front.counter.tap(card)
    await front.far.shows("已付           12.34", "余额          537.66")
    await until(lambda: front.lit() == {"approved"})
    await until(lambda: front.board.levels(PINS.buzzer).count(True) == heard + 1)


async def test_a_refusal_lights_and_sounds_and_names_no_reason(front: Front) -> None:
    card = await front.rich(100)
    sale_id = await front.counter.begin(1_234)
    await front.counter.tap(card)
    assert (await front.counter.sale(sale_id))["status"] == "declined"
    await front.far.shows("没有付款", "请问收银员")
    await until(lambda: front.lit() == {"declined"})


async def test_the_cancel_button_ends_what_waits_and_nothing_else(front: Front) -> None:
    counter, board = front.counter, front.board
    card = await front.rich()
    sale_id = await counter.begin(1_234)
    board.press(PINS.cancel)
    await until(lambda: counter.desk.till.state.value == "cancelled")
    await counter.desk.finish()
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("cancelled", "cancelled_by_button")
    board.release(PINS.cancel)
    paid = await counter.begin(1_234)
    await counter.tap(card)
    await front.far.shows("已付           12.34", "余额          537.66")
    await asyncio.sleep(0.35)
    board.press(PINS.cancel)
    signals = front.panel._signals
    assert signals is not None
    await until(lambda: signals._buttons[Button.CANCEL].contact.closed)
    await counter.desk.finish()
    assert (await counter.sale(paid))["status"] == "approved"
    assert (await counter.counter())["sale"]["sale_id"] == paid


async def test_the_cancel_button_ends_the_wait_for_a_pin(front: Front) -> None:
    counter = front.counter
    plain = await customer(counter, uid_card())
    sale_id = await counter.begin(100)
    await counter.tap(plain.card)
    await front.far.shows("应收            1.00", "密码")
    front.board.press(PINS.cancel)
    await until(lambda: counter.desk.till.state.value == "cancelled")
    await counter.desk.finish()
    assert (await counter.sale(sale_id))["status"] == "cancelled"


async def test_the_confirm_button_says_yes_to_once_more(front: Front) -> None:
    counter = front.counter
    card = await front.rich()
    await counter.begin(1_000)
    await counter.tap(card)
    again = await counter.begin(1_000)
    await counter.lay(card)
    assert (await counter.counter())["ask"] == "double_tap"
    await front.far.shows("应收           10.00", "再付一次？")
    front.board.press(PINS.confirm)
    await until(lambda: counter.desk.till.state.value in ("committed", "printing", "done"))
    await counter.desk.finish()
    assert (await counter.sale(again))["status"] == "approved"
    await front.far.shows("已付           10.00", "余额          530.00")


async def test_a_button_without_anything_to_do_does_nothing(front: Front) -> None:
    before = await front.counter.counter()
    for pin in (PINS.cancel, PINS.confirm):
        front.board.press(pin)
    signals = front.panel._signals
    assert signals is not None
    await until(lambda: all(each.contact.closed for each in signals._buttons.values()))
    await front.counter.desk.finish()
    assert await front.counter.counter() == before


async def test_new_sales_begin_with_the_key_in_open_only(front: Front) -> None:
    counter, board, panel = front.counter, front.board, front.panel
    waiting = await counter.begin(700)
    board.release(PINS.key_open)
    await until(lambda: panel.key is KeyPosition.OFF)
    await front.far.shows("暂停服务", "示范会员店")
    key = counter.new_key()
    refused = await counter.ask("POST", "/sales", {"amount_fen": 5}, key=key)
    assert (refused.status, refused.key) == (409, "till_key_turned")
    # What was begun before is there still, and the same request is answered as it was.
    assert (await counter.sale(waiting))["status"] == "awaiting_card"
    await counter.post(f"/sales/{waiting}/cancel")
    board.press(PINS.key_open)
    await until(lambda: panel.key is KeyPosition.OPEN)
    again = await counter.ask("POST", "/sales", {"amount_fen": 5}, key=key)
    assert again.status == 202


async def test_health_names_every_part_with_its_state_and_last_error(front: Front) -> None:
    await front.far.shows("示范会员店", "欢迎光临")
    whole = await front.counter.get("/healthz", token=None)
    assert whole["panel"]["key"] == "open"
    parts = {(each["kind"], each["name"]): each for each in whole["panel"]["parts"]}
    assert {kind for kind, _ in parts} == {"lamp", "buzzer", "button", "key", "display"}
    assert {each["state"] for each in parts.values()} == {"ready"}
    await front.far.fault("unplugged")
    await until(lambda: front.panel.statuses()[-1].problem is not None)
    told = await front.counter.get("/healthz", token=None)
    assert told["status"] == "degraded"
    pole = told["panel"]["parts"][-1]
    assert (pole["name"], pole["kind"]) == ("pole", "display")
    assert pole["state"] in ("faulted", "absent") and pole["last"] and pole["failures"] >= 1


async def test_a_whole_panel_that_fails_costs_no_sale_anything(front: Front) -> None:
    card = await front.rich()
    front.board.problem = "panel_absent"
    signals = front.panel._signals
    assert signals is not None
    signals._trouble = "panel_cut_off"
    signals._wake.set()
    await front.far.fault("unplugged")
    await until(lambda: {each.state.value for each in front.panel.statuses()} == {"absent"})
    sale_id = await front.counter.begin(1_234)
    await front.counter.tap(card)
    assert (await front.counter.sale(sale_id))["status"] == "approved"
    front.board.problem = None
    await front.far.fault("ok")
    await turned_on(front.board, front.panel)
    await front.far.shows("已付           12.34", "余额          537.66")
    await until(lambda: front.lit() == {"approved"})


async def test_events_that_nobody_understands_are_dropped_one_by_one(front: Front) -> None:
    for _ in range(300):
        front.counter.events.publish("counter", {"state": "no such state"})
    front.counter.events.publish("sync", {"chain": {}})
    await front.counter.begin(1_234)
    await front.far.shows("应收           12.34", "请刷卡")
