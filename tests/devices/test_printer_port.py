"""Our printer code against a printer process, over real sockets: papers, faults and the spool."""

from __future__ import annotations

import os
import socket
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from printer_bench import eventually, spooling, started
from printer_process import (
    MemoryQueue,
    SimulatedPrinter,
    a_recharge,
    a_sale,
    same_dots,
    simulated_printer,
)

from daemon.core.errors import PrinterError
from daemon.core.receipt import Text
from daemon.ports.printing import Paper, Printed, PrinterStatus, ReceiptPrinter
from daemon.printer.gb18030 import Encoding
from daemon.printer.port import NetworkAddress, PrinterPort, SerialAddress
from daemon.printer.printer import EscposPrinter
from daemon.printer.raster import find_fonts
from daemon.printer.spool import MOST_TRIES

try:
    HAS_FONT = bool(find_fonts())
except PrinterError:
    HAS_FONT = False
needs_font = pytest.mark.skipif(not HAS_FONT, reason="no Chinese font (fonts-wqy-microhei)")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedPrinter]:
    with simulated_printer(tmp_path_factory.mktemp("wide")) as printer:
        yield printer


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedPrinter]:
    with simulated_printer(tmp_path_factory.mktemp("narrow"), 384, "gbk") as printer:
        yield printer


@pytest.fixture
def well(wide: SimulatedPrinter) -> Iterator[SimulatedPrinter]:
    """The wide printer, in order before and after."""
    wide.fault("ok")
    yield wide
    wide.fault("ok")


def test_it_is_a_receipt_printer() -> None:
    printer: ReceiptPrinter = EscposPrinter(PrinterPort(NetworkAddress("127.0.0.1", 1)))
    assert printer.status() == PrinterStatus(None, problem="printer_no_font")


@needs_font
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width_mm", [80, 58])
async def test_the_paper_is_the_preview_dot_for_dot(
    wide: SimulatedPrinter, narrow: SimulatedPrinter, width_mm: int, language: str
) -> None:
    far = wide if width_mm == 80 else narrow
    far.fault("ok")
    async with started(far.address, width_mm=width_mm) as printer:
        receipt = replace(a_sale(language), copy=2, late=True)
        assert await printer.print(receipt) is Printed.CONFIRMED
        assert same_dots(far.picture(far.papers()), await printer.preview(receipt))
    assert far.state()["unknown_count"] == 0


@needs_font
@pytest.mark.parametrize("encoding", [Encoding.GB18030, Encoding.GBK])
async def test_chinese_is_read_back_from_native_bytes(
    narrow: SimulatedPrinter, encoding: Encoding
) -> None:
    async with started(narrow.address, width_mm=58, encoding=encoding) as printer:
        assert await printer.print(a_sale(member="㛃*")) is Printed.CONFIRMED
    text = narrow.text(narrow.papers())
    for line in ("云杉茶铺", "消费小票", "龙井（明前）大杯", "￥18.50", "谢谢惠顾，欢迎再来"):
        assert line in text
    assert f"卡内余额{' ' * 16}￥531.50" in text
    assert "K7Q2M9XV4T8ZP3WB6C1N" in text
    assert "㛃" not in text and "[image 384x32]" in text


async def test_without_a_font_receipts_go_out_as_text(narrow: SimulatedPrinter) -> None:
    async with started(narrow.address, fonts=[], width_mm=58) as printer:
        assert printer.status().problem == "printer_no_font"
        assert await printer.print(a_sale(member="㛃*")) is Printed.CONFIRMED
        status = printer.status()
        assert status.online and status.problem == "printer_no_font"
        with pytest.raises(PrinterError, match="printer_no_font"):
            await printer.preview(a_sale())
    text = narrow.text(narrow.papers())
    assert "消费小票" in text and "〓*" in text and "[image" not in text


async def test_a_doubtful_print_says_so(well: SimulatedPrinter) -> None:
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        await printer.print(replace(a_sale(), copy=3), maybe_printed=True)
    text = well.text(well.papers())
    assert "补打 第3次" in text and "可能已打印过" in text


@pytest.mark.parametrize(
    ("fault", "key", "paper", "cover_open"),
    [
        ("paper-out", "printer_paper_out", Paper.OUT, False),
        ("cover-open", "printer_cover_open", Paper.OK, True),
        ("offline", "printer_offline", Paper.OK, False),
    ],
)
async def test_a_printer_that_cannot_print_is_not_sent_anything(
    well: SimulatedPrinter, fault: str, key: str, paper: Paper, cover_open: bool
) -> None:
    well.fault(fault)
    before = well.papers()
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        with pytest.raises(PrinterError) as refused:
            await printer.print(a_sale())
        assert refused.value.key == key
        assert printer.status() == PrinterStatus(True, False, cover_open, paper, key)
        well.fault("ok")
        assert (await printer.refresh()).problem is None or not HAS_FONT
    assert well.papers() == before


