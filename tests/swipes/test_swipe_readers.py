"""Swipe readers that come, type, stop in the middle, and go, over device nodes in the process."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.core.card import Assurance, Technology
from daemon.core.errors import CardForged, CardGone
from daemon.core.swipe import Form, card_uid
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    Presence,
    ReaderChanged,
    ReaderState,
    SwipeRefused,
)
from daemon.readers.feed import SwipeSource
from daemon.readers.keyboard import EvdevKeyboards
from daemon.readers.swipes import SwipeReaders
from daemon.readers.wedge import TypingReaders
from tests.swipes.node import EVENT, MAGTEK, Heard, Nodes

SOURCE = SwipeSource("till", MAGTEK, form=Form(idle_ms=300))


@asynccontextmanager
async def reading(
    nodes: Nodes, *sources: SwipeSource, hold_s: float = 30.0
) -> AsyncIterator[Heard]:
    readers = SwipeReaders(
        sources or (SOURCE,), [TypingReaders(nodes)], look_s=0.005, hold_s=hold_s
    )
    await readers.start()
    heard = Heard(readers)
    try:
        yield heard
    finally:
        heard.close()
        await readers.stop()
        nodes.clear()


async def ready(heard: Heard, name: str = "till") -> None:
    while True:
        status = (await heard.next(ReaderChanged)).status
        if status.name == name and status.state is ReaderState.READY:
            return


async def test_a_swipe_is_a_card_that_proves_its_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    nodes = Nodes()
    async with reading(nodes) as heard:
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, "%B10086^A^?;0010086=99?\n")
        laid = await heard.next(CardLaid)
        assert laid.presence.swiped and laid.presence.reader == "till"
        async with heard.readers.open(laid.presence) as session:
            proof = await session.prove()
            assert proof.assurance is Assurance.IDENTITY and proof.counter is None
            assert session.face.technology is Technology.MAGSTRIPE
            assert session.face.uid == card_uid("0010086") and len(session.face.uid) == 16
            with pytest.raises(CardForged):
                await session.personalise("x")
        await nodes.type(path, ";0010087?\n")
        assert (await heard.next(CardLifted)).token == laid.presence.token
        second = await heard.next(CardLaid)
        with pytest.raises(CardGone):
            async with heard.readers.open(laid.presence):
                raise AssertionError("the first swipe is over")
        async with heard.readers.open(second.presence) as session:
            assert session.face.uid == card_uid("0010087")
    assert "10086" not in caplog.text and card_uid("0010086").hex() not in caplog.text


async def test_a_swipe_is_forgotten_after_a_while() -> None:
    nodes = Nodes()
    async with reading(nodes, hold_s=0.02) as heard:
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, ";7?\n")
        laid = await heard.next(CardLaid)
        assert (await heard.next(CardLifted)).token == laid.presence.token


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (";4111111111111111=3012201?\n", "bank_card_refused"),
        ("%B4111111111111111^A/B^3012201?\n", "bank_card_refused"),
        (";E?\n", "swipe_torn"),
        ("%B1^A^?\n", "swipe_no_number"),
        (";12", "swipe_torn"),
        (";1A?\n", "swipe_garbled"),
        ("6901234567892\n", "swipe_not_a_card"),
        ("9" * 2_000 + "\n", "swipe_garbled"),
    ],
)
async def test_what_is_no_card_is_told_and_the_next_swipe_counts(
    typed: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nodes = Nodes()
    async with reading(nodes) as heard:
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, typed)
        assert await heard.next(SwipeRefused) == SwipeRefused("till", reason)
        await nodes.type(path, ";5?\n")
        await heard.next(CardLaid)
    assert "4111" not in caplog.text


async def test_other_tracks_and_lrc_as_the_configuration_says() -> None:
    nodes = Nodes()
    source = SwipeSource("till", MAGTEK, track=1, form=Form(lrc=True))
    async with reading(nodes, source) as heard:
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, "%A12?+\n")
        refused = await heard.next(SwipeRefused)
        assert refused.reason == "swipe_garbled"
        lrc = chr(0x20 + (0x05 ^ 0x21 ^ 0x11 ^ 0x12 ^ 0x1F))
        await nodes.type(path, f"%A12?{lrc}\n")
        laid = await heard.next(CardLaid)
        async with heard.readers.open(laid.presence) as session:
            assert session.face.uid == card_uid("12")


async def test_pulled_out_in_the_middle_and_back_a_hundred_times() -> None:
    nodes = Nodes()
    async with reading(nodes) as heard:
        for _ in range(100):
            path = nodes.plug()
            await ready(heard)
            await nodes.type(path, ";123")
            nodes.pull_out(path)
            assert (await heard.next(SwipeRefused)).reason == "swipe_torn"
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, ";123?\n")
        await heard.next(CardLaid)
    assert nodes.taken == 101


async def test_two_of_a_kind_and_one_of_another() -> None:
    nodes = Nodes()
    async with reading(nodes) as heard:
        other = nodes.plug({**MAGTEK, "ID_MODEL_ID": "0099"})
        first = nodes.plug()
        await ready(heard)
        second = nodes.plug()
        await ready(heard, "till (2)")
        await nodes.type(second, ";2?\n")
        assert (await heard.next(CardLaid)).presence.reader == "till (2)"
        await nodes.type(first, ";1?\n")
        assert (await heard.next(CardLaid)).presence.reader == "till"
        assert not nodes.is_held(other), "somebody's keyboard stays theirs"
        nodes.pull_out(second)
        gone = await heard.next(ReaderChanged)
        assert gone.status.name == "till (2)" and gone.status.state is ReaderState.ABSENT
        assert [status.name for status in heard.readers.statuses()] == ["till"]


@pytest.mark.parametrize("problem", ["reader_access_denied", "reader_busy"])
async def test_one_that_cannot_be_taken_says_why_until_it_can(problem: str) -> None:
    nodes = Nodes()
    nodes.problem = problem
    async with reading(nodes) as heard:
        nodes.plug()
        while (status := (await heard.next(ReaderChanged)).status).state is not ReaderState.FAULTED:
            assert status.problem in (None, "reader_unplugged")
        assert status.problem == problem
        nodes.problem = None
        await ready(heard)


async def test_what_the_kernel_dropped_is_not_guessed() -> None:
    nodes = Nodes()
    async with reading(nodes) as heard:
        path = nodes.plug()
        await ready(heard)
        await nodes.type(path, ";12")
        await nodes.drop(path)
        assert (await heard.next(SwipeRefused)).reason == "swipe_torn"
        await nodes.type(path, ";34?\n")
        laid = await heard.next(CardLaid)
        async with heard.readers.open(laid.presence) as session:
            assert session.face.uid == card_uid("34")


async def test_a_flood_of_any_events_leaves_the_reader_working() -> None:
    nodes, dice = Nodes(), random.Random(7)
    async with reading(nodes) as heard:
        path = nodes.plug()
        await ready(heard)
        for _ in range(300):
            raw = b"".join(
                EVENT.pack(
                    dice.randrange(2**31),
                    dice.randrange(10**6),
                    dice.choice((0, 1, 1, 1, 4)),
                    dice.randrange(256),
                    dice.randrange(-1, 3),
                )
                for _ in range(40)
            )
            await nodes.send(path, raw)
        await nodes.drop(path)
        await nodes.type(path, ";77?\n")
        while True:
            laid = await heard.next(CardLaid)
            async with heard.readers.open(laid.presence) as session:
                if session.face.uid == card_uid("77"):
                    break


async def test_a_swipe_nobody_knows_cannot_be_opened() -> None:
    nodes = Nodes()
    async with reading(nodes) as heard:
        with pytest.raises(CardGone):
            async with heard.readers.open(Presence("till", 1, b"", swiped=True)):
                raise AssertionError("nothing was swiped")
        await asyncio.sleep(0)


def test_nodes_are_matched_by_what_udev_and_the_kernel_say(tmp_path: Path) -> None:
    """Listing needs neither the driver nor the right to open the node."""
    nodes, kernel, udev = (tmp_path / name for name in ("input", "class", "udev"))
    for folder in (nodes, kernel / "event3/device/id", udev):
        folder.mkdir(parents=True)
    (nodes / "event3").touch()
    (nodes / "mouse0").touch()
    (kernel / "event3/device/name").write_text("Mag-Tek USB Swipe Reader\n")
    (kernel / "event3/device/id/vendor").write_text("0801\n")
    (kernel / "event3/device/id/product").write_text("0001\n")
    keyboards = EvdevKeyboards(nodes, kernel, udev)
    (seen,) = keyboards.seen()
    assert seen.properties == {
        "NAME": "Mag-Tek USB Swipe Reader",
        "ID_VENDOR_ID": "0801",
        "ID_MODEL_ID": "0001",
    }
    record = udev / "c0:0"  # A plain file has no device number.
    record.write_text("I:1\nE:ID_INPUT_KEYBOARD=1\nE:ID_SERIAL=Mag-Tek_=x\nE:broken\nG:seat\n")
    (seen,) = keyboards.seen()
    assert seen.properties["ID_SERIAL"] == "Mag-Tek_=x" and "broken" not in seen.properties
    record.write_text("E:ID_INPUT_MOUSE=1\n")
    assert keyboards.seen() == []
    assert EvdevKeyboards(tmp_path / "nothing").seen() == []
