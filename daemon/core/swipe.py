"""What a reader that types has sent: swipes of magnetic cards, barcodes and QR codes, or a hand.

Tracks are framed by their sentinels (ISO/IEC 7811-2 and -6; data by 7813 and, for track 3, 4909):

    %track 1?  ;track 2?  +track 3?      each with its LRC behind it where the reader sends it

A track that could not be read comes as `%E?`, one that is empty does not come at all. Track 3 of
the banks begins with `;` like track 2, so the order tells them apart. Bank cards are refused here,
before anything else hears of them; no error and no `repr` carries a character that was read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from daemon.core.bank_card import is_bank_number
from daemon.core.errors import BankCardShown, SwipeGarbled, SwipeTorn
from daemon.core.us_keys import ENTER

MOST_CHARACTERS: Final = 512
"""Three tracks have 226 at the most; the rest is for QR codes. A device that types on and on is
not listened to any longer."""

FASTEST_HAND_MS: Final = 40
SHORTEST_CODE: Final = 6
"""As on the page: nobody types six keys with less than 40 ms between any two."""

_STARTS: Final = {"%": 1, ";": 2, "+": 3, "@": 2, "!": 3, "#": 3, "&": 3}
"""`@`, `!`, `#` and `&` are tracks of US driver licences: known only behind another track."""
NOISE: Final = "\ufffd"
"""In the place of what no reader sends: a line of another speed, or another parity."""
_FIRST: Final = "%;+"
_END: Final = "?"
_ERROR: Final = "E"
_MOST_ON_TRACK: Final = 104
"""Of the longest track, without sentinels and LRC. The standard gives track 1 and 2 less (76 and
37), but shops' own cards are written fuller than that, and readers send them."""
WIDE_STARTS: Final = "%@!#&"
"""What begins a track of 6-bit characters (and parity); the others have 4-bit ones."""
_BANK_FORMATS: Final = ("01", "02", "99")
"""Formats of track 3 behind which a bank's number stands (ISO/IEC 4909; 99 is China's)."""
_SHORTEST_BANK_SCAN: Final = 16
"""An EAN-13 looks like a bank card of 13 digits now and then."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one reader sends. `enter_per_track`: Enter follows every track, not the whole swipe.
    `codes`: it is a scanner, set as such: what it sends is a code, whatever it looks like."""

    lrc: bool = False
    enter_per_track: bool = False
    idle_ms: int = 300
    codes: bool = False


@dataclass(frozen=True, slots=True)
class Burst:
    """What came without a pause. `slowest_ms` is the longest gap between two keys; `overrun`: more
    came than is listened to."""

    text: str = field(repr=False)
    slowest_ms: int = 0
    overrun: bool = False


@dataclass(frozen=True, slots=True)
class Swipe:
    """Tracks without their sentinels; None: not sent. `torn` are those that could not be read."""

    tracks: tuple[str | None, str | None, str | None] = field(repr=False)
    torn: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """A barcode or a QR code."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody typed; what, is nobody's business."""

    count: int


Reading = Swipe | Code | Typed


