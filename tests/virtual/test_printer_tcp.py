"""The simulated printer over real sockets: status answers, papers, and each of its faults."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from simulator.printer.archive import Record
from simulator.printer.faults import Fault, FaultError, parse_fault
from simulator.printer.profile import Profile
from simulator.printer.server import BUFFER_BYTES, Printer

CUT = b"\x1dVB\x00"
PATIENCE_S = 20.0


@dataclass
class Bench:
    """A started printer and the papers it has saved."""

    printer: Printer
    papers: list[Record] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.printer.address)

    async def print(self, data: bytes) -> None:
        _, writer = await self.connect()
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.005)

    async def paper(self, count: int = 1) -> str:
        """The text of the newest paper, once there are `count`."""
        await self.until(lambda: len(self.papers) >= count)
        return self.printer.archive.path(self.papers[-1].n, "txt").read_text("utf-8")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    printer = Printer(tmp_path / "papers", silence_s=0.1)
    await printer.start("127.0.0.1", 0)
    bench = Bench(printer)
    printer.on_paper.append(bench.papers.append)
    yield bench
    await printer.stop()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: bytes, size: int = 1
) -> bytes:
    writer.write(question)
    async with asyncio.timeout(PATIENCE_S):
        return await reader.readexactly(size)


async def states(bench: Bench) -> str:
    reader, writer = await bench.connect()
    answers = [await ask(reader, writer, b"\x10\x04" + bytes((n,))) for n in (1, 2, 3, 4)]
    writer.close()
    await writer.wait_closed()
    return b"".join(answers).hex(" ")


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        ("ok", "16 12 12 12"),
        ("paper-near-end", "16 12 12 1e"),
        ("paper-out", "1e 32 12 7e"),
        ("cover-open", "1e 16 12 12"),
        ("offline", "1e 12 12 12"),
    ],
)
async def test_real_time_status(bench: Bench, fault: str, answers: str) -> None:
    await bench.printer.set_fault(Fault(fault))
    assert await states(bench) == answers
    await bench.printer.set_fault(Fault())
    assert await states(bench) == "16 12 12 12"


@pytest.mark.parametrize(("fault", "answer"), [("ok", 0x00), ("paper-near-end", 0x03)])
async def test_paper_sensor_is_answered_in_its_turn(bench: Bench, fault: str, answer: int) -> None:
    await bench.printer.set_fault(Fault(fault))
    reader, writer = await bench.connect()
    assert await ask(reader, writer, b"text\n" + CUT + b"\x1dr\x01") == bytes((answer,))
    assert [record.text_preview for record in bench.papers] == ["text\n"]
    assert await ask(reader, writer, b"\x1bv\x1dr2", 2) == bytes((answer, 1))
    writer.close()


async def test_paper_sensor_waits_while_there_is_no_paper(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("paper-out"))
    reader, writer = await bench.connect()
    assert await ask(reader, writer, b"\x1dr\x01\x10\x04\x04") == b"\x7e"
    await bench.printer.set_fault(Fault())
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(1) == b"\x00"
    writer.close()


async def test_identity_and_automatic_status(bench: Bench) -> None:
    reader, writer = await bench.connect()
    assert await ask(reader, writer, b"\x1dI\x42", 10) == b"_COUNTERD\0"
    assert await ask(reader, writer, b"\x1da\xff", 4) == b"\x14\x00\x00\x00"
    await bench.printer.set_fault(Fault("cover-open"))
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(4) == b"\x3c\x00\x00\x00"
    await bench.printer.set_fault(Fault("paper-out"))
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(4) == b"\x1c\x00\x0f\x00"
    writer.close()


async def test_status_is_answered_while_data_is_queued(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("slow", bytes_per_s=200))
    reader, writer = await bench.connect()
    assert await ask(reader, writer, b"x" * 4000 + b"\x10\x04\x01") == b"\x16"
    assert bench.printer.buffered_bytes > 0
    writer.close()


async def test_status_question_torn_between_packets(bench: Bench) -> None:
    reader, writer = await bench.connect()
    writer.write(b"\x10")
    await writer.drain()
    await bench.until(lambda: bench.printer.received_bytes == 1)
    assert await ask(reader, writer, b"\x04\x04") == b"\x12"
    writer.close()


async def test_a_picture_that_contains_a_status_question_is_answered_and_drawn(
    bench: Bench,
) -> None:
    reader, writer = await bench.connect()
    picture = b"\x1dv0\x00\x03\x00\x01\x00\x10\x04\x04"
    assert await ask(reader, writer, picture + CUT) == b"\x12"
    assert await bench.paper() == "[image 24x1]\n"
    writer.close()


async def test_paper_is_saved_three_ways(bench: Bench) -> None:
    chance = random.Random(7)
    rows = bytes(chance.randrange(256) for _ in range(72 * 40))
    await bench.print("合计 18.50\n".encode("gb18030") + b"\x1dv0\x00\x48\x00\x28\x00" + rows + CUT)
    assert await bench.paper() == "合计 18.50\n[image 576x40]\n"
    (record,) = bench.papers
    stored = json.loads(bench.printer.archive.path(record.n, "json").read_text("utf-8"))
    assert stored["lines"] == [{"text": "合计 18.50", "x": 0, "y": 0, "width": 120, "height": 24}]
    (place,) = stored["pictures"]
    with Image.open(bench.printer.archive.path(record.n, "png")) as opened:
        assert opened.size == (record.width, record.height)
        box = (place["x"], place["y"], place["x"] + 576, place["y"] + 40)
        drawn = opened.convert("1").crop(box)
    sent = ImageChops.invert(Image.frombytes("1", (576, 40), rows))
    assert ImageChops.difference(drawn.convert("L"), sent.convert("L")).getbbox() is None


async def test_silence_ends_a_paper_and_drops_a_torn_command(bench: Bench) -> None:
    await bench.print(b"no cut here\n\x1dv0\x00\x02\x00")
    assert await bench.paper() == "no cut here\n"
    assert bench.papers[0].ended == "silence"
    assert bench.printer.unknown_count == 1
    await bench.print(b"next\n" + CUT)
    assert await bench.paper(2) == "next\n"


async def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    for turn in (1, 2):
        printer = Printer(tmp_path, Profile(width_dots=384))
        await printer.start("127.0.0.1", 0)
        bench = Bench(printer)
        printer.on_paper.append(bench.papers.append)
        await bench.print(b"again\n" + CUT)
        await bench.paper()
        await printer.stop()
        assert [record.n for record in printer.archive.records] == list(range(1, turn + 1))


async def test_power_off_tears_what_is_in_the_head(tmp_path: Path) -> None:
    printer = Printer(tmp_path, silence_s=60.0)
    await printer.start("127.0.0.1", 0)
    bench = Bench(printer)
    await bench.print(b"half a receipt\n")
    await bench.until(lambda: printer.printed_bytes == 15)
    await printer.stop()
    assert [record.ended for record in printer.archive.records] == ["power off"]


async def test_drawer_is_kicked_by_either_command(bench: Bench) -> None:
    await bench.print(b"\x1bp\x00\x19\xfa" + b"\x10\x14\x01\x00\x02")
    await bench.until(lambda: bench.printer.drawer_kicks == 2)


async def test_unknown_bytes_are_kept_with_their_place(bench: Bench) -> None:
    await bench.print(b"ab\x1b\x99\n" + CUT)
    await bench.paper()
    assert [(each.hex, each.offset) for each in bench.printer.unknown] == [("1b 99", 2)]
    assert "unknown: 1b 99" in bench.papers[0].notes[0]


async def test_paper_out_buffers_presses_back_and_goes_on(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("paper-out"))
    _, writer = await bench.connect()
    total = 24 * 1024 * 1024
    line = b"x" * 47 + b"\n"
    sending = asyncio.create_task(send(writer, line * (total // 48)))
    await bench.until(lambda: bench.printer.buffered_bytes == BUFFER_BYTES)
    await asyncio.sleep(0.1)
    assert bench.printer.received_bytes == BUFFER_BYTES
    assert bench.printer.printed_bytes == 0
    assert not sending.done()
    assert bench.papers == []
    await bench.printer.set_fault(Fault())
    await bench.until(lambda: bench.printer.printed_bytes > BUFFER_BYTES)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.transport.abort()


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_paper_that_ends_in_the_middle_gives_two_pieces(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("paper-out", after_bytes=12))
    await bench.print(b"one\ntwo\nsix\nten\n" + CUT)
    await bench.until(lambda: bench.printer.condition.paper_out)
    await bench.until(lambda: bench.printer.printed_bytes == 12)
    assert bench.papers == []
    await bench.printer.set_fault(Fault())
    assert await bench.paper(2) == "ten\n"
    assert [(record.text_preview, record.ended) for record in bench.papers] == [
        ("one\ntwo\nsix\n", "paper out"),
        ("ten\n", "cut"),
    ]


async def test_open_cover_holds_the_same_piece(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("cover-open", after_bytes=8))
    await bench.print(b"one\ntwo\nsix\nten\n" + CUT)
    await bench.until(lambda: bench.printer.condition.cover_open)
    await bench.printer.set_fault(Fault())
    assert await bench.paper() == "one\ntwo\nsix\nten\n"


async def test_mute_draws_and_never_answers(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("mute"))
    reader, writer = await bench.connect()
    writer.write(b"\x10\x04\x01\x1dr\x01\x1da\xffquiet\n" + CUT)
    assert await bench.paper() == "quiet\n"
    await bench.printer.set_fault(Fault())
    # Automatic status was switched on while mute: its first report comes with the change.
    assert await ask(reader, writer, b"\x10\x04\x01", 5) == b"\x14\x00\x00\x00\x16"
    writer.close()


async def test_slow_prints_at_its_rate(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("slow", bytes_per_s=100))
    await bench.print(b"x" * 47 + b"\n" + b"y" * 47 + b"\n" + CUT)
    await bench.until(lambda: bench.printer.received_bytes == 100)
    assert bench.printer.printed_bytes < 100
    assert await bench.paper() == "x" * 47 + "\n" + "y" * 47 + "\n"


@pytest.mark.parametrize("after", [0, 10, 5000])
async def test_cut_connection_resets_after_so_many_bytes(bench: Bench, after: int) -> None:
    await bench.printer.set_fault(Fault("cut-connection", after_bytes=after))
    reader, writer = await bench.connect()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        for _ in range(10_000):
            writer.write(b"x" * 47 + b"\n")
            await writer.drain()
            await asyncio.sleep(0)
        await reader.readexactly(1)
    assert bench.printer.received_bytes == max(1, after)
    assert bench.printer.fault == Fault()
    await bench.until(lambda: bench.printer.printed_bytes == max(1, after))
    await bench.print(b"back\n" + CUT)
    assert "back\n" in await bench.paper()


async def test_cut_connection_several_times(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("cut-connection", after_bytes=3, times=2))
    for left in (1, 0):
        reader, writer = await bench.connect()
        writer.write(b"abcdef")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert (bench.printer.fault.name == "cut-connection") is bool(left)


async def test_refuse_closes_the_listener_and_comes_back_on_the_same_port(bench: Bench) -> None:
    reader, _ = await bench.connect()
    address = bench.printer.address
    await bench.printer.set_fault(Fault("refuse"))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    with pytest.raises(ConnectionRefusedError):
        await bench.connect()
    assert not bench.printer.listening
    await bench.printer.set_fault(Fault())
    assert bench.printer.address == address
    assert await states(bench) == "16 12 12 12"


async def test_stall_reads_nothing_until_it_ends(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("stall"))
    reader, writer = await bench.connect()
    writer.write(b"\x10\x04\x01held\n" + CUT)
    await writer.drain()
    await asyncio.sleep(0.1)
    assert bench.printer.received_bytes == 0
    await bench.printer.set_fault(Fault())
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(1) == b"\x16"
    assert await bench.paper() == "held\n"
    writer.close()


async def test_stall_after_some_bytes(bench: Bench) -> None:
    await bench.printer.set_fault(Fault("stall", after_bytes=5))
    _, writer = await bench.connect()
    writer.write(b"held\nback\n" + CUT)
    await bench.until(lambda: bench.printer.begun)
    await asyncio.sleep(0.05)
    assert bench.printer.received_bytes == 5
    await bench.printer.set_fault(Fault())
    await bench.until(lambda: bool(bench.papers) and "back" in bench.papers[-1].text_preview)
    writer.close()


async def test_second_connection_waits_for_the_first(bench: Bench) -> None:
    _, first = await bench.connect()
    await bench.until(lambda: bench.printer.connections == 1)
    reader, second = await bench.connect()
    second.write(b"\x10\x04\x01")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.readexactly(1)
    first.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(1) == b"\x16"
    second.close()


@pytest.mark.parametrize("clear", [b"\x10\x05\x02", bytes.fromhex("10140801031401060208")])
async def test_clearing_the_buffer_forgets_what_was_not_printed(bench: Bench, clear: bytes) -> None:
    await bench.printer.set_fault(Fault("paper-out"))
    _, writer = await bench.connect()
    writer.write(b"never printed\n" + CUT)
    await bench.until(lambda: bench.printer.buffered_bytes == 18)
    writer.write(clear)
    await bench.until(lambda: bench.printer.received_bytes == 18 + len(clear))
    await bench.printer.set_fault(Fault())
    writer.write(b"printed\n" + CUT)
    assert await bench.paper() == "printed\n"
    writer.close()


async def test_garbage_from_many_connections_never_stops_it(bench: Bench) -> None:
    chance = random.Random(11)
    for _ in range(40):
        _, writer = await bench.connect()
        writer.write(bytes(chance.randrange(256) for _ in range(chance.randrange(1, 3000))))
        await writer.drain()
        writer.transport.abort()
    await bench.until(lambda: bench.printer.connections == 0)
    assert await states(bench) == "16 12 12 12"


BAD_FAULTS: list[object] = [
    None, [], "ok", {}, {"fault": "fire"}, {"fault": ["ok"]}, {"fault": "slow", "bytes_per_s": 0},
    {"fault": "slow", "bytes_per_s": True}, {"fault": "ok", "after_bytes": -1},
    {"fault": "ok", "after_bytes": 1.5}, {"fault": "ok", "colour": 1},
    {"fault": "cut-connection", "after_bytes": 1 << 40},
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_FAULTS)
def test_bad_faults_are_refused(body: object) -> None:
    with pytest.raises(FaultError):
        parse_fault(body)
