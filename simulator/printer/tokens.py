"""Cuts an ESC/POS byte stream into commands and text; every byte lands in exactly one token.

Pure and incremental: a command torn over two network packets waits for its rest. The only state
beside the unread bytes is whether Chinese mode is on, because it decides how text is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

MAX_COMMAND_BYTES = 4 * 1024 * 1024
"""A longer command is refused: no receipt needs it, and it would only hold memory."""

DLE, ESC, FS, GS = 0x10, 0x1B, 0x1C, 0x1D
PREFIX_NAMES = {DLE: "DLE", ESC: "ESC", FS: "FS", GS: "GS"}
CONTROL_NAMES = {0x00: "NUL", 0x09: "HT", 0x0A: "LF", 0x0C: "FF", 0x0D: "CR", 0x18: "CAN"}
LETTER_NAMES = {**{code: f"{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100))},
                0x20: "SP"}  # fmt: skip
DLE_NAMES = {0x04: "DLE EOT", 0x05: "DLE ENQ", 0x14: "DLE DC4"}


class Kind(Enum):
    """What a run of bytes turned out to be. An ignored one is known and framed, but not drawn."""

    TEXT = "text"
    COMMAND = "command"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class Token:
    """`raw` is every byte of it, `params` those after the name, `offset` its place."""

    kind: Kind
    name: str
    raw: bytes
    params: bytes
    offset: int


class MalformedError(Exception):
    """The bytes after a command's name cannot belong to it."""


Measure = Callable[[bytes], int | None]
"""Bytes after the command's two-byte name -> how many are its parameters, None when more are
needed to tell. Raises MalformedError."""

FIXED: dict[int, dict[str, int]] = {
    ESC: {
        " ": 1, "!": 1, "$": 2, "%": 1, "-": 1, "2": 0, "3": 1, "<": 0, "=": 1, "?": 1, "@": 0,
        "B": 2, "E": 1, "G": 1, "J": 1, "K": 1, "L": 0, "M": 1, "R": 1, "S": 0, "T": 1, "U": 1,
        "V": 1, "W": 8, "\\": 2, "a": 1, "d": 1, "e": 1, "i": 0, "m": 0, "p": 3, "r": 1, "t": 1,
        "u": 1, "v": 0, "{": 1, "\x0c": 0,
    },
    GS: {
        "!": 1, "$": 2, "/": 1, ":": 0, "B": 1, "E": 1, "H": 1, "I": 1, "L": 2, "P": 2, "T": 1,
        "W": 2, "\\": 2, "^": 3, "a": 1, "b": 1, "c": 0, "f": 1, "h": 1, "j": 1, "r": 1, "w": 1,
    },
    FS: {"!": 1, "&": 0, "-": 1, ".": 0, "2": 74, "?": 2, "C": 1, "S": 2, "W": 1, "p": 2},
}  # fmt: skip
"""Commands whose number of parameters does not depend on them."""


def _little(body: bytes, at: int, size: int) -> int:
    return int.from_bytes(body[at : at + size], "little")


def _tabs(body: bytes) -> int | None:
    """ESC D n1 ... nk NUL, ascending, at most 32; a smaller one than the last ends the list too."""
    for index, stop in enumerate(body[:33]):
        if stop == 0:
            return index + 1
        if index == 32 or (index and stop <= body[index - 1]):
            raise MalformedError("tab stops must ascend, be at most 32 and end with NUL")
    return None


def _bit_image(body: bytes) -> int | None:
    """ESC * m nL nH d1 ... dk."""
    if not body:
        return None
    if body[0] not in (0, 1, 32, 33):
        raise MalformedError(f"bit image mode {body[0]}")
    if len(body) < 3:
        return None
    return 3 + _little(body, 1, 2) * (3 if body[0] >= 32 else 1)


def _panel(body: bytes) -> int | None:
    """ESC c 3|4|5 n."""
    if not body:
        return None
    if chr(body[0]) not in "345":
        raise MalformedError("ESC c is followed by 3, 4 or 5")
    return 2


def _user_characters(body: bytes) -> int | None:
    """ESC & y c1 c2 [x d1 ... d(y*x)] for each character."""
    if len(body) < 3:
        return None
    height, first, last = body[0], body[1], body[2]
    if height not in (2, 3) or not 32 <= first <= last <= 126:
        raise MalformedError("user-defined characters")
    at = 3
    for _ in range(first, last + 1):
        if at >= len(body):
            return None
        at += 1 + height * body[at]
    return at


