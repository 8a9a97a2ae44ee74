"""One-byte characters: code pages of ESC t and the national variants of ESC R."""

from __future__ import annotations

CODE_PAGES = {
    0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 13: "cp857", 14: "cp737",
    15: "iso8859_7", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 21: "cp874",
    33: "cp775", 34: "cp855", 36: "cp862", 37: "cp864", 39: "iso8859_2", 40: "iso8859_15",
    45: "cp1250", 46: "cp1251", 47: "cp1253", 48: "cp1254", 49: "cp1255", 50: "cp1256",
    51: "cp1257", 52: "cp1258",
}  # fmt: skip
"""ESC t n of the common models; other numbers differ between makers."""

NATIONAL_PLACES = b"#$@[\\]^`{|}~"
NATIONAL = {
    0: "#$@[\\]^`{|}~",
    1: "#$à°ç§^`éùè¨",
    2: "#$§ÄÖÜ^`äöüß",
    3: "£$@[\\]^`{|}~",
    4: "#$@ÆØÅ^`æøå~",
    5: "#¤ÉÄÖÅÜéäöåü",
    6: "#$@°\\é^ùàòèì",
    7: "₧$@¡Ñ¿^`¨ñ}~",
    8: "#$@[¥]^`{|}~",
    9: "#¤ÉÆØÅÜéæøåü",
    10: "#$ÉÆØÅÜéæøåü",
    11: "#$á¡Ñ¿é`íñóú",
    12: "#$á¡Ñ¿éüíñóú",
    13: "#$@[₩]^`{|}~",
    14: "#$ŽŠĐĆČžšđćč",
    15: "#¥@[\\]^`{|}~",
}
"""ESC R n: what stands at the twelve places; 15 is China, where $ prints as ¥."""


def one_byte(code: int, page: int, country: int) -> str | None:
    """The character of a code from 0x20 to 0xFF, None where the page has none."""
    place = NATIONAL_PLACES.find(code)
    if place >= 0:
        return NATIONAL[country][place]
    try:
        text = bytes((code,)).decode(CODE_PAGES[page])
    except UnicodeDecodeError:
        return None
    return text if _drawable(text) else None


def chinese(raw: bytes, encoding: str) -> str | None:
    """The character of a 2 or 4 byte code, None where the ROM has none."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if len(text) == 1 and _drawable(text) else None


def _drawable(text: str) -> bool:
    """Python does not call the wide and the fixed space printable; printers have both."""
    return text.isprintable() or text in "\u3000\u00a0"