async def test_near_end_prints_and_shows(well: SimulatedPrinter) -> None:
    well.fault("paper-near-end")
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        assert await printer.print(a_sale()) is Printed.CONFIRMED
        assert printer.status().paper is Paper.NEAR_END


async def test_a_mute_printer_prints_unconfirmed(well: SimulatedPrinter) -> None:
    well.fault("mute")
    before = well.papers()
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        assert await printer.print(a_sale()) is Printed.UNCONFIRMED
        status = printer.status()
        assert (status.reachable, status.online, status.paper) == (True, None, Paper.UNKNOWN)
    # Nothing tells when it has printed: that is what mute means.
    await eventually(lambda: well.papers() == before + 1)


async def test_a_slow_printer_loses_nothing(well: SimulatedPrinter) -> None:
    well.fault("slow")
    before = well.papers()
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        await printer.print(a_sale())
        well.fault("ok")
        await eventually(lambda: well.papers() == before + 1)
    assert "欢迎再来" in well.text(before + 1)


async def test_a_cut_line_is_told(well: SimulatedPrinter) -> None:
    well.fault("cut-connection")
    async with started(well.address) as printer:
        with pytest.raises(PrinterError, match="printer_cut_off"):
            await printer.print(a_sale())
        assert printer.status().online is None


async def test_nobody_at_home(well: SimulatedPrinter) -> None:
    well.fault("refuse")
    async with started(well.address) as printer:
        with pytest.raises(PrinterError, match="printer_absent"):
            await printer.print(a_sale())
        with pytest.raises(PrinterError, match="printer_absent"):
            await printer.open_drawer()
        assert await printer.refresh() == PrinterStatus(False, problem="printer_absent")


@needs_font
async def test_a_printer_that_stops_reading_is_stalled() -> None:
    """More than the buffers between us hold: 400 lines drawn are 900 kB."""
    receipt = replace(a_sale(), blocks=(Text("茶" * 24 * 399),))
    with listening(receive_bytes=4096) as address:
        async with started(address) as printer:
            with pytest.raises(PrinterError, match="printer_stalled"):
                await printer.print(receipt)
            assert printer.status() == PrinterStatus(True, problem="printer_stalled")


async def test_the_drawer_opens_once_and_before_the_paper(well: SimulatedPrinter) -> None:
    kicks = well.state()["drawer_kicks"]
    async with started(well.address, encoding=Encoding.GB18030) as printer:
        await printer.print(a_recharge())
        assert well.state()["drawer_kicks"] == kicks + 1
        await printer.print(replace(a_recharge(), copy=1))
        await printer.print(replace(a_recharge(), late=True))
        await printer.print(a_recharge(), maybe_printed=True)
        assert well.state()["drawer_kicks"] == kicks + 1
        await printer.open_drawer()
        await eventually(lambda: well.state()["drawer_kicks"] == kicks + 2)


async def test_garbled_status_is_unknown() -> None:
    with talking(lambda received: b"\xff" * received.count(b"\x10\x04")) as address:
        async with started(address, encoding=Encoding.GB18030) as printer:
            status = await printer.refresh()
            assert (status.online, status.paper) == (None, Paper.UNKNOWN)
            assert await printer.print(a_sale()) is Printed.UNCONFIRMED


async def test_a_printer_that_hangs_up_is_told() -> None:
    with talking(lambda received: None) as address:
        async with started(address) as printer:
            with pytest.raises(PrinterError, match="printer_cut_off"):
                await printer.print(a_sale())
            assert (await printer.refresh()).problem == "printer_cut_off"


async def test_serial_prints_and_answers() -> None:
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    received = bytearray()

    def far_side() -> None:
        replies = {b"\x10\x04\x01": b"\x12", b"\x10\x04\x04": b"\x12", b"\x1dr\x01": b"\x00"}
        replies |= {b"\x10\x04\x02": b"\x12", b"\x10\x04\x03": b"\x12"}
        while True:
            try:
                got = os.read(master, 65536)
            except OSError:
                return
            received.extend(got)
            for asked, answer in replies.items():
                if asked in got:
                    os.write(master, answer)

    thread = Thread(target=far_side, daemon=True)
    thread.start()
    address = SerialAddress(os.ttyname(slave), baud=115200)
    async with started(address, encoding=Encoding.GB18030) as printer:
        assert await printer.print(a_sale()) is Printed.CONFIRMED
    assert "消费小票".encode("gb18030") in received
    os.close(slave)
    os.close(master)
    thread.join(5)


