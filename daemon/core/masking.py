"""What of a person may be shown: the surname, the ends of a phone number, the tail of a number.

Receipts and screens are read by whoever stands at the counter (receipts-and-ui rule: masked unless
the whole is needed), so these run on every name and phone before it leaves the books.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_COMPOUND_SURNAMES: Final = frozenset(
    "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙 司徒 司空 夏侯 端木 南宫 独孤 "
    "轩辕 百里 呼延 东郭 南门 西门 东门 公羊 澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠 仲孙 "
    "钟离 鲜于 闾丘 拓跋 赫连 歐陽 司馬 諸葛 東方 尉遲 公孫 長孫 夏侯 南宮 獨孤 軒轅".split()
)
_MOST_STARS: Final = 2
"""A long given name shows no more stars than this: their number would help to tell people apart."""


def mask_name(name: str) -> str:
    """`张伟 -> 张*`, `张三丰 -> 张**`, `欧阳娜娜 -> 欧阳**`, `Mary Ann Lee -> M** A** L**`.

    An empty name stays empty; a name of one character shows nothing but a star.
    """
    words = _visible(name).split()
    if not words:
        return ""
    if len(words) > 1 or words[0][0].isascii():
        return " ".join(f"{word[0]}**" for word in words)
    word = words[0]
    if len(word) == 1:
        return "*"
    kept = 2 if len(word) > 2 and word[:2] in _COMPOUND_SURNAMES else 1
    return word[:kept] + "*" * min(len(word) - kept, _MOST_STARS)


def mask_phone(phone: str) -> str:
    """`13812341234 -> 138****1234`; shorter numbers keep at most their last four digits."""
    digits = "".join(mark for mark in phone if mark.isascii() and mark.isdigit())
    if digits.startswith("86") and len(digits) == 13:
        digits = digits[2:]
    if len(digits) >= 11:
        return f"{digits[:3]}****{digits[-4:]}"
    if not digits:
        return ""
    return "****" + tail(digits, min(4, len(digits) // 2))


def tail(number: str, length: int = 4) -> str:
    """The last `length` characters of a card or member number: enough to tell two apart."""
    assert length >= 0
    return number[-length:] if length else ""


def _visible(text: str) -> str:
    """Composed form without control, format and lone combining characters."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        " " if mark.isspace() else mark
        for mark in composed
        if mark.isspace() or unicodedata.category(mark)[0] not in "CM"
    )
