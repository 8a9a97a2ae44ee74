"""python-escpos as an independent generator: what it sends is what the simulated printer draws."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from escpos.exceptions import DeviceNotFoundError
from escpos.printer import Dummy, Network
from PIL import Image, ImageChops

from simulator.printer.archive import Record
from simulator.printer.faults import Fault
from simulator.printer.interpreter import Document, interpret
from simulator.printer.profile import Profile
from simulator.printer.server import Printer

R = TypeVar("R")
PROFILE_80 = "TM-T20II"
PROFILE_58 = "POS-5890"


def made(build: Callable[[Any], object], profile: str = PROFILE_80) -> Document:
    """What python-escpos makes of the calls, interpreted."""
    printer = Dummy(profile=profile)
    build(printer)
    dots = Profile(width_dots=576 if profile == PROFILE_80 else 384)
    return interpret(printer.output, dots)


def noise(width: int, height: int, seed: int) -> Image.Image:
    """Random dots, without the byte that goes out as DLE: no status question hides in them."""
    chance = random.Random(seed)
    codes = [code for code in range(256) if code ^ 0xFF != 0x10]
    dots = bytes(chance.choices(codes, k=width // 8 * height))
    return Image.frombytes("1", (width, height), dots)


def same(left: Image.Image, right: Image.Image) -> bool:
    return ImageChops.difference(left.convert("L"), right.convert("L")).getbbox() is None


def test_text_and_cut() -> None:
    def build(printer: Any) -> None:
        printer.textln("Total 18.50")
        printer.textln("你好，会员")
        printer.cut()

    document = made(build)
    assert document.unknown == []
    assert [paper.text() for paper in document.papers] == ["Total 18.50\n你好，会员\n"]
    assert document.papers[0].notes == []


def test_its_lost_fullwidth_punctuation_is_seen() -> None:
    """A string of full-width signs alone leaves python-escpos 3.1 as a question mark."""
    assert made(lambda printer: printer.textln("￥：")).papers[0].text() != "￥：\n"


def test_styles_reach_the_paper() -> None:
    def build(printer: Any) -> None:
        printer.set(align="center", bold=True, double_height=True, double_width=True)
        printer.textln("AB")
        printer.set_with_default()
        printer.set(custom_size=True, width=3, height=2)
        printer.textln("C")
        printer.set_with_default(align="right", underline=1)
        printer.textln("D")

    document = made(build)
    assert document.unknown == []
    lines = document.papers[0].lines
    assert [(line.text, line.width, line.height) for line in lines] == [
        ("AB", 48, 48),
        ("C", 36, 48),
        ("D", 12, 24),
    ]
    assert [line.x for line in lines] == [(576 - 48) // 2, 0, 564]


@pytest.mark.parametrize("how", ["bitImageRaster", "graphics"])
@pytest.mark.parametrize("band", [24, 128, 960])
@pytest.mark.parametrize(("profile", "width"), [(PROFILE_80, 576), (PROFILE_58, 384)])
def test_images_come_back_dot_by_dot(how: str, band: int, profile: str, width: int) -> None:
    sent = noise(width, 300, seed=band)
    document = made(lambda printer: printer.image(sent, impl=how, fragment_height=band), profile)
    assert document.unknown == []
    paper = document.papers[0]
    (picture,) = paper.pictures
    assert same(picture.image, sent)
    assert same(paper.image(), sent)


def test_column_images_come_back_dot_by_dot() -> None:
    sent = noise(240, 48, seed=5)
    document = made(lambda printer: printer.image(sent, impl="bitImageColumn"))
    assert document.unknown == []
    paper = document.papers[0]
    assert same(paper.image().crop((0, 0, 240, 48)), sent)


def test_qr_code_by_the_printer_and_as_a_picture_agree() -> None:
    text = "https://example.invalid/b/7Q2K"
    as_graphics = {"image_arguments": {"impl": "graphics"}}
    native = made(lambda printer: printer.qr(text, native=True, size=4))
    drawn = made(lambda printer: printer.qr(text, native=False, size=4, **as_graphics))
    assert native.unknown == drawn.unknown == []
    assert native.papers[0].text() == f"[qr {text}]\n"
    left, right = (ImageChops.invert(document.papers[0].image()) for document in (native, drawn))
    assert same(left.crop(left.getbbox()), right.crop(right.getbbox()))


@pytest.mark.parametrize(
    ("code", "name", "kind"), [("400638133393", "EAN13", "A"), ("{B1234", "CODE128", "B")]
)
def test_barcodes_are_named(code: str, name: str, kind: str) -> None:
    document = made(lambda printer: printer.barcode(code, name, function_type=kind))
    assert document.unknown == []
    assert document.papers[0].text().startswith(f"[barcode {name} ")


def test_odds_and_ends_are_all_known() -> None:
    def build(printer: Any) -> None:
        printer.hw("INIT")
        printer.line_spacing(40)
        printer.line_spacing()
        printer.control("HT")
        printer.buzzer()
        printer.ln(2)
        printer.cashdraw(2)
        printer.cashdraw(5)
        printer.set(font="b", invert=True, flip=True, smooth=True)
        printer.textln("end")
        printer.cut(mode="PART")

    document = made(build)
    assert document.unknown == []
    assert document.drawer_kicks == 2


@pytest.fixture
async def printer(tmp_path: Path) -> AsyncIterator[Printer]:
    printer = Printer(tmp_path, silence_s=0.2)
    await printer.start("127.0.0.1", 0)
    yield printer
    await printer.stop()


async def over_the_net(printer: Printer, work: Callable[[Any], R], timeout_s: float = 5.0) -> R:
    """Runs blocking python-escpos calls beside the printer's event loop."""
    host, port = printer.address

    def session() -> R:
        network = Network(host, port=port, timeout=timeout_s, profile=PROFILE_80)
        network.open()
        try:
            return work(network)
        finally:
            network.close()

    return await asyncio.to_thread(session)


