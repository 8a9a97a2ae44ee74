"""The door to evdev: a keyboard of the kernel's own where the machine lets one be made
(/dev/uinput), and what the door says of nodes that are none everywhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from daemon.core.errors import ReaderError
from daemon.core.swipe import Form, card_uid
from daemon.core.us_keys import strokes
from daemon.ports.cards import CardLaid, ReaderChanged, ReaderState, SwipeRefused
from daemon.readers.feed import SwipeSource
from daemon.readers.keyboard import EvdevKeyboards
from daemon.readers.swipes import SwipeReaders
from daemon.readers.wedge import TypingReaders
from tests.swipes.node import Heard

evdev = pytest.importorskip("evdev", reason="python-evdev is not installed")
NAME = "counterd swipe test"


def test_what_is_no_keyboard_is_refused(tmp_path: Path) -> None:
    keyboards = EvdevKeyboards()
    with pytest.raises(ReaderError) as refused:
        keyboards.take(str(tmp_path / "event0"))
    assert refused.value.key == "reader_unplugged"
    (tmp_path / "event1").touch()
    with pytest.raises(ReaderError):
        keyboards.take(str(tmp_path / "event1"))


@pytest.mark.skipif(
    not os.access("/dev/uinput", os.W_OK), reason="this machine has no /dev/uinput to type on"
)
async def test_a_keyboard_of_the_kernel_is_grabbed_and_read() -> None:
    readers = SwipeReaders(
        [SwipeSource("till", {"NAME": NAME}, form=Form(idle_ms=300))],
        [TypingReaders(EvdevKeyboards())],
        look_s=0.05,
    )
    keyboard = evdev.UInput(name=NAME)
    await readers.start()
    heard = Heard(readers)
    try:
        while (await heard.next(ReaderChanged)).status.state is not ReaderState.READY:
            await asyncio.sleep(0)
        second = evdev.InputDevice(keyboard.device.path)
        with pytest.raises(OSError, match="busy"):
            second.grab()
        second.close()
        for code, value in strokes("%B0010086^A^?;0010086=99?\n;4111111111111111=3012201?\n"):
            keyboard.write(evdev.ecodes.EV_KEY, code, value)
            keyboard.syn()
        laid = await heard.next(CardLaid)
        async with readers.open(laid.presence) as session:
            assert session.face.uid == card_uid("0010086")
        assert (await heard.next(SwipeRefused)).reason == "bank_card_refused"
        keyboard.close()
        while (await heard.next(ReaderChanged)).status.state is not ReaderState.ABSENT:
            await asyncio.sleep(0)
    finally:
        heard.close()
        await readers.stop()
