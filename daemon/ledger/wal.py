"""Tells a WAL that a power cut left unfinished from one that was damaged afterwards.

After a crash SQLite replays the WAL up to the first frame whose checksum is wrong, and silently
drops the rest: right for the last commit, which was never acknowledged, and wrong for a flipped
bit in the middle, behind which acknowledged sales lie. Every commit is synced before the next
begins, so at most one can be unfinished: two complete ones behind the break mean damage.

The layout is sqlite.org/fileformat2.html section 4: a header of 32 bytes, then frames, each a
header of 24 bytes and a page. SQLCipher encrypts the pages and none of the headers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.core.errors import LedgerCorrupt
from daemon.ledger.desk import Connection

_HEADER: Final = struct.Struct(">IIIIIIII")
_FRAME: Final = struct.Struct(">IIII8x")
_LITTLE, _BIG = 0x377F0682, 0x377F0683


@dataclass(frozen=True, slots=True)
class WalShape:
    """`commits[n]`: frame n ends a commit. `intact` False: the file's own header is damaged."""

    intact: bool
    commits: tuple[bool, ...]


def wal_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + "-wal")


def wal_shape(ledger: Path, page_bytes: int) -> WalShape:
    """Reads the frames of the last round of the WAL. To be called before SQLite opens it."""
    try:
        raw = wal_path(ledger).open("rb")
    except FileNotFoundError:
        return WalShape(True, ())
    with raw:
        header = raw.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return WalShape(True, ())
        *_, salt_1, salt_2, _, _ = _HEADER.unpack(header)
        intact = _is_intact(header)
        salts = (salt_1, salt_2) if intact else None
        commits = []
        while True:
            frame = raw.read(_FRAME.size + page_bytes)
            if len(frame) < _FRAME.size + page_bytes:
                break
            _, size_after, *frame_salts = _FRAME.unpack_from(frame)
            # Frames of an earlier round carry older salts; they end this one.
            salts = salts or tuple(frame_salts)
            commits.append(size_after != 0 and tuple(frame_salts) == salts)
    return WalShape(intact, tuple(commits))


def require_undamaged(shape: WalShape, connection: Connection) -> None:
    """Compares what lies in the file with what SQLite replayed of it.

    Raises LedgerCorrupt("ledger_wal_damaged") where acknowledged commits were dropped."""
    replayed = replayed_frames(connection)
    dropped = sum(shape.commits[replayed:])
    if dropped > 1 or (dropped and not shape.intact):
        raise LedgerCorrupt("ledger_wal_damaged", commits=dropped)


def replayed_frames(connection: Connection) -> int:
    """Frames that are valid to SQLite. -1 in its answer is a database without a WAL."""
    return max(0, int(connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()[1]))


def _is_intact(header: bytes) -> bool:
    magic = _HEADER.unpack(header)[0]
    if magic not in (_LITTLE, _BIG):
        return False
    words = struct.unpack(("<" if magic == _LITTLE else ">") + "6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return (first, second) == _HEADER.unpack(header)[6:]
