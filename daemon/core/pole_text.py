"""Lines for a customer's display: a few columns, a Chinese character takes two of them.

Pure. Every line that leaves here has exactly the display's columns, never half a character, and
only characters that a display with the GBK character set (or ASCII alone) can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from daemon.core.panel import Act, Scene


class Charset(Enum):
    """What the display has glyphs for. Encoded by `encoded`."""

    GB18030 = "gb18030"
    ASCII = "ascii"


MISSING: Final = "?"
"""For a character that no display of the kind can show."""
MOST_STARS: Final = 8
DIGITS: Final = 8
"""Places of a number-only display."""

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {
        "welcome": "欢迎光临", "closed": "暂停服务", "wait": "请稍候", "due": "应收",
        "paid": "已付", "balance": "余额", "change": "找零", "thanks": "谢谢",
        "lay_card": "请刷卡", "lay_again": "请再刷一次卡", "twice": "再付一次？",
        "pin": "密码", "failed": "没有付款", "ask": "请问收银员",
    },
    "en": {
        "welcome": "Welcome", "closed": "Closed", "wait": "One moment", "due": "To pay",
        "paid": "Paid", "balance": "Balance", "change": "Change", "thanks": "Thank you",
        "lay_card": "Tap your card", "lay_again": "Tap the card again", "twice": "Pay once more?",
        "pin": "PIN", "failed": "Not paid", "ask": "Please ask us",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PoleText:
    """How a shop's display speaks. `balance`: the shop allows what a member has left to be shown
    to whoever stands there. `idle` is the shop's name."""

    columns: int = 20
    language: str = "zh-CN"
    charset: Charset = Charset.GB18030
    balance: bool = False
    idle: str = ""

    def words(self) -> Mapping[str, str]:
        return WORDS["en" if self.charset is Charset.ASCII else self.language]


def encoded(character: str, charset: Charset) -> bytes:
    """One or two bytes. What would take four (rare characters: no display has them) or is not to
    be shown (control characters, halves of pairs) is MISSING."""
    if character == "¥":
        # U+00A5 takes four bytes; the full-width sign is what the character sets of China have.
        character = "￥"
    if not character.isprintable():
        return MISSING.encode()
    try:
        told = character.encode("gbk" if charset is Charset.GB18030 else "ascii")
    except UnicodeEncodeError:
        return MISSING.encode()
    # A lone 0x80 (the euro in some tables) would take the next byte with it.
    return told if len(told) == 2 or told < b"\x7f" else MISSING.encode()


def encode(text: str, charset: Charset) -> bytes:
    return b"".join(encoded(character, charset) for character in text)


def width(text: str, charset: Charset) -> int:
    """Columns: as many as bytes in the display's character set."""
    return len(encode(text, charset))


def cut(text: str, columns: int, charset: Charset) -> str:
    """As many whole characters as fit into `columns`."""
    used = 0
    for at, character in enumerate(text):
        used += len(encoded(character, charset))
        if used > columns:
            return text[:at]
    return text


def line(left: str, right: str, columns: int, charset: Charset) -> str:
    """`right` at the right edge and whole if it fits at all, `left` with what is left over."""
    right = cut(right, columns, charset)
    room = columns - width(right, charset)
    left = cut(left, max(0, room - 1) if right else room, charset)
    return left + " " * (room - width(left, charset)) + right


def middle(text: str, columns: int, charset: Charset) -> str:
    text = cut(text, columns, charset)
    free = columns - width(text, charset)
    return " " * (free // 2) + text + " " * (free - free // 2)


def yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    whole, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{fen:02d}"


def frame(scene: Scene, text: PoleText) -> tuple[str, str]:
    """The two lines of `scene`, each of exactly `text.columns`."""
    words, columns, charset = text.words(), text.columns, text.charset

    def both(first: tuple[str, str], second: tuple[str, str]) -> tuple[str, str]:
        return line(*first, columns, charset), line(*second, columns, charset)

    due = (words["due"], "" if scene.amount_fen is None else yuan(scene.amount_fen))
    match scene.act:
        case Act.CLOSED:
            shop = text.idle or words["thanks"]
            return middle(words["closed"], columns, charset), middle(shop, columns, charset)
        case Act.IDLE:
            shop = middle(text.idle or words["welcome"], columns, charset)
            return shop, middle(words["welcome"], columns, charset)
        case Act.CARD_THERE:
            return both((words["wait"], ""), _balance(scene, text))
        case Act.LAY_CARD:
            return both(due, (words["lay_card"], ""))
        case Act.LAY_AGAIN:
            return both(due, (words["lay_again"], ""))
        case Act.ASK_TWICE:
            return both(due, (words["twice"], ""))
        case Act.TYPE_PIN:
            return both(due, (words["pin"], "*" * min(scene.stars, MOST_STARS)))
        case Act.WAIT:
            return both(due, (words["wait"], ""))
        case Act.FAILED:
            return both((words["failed"], ""), (words["ask"], ""))
        case Act.PAID:
            paid = (words["paid"], "" if scene.amount_fen is None else yuan(scene.amount_fen))
            return both(paid, _left(scene, text))


def _left(scene: Scene, text: PoleText) -> tuple[str, str]:
    """What a payment leaves: the change, else the balance where it may be shown, else thanks."""
    words = text.words()
    if scene.change_fen:
        return words["change"], yuan(scene.change_fen)
    shown = _balance(scene, text)
    return shown if shown != ("", "") else (words["thanks"], "")


def _balance(scene: Scene, text: PoleText) -> tuple[str, str]:
    if not text.balance or scene.balance_fen is None:
        return "", ""
    return text.words()["balance"], yuan(scene.balance_fen)


class Meaning(Enum):
    """The lamps beside a number-only display: what its number is."""

    NOTHING = 0
    PRICE = 1
    TOTAL = 2
    RECEIVED = 3
    CHANGE = 4


def number(scene: Scene) -> tuple[str, Meaning]:
    """Digits and at most one point for a number-only display; a number with more than DIGITS
    places is shown as dashes, never cut."""
    if scene.act is Act.PAID and scene.change_fen:
        return _digits(scene.change_fen), Meaning.CHANGE
    if scene.act in (Act.IDLE, Act.CLOSED, Act.CARD_THERE, Act.FAILED) or scene.amount_fen is None:
        return "", Meaning.NOTHING
    meaning = Meaning.RECEIVED if scene.act is Act.PAID else Meaning.TOTAL
    return _digits(scene.amount_fen), meaning


def _digits(amount_fen: int) -> str:
    text = yuan(amount_fen)
    return text if len(text.replace(".", "")) <= DIGITS else "-" * DIGITS
