"""The journal, its postings and the balances: the part of the books that moves money.

Every invariant is asserted twice: from what was read before the write, and from what reads back in
the same transaction after it. A draft is never half written: whatever raises here undoes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.core.entry import (
    GENESIS,
    Account,
    Draft,
    Entry,
    Posting,
    chain_hash,
    parse_leaf,
)
from daemon.core.records import ChainHead, Holding
from daemon.ledger.desk import Desk

_TIP = "SELECT dseq, chain, at_ms FROM journal ORDER BY dseq DESC LIMIT 1"
_ACCOUNT = "SELECT id, balance FROM account WHERE owner = ? AND asset = ? AND lot = ?"
_MOVE = "UPDATE account SET balance = ? WHERE id = ?"
_MOVE_AND_HOLD = "UPDATE account SET balance = ?, held = ? WHERE id = ?"
_READ_BACK = (
    "SELECT p.amount, a.balance, j.chain FROM posting p"
    " JOIN account a ON a.id = p.account JOIN journal j ON j.dseq = p.dseq"
    " WHERE p.dseq = ? ORDER BY p.line"
)


class JournalDesk(Desk):
    def head(self) -> ChainHead:
        tip = self._one(_TIP)
        return ChainHead(0, GENESIS) if tip is None else ChainHead(tip[0], tip[1])

    def latest_ms(self) -> int:
        """The time of the newest entry, 0 for none: the shop's clock never starts before it."""
        tip = self._one(_TIP)
        return 0 if tip is None else int(tip[2])

    def append(self, draft: Draft, opened: Mapping[Account, str] | None = None) -> Entry:
        """As `daemon.ports.ledger.Books.append`. The journal's time never goes back: an entry that
        comes with an earlier time than the one before it gets that one's time."""
        assert self._writable, "writing in read()"
        assert self._one("SELECT 1 FROM journal WHERE op_id = ?", draft.op_id) is None, (
            "this operation is in the journal already"
        )
        tip = self._one(_TIP)
        dseq, previous, latest_ms = (1, GENESIS, 0) if tip is None else (tip[0] + 1, tip[1], tip[2])
        rules = opened or {}
        postings = tuple(_in_its_lot(posting, dseq, rules) for posting in draft.postings)
        at_ms = max(draft.at_ms, latest_ms)
        entry = Entry(dseq, replace(draft, at_ms=at_ms, postings=postings))
        found = [self._one(_ACCOUNT, *_name(posting.account)) for posting in postings]
        for asked, posting, row in zip(draft.postings, postings, found, strict=True):
            _require_movable(posting, row, opens=asked.account in rules)
        leaf = entry.leaf()
        chain = chain_hash(previous, leaf)
        placed = entry.draft
        self._connection.execute(
            "INSERT INTO journal (dseq, op_id, kind, at_ms, member_id, card_id, refers_to, leaf,"
            " chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                dseq,
                placed.op_id,
                int(placed.kind),
                at_ms,
                placed.member_id,
                placed.card_id,
                placed.refers_to,
                leaf,
                chain,
            ),
        )
        balances = self._post(entry, found, {_lotless(a): rule for a, rule in rules.items()})
        self._require_written(entry, chain, balances)
        return entry

    def _post(
        self, entry: Entry, found: list[tuple[int, int] | None], rules: Mapping[str, str]
    ) -> list[int]:
        """Moves the balances and writes the postings; returns what each balance must now be."""
        lines = []
        balances = []
        for line, (posting, row) in enumerate(zip(entry.draft.postings, found, strict=True)):
            if row is None:
                account_id, before = self._open_account(entry.dseq, posting.account, rules), 0
            else:
                account_id, before = row
            after = before + posting.amount
            if (before == 0) == (after == 0):
                self._connection.execute(_MOVE, (after, account_id))
            else:
                self._connection.execute(_MOVE_AND_HOLD, (after, int(after != 0), account_id))
            lines.append((entry.dseq, line, account_id, posting.amount, int(posting.funding)))
            balances.append(after)
        self._connection.executemany(
            "INSERT INTO posting (dseq, line, account, amount, funding) VALUES (?, ?, ?, ?, ?)",
            lines,
        )
        return balances

    def _open_account(self, dseq: int, account: Account, rules: Mapping[str, str]) -> int:
        rule = rules.get(_lotless(account)) if account.lot else None
        row = self._one(
            "INSERT INTO account (owner, asset, lot, balance, held, rule, opened_dseq)"
            " VALUES (?, ?, ?, 0, 0, ?, ?) RETURNING id",
            *_name(account),
            rule,
            dseq,
        )
        return int(row[0])

    def _require_written(self, entry: Entry, chain: bytes, balances: list[int]) -> None:
        if not entry.draft.postings:
            tip = self._one(_TIP)
            assert tip[0] == entry.dseq and tip[1] == chain, "the entry does not read back"
            return
        back = self._all(_READ_BACK, entry.dseq)
        assert [row[0] for row in back] == [p.amount for p in entry.draft.postings]
        assert [row[1] for row in back] == balances, "a balance does not read back"
        assert all(row[2] == chain for row in back), "the entry does not read back"

    def entry_of(self, op_id: str) -> Entry | None:
        row = self._one("SELECT leaf FROM journal WHERE op_id = ?", op_id)
        return None if row is None else parse_leaf(row[0])

    def holdings(self, owner: str) -> Sequence[Holding]:
        """The owner's accounts with a balance other than zero, oldest lot first."""
        return [
            Holding(Account(owner, asset, lot), balance, rule)
            for asset, lot, balance, rule in self._all(
                "SELECT asset, lot, balance, rule FROM account WHERE owner = ? AND held = 1"
                " ORDER BY lot, id",
                owner,
            )
        ]

    def balance(self, account: Account) -> int:
        row = self._one(_ACCOUNT, *_name(account))
        return 0 if row is None else int(row[1])

    def voided_by(self, op_id: str) -> str | None:
        row = self._one("SELECT op_id FROM journal WHERE refers_to = ? ORDER BY dseq", op_id)
        return None if row is None else str(row[0])

    def leaves(self, first_dseq: int, most: int) -> Sequence[tuple[int, bytes, bytes]]:
        """(dseq, leaf, chain hash) from `first_dseq` on, at most `most`, in order."""
        return [
            (dseq, leaf, chain)
            for dseq, leaf, chain in self._all(
                "SELECT dseq, leaf, chain FROM journal WHERE dseq >= ? ORDER BY dseq LIMIT ?",
                first_dseq,
                most,
            )
        ]


def _in_its_lot(posting: Posting, dseq: int, rules: Mapping[Account, str]) -> Posting:
    account = posting.account
    if account not in rules:
        return posting
    assert account.lot == 0, "only an account without a lot can be given one"
    return replace(posting, account=replace(account, lot=dseq))


def _require_movable(posting: Posting, row: tuple[int, int] | None, *, opens: bool) -> None:
    account = posting.account
    assert (row is None) or not opens, "this lot was opened before"
    assert row is not None or opens or account.lot == 0, "a lot that nothing opened"
    after = posting.amount + (0 if row is None else row[1])
    assert after >= 0 or account.may_be_negative, "a member's account would go below zero"


def _name(account: Account) -> tuple[str, str, int]:
    return account.owner, account.asset, account.lot


def _lotless(account: Account) -> str:
    return f"{account.owner}\0{account.asset}"