async def test_a_serial_line_that_is_not_there() -> None:
    async with started(SerialAddress("/dev/no-such-line")) as printer:
        assert (await printer.refresh()).problem == "printer_absent"


# The spool ----------------------------------------------------------------------------------------


async def test_the_spool_prints_all_in_order(well: SimulatedPrinter) -> None:
    before = well.papers()
    queue = MemoryQueue(*(a_sale(number=f"S01-{n}") for n in range(3)))
    async with (
        started(well.address, encoding=Encoding.GB18030) as printer,
        spooling(queue, printer) as (spool, watch),
    ):
        await eventually(lambda: not queue.jobs)
        queue.add(a_sale(number="S01-later"))
        spool.poke()
        await eventually(lambda: len(queue.outcomes) == 4)
        await eventually(lambda: spool.waiting == 0)
    assert watch.states == ["printing", "printed"] * 4
    assert set(queue.outcomes.values()) == {Printed.CONFIRMED}
    for n, number in enumerate(("S01-0", "S01-1", "S01-2", "S01-later"), before + 1):
        assert number in well.text(n) and "可能已打印过" not in well.text(n)
    assert watch.changes[-1][1] == 0 and watch.changes[-1][0].paper is Paper.OK


async def test_paper_out_waits_unbegun_and_the_drawer_still_opens(well: SimulatedPrinter) -> None:
    well.fault("paper-out")
    before, kicks = well.papers(), well.state()["drawer_kicks"]
    queue = MemoryQueue(a_recharge())
    async with (
        started(well.address, encoding=Encoding.GB18030) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        await eventually(lambda: watch.changes and watch.changes[-1][0].paper is Paper.OUT)
        await eventually(lambda: well.state()["drawer_kicks"] == kicks + 1)
        assert queue.jobs[0].attempts == 0 and watch.changes[-1][1] == 1
        well.fault("ok")
        await eventually(lambda: not queue.jobs)
    assert well.papers() == before + 1
    assert "可能已打印过" not in well.text(before + 1)
    assert well.state()["drawer_kicks"] == kicks + 1


async def test_after_a_cut_line_the_next_paper_says_so(well: SimulatedPrinter) -> None:
    well.fault("cut-connection", after_bytes=300)
    queue = MemoryQueue(a_sale())
    async with (
        started(well.address, encoding=Encoding.GB18030) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        await eventually(lambda: "failed" in watch.states)
        well.fault("ok")
        await eventually(lambda: not queue.jobs)
    assert queue.problems[0] == "printer_cut_off"
    assert watch.states[:2] == ["printing", "failed"] and watch.states[-1] == "printed"
    assert "可能已打印过" in well.text(well.papers())


async def test_a_receipt_that_keeps_breaking_is_given_up_and_does_not_block() -> None:
    def hang_up_in_the_job(received: bytes) -> bytes | None:
        return None if b"\x1b@" in received else b"\x12" * received.count(b"\x10\x04")

    with talking(hang_up_in_the_job) as address:
        queue = MemoryQueue(a_sale(), a_sale())
        async with (
            started(address, encoding=Encoding.GB18030) as printer,
            spooling(queue, printer) as (_, watch),
        ):
            await eventually(lambda: not queue.jobs)
    assert queue.outcomes == {1: Printed.UNCONFIRMED, 2: Printed.UNCONFIRMED}
    assert queue.problems == ["printer_cut_off"] * 2 * (MOST_TRIES - 1)
    assert watch.states.count("unconfirmed") == 2


async def test_the_spool_stops_while_the_printer_is_absent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = NetworkAddress("127.0.0.1", taken.getsockname()[1])
    queue = MemoryQueue(a_sale())
    async with started(address) as printer, spooling(queue, printer) as (_, watch):
        await eventually(lambda: watch.changes)
    assert watch.changes[-1][0].reachable is False
    assert queue.jobs[0].attempts == 0


# Far sides of a few lines -------------------------------------------------------------------------


@contextmanager
def listening(receive_bytes: int) -> Iterator[NetworkAddress]:
    """Takes connections and reads nothing."""
    with socket.socket() as far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        far.bind(("127.0.0.1", 0))
        far.listen()
        yield NetworkAddress("127.0.0.1", far.getsockname()[1])


@contextmanager
def talking(answer: Any) -> Iterator[NetworkAddress]:
    """A printer that answers what `answer(received)` says; None hangs up."""

    def serve(far: socket.socket) -> None:
        while True:
            try:
                line, _ = far.accept()
            except OSError:
                return
            with line:
                while received := _received(line):
                    reply = answer(received)
                    if reply is None:
                        break
                    line.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as far:
        thread = Thread(target=serve, args=(far,), daemon=True)
        thread.start()
        yield NetworkAddress("127.0.0.1", far.getsockname()[1])
        far.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""
