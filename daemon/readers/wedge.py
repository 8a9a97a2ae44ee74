"""Readers that play a keyboard, as a kind of `daemon.readers.feed`."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.errors import SwipeTorn
from daemon.core.swipe import Form, Framing
from daemon.core.us_keys import UsKeys
from daemon.readers.feed import DeviceSeen, Feed, Heard, SwipeSource, heard_in
from daemon.readers.keystrokes import Keyboard, Keyboards


class TypingFeed:
    """`Feed` over one keyboard that was taken hold of."""

    def __init__(self, keyboard: Keyboard, form: Form) -> None:
        self._keyboard = keyboard
        self._form = form
        self._keys = UsKeys()
        self._framing = Framing(form)

    def fileno(self) -> int:
        return self._keyboard.fileno()

    def read(self) -> Sequence[Heard]:
        made: list[Heard] = []
        for stroke in self._keyboard.read():
            if stroke.lost:
                self._keys.clear()
                self._framing.clear()
                made.append(SwipeTorn("swipe_torn"))
                continue
            letter = self._keys.press(stroke.code, stroke.value)
            if letter is not None:
                made += heard_in(self._framing.press(letter, stroke.at_ms), self._form)
        return made

    def silent(self) -> Sequence[Heard]:
        return heard_in(self._framing.finish(), self._form)

    @property
    def waiting(self) -> bool:
        return self._framing.waiting

    def close(self) -> None:
        self._keyboard.close()


class TypingReaders:
    """`Kind` over the keyboards of the machine."""

    def __init__(self, keyboards: Keyboards) -> None:
        self._keyboards = keyboards

    def seen(self) -> Sequence[DeviceSeen]:
        return [DeviceSeen(each.path, each.properties) for each in self._keyboards.seen()]

    def open(self, path: str, source: SwipeSource) -> Feed:
        return TypingFeed(self._keyboards.take(path), source.form)