def _counted(body: bytes) -> int | None:
    """ESC ( , GS ( and FS ( : fn pL pH and that many bytes."""
    return None if len(body) < 3 else 3 + _little(body, 1, 2)


def _counted_wide(body: bytes) -> int | None:
    """GS 8 L p1 p2 p3 p4 and that many bytes."""
    if not body:
        return None
    if body[0] != ord("L"):
        raise MalformedError("GS 8 is followed by L")
    return None if len(body) < 5 else 5 + _little(body, 1, 4)


def _down_loaded(body: bytes) -> int | None:
    """GS * x y and x * y * 8 bytes."""
    return None if len(body) < 2 else 2 + body[0] * body[1] * 8


def _cut(body: bytes) -> int | None:
    """GS V m (0, 1, 48, 49) or GS V m n (65, 66, 97, 98, 103, 104)."""
    if not body:
        return None
    if body[0] in (0, 1, 48, 49):
        return 1
    if body[0] in (65, 66, 97, 98, 103, 104):
        return 2
    raise MalformedError(f"cut {body[0]}")


def _barcode(body: bytes) -> int | None:
    """GS k m data NUL (m 0 to 6) or GS k m n data (m 65 to 79)."""
    if not body:
        return None
    if body[0] <= 6:
        end = body.find(0, 1)
        if end < 0 and len(body) > 256:
            raise MalformedError("barcode without an end")
        return None if end < 0 else end + 1
    if 65 <= body[0] <= 79:
        return None if len(body) < 2 else 2 + body[1]
    raise MalformedError(f"barcode system {body[0]}")


def _raster(body: bytes) -> int | None:
    """GS v 0 m xL xH yL yH and x * y bytes."""
    if body[:1] not in (b"", b"0"):
        raise MalformedError("GS v is followed by 0")
    if len(body) < 2:
        return None
    if body[1] not in (0, 1, 2, 3, 48, 49, 50, 51):
        raise MalformedError(f"raster mode {body[1]}")
    return None if len(body) < 6 else 6 + _little(body, 2, 2) * _little(body, 4, 2)


def _ink_interval(body: bytes) -> int | None:
    """GS z 0 t1 t2."""
    if body[:1] not in (b"", b"0"):
        raise MalformedError("GS z is followed by 0")
    return 3


VARIABLE: dict[tuple[int, str], Measure] = {
    (ESC, "D"): _tabs,
    (ESC, "*"): _bit_image,
    (ESC, "c"): _panel,
    (ESC, "&"): _user_characters,
    (ESC, "("): _counted,
    (GS, "("): _counted,
    (FS, "("): _counted,
    (GS, "8"): _counted_wide,
    (GS, "*"): _down_loaded,
    (GS, "V"): _cut,
    (GS, "k"): _barcode,
    (GS, "v"): _raster,
    (GS, "z"): _ink_interval,
}


def _real_time(code: int, body: bytes) -> int | None:
    """DLE EOT n [a], DLE ENQ n, DLE DC4 fn ... : how many bytes follow the two."""
    if not body:
        return None
    if code == 0x04:
        if 1 <= body[0] <= 4:
            return 1
        if body[0] in (7, 8, 18):
            return 2
    elif code == 0x05:
        return 1
    elif code == 0x14 and body[0] in (1, 2, 3, 7, 8):
        return {1: 3, 2: 3, 3: 6, 7: 2, 8: 8}[body[0]]
    raise MalformedError("real-time command")


def character_bytes(text: bytes, at: int, encoding: str | None) -> tuple[int, bool] | None:
    """Length of the character that starts at `at`, and whether the ROM has such a code.

    `encoding` is None outside Chinese mode. None is answered when its rest has not come yet.
    A lead byte with a wrong second byte takes that byte with it, unless it is a control code.
    """
    lead = text[at]
    if encoding is None or lead < 0x80:
        return 1, True
    if not 0x81 <= lead <= 0xFE:
        return 1, False
    if at + 1 >= len(text):
        return None
    trail = text[at + 1]
    if encoding == "gb18030" and 0x30 <= trail <= 0x39:
        rest = text[at + 2 : at + 4]
        if rest and not 0x81 <= rest[0] <= 0xFE:
            return 2, False
        if len(rest) < 2:
            return None
        return (4, True) if 0x30 <= rest[1] <= 0x39 else (2, False)
    if encoding == "big5":
        known = 0x40 <= trail <= 0x7E or 0xA1 <= trail <= 0xFE
    else:
        known = 0x40 <= trail <= 0xFE and trail != 0x7F
    if known:
        return 2, True
    return (1 if trail < 0x20 else 2), False


