"""What of a person may be shown: the surname, the ends of a phone number, the tail of a number.

Receipts and screens are read by whoever stands at the counter: masked unless the whole is needed.
So these run on every name and phone before it leaves the books.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_COMPOUND_SURNAMES: Final = frozenset(
    re.findall(
        "..",
        "欧阳司马上官诸葛东方皇甫尉迟公孙慕容令狐宇文长孙司徒司空夏侯端木南宫独孤轩辕百里呼延东郭"
        "南门西门东门公羊澹台公冶宗政濮阳淳于单于太叔申屠仲孙钟离鲜于闾丘拓跋赫连"
        "歐陽司馬諸葛東方尉遲公孫長孫南宮獨孤軒轅",
    )
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