class Framing:
    """Gathers characters into bursts. Times are the caller's, in ms of any clock that goes on; one
    that was set back counts as no time."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._letters: list[str] = []
        self._last_ms = 0
        self._slowest_ms = 0
        self._overrun = False

    def clear(self) -> None:
        self._letters.clear()
        self._slowest_ms, self._overrun = 0, False

    @property
    def waiting(self) -> bool:
        """Something has come and its end has not."""
        return bool(self._letters)

    def press(self, letter: str, at_ms: int) -> tuple[Burst, ...]:
        """What this character ends: the burst before a pause, the one that ENTER closes."""
        ended = self.tick(at_ms)
        if letter == ENTER:
            if self._form.enter_per_track and self._letters and self._letters[0] in _FIRST:
                self._last_ms = at_ms
                return ended
            return ended + self.finish()
        if self._letters:
            self._slowest_ms = max(self._slowest_ms, at_ms - self._last_ms)
        self._last_ms = at_ms
        if len(self._letters) < MOST_CHARACTERS:
            self._letters.append(letter)
        else:
            self._overrun = True
        return ended

    def tick(self, now_ms: int) -> tuple[Burst, ...]:
        """The burst that has ended because nothing came for `idle_ms`."""
        idle = now_ms - self._last_ms >= self._form.idle_ms
        return self.finish() if idle else ()

    def finish(self) -> tuple[Burst, ...]:
        """What has come so far is all."""
        if not self._letters:
            return ()
        burst = Burst("".join(self._letters), self._slowest_ms, self._overrun)
        self.clear()
        return (burst,)


def read_burst(burst: Burst, form: Form) -> Reading:
    """Raises SwipeTorn("swipe_torn") where a track has no end, SwipeGarbled("swipe_garbled") where
    it has what no track may have, BankCardShown("bank_card_refused"); of a scanner
    SwipeGarbled("scan_garbled")."""
    text = burst.text
    if form.codes:
        return read_code(burst)
    if burst.overrun:
        raise SwipeGarbled("swipe_garbled", why="too_long")
    if not text:
        return Typed(0)
    if text[0] in _FIRST and not (text[0] == "+" and _END not in text):
        swipe = read_tracks(text, lrc=form.lrc)
        refuse_bank_card(swipe)
        return swipe
    if len(text) < SHORTEST_CODE or burst.slowest_ms >= FASTEST_HAND_MS:
        return Typed(len(text))
    if len(text) >= _SHORTEST_BANK_SCAN and is_bank_number(text):
        raise BankCardShown("bank_card_refused")
    return Code(text)


def read_code(burst: Burst) -> Code | Typed:
    """What a scanner has sent, without the symbology (`]E0`, ISO/IEC 15424) that some put before
    it. Raises SwipeGarbled("scan_garbled"), BankCardShown("bank_card_refused")."""
    text = burst.text.strip()
    if text[:1] == "]" and text[1:2].isalpha() and text[2:3].isalnum():
        text = text[3:]
    if burst.overrun:
        raise SwipeGarbled("scan_garbled", why="too_long")
    if not all(letter.isprintable() and letter != NOISE for letter in text):
        raise SwipeGarbled("scan_garbled", why="character")
    if len(text) >= _SHORTEST_BANK_SCAN and is_bank_number(text):
        raise BankCardShown("bank_card_refused")
    return Code(text) if text else Typed(len(burst.text))


def read_tracks(text: str, *, lrc: bool = False) -> Swipe:
    """The tracks of a whole swipe, sentinels and all. Raises SwipeTorn, SwipeGarbled."""
    tracks: list[str | None] = [None, None, None]
    torn: set[int] = set()
    before = at = 0
    while at < len(text):
        start = text[at]
        number = _STARTS.get(start, 0)
        if start == ";" and before == 2:
            number = 3
        if number <= before or (before == 0 and start not in _FIRST):
            raise SwipeGarbled("swipe_garbled", why="order")
        end = text.find(_END, at)
        if end < 0:
            raise SwipeTorn("swipe_torn", track=number)
        held = text[at + 1 : end].upper()
        before, at = number, end + 1
        if held == _ERROR:
            torn.add(number)
            # Whether a track that could not be read has an LRC is told differently by each maker.
            at += 1 if lrc and text[at : at + 1] not in ("", *_STARTS) else 0
            continue
        require_characters(held, number, wide=start in WIDE_STARTS)
        if lrc:
            _require_lrc(start, held, text[at : at + 1], number)
            at += 1
        tracks[number - 1] = held
    return Swipe((tracks[0], tracks[1], tracks[2]), frozenset(torn))


def require_characters(held: str, number: int, *, wide: bool) -> None:
    """Raises SwipeGarbled where a track holds more, or other characters, than it may. `wide`: of
    6 bits, as behind one of WIDE_STARTS."""
    low, high = (0x20, 0x5F) if wide else (0x30, 0x3F)
    if len(held) > _MOST_ON_TRACK:
        raise SwipeGarbled("swipe_garbled", why="length", track=number)
    if not all(low <= ord(letter) <= high for letter in held):
        raise SwipeGarbled("swipe_garbled", why="character", track=number)


def _require_lrc(start: str, held: str, sent: str, number: int) -> None:
    if not sent:
        raise SwipeTorn("swipe_torn", track=number)
    if sent.upper() != lrc_of(start, held):
        raise SwipeGarbled("swipe_garbled", why="lrc", track=number)


def lrc_of(start: str, held: str) -> str:
    """The longitudinal redundancy character of a track (ISO/IEC 7811-2 clause 12.2): even parity
    over each bit column from the start sentinel to the end sentinel, which are counted as well."""
    # Sentinels that only keyboards tell apart are one and the same on the card.
    wide = start in WIDE_STARTS
    base = 0x20 if wide else 0x30
    total = ord("%" if wide else ";") - base
    for letter in held + _END:
        total ^= ord(letter) - base
    return chr(base + (total & (0x3F if wide else 0x0F)))


def refuse_bank_card(swipe: Swipe) -> None:
    """Raises BankCardShown where any track that was read holds the number of a bank card."""
    one, two, three = swipe.tracks
    shown = [_number_on_one(one), _number_on_digits(two), _number_on_digits(three)]
    if three is not None and three.startswith(_BANK_FORMATS):
        shown.append(_number_on_digits(three)[2:])
    if any(is_bank_number(number) for number in shown):
        raise BankCardShown("bank_card_refused")


def _number_on_one(track: str | None) -> str:
    """Behind the format letter (ISO/IEC 7813), up to the name."""
    number = (track or "").split("^", 1)[0]
    return number[1:] if number[:1].isalpha() else number


def _number_on_digits(track: str | None) -> str:
    return (track or "").split("=", 1)[0]


def card_number(swipe: Swipe, track: int) -> str:
    """The number by which a membership card is known: what stands on `track` (1 to 3) up to the
    first separator. Raises SwipeTorn where that track could not be read, SwipeGarbled where it
    holds no number."""
    if track in swipe.torn:
        raise SwipeTorn("swipe_torn", track=track)
    held = swipe.tracks[track - 1]
    number = (_number_on_one(held) if track == 1 else _number_on_digits(held)).strip()
    if not number:
        raise SwipeGarbled("swipe_no_number", track=track)
    return number


def card_uid(number: str) -> bytes:
    """16 bytes that stand for the card where a chip card's UID (4, 7 or 10 bytes) would: the same
    on every counter, never those of a chip card, and as long for any number."""
    return hashlib.sha256(b"counterd magstripe 1\x00" + number.encode("ascii")).digest()[:16]
