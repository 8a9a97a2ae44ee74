"""The index of the hashed words that members are found by.

A member has some fifteen words, and each of them has a place of its own somewhere in the index. One
by one, each would cost a page that is read, decrypted, changed, encrypted and written. So the words
of members who are added in great numbers wait, durable and divided into stretches of the index, and
are then put in stretch by stretch: each page is written once. Whole phones do not wait, because
they tell who is there already.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from daemon.ledger.desk import Desk
from daemon.ledger.vault import WORD_BYTES, Words, number_of

MANY: Final = 20
"""Members whose words wait when they are added together: one page for each stretch is touched,
where in their places it would be one for each word."""
ID_BYTES: Final = 26
_RECORD: Final = struct.Struct(f">q{ID_BYTES}s")
RECORD_BYTES: Final = _RECORD.size
_PAD: Final = bytes(RECORD_BYTES - WORD_BYTES - ID_BYTES)
STRETCHES: Final = 256
"""A stretch is all words whose hash has the same first byte."""
_COUNTED: Final = 8
"""Of so many stretches the words that wait are counted, for the whole."""
_INSERT: Final = "INSERT OR IGNORE INTO member_word (word, member_id) VALUES (?, CAST(? AS TEXT))"


class WordsDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def _add_words(self, found_by: Sequence[tuple[str, Words]]) -> None:
        """Of members by id. Adding again does no harm."""
        assert self._writable, "writing in read()"
        waits = len(found_by) >= MANY and all(len(each) == ID_BYTES for each, _ in found_by)
        now: list[tuple[int, str]] = []
        later = [bytearray() for _ in range(STRETCHES)]
        for member_id, words in found_by:
            if words.phone is not None:
                now.append((words.phone, member_id))
            if waits:
                raw = member_id.encode()
                for word in words.others:
                    later[word[0]] += _PAD + word + raw
            else:
                now += [(number_of(word), member_id) for word in words.others]
        # In the order of the index, neighbours share its pages.
        now.sort()
        self._connection.executemany(_INSERT, now)
        if waits:
            self._let_wait(later)

    def _let_wait(self, later: Sequence[bytearray]) -> None:
        self._connection.executemany(
            "INSERT INTO word_waiting (stretch, run, words)"
            " SELECT ?1, coalesce(max(run), 0) + 1, ?2 FROM word_waiting WHERE stretch = ?1",
            [(place, bytes(words)) for place, words in enumerate(later) if words],
        )

    def _forget_words(self, member_id: str, words: Words) -> None:
        self._connection.executemany(
            "DELETE FROM member_word WHERE word = ? AND member_id = ?",
            [(number, member_id) for number in sorted(words.numbers())],
        )
        gone = {_PAD + word + member_id.encode() for word in words.others}
        for stretch in {word[0] for word in words.others}:
            for run, waiting in self._waiting(stretch):
                kept = [record for record in _records(waiting) if record not in gone]
                if len(kept) * RECORD_BYTES < len(waiting):
                    self._change(
                        "UPDATE word_waiting SET words = ? WHERE stretch = ? AND run = ?",
                        b"".join(kept),
                        stretch,
                        run,
                    )

    def words_waiting(self) -> int:
        """About how many, from the stretches that are settled last; 0 is exact."""
        counted = self._one(
            "SELECT coalesce(sum(length(words)), 0) FROM word_waiting WHERE stretch >= ?",
            STRETCHES - _COUNTED,
        )[0]
        whole = int(counted) // RECORD_BYTES * (STRETCHES // _COUNTED)
        return whole or int(self._one("SELECT EXISTS (SELECT 1 FROM word_waiting)")[0])

    def settle_words(self, most: int) -> int | None:
        """Puts about `most` words that wait in their place, at least those of one run; returns how
        many hundredths of the way are done, None where nothing waits."""
        first = self._one("SELECT min(stretch) FROM word_waiting")[0]
        if first is None:
            return None
        records: list[bytes] = []
        runs: list[tuple[int, int]] = []
        for run, waiting in self._waiting(first):
            if runs and len(records) + len(waiting) // RECORD_BYTES > most:
                break
            records += _records(waiting)
            runs.append((first, run))
        records.sort()
        self._connection.executemany(_INSERT, _RECORD.iter_unpack(b"".join(records)))
        self._connection.executemany("DELETE FROM word_waiting WHERE stretch = ? AND run = ?", runs)
        return int(first) * 100 // STRETCHES

    def forget_old_words(self, most: int) -> int:
        """Removes up to `most` words as versions before 4 kept them; how many there were."""
        return self._change(
            "DELETE FROM member_token WHERE (token, member_id) IN"
            " (SELECT token, member_id FROM member_token ORDER BY token, member_id LIMIT ?)",
            most,
        )

    def _waiting(self, stretch: int) -> Iterable[tuple[int, bytes]]:
        return _runs(self, stretch)


def unsettled(desk: Desk, numbers: Sequence[int]) -> list[str]:
    """Ids of members with one of these words, as numbers, that is not in its place yet."""
    found: list[str] = []
    for number in numbers:
        word = number.to_bytes(WORD_BYTES, "big")
        sought = _PAD + word
        for _, waiting in _runs(desk, word[0]):
            at = waiting.find(sought)
            while at >= 0:
                if at % RECORD_BYTES == 0:
                    found.append(waiting[at + len(sought) : at + RECORD_BYTES].decode())
                at = waiting.find(sought, at + 1)
    return found


def _runs(desk: Desk, stretch: int) -> Iterable[tuple[int, bytes]]:
    return desk._all("SELECT run, words FROM word_waiting WHERE stretch = ? ORDER BY run", stretch)


def _records(waiting: bytes) -> list[bytes]:
    starts = range(0, len(waiting), RECORD_BYTES)
    return [waiting[start : start + RECORD_BYTES] for start in starts]
