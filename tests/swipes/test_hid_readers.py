"""Magnetic readers in HID mode: reports over sockets that keep each write whole, as hidraw does,
and over a real node where the machine has one."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.core.errors import ReaderError
from daemon.core.swipe import card_uid
from daemon.ports.cards import CardLaid, ReaderChanged, ReaderState, SwipeRefused
from daemon.readers.feed import DeviceSeen, Feed, SwipeSource
from daemon.readers.hidraw import HidFeed, HidReaders
from daemon.readers.swipes import SwipeReaders
from tests.swipes.node import Heard
from tests.unit.hid_talk import DESCRIPTOR, report

SOURCE = SwipeSource("hid", {"ID_VENDOR_ID": "0801", "ID_MODEL_ID": "0002"})
NODE = DeviceSeen("node/hidraw0", SOURCE.match)


class Sockets:
    """A kind whose reader is the other end of a socket."""

    def __init__(self) -> None:
        self.there = False
        self.problem: str | None = None
        self.far: socket.socket | None = None

    def seen(self) -> Sequence[DeviceSeen]:
        return (NODE,) if self.there else ()

    def open(self, path: str, source: SwipeSource) -> Feed:
        if self.problem is not None:
            raise ReaderError(self.problem)
        far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        near.setblocking(False)
        self.far = far
        return HidFeed(near.detach())

    def send(self, raw: bytes) -> None:
        assert self.far is not None
        self.far.send(raw)

    def pull_out(self) -> None:
        self.there = False
        assert self.far is not None
        self.far.close()


@asynccontextmanager
async def reading(kind: Sockets) -> AsyncIterator[Heard]:
    readers = SwipeReaders([SOURCE], [kind], look_s=0.005)
    await readers.start()
    heard = Heard(readers)
    try:
        yield heard
    finally:
        heard.close()
        await readers.stop()


async def ready(heard: Heard) -> None:
    while (await heard.next(ReaderChanged)).status.state is not ReaderState.READY:
        continue


async def test_a_report_is_the_card_that_a_keyboard_types() -> None:
    kind = Sockets()
    async with reading(kind) as heard:
        kind.there = True
        await ready(heard)
        kind.send(report("%B0010086^A^?", ";0010086=99?"))
        laid = await heard.next(CardLaid)
        async with heard.readers.open(laid.presence) as session:
            assert session.face.uid == card_uid("0010086")
        kind.pull_out()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (report(None, ";4111111111111111=3012201?"), "bank_card_refused"),
        (report("%B1?", None, errors=2), "swipe_torn"),
        (report("%B1?", None), "swipe_no_number"),
        (report(None, None, encoding=3), "swipe_no_number"),
        (report(None, None, errors=7, encoding=5), "swipe_torn"),
        (report(None, ";12?")[:-1], "swipe_garbled"),
        (b"\x01", "swipe_garbled"),
    ],
)
async def test_reports_that_are_no_card_are_told_and_the_next_counts(
    sent: bytes, reason: str
) -> None:
    kind = Sockets()
    kind.there = True
    async with reading(kind) as heard:
        await ready(heard)
        kind.send(sent)
        assert await heard.next(SwipeRefused) == SwipeRefused("hid", reason)
        kind.send(report(None, ";5?"))
        await heard.next(CardLaid)
        kind.pull_out()


async def test_a_hid_reader_pulled_out_and_back_a_hundred_times() -> None:
    kind = Sockets()
    async with reading(kind) as heard:
        for _ in range(100):
            kind.there = True
            await ready(heard)
            kind.pull_out()
            while (await heard.next(ReaderChanged)).status.state is not ReaderState.ABSENT:
                continue
        kind.there = True
        await ready(heard)
        kind.send(report(None, ";5?"))
        await heard.next(CardLaid)
        kind.pull_out()


@pytest.mark.parametrize("problem", ["reader_access_denied", "reader_wrong_kind"])
async def test_a_hid_reader_that_cannot_be_opened_says_why_until_it_can(problem: str) -> None:
    kind = Sockets()
    kind.there, kind.problem = True, problem
    async with reading(kind) as heard:
        while (status := (await heard.next(ReaderChanged)).status).state is not ReaderState.FAULTED:
            continue
        assert status.problem == problem
        kind.problem = None
        await ready(heard)
        kind.pull_out()


async def test_any_reports_leave_the_reader_working() -> None:
    kind, dice = Sockets(), random.Random(3)
    kind.there = True
    async with reading(kind) as heard:
        await ready(heard)
        for _ in range(40):
            kind.send(dice.randbytes(dice.choice((1, 64, 337, 337, 343, 2_000))))
            await heard.next(SwipeRefused)
        kind.send(report(None, ";5?"))
        await heard.next(CardLaid)
        kind.pull_out()


def machine(folder: Path, descriptor: bytes) -> HidReaders:
    device = folder / "class/hidraw0/device"
    device.mkdir(parents=True)
    (folder / "dev").mkdir()
    (folder / "dev/hidraw0").touch()
    (device / "report_descriptor").write_bytes(descriptor)
    (device / "uevent").write_text(
        "DRIVER=hid-generic\nHID_ID=0003:00000801:00000002\nHID_NAME=Mag-Tek Swipe\nHID_UNIQ=\n"
    )
    return HidReaders(folder / "dev", folder / "class", folder / "udev")


def test_nodes_are_matched_by_what_the_kernel_says_and_by_their_descriptor(tmp_path: Path) -> None:
    door = machine(tmp_path / "a", DESCRIPTOR)
    (seen,) = door.seen()
    assert SOURCE.fits(seen) and seen.properties["NAME"] == "Mag-Tek Swipe"
    with pytest.raises(ReaderError) as refused:
        door.open(seen.path, SOURCE)
    assert refused.value.key == "reader_wrong_kind", "a plain file is no node"
    # A keyboard has a hidraw node too: usage page 1, usage 6. It is met as a keyboard only.
    keyboard = bytes.fromhex("05010906a101050719e029e71500250175019508810295017508810195057501c0")
    assert list(machine(tmp_path / "b", keyboard).seen()) == []
    assert list(machine(tmp_path / "c", b"").seen()) == []
    # A reader that encrypts has fields of 112 bytes.
    longer = machine(tmp_path / "d", DESCRIPTOR.replace(b"\x95\x6e", b"\x95\x70"))
    (seen,) = longer.seen()
    with pytest.raises(ReaderError) as refused:
        longer.open(seen.path, SOURCE)
    assert refused.value.key == "reader_wrong_kind"


NODES = sorted(Path("/dev").glob("hidraw*"))


@pytest.mark.skipif(not NODES, reason="this machine has no /dev/hidraw node")
def test_a_real_node_is_opened_and_let_go() -> None:
    if not os.access(NODES[0], os.R_OK):
        pytest.skip("the hidraw nodes of this machine may not be read")
    device = Path("/sys/class/hidraw") / NODES[0].name / "device/report_descriptor"
    if device.read_bytes() != DESCRIPTOR:
        pytest.skip("the hidraw nodes of this machine are no swipe readers")
    feed = HidReaders().open(str(NODES[0]), SOURCE)
    assert list(feed.read()) == [] and not feed.waiting
    feed.close()
