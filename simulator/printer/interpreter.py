"""An ESC/POS interpreter: bytes in, events and drawn paper out. Pure: no clock, no files, no net.

`interpret` reads a whole stream; `Interpreter` takes it in pieces, as a printer does. Every byte
is accounted for: the `raw` of all events, joined, is the stream. A command that is not known is
recorded with its bytes, one that is known but has no effect on this paper is recorded as ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from simulator.printer import charsets, fonts, graphics
from simulator.printer.graphics import NotDrawableError
from simulator.printer.paper import MAX_PAPER_DOTS, Paper
from simulator.printer.profile import Profile
from simulator.printer.settings import Setting, Symbols, settings
from simulator.printer.tokens import Kind, Token, Tokenizer, character_bytes
from simulator.printer.typeset import GARBLED, Style, Typesetter

MAX_NOTES = 100
"""Notes kept per paper: a garbage stream would otherwise write a book."""

ACCEPTED = frozenset(
    (
        *("NUL", "CR", "CAN", "DLE EOT", "DLE ENQ", "DLE DC4", "FS C"),
        *("ESC <", "ESC =", "ESC B", "ESC S", "ESC U", "ESC c", "ESC r", "ESC u", "ESC v"),
        *("GS E", "GS I", "GS T", "GS a", "GS b", "GS c", "GS j", "GS r", "GS z"),
    )
)
"""Understood, and without effect on what is drawn."""

EXTENDED_KNOWN = b"ACDEHKMNPQVz"
"""GS ( functions of other purposes: framed, not drawn."""


@dataclass(frozen=True)
class Event:
    """One token and what became of it. `papers` ended with it (a cut, or a piece too long)."""

    kind: Kind
    name: str
    raw: bytes
    params: bytes
    offset: int
    text: str = ""
    note: str = ""
    papers: tuple[Paper, ...] = ()


@dataclass
class Document:
    """A whole stream, interpreted."""

    events: list[Event]
    papers: list[Paper]
    drawer_kicks: int
    warnings: list[str]

    @property
    def unknown(self) -> list[Event]:
        """Bytes that are no command of this printer."""
        return [event for event in self.events if event.kind is Kind.UNKNOWN]


class Interpreter:
    """One printer's head: `feed` it bytes, take the events; `paper` is the piece being printed."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or Profile()
        self.drawer_kicks = 0
        self._tokens = Tokenizer(self.profile.encoding, self.profile.chinese_on)
        self._symbol = Symbols()
        self._ended: list[Paper] = []
        self._set = Typesetter(self.profile, Paper(self.profile.width_dots), self._fresh_style())
        self._commands: dict[str, Setting] = {
            **settings(self._set, self._symbol),
            "ESC @": self._initialise,
            "ESC d": self._feed_lines,
            "ESC J": self._feed_dots,
            "ESC p": self._kick,
            "ESC i": self._cut,
            "ESC m": self._cut,
            "GS V": self._cut,
            "ESC *": self._bit_image,
            "GS v": self._raster,
            "GS k": self._barcode,
        }

    @property
    def paper(self) -> Paper:
        """The piece that has not been cut off yet; a line that waits for LF is not on it."""
        return self._set.paper

    @property
    def pending(self) -> bool:
        """A command has begun and its rest has not come."""
        return self._tokens.pending

    @property
    def idle(self) -> bool:
        """Nothing is on the paper, in the line or half read."""
        return self.paper.blank and self._set.empty and not self.pending

    def feed(self, chunk: bytes) -> list[Event]:
        """Interprets the next bytes. Never raises, whatever they are."""
        return [self._run(token) for token in self._tokens.feed(chunk)]

    def finish(self) -> list[Event]:
        """The stream is over: records a torn command, if any."""
        return [self._run(token) for token in self._tokens.finish()]

    def tear(self, reason: str) -> Paper | None:
        """Takes the paper off where it stands; None when nothing was printed on it."""
        self._set.paper.feed(self._set.burn_line())
        paper = self._set.paper
        self._set.paper = Paper(self.profile.width_dots)
        if paper.blank:
            return None
        paper.ended = reason
        return paper

    def reset(self) -> None:
        """Power off and on: settings, torn commands and the waiting line are gone."""
        self._tokens = Tokenizer(self.profile.encoding, self.profile.chinese_on)
        self._initialise(b"")

    # -- running one token ------------------------------------------------------------------

    def _run(self, token: Token) -> Event:
        kind, text, note = token.kind, "", ""
        if kind is Kind.TEXT:
            text, note = self._text(token.raw)
        elif kind is Kind.COMMAND:
            kind, note = self._command(token)
        elif kind is Kind.UNKNOWN:
            note = f"unknown: {token.raw.hex(' ')}"
        else:
            note = f"torn after {len(token.raw)} bytes"
        if note and len(self.paper.notes) < MAX_NOTES:
            self.paper.notes.append(f"{token.name}: {note}")
        self._tear_when_too_long()
        papers, self._ended = tuple(self._ended), []
        return Event(kind, token.name, token.raw, token.params, token.offset, text, note, papers)

    def _command(self, token: Token) -> tuple[Kind, str]:
        if token.name in ACCEPTED:
            return Kind.COMMAND, ""
        if token.name in ("GS (", "GS 8"):
            return self._extended(token)
        handler = self._commands.get(token.name)
        if handler is None:
            return Kind.IGNORED, "not drawn"
        try:
            return Kind.COMMAND, handler(token.params) or ""
        except NotDrawableError as error:
            return Kind.IGNORED, str(error)

    def _tear_when_too_long(self) -> None:
        if self.paper.height > MAX_PAPER_DOTS:
            paper = self.tear("too long")
            self._ended += [paper] if paper else []

    # -- text ---------------------------------------------------------------------------------

    def _text(self, raw: bytes) -> tuple[str, str]:
        text = ""
        for character, wide in self._characters(raw):
            self._set.character(character, wide=wide)
            self._tear_when_too_long()
            text += character
        count = text.count(GARBLED)
        return text, f"{count} unreadable characters" if count else ""

    def _characters(self, raw: bytes) -> Iterator[tuple[str, bool]]:
        style, at = self._set.style, 0
        encoding = self.profile.encoding if self._tokens.chinese else None
        # A control code ends every run of text, so it stands for whatever came after this one.
        ended = raw + b"\0"
        while at < len(raw):
            measured = character_bytes(ended, at, encoding)
            assert measured is not None, "the tokenizer cuts text between characters"
            size, known = measured
            code = raw[at : at + size]
            at += size
            if encoding is None or code[0] < 0x80:
                character = charsets.one_byte(code[0], style.code_page, style.country)
                yield character or GARBLED, False
            else:
                known_character = charsets.chinese(code, encoding) if known else None
                yield known_character or GARBLED, size > 1

    # -- the page -----------------------------------------------------------------------------

    def _fresh_style(self) -> Style:
        return Style(line_spacing=self.profile.line_spacing_dots)

    def _initialise(self, _: bytes) -> None:
        """ESC @: settings and the waiting line go, the paper stays."""
        self._set.drop_line()
        self._set.style = self._fresh_style()
        self._symbol.reset()

    def _feed_lines(self, params: bytes) -> None:
        self._feed_after_line(params[0] * self._set.style.line_spacing)

    def _feed_dots(self, params: bytes) -> None:
        self._feed_after_line(params[0])

    def _feed_after_line(self, dots: int) -> None:
        """Prints what waits, then feeds: at least past the line itself."""
        self.paper.feed(max(self._set.burn_line(), dots))

    def _cut(self, params: bytes) -> str | None:
        """GS V, ESC i, ESC m. Functions B and later feed to the knife by themselves."""
        note = None
        self._set.paper.feed(self._set.burn_line())
        if len(params) == 2:
            self.paper.feed(self.profile.cutter_dots + params[1])
        elif self.paper.below_last_ink < self.profile.cutter_dots and not self.paper.blank:
            short = self.profile.cutter_dots - self.paper.below_last_ink
            note = f"cut through print: fed {short} dots too little"
            self.paper.notes.append(f"GS V: {note}")
        paper = self.tear("cut")
        self._ended += [paper] if paper else []
        return note

    def _kick(self, params: bytes) -> str | None:
        if params[0] not in (0, 1, 48, 49):
            raise NotDrawableError(f"no drawer {params[0]}")
        self.drawer_kicks += 1
        return None

    # -- pictures -----------------------------------------------------------------------------

    def _picture(self, data: bytes, width: int, rows: int, across: int, down: int) -> str | None:
        """Raster rows below what is printed; `width` in bytes."""
        if rows * down > MAX_PAPER_DOTS:
            raise NotDrawableError(f"picture of {rows * down} rows")
        note = None if self._set.empty else "picture in the middle of a line"
        self.paper.feed(self._set.burn_line())
        ink = graphics.scaled(graphics.raster(data, width, rows), across, down)
        if not self.paper.burn_raster(ink, self._set.aligned(ink.width)):
            note = f"picture {ink.width} dots wide is cut off at the edge"
        return note

    def _raster(self, params: bytes) -> str | None:
        """GS v 0 m xL xH yL yH d."""
        width, rows = (int.from_bytes(params[at : at + 2], "little") for at in (2, 4))
        mode = params[1] & 3
        return self._picture(params[6:], width, rows, 1 + (mode & 1), 1 + (mode >> 1))

    def _bit_image(self, params: bytes) -> str | None:
        ink = graphics.bit_image(params[0], params[3:])
        self._set.place(ink, "")
        return None

    def _symbol_below(self, ink: Image.Image, name: str) -> str | None:
        self.paper.feed(self._set.burn_line())
        self.paper.mark(name)
        fits = self.paper.burn(ink, self._set.aligned(ink.width))
        self.paper.feed(ink.height)
        return None if fits else f"{ink.width} dots wide, cut off at the edge"

    def _barcode(self, params: bytes) -> str | None:
        data = params[1:-1] if params[0] <= 6 else params[2:]
        text = data.decode("latin-1").replace("{B", "").replace("{A", "").replace("{C", "")
        clean = "".join(each if each.isprintable() else "." for each in text)
        ink = graphics.barcode_box(
            params[0], clean, self._symbol.bar_module, self._symbol.bar_height
        )
        return self._symbol_below(ink, f"barcode {graphics.BARCODES[params[0]]} {clean}")

    def _extended(self, token: Token) -> tuple[Kind, str]:
        """GS ( x pL pH ... and GS 8 L p1 p2 p3 p4 ..."""
        function, body = token.params[:1], token.params[3 if token.name == "GS (" else 5 :]
        try:
            if function == b"L":
                return self._graphics(body)
            if function == b"k" and body[:1] == b"\x31":
                return self._qr(body[1:])
        except NotDrawableError as error:
            return Kind.IGNORED, str(error)
        if function and function in EXTENDED_KNOWN:
            return Kind.IGNORED, f"GS ( {function.decode()} is not drawn"
        return Kind.UNKNOWN, f"unknown: {token.raw[:16].hex(' ')}"

    def _graphics(self, body: bytes) -> tuple[Kind, str]:
        """GS ( L m fn: 112 stores raster a bx by c xL xH yL yH d, 2 and 50 print it."""
        if len(body) >= 10 and body[1] == 112:
            across, down = body[3], body[4]
            width, rows = (int.from_bytes(body[at : at + 2], "little") for at in (6, 8))
            if across not in (1, 2) or down not in (1, 2):
                raise NotDrawableError(f"scale {across} x {down}")
            self._symbol.picture = (body[10:], (width + 7) // 8, rows, across, down)
            if len(body) - 10 != (width + 7) // 8 * rows:
                self._symbol.picture = None
                raise NotDrawableError(f"{len(body) - 10} bytes for {width} x {rows} dots")
            return Kind.COMMAND, ""
        if len(body) == 2 and body[1] in (2, 50):
            if self._symbol.picture is None:
                raise NotDrawableError("no picture is stored")
            stored, self._symbol.picture = self._symbol.picture, None
            return Kind.COMMAND, self._picture(*stored) or ""
        return Kind.UNKNOWN, f"unknown graphics function: {body[:8].hex(' ')}"

    def _qr(self, body: bytes) -> tuple[Kind, str]:
        """GS ( k pL pH 49 fn n: 65 model, 67 module, 69 level, 80 store, 81 print."""
        function, value = body[:1], body[1] if len(body) > 1 else 0
        if function == b"A":
            return (Kind.COMMAND, "") if value == 50 else (Kind.IGNORED, f"QR model {value}")
        if function == b"C" and 1 <= value <= 16:
            self._symbol.qr_module = value
        elif function == b"E" and value in graphics.QR_LEVELS:
            self._symbol.qr_level = value
        elif function == b"P" and value == 48:
            self._symbol.qr_data = body[2:]
        elif function == b"Q" and value == 48:
            ink = graphics.qr(self._symbol.qr_data, self._symbol.qr_level, self._symbol.qr_module)
            name = f"qr {self._symbol.qr_data.decode('utf-8', 'replace')}"
            return Kind.COMMAND, self._symbol_below(ink, name) or ""
        else:
            return Kind.UNKNOWN, f"unknown QR function: {body[:8].hex(' ')}"
        return Kind.COMMAND, ""


def interpret(data: bytes, profile: Profile | None = None) -> Document:
    """A whole stream at once; the last paper is included, torn off where the bytes end."""
    head = Interpreter(profile)
    events = head.feed(data) + head.finish()
    papers = [paper for event in events for paper in event.papers]
    last = head.tear("end of data")
    return Document(events, papers + ([last] if last else []), head.drawer_kicks, fonts.warnings())
