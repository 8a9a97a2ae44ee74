"""Members by filter, page by page, whatever their number: every step looks at a bounded stretch of
an index, so that a rare condition costs many short steps and never one long one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from daemon.core.member_filter import Condition
from daemon.core.money import Purse
from daemon.core.records import Standing
from daemon.ledger.jobs_desk import JobsDesk
from daemon.ledger.member_query import Query, compile_filter
from daemon.ledger.people import CARD_COLUMNS, MEMBER_COLUMNS, card_of, member_of
from daemon.ledger.vault import field_word
from daemon.ledger.words_desk import unsettled
from daemon.ports.office_books import Listed, Sort, Stretch

_STANDING: Final = (
    "first_day, last_day, visits, spent_fen, recharged_fen, points_earned, principal_fen,"
    " bonus_fen, points"
)
_WHOLE: Final = "~"
"""Behind every id and every number."""


class OfficeDesk(JobsDesk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def listed(self, member_ids: Sequence[str]) -> Sequence[Listed]:
        marks = ", ".join("?" * len(member_ids))
        columns = ", ".join(f"m.{name.strip()}" for name in MEMBER_COLUMNS.split(","))
        standing = ", ".join(f"t.{name.strip()}" for name in _STANDING.split(","))
        rows = self._all(
            f"SELECT k.wrapped, s.sealed, {standing}, {columns} FROM member m"
            " LEFT JOIN member_key k USING (member_id) LEFT JOIN member_secret s USING (member_id)"
            f" LEFT JOIN standing t USING (member_id) WHERE m.member_id IN ({marks})",
            *member_ids,
        )
        cards: dict[str, list[Any]] = {}
        for row in self._all(
            f"SELECT {CARD_COLUMNS} FROM card WHERE member_id IN ({marks})"
            " ORDER BY issued_ms DESC, card_id DESC",
            *member_ids,
        ):
            card = card_of(row)
            cards.setdefault(card.member_id, []).append(card)
        found = {}
        for wrapped, sealed, *rest in rows:
            member = member_of(rest[9:])
            member_id = member.member_id
            personal = None
            if wrapped is not None and sealed is not None:
                personal = self._vault.open(
                    member_id, self._vault.unwrap(member_id, wrapped), sealed
                )
            held = Standing(member_id) if rest[2] is None else Standing(member_id, *rest[:9])
            found[member_id] = Listed(member, personal, held, tuple(cards.get(member_id, ())))
        return [found[each] for each in member_ids if each in found]

    def money_of(self, member_ids: Sequence[str]) -> Mapping[str, Purse]:
        owners = {f"member:{member_id}": member_id for member_id in member_ids}
        found: dict[str, Purse] = {}
        for owner, principal_fen, bonus_fen in self._all(
            "SELECT owner, sum((asset = 'principal') * balance), sum((asset = 'bonus') * balance)"
            f" FROM account WHERE held = 1 AND owner IN ({', '.join('?' * len(owners))})"
            " GROUP BY owner",
            *owners,
        ):
            found[owners[owner]] = Purse(principal_fen, bonus_fen)
        return found

    def stretch(
        self,
        conditions: Sequence[Condition],
        sort: Sort,
        after: str | None,
        limit: int,
        look_at: int,
        utc_offset_min: int,
    ) -> Stretch:
        query = self._query(conditions, utc_offset_min, drives=sort is not Sort.NUMBER)
        walk = _Walk(query, sort, after)
        end = self._end(walk, look_at) if conditions else None
        sql, values = walk.within(end)
        rows = self._all(
            f"SELECT m.member_id, {walk.key} {sql} ORDER BY {walk.key} {walk.way} LIMIT ?",
            *values,
            limit,
        )
        ids = [row[0] for row in rows]
        return Stretch(ids, rows[-1][1] if len(rows) == limit else end)

    def count_members(
        self,
        conditions: Sequence[Condition],
        after: str | None,
        look_at: int,
        utc_offset_min: int,
    ) -> tuple[int, str | None]:
        walk = _Walk(self._query(conditions, utc_offset_min), Sort.NEWEST, after)
        end = self._end(walk, look_at)
        sql, values = walk.within(end)
        return int(self._one(f"SELECT count(*) {sql}", *values)[0]), end

    def _query(
        self, conditions: Sequence[Condition], utc_offset_min: int, *, drives: bool = True
    ) -> Query:
        # A filter is acted upon (a batch, a coupon for each): whose words still wait is not missed.
        return compile_filter(
            conditions,
            self._vault.word,
            field_word,
            utc_offset_min,
            lambda words: unsettled(self, words),
            drives=drives,
        )

    def _end(self, walk: _Walk, look_at: int) -> str | None:
        """The key that is `look_at` further on, None where there are not so many."""
        sql, values = walk.bare()
        row = self._one(
            f"SELECT {walk.key} {sql} ORDER BY {walk.key} {walk.way} LIMIT 1 OFFSET ?",
            *values,
            look_at - 1,
        )
        return None if row is None else str(row[0])

    def numbered(self, numbers: Sequence[str]) -> Mapping[str, str]:
        marks = ", ".join("?" * len(numbers))
        return dict(
            self._all(f"SELECT number, member_id FROM member WHERE number IN ({marks})", *numbers)
        )

    def phoned(self, phones: Sequence[str]) -> Mapping[str, Sequence[str]]:
        words = {self._vault.phone_word(phone): phone for phone in phones}
        marks = ", ".join("?" * len(words))
        found: dict[str, list[str]] = {}
        for word, member_id in self._all(
            f"SELECT word, member_id FROM member_word WHERE word IN ({marks}) ORDER BY member_id",
            *sorted(words),
        ):
            found.setdefault(words[word], []).append(member_id)
        return found


class _Walk:
    """One way through the members: over ids, over numbers, or over the members of a word."""

    def __init__(self, query: Query, sort: Sort, after: str | None) -> None:
        self._query = query
        self.way = "DESC" if sort is Sort.NEWEST else "ASC"
        self._before, self._upto = ("<", ">=") if sort is Sort.NEWEST else (">", "<=")
        self.key = "m.number" if sort is Sort.NUMBER else "m.member_id"
        self._begin = after or (_WHOLE if sort is Sort.NEWEST else "")
        self._values: list[Any] = []
        if query.driver is None:
            self._table, self._where = "FROM member m", []
        else:
            self.key = "d.member_id"
            self._table, self._where = "FROM member_word d", ["d.word = ?"]
            self._values.append(query.driver)
        self._where = [*self._where, f"{self.key} {self._before} ?"]
        self._values.append(self._begin)

    def bare(self) -> tuple[str, list[Any]]:
        """Over everybody on this way."""
        return f"{self._table} WHERE {' AND '.join(self._where)}", self._values

    def within(self, end: str | None) -> tuple[str, list[Any]]:
        """Over those that the conditions hold for, up to the key `end`."""
        table, where, values = self._table, list(self._where), list(self._values)
        if self._query.driver is not None:
            # CROSS keeps the order of the tables: the word's own end is walked.
            table += " CROSS JOIN member m ON m.member_id = d.member_id"
        if self._query.standing:
            table += " LEFT JOIN standing s ON s.member_id = m.member_id"
        if end is not None:
            where.append(f"{self.key} {self._upto} ?")
            values.append(end)
        where.append(self._query.conditions)
        return f"{table} WHERE {' AND '.join(where)}", values + self._query.values
