"""Every cable against the simulated printer behind it, and everything that goes wrong with one.

The table "Printer faults" in docs/hardware.md is filled from here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from printer_bench import eventually, spooling, started
from printer_process import ROOT, MemoryQueue, SimulatedPrinter, a_sale, simulated_printer

from daemon.core.errors import PrinterError
from daemon.core.printer_model import Answers, Buzzer
from daemon.core.receipt import Text
from daemon.ports.printing import Paper, Printed
from daemon.printer.gb18030 import Encoding
from daemon.printer.port import (
    Address,
    Deadlines,
    LpAddress,
    NetworkAddress,
    PrinterPort,
    SerialAddress,
    UsbAddress,
)

BAUD = 115200
IMPATIENT = Deadlines(connect_s=2.0, write_s=0.3, linger_s=0.3)
CABLES = ("network", "serial", "usb_lp")
PLUGS = ("serial", "usb_lp")
TEXT = Encoding.GB18030
LONG = replace(a_sale(), blocks=(Text("茶" * 24 * 399),))
"""More than all the buffers between us hold, as a picture: 900 kB."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedPrinter]:
    with simulated_printer(tmp_path_factory.mktemp("far")) as printer:
        yield printer


@pytest.fixture
def far(shared: SimulatedPrinter) -> Iterator[SimulatedPrinter]:
    """In order before and after."""
    shared.fault("ok")
    yield shared
    shared.fault("ok")


def address_of(cable: str, far: SimulatedPrinter) -> Address:
    if cable == "network":
        return far.address
    path = str(far.cable)
    return SerialAddress(path, BAUD) if cable == "serial" else LpAddress(path)


@pytest.mark.parametrize("cable", CABLES)
async def test_prints_and_is_confirmed_by_every_cable(cable: str, far: SimulatedPrinter) -> None:
    before = far.papers()
    async with started(address_of(cable, far), encoding=TEXT) as printer:
        assert await printer.print(a_sale()) is Printed.CONFIRMED
        status = printer.status()
        assert (status.online, status.cover_open, status.paper) == (True, False, Paper.OK)
    await eventually(lambda: far.papers() == before + 1)
    assert "龙井（明前）大杯" in far.text(before + 1)


@pytest.mark.parametrize("flow", ["rts_cts", "xon_xoff"])
async def test_flow_control_is_set_and_prints(flow: str, far: SimulatedPrinter) -> None:
    async with started(SerialAddress(str(far.cable), BAUD, flow), encoding=TEXT) as printer:
        assert await printer.print(a_sale()) is Printed.CONFIRMED


@pytest.mark.parametrize("cable", CABLES)
@pytest.mark.parametrize(
    ("fault", "problem"),
    [("paper-out", "printer_paper_out"), ("cover-open", "printer_cover_open")],
)
async def test_what_the_printer_says_is_seen(
    cable: str, fault: str, problem: str, far: SimulatedPrinter
) -> None:
    far.fault(fault)
    async with started(address_of(cable, far), encoding=TEXT) as printer:
        assert (await printer.refresh()).problem == problem
        with pytest.raises(PrinterError, match=problem):
            await printer.print(a_sale())


