"""Members, their cards, and the personal data that can be erased."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from daemon.core.card import CardStatus, Technology
from daemon.core.errors import Conflict
from daemon.core.records import Card, Member, Personal
from daemon.ledger.desk import from_json, to_json
from daemon.ledger.vault import Words
from daemon.ledger.words_desk import WordsDesk
from daemon.ports.office_books import Stretch

MEMBER_COLUMNS = (
    "member_id, number, category, status, created_ms, pin_hash, pin_failures,"
    " pin_locked_until_ms, level, valid_to, tags, fields, referrer, named"
)
_MEMBER_MARKS = ", ".join("?" * 14)
CARD_COLUMNS = (
    "card_id, member_id, uid, technology, status, key_version, counter, pending, pending_op,"
    " issued_ms, number, valid_to, replaces"
)
_CARD_MARKS = ", ".join("?" * 13)
_AFTER_ALL = "~"
"""Behind every id."""


class PeopleDesk(WordsDesk):
    def member(self, member_id: str) -> Member | None:
        row = self._one(f"SELECT {MEMBER_COLUMNS} FROM member WHERE member_id = ?", member_id)
        return None if row is None else member_of(row)

    def add_member(self, member: Member, personal: Personal) -> None:
        """Raises Conflict("member_number_taken")."""
        self._require_free(member)
        self.add_members([(member, personal)])

    def add_members(self, added: Sequence[tuple[Member, Personal]]) -> None:
        """Many at once. Asserts that no number is taken."""
        assert self._writable, "writing in read()"
        keys, secrets, words = [], [], []
        for member, personal in added:
            member_id = member.member_id
            key, wrapped = self._vault.new_key(member_id)
            keys.append((member_id, wrapped))
            secrets.append((member_id, self._vault.seal(member_id, key, personal)))
            words.append((member_id, self._vault.words(personal)))
        many = self._connection.executemany
        many(
            f"INSERT INTO member ({MEMBER_COLUMNS}) VALUES ({_MEMBER_MARKS})",
            [_member_row(member) for member, _ in added],
        )
        many("INSERT INTO member_key (member_id, wrapped) VALUES (?, ?)", keys)
        many("INSERT INTO member_secret (member_id, sealed) VALUES (?, ?)", secrets)
        self._add_words(words)

    def change_member(self, member: Member) -> None:
        """Raises Conflict("member_number_taken")."""
        self._require_free(member)
        changed = self._change(
            "UPDATE member SET number = ?, category = ?, status = ?, created_ms = ?, pin_hash = ?,"
            " pin_failures = ?, pin_locked_until_ms = ?, level = ?, valid_to = ?, tags = ?,"
            " fields = ?, referrer = ?, named = ? WHERE member_id = ?",
            *_member_row(member)[1:],
            member.member_id,
        )
        assert changed == 1, "no such member"

    def personal(self, member_id: str) -> Personal | None:
        """None when it has been erased. Raises LedgerCorrupt where it cannot be decrypted."""
        row = self._one(
            "SELECT k.wrapped, s.sealed FROM member_key k JOIN member_secret s USING (member_id)"
            " WHERE member_id = ?",
            member_id,
        )
        if row is None:
            return None
        key = self._vault.unwrap(member_id, row[0])
        return self._vault.open(member_id, key, row[1])

    def change_personal(self, member_id: str, personal: Personal) -> None:
        """Asserts that the member is there and has not been erased."""
        before = self.personal(member_id)
        wrapped = self._one("SELECT wrapped FROM member_key WHERE member_id = ?", member_id)
        assert before is not None and wrapped is not None, "no such member, or erased"
        old, new = self._vault.words(before), self._vault.words(personal)
        same = old.others & new.others
        self._forget_words(member_id, Words(old.others - same, old.phone))
        self._change(
            "UPDATE member_secret SET sealed = ? WHERE member_id = ?",
            self._vault.seal(member_id, self._vault.unwrap(member_id, wrapped[0]), personal),
            member_id,
        )
        self._add_words([(member_id, Words(new.others - same, new.phone))])

    def seal_personal(self, member_id: str, personal: Personal) -> bytes | None:
        """Sealed under the member's own key, to be kept beside other things; None where that key is
        gone. What erases the person erases this too."""
        wrapped = self._one("SELECT wrapped FROM member_key WHERE member_id = ?", member_id)
        if wrapped is None:
            return None
        return self._vault.seal(member_id, self._vault.unwrap(member_id, wrapped[0]), personal)

    def open_personal(self, member_id: str, sealed: bytes) -> Personal | None:
        """What `seal_personal` sealed; None where the member has been erased since. Raises
        LedgerCorrupt where it cannot be decrypted."""
        wrapped = self._one("SELECT wrapped FROM member_key WHERE member_id = ?", member_id)
        if wrapped is None:
            return None
        return self._vault.open(member_id, self._vault.unwrap(member_id, wrapped[0]), sealed)

    def entries_about(self, member_id: str) -> int:
        """How many entries of the journal name the member."""
        row = self._one("SELECT count(*) FROM journal WHERE member_id = ?", member_id)
        assert row is not None
        return int(row[0])

    def is_bound(self, member_id: str) -> bool:
        """Whether anything but the journal points at the member: a card, an account, a coupon, a
        message, a friend, a paper. Who is bound cannot be removed."""
        row = self._one(
            "SELECT EXISTS (SELECT 1 FROM card WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM account WHERE owner = 'member:' || ?1)"
            " OR EXISTS (SELECT 1 FROM coupon WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM message WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM check_in WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM referral WHERE friend = ?1)"
            " OR EXISTS (SELECT 1 FROM referral WHERE referrer = ?1)"
            " OR EXISTS (SELECT 1 FROM member WHERE referrer = ?1)"
            " OR EXISTS (SELECT 1 FROM member_identity WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM sale_line WHERE member_id = ?1)"
            " OR EXISTS (SELECT 1 FROM standing WHERE member_id = ?1)",
            member_id,
        )
        return row is not None and bool(row[0])

    def remove_member(self, member_id: str) -> None:
        """Takes a member off the books of whom there is nothing but a name: the number is free
        again. Asserts that nothing is bound to the member."""
        assert not self.is_bound(member_id), "something is bound to this member"
        self.erase_personal(member_id)
        self._change("DELETE FROM member WHERE member_id = ?", member_id)

    def erase_personal(self, member_id: str) -> None:
        """Removes the member's key, sealed data, identity paper and search words. The member's
        number, money and history stay. Asserts that the member is there; erasing again changes
        nothing."""
        assert self.member(member_id) is not None, "no such member"
        personal = self.personal(member_id)
        if personal is not None:
            self._forget_words(member_id, self._vault.words(personal))
        self._change("DELETE FROM member_key WHERE member_id = ?", member_id)
        self._change("DELETE FROM member_secret WHERE member_id = ?", member_id)
        self._change("DELETE FROM member_identity WHERE member_id = ?", member_id)

    def search_members(self, query: str, limit: int) -> Sequence[Member]:
        """As `found_members`, as members."""
        ids = self.found_members(query, limit, None).member_ids
        found = (self.member(member_id) for member_id in ids)
        return [member for member in found if member is not None]

    def found_members(self, query: str, limit: int, before: str | None) -> Stretch:
        """Members found by number, printed card number, name, pinyin, phone or its tail.

        Who has exactly that number comes first; then the newest, from before the id `before` on.
        Each word is read from its own end, so a common one costs no more than a rare one."""
        exact = self._exactly(query.strip())
        found: set[str] = set()
        for word in self._vault.query_words(query):
            rows = self._all(
                "SELECT member_id FROM member_word WHERE word = ? AND member_id < ?"
                " ORDER BY member_id DESC LIMIT ?",
                word,
                before or _AFTER_ALL,
                limit + len(exact),
            )
            found.update(row[0] for row in rows)
        newest = sorted(found.difference(exact), reverse=True)
        ids = [*([] if before else exact), *newest][:limit]
        if len(ids) < limit:
            return Stretch(ids, None)
        return Stretch(ids, _AFTER_ALL if ids[-1] in exact else ids[-1])

    def _exactly(self, number: str) -> list[str]:
        rows = self._all("SELECT member_id FROM member WHERE number = ?", number)
        rows += self._all(
            "SELECT member_id FROM card WHERE number = ? AND status <> 'returned'", number
        )
        return list(dict.fromkeys(row[0] for row in rows))

    def add_missing_words(self, after: str, most: int) -> str | None:
        """Gives up to `most` members from after the id `after` on the words that this version
        knows; returns the last id, or None when there are no more. Repeating does no harm."""
        rows = self._all(
            "SELECT s.member_id, k.wrapped, s.sealed FROM member_secret s"
            " JOIN member_key k USING (member_id) WHERE s.member_id > ?"
            " ORDER BY s.member_id LIMIT ?",
            after,
            most,
        )
        found_by = []
        for member_id, wrapped, sealed in rows:
            key = self._vault.unwrap(member_id, wrapped)
            personal = self._vault.open(member_id, key, sealed)
            found_by.append((member_id, self._vault.words(personal)))
        self._add_words(found_by)
        return rows[-1][0] if len(rows) == most else None

    def _require_free(self, member: Member) -> None:
        row = self._one("SELECT member_id FROM member WHERE number = ?", member.number)
        if row is not None and row[0] != member.member_id:
            raise Conflict("member_number_taken")

    def card(self, card_id: str) -> Card | None:
        return _card(self._one(f"SELECT {CARD_COLUMNS} FROM card WHERE card_id = ?", card_id))

    def card_by_uid(self, uid: bytes) -> Card | None:
        """The newest card on the books with that UID."""
        return _card(
            self._one(
                f"SELECT {CARD_COLUMNS} FROM card WHERE uid = ?"
                " ORDER BY issued_ms DESC, card_id DESC LIMIT 1",
                uid,
            )
        )

    def card_pending_for(self, op_id: str) -> Card | None:
        """The card whose intent was written for that operation and is not settled."""
        return _card(self._one(f"SELECT {CARD_COLUMNS} FROM card WHERE pending_op = ?", op_id))

    def cards_of(self, member_id: str) -> Sequence[Card]:
        """Newest first."""
        rows = self._all(
            f"SELECT {CARD_COLUMNS} FROM card WHERE member_id = ?"
            " ORDER BY issued_ms DESC, card_id DESC",
            member_id,
        )
        return [card for row in rows if (card := _card(row)) is not None]

    def add_card(self, card: Card) -> None:
        self._change(f"INSERT INTO card ({CARD_COLUMNS}) VALUES ({_CARD_MARKS})", *_card_row(card))

    def change_card(self, card: Card) -> None:
        """Asserts that the card is there and that its counter does not go back."""
        changed = self._change(
            "UPDATE card SET member_id = ?, uid = ?, technology = ?, status = ?, key_version = ?,"
            " counter = ?, pending = ?, pending_op = ?, issued_ms = ?, number = ?, valid_to = ?,"
            " replaces = ?"
            " WHERE card_id = ? AND coalesce(counter, 0) <= coalesce(?, 0)",
            *_card_row(card)[1:],
            card.card_id,
            card.counter,
        )
        assert changed == 1, "no such card, or its counter would go back"

    def spent_on_day(self, card_id: str, day: str) -> int:
        row = self._one(
            "SELECT spent_fen FROM card_day WHERE day = ? AND card_id = ?", day, card_id
        )
        return 0 if row is None else int(row[0])

    def add_spent(self, card_id: str, day: str, amount_fen: int) -> None:
        self._change(
            "INSERT INTO card_day (day, card_id, spent_fen) VALUES (?, ?, ?)"
            " ON CONFLICT (day, card_id) DO UPDATE SET spent_fen = spent_fen + excluded.spent_fen",
            day,
            card_id,
            amount_fen,
        )


def _member_row(member: Member) -> tuple[Any, ...]:
    return (
        member.member_id,
        member.number,
        member.category,
        member.status,
        member.created_ms,
        member.pin_hash,
        member.pin_failures,
        member.pin_locked_until_ms,
        member.level,
        member.valid_to,
        json.dumps(list(member.tags), ensure_ascii=False) if member.tags else "[]",
        to_json(member.fields) if member.fields else "{}",
        member.referrer,
        int(member.named),
    )


def member_of(row: Sequence[Any]) -> Member:
    """From a row of the columns above, in their order."""
    *plain, tags, fields, referrer, named = row
    values = (*plain, tuple(json.loads(tags)), from_json(fields), referrer, bool(named))
    return Member(*values)


def _card_row(card: Card) -> tuple[Any, ...]:
    return (
        card.card_id,
        card.member_id,
        card.uid,
        card.technology.value,
        card.status.value,
        card.key_version,
        card.counter,
        card.pending,
        card.pending_op,
        card.issued_ms,
        card.number,
        card.valid_to,
        card.replaces,
    )


def _card(row: Any) -> Card | None:
    return None if row is None else card_of(row)


def card_of(row: Sequence[Any]) -> Card:
    """From a row of `CARD_COLUMNS`."""
    card_id, member_id, uid, technology, status, *rest = row
    return Card(card_id, member_id, uid, Technology(technology), CardStatus(status), *rest)
