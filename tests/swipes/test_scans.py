"""Scanned codes at a whole counter: each reaches what it is for, and a scanner is no way to find
out who is a member."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core.loyalty.coupon_code import printed
from daemon.operations.what_is import MOST_MISSES, MOST_SEARCHES, WINDOW_MS
from daemon.readers.serial_port import SerialReaders
from daemon.readers.swipes import SwipeReaders
from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.sale.shop import put_rules
from tests.swipes.lines import Line
from tests.web.till import MANAGER, Counter, desfire, living

PHONE = "13812341234"


class Till:
    """A counter with a scanner on a serial line."""

    def __init__(self, counter: Counter, line: Line) -> None:
        self.counter, self.line = counter, line
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        publish = counter.events.publish

        def listen(kind: str, body: Any) -> None:
            if kind in ("scan", "swipe"):
                self.told.put_nowait(dict(body))
            publish(kind, body)

        counter.events.publish = listen  # type: ignore[method-assign]

    async def scan(self, text: str) -> dict[str, Any]:
        await self.line.send(text.encode() + b"\r")
        async with asyncio.timeout(20):
            told = await self.told.get()
        assert told.pop("reader") == "scanner"
        return told


@asynccontextmanager
async def open_till(folder: Path, settings: WebSettings) -> AsyncIterator[Till]:
    line = Line(folder, "scanner0")
    line.plug()
    source = line.source("scanner", codes=True)
    swipes = SwipeReaders([source], [SerialReaders([source])], look_s=0.01)
    async with living(Counter(folder, HandClock(), settings=settings, swipes=swipes)) as counter:
        await counter.hire()
        put_rules(counter)
        await counter.sign_in(MANAGER)
        while not all(status.state.value == "ready" for status in swipes.statuses()):
            await asyncio.sleep(0.005)
        yield Till(counter, line)
    line.pull_out()


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with open_till(tmp_path, WebSettings(port=0, static=tmp_path / "static")) as till:
        yield till


async def test_goods_coupons_and_members_are_told_apart(till: Till) -> None:
    counter = till.counter
    member = await counter.member("张伟", PHONE)
    body = {"campaign": "welcome", "count": 1}
    issued = await counter.post("/coupons", body, key=counter.new_key())
    coupon = issued["coupons"][0]["code"]
    assert await till.scan("C1") == {"kind": "goods", "code": "C1"}
    assert await till.scan("]C1r1") == {"kind": "goods", "code": "R1"}
    assert await till.scan(printed(coupon).lower()) == {"kind": "coupon", "code": coupon}
    found = {"kind": "member", "member_id": member["member_id"]}
    assert await till.scan(str(member["number"])) == found
    assert await till.scan(PHONE) == found
    assert await till.scan(f"+86 {PHONE}") == found
    assert await till.scan("no such thing") == {"kind": "unknown", "reason": "scan_unknown"}
    assert await till.scan("9" * 200) == {"kind": "unknown", "reason": "scan_unknown"}


async def test_the_number_on_a_card_finds_its_member(till: Till) -> None:
    counter = till.counter
    member = await counter.member("张伟", PHONE)
    design = {"technology": "desfire", "number_from": "880001", "number_to": "880009"}
    standard = {"category": "standard", "name": "普通", "card": design}
    put_rules(counter, member_categories={"member_categories": [standard]})
    card = await counter.issue(member["member_id"], desfire())
    assert card["number"] == "880001"
    found = {"kind": "member", "member_id": member["member_id"]}
    assert await till.scan("880001") == found


async def test_a_phone_of_several_members_names_none(till: Till) -> None:
    await till.counter.member("张伟", PHONE)
    more = {"name": "张丽", "phone": PHONE, "phone_may_repeat": True}
    await till.counter.post("/members", more, expect=201)
    assert await till.scan(PHONE) == {"kind": "refused", "reason": "scan_several"}


async def test_a_scanner_is_no_way_to_try_telephones(till: Till) -> None:
    """A few misses, and nothing is looked for among members for a minute; goods go on."""
    counter = till.counter
    member = await counter.member("张伟", PHONE)
    for tail in range(MOST_MISSES):
        told = await till.scan(f"1390000{tail:04}")
        assert told == {"kind": "unknown", "reason": "scan_unknown"}
    too_often = {"kind": "refused", "reason": "scan_too_often"}
    assert await till.scan(PHONE) == too_often
    assert await till.scan("13900009999") == too_often
    assert await till.scan("C1") == {"kind": "goods", "code": "C1"}
    counter.clock.advance(WINDOW_MS // 1000)
    found = {"kind": "member", "member_id": member["member_id"]}
    for _ in range(MOST_SEARCHES):
        assert await till.scan(PHONE) == found
    assert await till.scan(PHONE) == too_often


async def test_a_card_of_a_bank_is_refused_and_told_nowhere(till: Till) -> None:
    assert await till.scan("4111111111111111") == {"reason": "bank_card_refused"}