@pytest.mark.parametrize("cable", CABLES)
async def test_absent_at_start_then_there(cable: str, far: SimulatedPrinter) -> None:
    far.fault("refuse")
    before, queue = far.papers(), MemoryQueue(a_sale())
    async with (
        started(address_of(cable, far), encoding=TEXT) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        await eventually(lambda: watch.changes and watch.changes[-1][0].reachable is False)
        assert watch.changes[-1][0].problem == "printer_absent"
        far.fault("ok")
        await eventually(lambda: not queue.jobs)
    assert far.papers() == before + 1 and "可能已打印过" not in far.text(before + 1)


@pytest.mark.parametrize("cable", CABLES)
async def test_unplugged_idle_and_back_again(cable: str, far: SimulatedPrinter) -> None:
    queue = MemoryQueue()
    async with (
        started(address_of(cable, far), encoding=TEXT) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        for _ in range(3):
            await eventually(lambda: watch.changes and watch.changes[-1][0].online)
            far.fault("refuse")
            await eventually(lambda: watch.changes[-1][0].reachable is False)
            far.fault("ok")
        before = far.papers()
        queue.add(a_sale())
        await eventually(lambda: far.papers() == before + 1)
        await eventually(lambda: list(queue.outcomes.values()) == [Printed.CONFIRMED])


@pytest.mark.parametrize("cable", CABLES)
async def test_unplugged_in_the_middle_prints_again_and_says_so(
    cable: str, far: SimulatedPrinter
) -> None:
    far.fault("cut-connection", after_bytes=300)
    queue = MemoryQueue(a_sale())
    async with (
        started(address_of(cable, far), encoding=TEXT) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        await eventually(lambda: not queue.jobs)
    assert queue.problems and set(queue.problems) <= {"printer_cut_off", "printer_absent"}
    assert watch.states[-1] == "printed"
    assert "可能已打印过" in far.text(far.papers())


@pytest.mark.parametrize("cable", CABLES)
async def test_hung_is_told_and_the_loop_goes_on(cable: str, tmp_path: Path) -> None:
    with simulated_printer(tmp_path) as far:
        far.fault("stall")
        async with started(address_of(cable, far), deadlines=IMPATIENT) as printer:
            printing = asyncio.create_task(printer.print(LONG))
            turns = 0
            while not printing.done():
                await asyncio.sleep(0)
                turns += 1
            with pytest.raises(PrinterError, match="printer_stalled"):
                await printing
            assert turns > 100
            assert printer.status().problem == "printer_stalled"


@pytest.mark.parametrize("cable", CABLES)
async def test_hung_for_ever_is_given_up_and_does_not_block(cable: str, tmp_path: Path) -> None:
    queue = MemoryQueue(LONG)
    with simulated_printer(tmp_path) as far:
        far.fault("stall")
        async with (
            started(address_of(cable, far), deadlines=IMPATIENT) as printer,
            spooling(queue, printer) as (_, watch),
        ):
            await eventually(lambda: not queue.jobs, within_s=120)
    assert queue.outcomes == {1: Printed.UNCONFIRMED} and watch.states[-1] == "unconfirmed"


@pytest.mark.parametrize("cable", CABLES)
@pytest.mark.parametrize("fault", ["garble", "babble", "mute"])
async def test_garbage_flood_and_silence_are_unknown_never_confirmed(
    cable: str, fault: str, far: SimulatedPrinter
) -> None:
    far.fault(fault)
    before = far.papers()
    async with started(address_of(cable, far), encoding=TEXT) as printer:
        status = await printer.refresh()
        assert (status.reachable, status.online, status.paper) == (True, None, Paper.UNKNOWN)
        assert status.cover_open is None
        assert await printer.print(a_sale()) is Printed.UNCONFIRMED
    await eventually(lambda: far.papers() == before + 1)


@pytest.mark.parametrize("cable", CABLES)
async def test_two_of_a_kind_keep_apart(cable: str, far: SimulatedPrinter, tmp_path: Path) -> None:
    with simulated_printer(tmp_path / "other") as other:
        counts = far.papers(), other.papers()
        async with (
            started(address_of(cable, far), encoding=TEXT) as one,
            started(address_of(cable, other), encoding=TEXT) as two,
        ):
            other.fault("paper-out")
            assert await one.print(a_sale(number="S01-ONE")) is Printed.CONFIRMED
            with pytest.raises(PrinterError, match="printer_paper_out"):
                await two.print(a_sale(number="S01-TWO"))
        assert (far.papers(), other.papers()) == (counts[0] + 1, counts[1])


async def test_its_service_restarted(tmp_path: Path) -> None:
    """The printer's own computer: another process behind the same name."""
    queue = MemoryQueue()
    with ExitStack() as life:
        first = life.enter_context(simulated_printer(tmp_path / "far"))
        async with (
            started(LpAddress(str(first.cable)), encoding=TEXT) as printer,
            spooling(queue, printer) as (_, watch),
        ):
            await eventually(lambda: watch.changes and watch.changes[-1][0].online)
            life.close()
            await eventually(lambda: watch.changes[-1][0].reachable is False)
            queue.add(a_sale())
            second = life.enter_context(simulated_printer(tmp_path / "far"))
            await eventually(lambda: list(queue.outcomes.values()) == [Printed.CONFIRMED])
            assert "消费小票" in second.text(second.papers())


# Wrong kind and shut out --------------------------------------------------------------------------


async def test_a_file_is_no_printer(tmp_path: Path) -> None:
    """What is left where somebody wrote to /dev/usb/lp0 while nothing was plugged in."""
    path = tmp_path / "lp0"
    path.write_bytes(b"old")
    for address in (LpAddress(str(path)), SerialAddress(str(path))):
        async with started(address, encoding=TEXT) as printer:
            with pytest.raises(PrinterError, match="printer_wrong_kind"):
                await printer.print(a_sale())
            assert (await printer.refresh()).reachable is False
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("cable", PLUGS)
async def test_a_device_that_says_nothing_is_unknown(cable: str) -> None:
    """Another thing on that line: it takes bytes and never answers."""
    far, near = os.openpty()
    reading = asyncio.get_running_loop()
    reading.add_reader(far, lambda: _swallow(far))
    path = os.ttyname(near)
    address = SerialAddress(path, BAUD) if cable == "serial" else LpAddress(path)
    try:
        async with started(address, encoding=TEXT, answers=Answers.UNKNOWN) as printer:
            assert await printer.print(a_sale()) is Printed.UNCONFIRMED
    finally:
        reading.remove_reader(far)
        os.close(near)
        os.close(far)


def _swallow(far: int) -> None:
    with suppress(OSError):
        os.read(far, 65536)


async def test_a_web_server_is_no_printer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        async with started(NetworkAddress(host, port), encoding=TEXT) as printer:
            with pytest.raises(PrinterError, match="printer_cut_off"):
                await printer.print(a_sale())
            assert (await printer.refresh()).online is None


@pytest.mark.parametrize("cable", PLUGS)
def test_permission_denied_says_so(cable: str, far: SimulatedPrinter) -> None:
    """As a user who may not open it; root may open everything."""
    kind = "SerialAddress" if cable == "serial" else "LpAddress"
    node = far.cable.resolve()
    script = f"""
import os
import escpos.printer
from daemon.core.errors import PrinterError
from daemon.printer.port import {kind}, PrinterPort
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with PrinterPort({kind}({str(node)!r})):
        print("opened")
except PrinterError as error:
    print(error.key)
"""
    mode = node.stat().st_mode
    node.chmod(0o000)
    try:
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    finally:
        node.chmod(mode & 0o777)
    assert done.stdout.strip() == "printer_forbidden", done.stderr


# What differs between models ----------------------------------------------------------------------


@pytest.mark.parametrize("cable", CABLES)
async def test_where_silence_means_absent_receipts_wait(cable: str, far: SimulatedPrinter) -> None:
    """An adapter that is there although the printer behind it is switched off."""
    far.fault("mute")
    before, queue = far.papers(), MemoryQueue(a_sale())
    async with (
        started(address_of(cable, far), encoding=TEXT, answers=Answers.YES) as printer,
        spooling(queue, printer) as (_, watch),
    ):
        await eventually(lambda: watch.changes and watch.changes[-1][0].reachable is False)
        assert watch.changes[-1][0].problem == "printer_silent"
        assert queue.jobs[0].attempts == 0
        far.fault("ok")
        await eventually(lambda: not queue.jobs)
    assert far.papers() == before + 1


@pytest.mark.parametrize("cable", CABLES)
async def test_one_that_never_answers_is_not_asked(cable: str, far: SimulatedPrinter) -> None:
    far.fault("paper-near-end")
    async with started(address_of(cable, far), encoding=TEXT, answers=Answers.NO) as printer:
        assert await printer.print(a_sale()) is Printed.UNCONFIRMED
        assert printer.status().paper is Paper.UNKNOWN
        assert printer.status().problem in (None, "printer_no_font")


@pytest.mark.parametrize("cable", PLUGS)
async def test_tears_off_beeps_and_leaves_the_drawer_alone(
    cable: str, far: SimulatedPrinter
) -> None:
    kicks, before = far.state()["drawer_kicks"], far.papers()
    async with started(
        address_of(cable, far), encoding=TEXT, cutter=False, drawer_pin=0, buzzer=Buzzer.ESC_B
    ) as printer:
        await printer.print(replace(a_sale(), open_drawer=True), beep=True)
        await printer.open_drawer()
    await eventually(lambda: far.papers() == before + 1)
    state = far.state()
    assert state["drawer_kicks"] == kicks and state["unknown_count"] == 0


# libusb -------------------------------------------------------------------------------------------

needs_usb = pytest.mark.skipif(
    importlib.util.find_spec("usb") is None, reason="no pyusb: libusb printers cannot be opened"
)


async def test_without_pyusb_the_driver_is_missing_and_said_so() -> None:
    if importlib.util.find_spec("usb") is not None:
        pytest.skip("pyusb is installed")
    async with started(UsbAddress(0x04B8, 0x0E15), encoding=TEXT) as printer:
        assert (await printer.refresh()).problem == "printer_driver_missing"


@needs_usb
def test_a_libusb_printer_that_is_not_plugged_in_is_absent() -> None:
    with (
        pytest.raises(PrinterError, match=r"printer_absent|printer_driver_missing"),
        PrinterPort(UsbAddress(0x04B8, 0xFFFE)),
    ):
        raise AssertionError("there is no such printer")