def printable(byte: int) -> bool:
    """Bytes that are text, in either mode."""
    return byte >= 0x20 and byte != 0x7F


class Tokenizer:
    """Feed it bytes as they come; it yields whole tokens and keeps the torn one."""

    def __init__(self, encoding: str, chinese_on: bool) -> None:
        self._encoding = encoding
        self._chinese_on = chinese_on
        self._unread = bytearray()
        self._wanted = 0
        self._offset = 0
        self.chinese = chinese_on

    @property
    def pending(self) -> bool:
        """A command or character has begun and not ended."""
        return bool(self._unread)

    def feed(self, chunk: bytes) -> Iterator[Token]:
        """Whole tokens, in order. Consume the iterator to its end before the next call."""
        self._unread += chunk
        if len(self._unread) < self._wanted:
            return
        self._wanted = 0
        stream = bytes(self._unread)
        at = 0
        try:
            while at < len(stream):
                token = self._next(stream, at)
                if token is None:
                    break
                at += len(token.raw)
                self._offset += len(token.raw)
                self._follow_mode(token)
                yield token
        finally:
            del self._unread[:at]

    def finish(self) -> Iterator[Token]:
        """The stream has ended: what is left is a token of its own."""
        if self._unread:
            raw = bytes(self._unread)
            self._unread.clear()
            self._wanted = 0
            yield Token(Kind.INCOMPLETE, "incomplete", raw, b"", self._offset)
            self._offset += len(raw)

    def _follow_mode(self, token: Token) -> None:
        if token.name == "FS &":
            self.chinese = True
        elif token.name == "FS .":
            self.chinese = False
        elif token.name == "ESC @":
            self.chinese = self._chinese_on

    def _next(self, stream: bytes, at: int) -> Token | None:
        first = stream[at]
        if printable(first):
            return self._text(stream, at)
        if first not in PREFIX_NAMES:
            name = CONTROL_NAMES.get(first)
            kind = Kind.COMMAND if name else Kind.UNKNOWN
            return Token(kind, name or f"{first:02x}", stream[at : at + 1], b"", self._offset)
        if at + 1 >= len(stream):
            return None
        return self._command(stream, at)

    def _text(self, stream: bytes, at: int) -> Token | None:
        encoding = self._encoding if self.chinese else None
        end = at
        while end < len(stream) and printable(stream[end]):
            size = character_bytes(stream, end, encoding)
            if size is None:
                break
            end += size[0]
        if end == at:
            return None
        return Token(Kind.TEXT, "text", stream[at:end], b"", self._offset)

    def _command(self, stream: bytes, at: int) -> Token | None:
        prefix, code = stream[at], stream[at + 1]
        if prefix == DLE:
            name = DLE_NAMES.get(code, f"DLE {code:02x}")
        else:
            name = f"{PREFIX_NAMES[prefix]} {LETTER_NAMES.get(code, chr(code))}"
        try:
            count = self._parameters(prefix, code, stream, at + 2)
            if count is not None and count > MAX_COMMAND_BYTES:
                raise MalformedError(f"{count} bytes are more than a command may have")
        except MalformedError:
            return Token(Kind.UNKNOWN, name, stream[at : at + 2], b"", self._offset)
        if count is None:
            return None
        if at + 2 + count > len(stream):
            self._wanted = 2 + count
            return None
        params = stream[at + 2 : at + 2 + count]
        return Token(Kind.COMMAND, name, stream[at : at + 2 + count], params, self._offset)

    @staticmethod
    def _parameters(prefix: int, code: int, stream: bytes, at: int) -> int | None:
        if prefix == DLE:
            if code not in DLE_NAMES:
                raise MalformedError("no such real-time command")
            return _real_time(code, stream[at : at + 8])
        fixed = FIXED[prefix].get(chr(code))
        if fixed is not None:
            return fixed
        measure = VARIABLE.get((prefix, chr(code)))
        if measure is None:
            raise MalformedError("no such command")
        # 80 kB hold every header, and the longest list that has to be walked (ESC &).
        return measure(stream[at : at + 80_000])
