"""The glass of a customer display and the commands that it obeys, as makers commonly have them.

Three kinds: `escpos` (Epson DM-D), `cd5220`, and `digits`, the number-only ones of Chinese tills.
Bytes may come in any pieces. What is not understood is counted and skipped, as displays do."""

from __future__ import annotations

from collections.abc import Callable

COLUMNS, ROWS = 20, 2
PLACES = 8
KINDS = ("escpos", "cd5220", "digits")
LAMPS = ("", "price", "total", "received", "change")
MOST_UNKNOWN = 50


class Glass:
    """Cells of one byte; a Chinese character is two cells. `digits` is what a number-only display
    shows, `lamp` which of its four lamps is lit."""

    def __init__(self, kind: str) -> None:
        assert kind in KINDS
        self.kind = kind
        self.unknown: list[str] = []
        self.painted = 0
        self.rows: list[bytearray] = []
        self.power_on()
        self._bytes = bytearray()

    def power_on(self) -> None:
        self.rows = [bytearray(b" " * COLUMNS) for _ in range(ROWS)]
        self.column, self.row = 0, 0
        self.scrolls = True
        self.cursor = True
        self.digits, self.lamp = "", 0

    def take(self, received: bytes) -> None:
        """Obeys as many whole commands as there are; the rest waits."""
        self._bytes += received
        while self._bytes:
            used = self._one(bytes(self._bytes))
            if used == 0:
                return
            del self._bytes[:used]
            self.painted += 1

    def lines(self) -> list[str]:
        """What a person reads; half a character shows as a box."""
        return [
            bytes(row).decode("gb18030", errors="replace").replace("�", "□") for row in self.rows
        ]

    # -- commands ---------------------------------------------------------------------------------

    def _one(self, told: bytes) -> int:
        """Bytes of the first command, 0 while it is not whole."""
        first = told[0]
        if first == 0x1B:
            return self._escape(told)
        if first == 0x1F and self.kind == "escpos":
            return self._unit(told)
        if first == 0x0C:
            self.rows = [bytearray(b" " * COLUMNS) for _ in range(ROWS)]
            self.column, self.row, self.digits = 0, 0, ""
            return 1
        if first < 0x20:
            return self._move(first)
        if self.kind == "digits":
            return self._not_known(told[:1])
        return self._print(told)

    def _escape(self, told: bytes) -> int:
        if len(told) < 2:
            return 0
        second = told[1:2]
        if second == b"@":
            self.power_on()
            return 2
        if second == b"Q" and self.kind in ("cd5220", "digits"):
            return self._line(told)
        if self.kind == "digits":
            return self._with_one(told, {b"s": self._light})
        if self.kind == "cd5220":
            if second in (b"\x11", b"\x12"):
                self.scrolls = second == b"\x12"
                return 2
            if second == b"l":
                return self._place(told)
            return self._with_one(told, {b"_": self._show_cursor, b"R": _nothing, b"c": _nothing})
        return self._with_one(told, {b"t": _nothing, b"R": _nothing})

    def _with_one(self, told: bytes, known: dict[bytes, Callable[[int], None]]) -> int:
        act = known.get(told[1:2])
        if act is None:
            return self._not_known(told[:2])
        if len(told) < 3:
            return 0
        act(told[2])
        return 3

    def _line(self, told: bytes) -> int:
        """ESC Q A text CR, ESC Q B text CR."""
        end = told.find(b"\r", 3)
        if end < 0:
            # A line is at most its columns long: more is rubbish without an end.
            return self._not_known(told[:3]) if len(told) > COLUMNS + 8 else 0
        which, text = told[2:3], told[3:end]
        if self.kind == "digits":
            fits = which == b"A" and len(text.replace(b".", b"")) <= PLACES
            if fits and all(letter in b"0123456789.- " for letter in text):
                self.digits = text.decode()
                return end + 1
            return self._not_known(told[: end + 1])
        if which not in (b"A", b"B") or len(text) > COLUMNS:
            return self._not_known(told[: end + 1])
        self.rows[0 if which == b"A" else 1][:] = text.ljust(COLUMNS)
        return end + 1

    def _unit(self, told: bytes) -> int:
        if len(told) < 2:
            return 0
        second = told[1:2]
        if second in (b"\x01", b"\x02", b"\x03"):
            self.scrolls = second != b"\x01"
            return 2
        if second == b"$":
            return self._place(told)
        return self._with_one(
            told, {b"C": self._show_cursor, b"X": _nothing, b"E": _nothing, b"r": _nothing}
        )

    def _place(self, told: bytes) -> int:
        if len(told) < 4:
            return 0
        column, row = told[2], told[3]
        if not (1 <= column <= COLUMNS and 1 <= row <= ROWS):
            return self._not_known(told[:4])
        self.column, self.row = column - 1, row - 1
        return 4

    def _move(self, control: int) -> int:
        match control:
            case 0x08:
                self.column = max(0, self.column - 1)
            case 0x0A:
                self.row = min(ROWS - 1, self.row + 1)
            case 0x0B:
                self.column, self.row = 0, 0
            case 0x0D:
                self.column = 0
            case 0x18:
                self.rows[self.row][:] = b" " * COLUMNS
                self.column, self.digits = 0, ""
            case _:
                self._not_known(bytes((control,)))
        return 1

    def _print(self, told: bytes) -> int:
        """One character: two cells for a lead byte, with the byte behind it."""
        size = 2 if 0x81 <= told[0] <= 0xFE else 1
        if len(told) < size:
            return 0
        for byte in told[:size]:
            if self.column == COLUMNS:
                self._wrap()
            self.rows[self.row][self.column] = byte
            self.column += 1
        return size

    def _wrap(self) -> None:
        self.column = 0
        if self.row + 1 < ROWS:
            self.row += 1
        elif self.scrolls:
            self.rows = [*self.rows[1:], bytearray(b" " * COLUMNS)]
        else:
            self.row = 0

    def _light(self, lamp: int) -> None:
        if not 0x30 <= lamp <= 0x34:
            self._not_known(b"\x1bs" + bytes((lamp,)))
            return
        self.lamp = lamp - 0x30

    def _show_cursor(self, on: int) -> None:
        self.cursor = on not in (0, 0x30)

    def _not_known(self, command: bytes) -> int:
        if len(self.unknown) < MOST_UNKNOWN:
            self.unknown.append(command.hex(" "))
        return len(command)


def _nothing(_: int) -> None:
    """Character sets and brightness: seen, and without effect here."""
