"""Magnetic readers and scanners on serial lines, over pseudo-terminals of the kernel: they come,
send, stop in the middle, flood, hang, and go."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from daemon.core.errors import CardGone, ReaderError
from daemon.core.swipe import Form, card_uid
from daemon.ports.cards import (
    CardLaid,
    CodeScanned,
    ReaderChanged,
    ReaderState,
    ReaderStatus,
    SwipeRefused,
)
from daemon.readers.feed import DeviceSeen, Feed, Kind, SwipeSource
from daemon.readers.serial_port import SerialReaders
from daemon.readers.swipes import MOST_IN_A_SECOND, SwipeReaders
from tests.swipes.lines import Line
from tests.swipes.node import Heard

NOBODY = 65534


@asynccontextmanager
async def reading(
    *sources: SwipeSource, kinds: Sequence[Kind] | None = None, open_wait_s: float = 5.0
) -> AsyncIterator[Heard]:
    readers = SwipeReaders(
        sources,
        [SerialReaders(sources)] if kinds is None else kinds,
        look_s=0.005,
        open_wait_s=open_wait_s,
    )
    await readers.start()
    heard = Heard(readers)
    try:
        yield heard
    finally:
        heard.close()
        await readers.stop()


async def until(heard: Heard, state: ReaderState, problem: str | None = None) -> ReaderStatus:
    while True:
        status = (await heard.next(ReaderChanged)).status
        if status.state is state and (problem is None or status.problem == problem):
            return status


async def number(heard: Heard) -> bytes:
    """Of the next swipe that no later one has taken the place of."""
    while True:
        laid = await heard.next(CardLaid)
        with suppress(CardGone):
            async with heard.readers.open(laid.presence) as session:
                return session.face.uid


async def swipe_again_and_again(line: Line, swipe: bytes) -> None:
    while True:
        await asyncio.sleep(0.1)
        await line.send(swipe)


@pytest.mark.parametrize(
    "sent",
    [
        b"%B0010086^A^?;0010086=99?\r\n",
        b";0010086=99?\r",
        b"\x02;0010086=99?\x03",
        b"%B0010086^A^?;0010086=99?",
    ],
)
async def test_a_swipe_on_a_serial_line_is_the_card_that_a_keyboard_types(
    tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line = Line(tmp_path)
    async with reading(line.source()) as heard:
        await until(heard, ReaderState.ABSENT)
        line.plug()
        await until(heard, ReaderState.READY)
        await line.send(sent)
        assert await number(heard) == card_uid("0010086")
    line.pull_out()
    assert "10086" not in caplog.text


async def test_bytes_that_come_one_by_one_are_one_swipe(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source(idle_ms=2_000)) as heard:
        await until(heard, ReaderState.READY)
        for sent, card in ((b";0010086=99?\r\n", "0010086"), (b";0010087?\r\n", "0010087")):
            for byte in sent:
                await line.send(bytes([byte]))
            assert await number(heard) == card_uid(card)
    line.pull_out()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b";4111111111111111=3012201?\r", "bank_card_refused"),
        (b"%E?\r", "swipe_no_number"),
        (b";E?\r", "swipe_torn"),
        (b";12", "swipe_torn"),
        (b";1\xb2\xb3?\r", "swipe_garbled"),
        (b"9" * 5_000 + b"\r", "swipe_garbled"),
        (b"6901234567892\r", "swipe_not_a_card"),
    ],
)
async def test_what_is_no_card_on_a_line_is_told_and_the_next_swipe_counts(
    tmp_path: Path, sent: bytes, reason: str
) -> None:
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source()) as heard:
        await until(heard, ReaderState.READY)
        await line.send(sent)
        assert await heard.next(SwipeRefused) == SwipeRefused("line", reason)
        await line.send(b";5?\r")
        assert await number(heard) == card_uid("5")
    line.pull_out()


async def test_a_line_pulled_out_in_the_middle_and_back_a_hundred_times(tmp_path: Path) -> None:
    line = Line(tmp_path)
    async with reading(line.source(idle_ms=2_000)) as heard:
        for _ in range(100):
            line.plug()
            await until(heard, ReaderState.READY)
            await line.send(b";123")
            await asyncio.sleep(0.01)
            line.pull_out()
            await until(heard, ReaderState.ABSENT, "reader_unplugged")
        line.plug()
        await until(heard, ReaderState.READY)
        await line.send(b";123?\r")
        assert await number(heard) == card_uid("123")
        line.pull_out()


async def test_half_a_swipe_is_torn_when_the_line_goes(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source(idle_ms=2_000)) as heard:
        await until(heard, ReaderState.READY)
        await line.send(b";123")
        # The kernel forgets what nobody has read when the far end goes.
        await asyncio.sleep(0.1)
        line.pull_out()
        assert (await heard.next(SwipeRefused)).reason == "swipe_torn"


async def test_a_line_that_hung_up_and_kept_its_name_is_tried_until_it_is_back(
    tmp_path: Path,
) -> None:
    """EIO while the node stands there: faulted, not forgotten."""
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source()) as heard:
        await until(heard, ReaderState.READY)
        line.path.unlink()
        line.hang_up()
        line.path.touch()
        await until(heard, ReaderState.FAULTED)
        line.path.unlink()
        line.plug()
        await until(heard, ReaderState.READY)
        await line.send(b";77?\r")
        assert await number(heard) == card_uid("77")
        line.pull_out()


async def test_two_lines_of_a_kind_and_one_that_another_program_holds(tmp_path: Path) -> None:
    first, second = Line(tmp_path, "a"), Line(tmp_path, "b")
    first.plug()
    second.plug()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True);"
            "print('held', flush=True); sys.stdin.read()",
            second.port,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    async with reading(first.source("a"), second.source("b")) as heard:
        busy = await until(heard, ReaderState.FAULTED)
        assert (busy.name, busy.problem) == ("b", "reader_busy")
        await first.send(b";1?\r")
        assert await number(heard) == card_uid("1")
        holder.communicate()
        while (await until(heard, ReaderState.READY)).name != "b":
            await asyncio.sleep(0)
        await second.send(b";2?\r")
        assert await number(heard) == card_uid("2")
    first.pull_out()
    second.pull_out()


def test_what_may_not_be_opened_and_what_is_no_line_say_so(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.plug()
    source = line.source()
    door = SerialReaders([source])
    assert [each.path for each in door.seen()] == [line.port]
    os.chmod(line.port, 0)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(NOBODY)
        with pytest.raises(ReaderError) as refused:
            door.open(os.path.realpath(line.port), source)
        assert refused.value.key == "reader_access_denied"
    finally:
        os.seteuid(was)
    line.pull_out()
    with pytest.raises(ReaderError) as refused:
        door.open(line.port, source)
    assert refused.value.key == "reader_unplugged"
    (tmp_path / "file").write_text("no line")
    with pytest.raises(ReaderError):
        door.open(str(tmp_path / "file"), source)
    assert list(door.seen()) == []


class Hanging:
    """A driver whose open does not come back until it is let."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.let = threading.Event()
        self.tries = 0

    def seen(self) -> Sequence[DeviceSeen]:
        return self.kind.seen()

    def open(self, path: str, source: SwipeSource) -> Feed:
        self.tries += 1
        if source.name == "hung":
            self.let.wait()
        return self.kind.open(path, source)


