"""The number of any contactless card, by the reader itself (PC/SC part 3, clause 3.2.2.1.3)."""

from __future__ import annotations

from daemon.core.errors import CardGarbled
from daemon.readers.cards.apdu import SW_DONE, Conversation

GET_UID = bytes.fromhex("FFCA000000")
UID_LENGTHS = frozenset({4, 7, 10})
"""Single, double and triple size (ISO/IEC 14443-3, clause 6.5.4)."""


def read_uid() -> Conversation[bytes]:
    """4, 7 or 10 bytes. Raises CardGarbled."""
    answer = yield GET_UID
    if len(answer) < 2 or answer[-2:] != SW_DONE:
        raise CardGarbled("card_garbled", why="uid_status")
    uid = bytes(answer[:-2])
    if len(uid) not in UID_LENGTHS:
        raise CardGarbled("card_garbled", why="uid_length", length=len(uid))
    return uid
