"""What a keyboard that was taken hold of has typed: key codes of the kernel to characters, by a US
layout of our own.

A reader that plays a keyboard means the keys of a US layout, whatever layout the page's machine is
set to. Codes are those of linux/input-event-codes.h, as plain numbers; values 0 up, 1 down,
2 repeat. Caps Lock is not followed: readers send tracks in capitals either way."""

from __future__ import annotations

from typing import Final

ENTER: Final = "\n"

_UP, _DOWN = 0, 1
_SHIFTS: Final = frozenset({42, 54})
_OTHERS: Final = frozenset({29, 97, 56, 100, 125, 126})
"""Control, Alt and Meta, left and right: what is typed with them is a command, not text."""
_ENTERS: Final = frozenset({28, 96})


def _row(first: int, plain: str, shifted: str) -> dict[int, tuple[str, str]]:
    return {
        first + at: pair for at, pair in enumerate(zip(plain, shifted, strict=True))
    }  # fmt: skip


_KEYS: Final[dict[int, tuple[str, str]]] = {
    **_row(2, "1234567890-=", "!@#$%^&*()_+"),
    **_row(16, "qwertyuiop[]", "QWERTYUIOP{}"),
    **_row(30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    **_row(43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    **_row(57, " ", " "),
    # The number block types the same with Shift.
    **_row(55, "*", "*"),
    **_row(71, "789-456+1230.", "789-456+1230."),
    **_row(98, "/", "/"),
}


class UsKeys:
    """The state of the modifier keys of one keyboard."""

    def __init__(self) -> None:
        self._held: set[int] = set()

    def clear(self) -> None:
        """Nothing is held: news were lost, or the keyboard has just come."""
        self._held.clear()

    def press(self, code: int, value: int) -> str | None:
        """The character that this change of a key types, ENTER, or None. Never raises."""
        if code in _SHIFTS or code in _OTHERS:
            if value == _UP:
                self._held.discard(code)
            else:
                self._held.add(code)
            return None
        if value != _DOWN or self._held & _OTHERS:
            return None
        if code in _ENTERS:
            return ENTER
        pair = _KEYS.get(code)
        return None if pair is None else pair[1 if self._held & _SHIFTS else 0]


def strokes(text: str) -> list[tuple[int, int]]:
    """The key codes and values that type `text` (US-ASCII and ENTER), with Shift pressed anew for
    each character as readers do. For the far sides of tests and demonstrations.

    Raises KeyError for a character that no key has."""
    plain = {pair[0]: code for code, pair in reversed(_KEYS.items())}
    shifted = {pair[1]: code for code, pair in reversed(_KEYS.items()) if pair[0] != pair[1]}
    made: list[tuple[int, int]] = []
    for letter in text:
        if letter == ENTER:
            made += [(28, 1), (28, 0)]
        elif letter in plain:
            made += [(plain[letter], 1), (plain[letter], 0)]
        else:
            code = shifted[letter]
            made += [(42, 1), (code, 1), (code, 0), (42, 0)]
    return made