async def test_network_printing_with_status(printer: Printer) -> None:
    papers: list[Record] = []
    printer.on_paper.append(papers.append)
    sent = noise(576, 200, seed=9)

    def work(network: Any) -> tuple[bool, int]:
        before = network.is_online(), network.paper_status()
        network.image(sent, impl="bitImageRaster", fragment_height=128)
        network.cut()
        # GS r 1 is answered in its turn: after it the paper is cut.
        network._raw(b"\x1dr\x01")
        network._read()
        network.cashdraw(2)
        return before

    assert await over_the_net(printer, work) == (True, 2)
    (record,) = papers
    with Image.open(printer.archive.path(record.n, "png")) as opened:
        assert same(opened.crop((0, 0, 576, 200)), sent)


@pytest.mark.parametrize(
    ("fault", "online", "paper"),
    [("paper-near-end", True, 1), ("paper-out", False, 0), ("cover-open", False, 2)],
)
async def test_network_status_of_faults(
    printer: Printer, fault: str, online: bool, paper: int
) -> None:
    await printer.set_fault(Fault(fault))

    def work(network: Any) -> tuple[bool, int]:
        return network.is_online(), network.paper_status()

    assert await over_the_net(printer, work) == (online, paper)


async def test_network_faults_as_the_library_sees_them(printer: Printer) -> None:
    await printer.set_fault(Fault("mute"))
    with pytest.raises(TimeoutError):
        await over_the_net(printer, lambda network: network.is_online(), 0.2)
    await printer.set_fault(Fault("refuse"))
    with pytest.raises(DeviceNotFoundError):
        await over_the_net(printer, lambda network: network.is_online())
    await printer.set_fault(Fault("cut-connection", after_bytes=3))
    with pytest.raises(ConnectionError):
        await over_the_net(printer, lambda network: (network._raw(b"abcdef"), network._read()))
    await printer.set_fault(Fault("stall"))
    with pytest.raises(TimeoutError):
        await over_the_net(printer, lambda network: network._raw(b"x" * (32 << 20)), 0.3)