async def test_a_line_that_hangs_as_it_opens_holds_up_no_other(tmp_path: Path) -> None:
    hung, other = Line(tmp_path, "a"), Line(tmp_path, "b")
    hung.plug()
    sources = hung.source("hung"), other.source("other")
    kind = Hanging(SerialReaders(sources))
    async with reading(*sources, kinds=[kind], open_wait_s=0.05) as heard:
        assert (await until(heard, ReaderState.FAULTED)).problem == "reader_stuck"
        other.plug()
        assert (await until(heard, ReaderState.READY)).name == "other"
        await other.send(b";1?\r")
        assert await number(heard) == card_uid("1")
        assert kind.tries == 2, "one that hangs is not tried again beside itself"
        kind.let.set()
        assert (await until(heard, ReaderState.READY)).name == "hung"
        await hung.send(b";2?\r")
        assert await number(heard) == card_uid("2")
    hung.pull_out()
    other.pull_out()


async def test_a_line_that_floods_is_faulted_and_serves_when_it_is_calm(tmp_path: Path) -> None:
    flooding, other = Line(tmp_path, "a"), Line(tmp_path, "b")
    flooding.plug()
    other.plug()
    async with reading(flooding.source("flood"), other.source("other")) as heard:
        await until(heard, ReaderState.READY)
        await until(heard, ReaderState.READY)
        await flooding.send(b";1?\r" * (MOST_IN_A_SECOND * 40))
        assert (await until(heard, ReaderState.FAULTED)).problem == "reader_flooding"
        await other.send(b";22?\r")
        while await number(heard) != card_uid("22"):
            await asyncio.sleep(0)
        assert (await until(heard, ReaderState.READY)).name == "flood"
        person = asyncio.create_task(swipe_again_and_again(flooding, b";3?\r"))
        while await number(heard) != card_uid("3"):
            await asyncio.sleep(0)
        person.cancel()
    flooding.pull_out()
    other.pull_out()


async def test_any_bytes_on_a_line_leave_it_working(tmp_path: Path) -> None:
    line, dice = Line(tmp_path), random.Random(5)
    line.plug()
    async with reading(line.source()) as heard:
        await until(heard, ReaderState.READY)
        for _ in range(200):
            await line.send(dice.randbytes(60))
        # So much at once is a flood, and what is swiped in the same second is dropped with it.
        person = asyncio.create_task(swipe_again_and_again(line, b";77?\r"))
        while await number(heard) != card_uid("77"):
            await asyncio.sleep(0)
        person.cancel()
    line.pull_out()


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"6901234567892\r\n", "6901234567892"),
        (b"]E06901234567892\r", "6901234567892"),
        (b"A1\r", "A1"),
        (b"13812345678\r", "13812345678"),
        (b"https://example.test/m?c=M0001\r", "https://example.test/m?c=M0001"),
        (b";0010086=99?\r", ";0010086=99?"),
    ],
)
async def test_a_scanner_sends_codes_whatever_they_look_like(
    tmp_path: Path, sent: bytes, text: str
) -> None:
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source(codes=True)) as heard:
        await until(heard, ReaderState.READY)
        await line.send(sent)
        scanned = await heard.next(CodeScanned)
        assert (scanned.reader, scanned.text) == ("line", text)
        assert text not in repr(scanned)
    line.pull_out()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\xd6\xd0\xce\xc4\r", "scan_garbled"),
        (b"1" * 1_000 + b"\r", "scan_garbled"),
        (b"4111111111111111\r", "bank_card_refused"),
    ],
)
async def test_what_is_no_code_is_told(tmp_path: Path, sent: bytes, reason: str) -> None:
    line = Line(tmp_path)
    line.plug()
    async with reading(line.source(codes=True)) as heard:
        await until(heard, ReaderState.READY)
        await line.send(sent)
        assert (await heard.next(SwipeRefused)).reason == reason
    line.pull_out()


def test_lines_of_usb_devices_are_matched_by_what_udev_and_the_kernel_say(tmp_path: Path) -> None:
    """Listing needs neither the driver nor the right to open the node."""
    nodes, kernel, udev = (tmp_path / name for name in ("dev", "class", "udev"))
    usb = tmp_path / "usb/1-1"
    (usb / "1-1:1.0/ttyUSB0").mkdir(parents=True)
    for file, value in (("idVendor", "0403"), ("idProduct", "6001"), ("product", "FT232R USB")):
        (usb / file).write_text(value + "\n")
    for folder in (nodes, kernel / "ttyUSB0", kernel / "ttyS0", udev):
        folder.mkdir(parents=True)
    (kernel / "ttyUSB0/device").symlink_to(usb / "1-1:1.0/ttyUSB0")
    (nodes / "ttyUSB0").touch()
    door = SerialReaders([], nodes, kernel, udev)
    (seen,) = door.seen()
    assert seen.properties == {
        "ID_VENDOR_ID": "0403",
        "ID_MODEL_ID": "6001",
        "NAME": "FT232R USB",
    }
    (udev / "c0:0").write_text("E:ID_SERIAL=FTDI_1\nE:ID_MODEL_ID=6015\n")
    (seen,) = door.seen()
    assert seen.properties["ID_MODEL_ID"] == "6015" and seen.properties["ID_SERIAL"] == "FTDI_1"
    assert SwipeSource("x", {"ID_SERIAL": "FTDI_1"}, form=Form()).fits(seen)
    assert not SwipeSource("x", form=Form()).fits(seen), "one that says nothing fits nothing"
    (nodes / "ttyUSB0").unlink()
    assert list(door.seen()) == []
