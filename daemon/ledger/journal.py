"""The journal, its postings and the balances: the part of the books that moves money.

Every invariant is asserted twice: from what was read before the write, and from what reads back in
the same transaction after it. A draft is never half written: whatever raises here undoes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from daemon.core.entry import (
    GENESIS,
    MOST_POSTINGS,
    Account,
    Draft,
    Entry,
    Kind,
    Posting,
    chain_hash,
    parse_leaf,
)
from daemon.core.lot_number import lot_number
from daemon.core.lot_rule import LOTS_PROOF, lot_rule, lots_digest
from daemon.core.records import ChainHead, Holding
from daemon.ledger.chain_desk import ChainDesk, lot_key

_TIP = "SELECT dseq, chain, at_ms FROM journal ORDER BY dseq DESC LIMIT 1"
_PLACE = (
    "SELECT dseq, chain, at_ms, EXISTS (SELECT 1 FROM journal WHERE op_id = ?)"
    " FROM journal ORDER BY dseq DESC LIMIT 1"
)
_ACCOUNT = "SELECT id, balance FROM account WHERE owner = ? AND asset = ? AND lot = ?"
_READ_BACK = (
    "SELECT p.amount, a.balance, j.chain FROM posting p"
    " JOIN account a ON a.id = p.account JOIN journal j ON j.dseq = p.dseq"
    " WHERE p.dseq = ? ORDER BY p.line"
)

Found = tuple[int, int] | None
"""Id and balance of an account before the entry, or None where the entry opens it."""


class JournalDesk(ChainDesk):
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
        place = self._one(_PLACE, draft.op_id)
        dseq, previous, latest_ms, there = (0, GENESIS, 0, 0) if place is None else place
        assert not there, "this operation is in the journal already"
        dseq += 1
        number = self.journal_number()
        if number:
            draft = self._funded(draft)
        lot = lot_number(number, dseq)
        rules = opened or {}
        asked = draft.postings
        if rules or draft.at_ms < latest_ms:
            draft = replace(
                draft,
                at_ms=max(draft.at_ms, latest_ms),
                postings=tuple(_in_its_lot(posting, lot, rules) for posting in asked),
                detail={**draft.detail, **_opening(asked, rules)},
            )
        entry = Entry(dseq, draft)
        found = self._find(draft.postings)
        for before, posting, row in zip(asked, draft.postings, found, strict=True):
            _require_movable(posting, row, opens=before.account in rules)
        leaf = entry.leaf()
        chain = chain_hash(previous, leaf)
        self._connection.execute(
            "INSERT INTO journal (dseq, op_id, kind, at_ms, member_id, card_id, refers_to, leaf,"
            " chain, actor, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                dseq,
                draft.op_id,
                int(draft.kind),
                draft.at_ms,
                draft.member_id,
                draft.card_id,
                draft.refers_to,
                leaf,
                chain,
                draft.actor,
                draft.detail.get("event"),
            ),
        )
        balances = self._post(entry, found, rules, counted=number > 0)
        self._require_written(entry, chain, balances)
        return entry

    def _find(self, postings: Sequence[Posting]) -> list[Found]:
        """All accounts of an entry in one statement."""
        found: list[Found] = [None] * len(postings)
        if postings:
            names = [part for posting in postings for part in _name(posting.account)]
            for line, account_id, balance in self._all(_accounts_sql(len(postings)), *names):
                found[line] = (account_id, balance)
        return found

    def _post(
        self,
        entry: Entry,
        found: Sequence[Found],
        rules: Mapping[Account, str],
        *,
        counted: bool,
    ) -> list[int]:
        """Moves the balances and writes the postings; returns what each balance must now be."""
        lines = []
        balances = []
        moved = []
        flipped = []
        for line, (posting, row) in enumerate(zip(entry.draft.postings, found, strict=True)):
            if row is None:
                account_id, before = self._open_account(entry.dseq, posting.account, rules), 0
                if counted and posting.account.lot and posting.account not in rules:
                    # A lot of this journal: whoever is granted of it must know its rule.
                    self._goes_up("lots", lot_key(posting.account))
            else:
                account_id, before = row
            after = before + posting.amount
            if (before == 0) == (after == 0):
                moved.append((after, account_id))
            else:
                flipped.append((after, int(after != 0), account_id))
            lines.append((entry.dseq, line, account_id, posting.amount, int(posting.funding)))
            balances.append(after)
        many = self._connection.executemany
        if moved:
            many("UPDATE account SET balance = ? WHERE id = ?", moved)
        if flipped:
            # Only these touch the index of what an owner holds.
            many("UPDATE account SET balance = ?, held = ? WHERE id = ?", flipped)
        if lines:
            many(
                "INSERT INTO posting (dseq, line, account, amount, funding) VALUES (?, ?, ?, ?, ?)",
                lines,
            )
        self._project(entry.draft.postings)
        if counted:
            self._count(entry, lines)
        return balances

    def _project(self, postings: Sequence[Posting]) -> None:
        """What members hold together, beside their accounts: lists and filters read this."""
        sums: dict[str, dict[str, int]] = {}
        for posting in postings:
            kind, _, member_id = posting.account.owner.partition(":")
            if kind == "member" and posting.account.asset in ("principal", "bonus", "points"):
                held = sums.setdefault(member_id, {"principal": 0, "bonus": 0, "points": 0})
                held[posting.account.asset] += posting.amount
        for member_id, held in sums.items():
            self._change(
                "INSERT INTO standing (member_id, principal_fen, bonus_fen, points)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (member_id) DO UPDATE SET"
                " principal_fen = principal_fen + excluded.principal_fen,"
                " bonus_fen = bonus_fen + excluded.bonus_fen, points = points + excluded.points",
                member_id,
                held["principal"],
                held["bonus"],
                held["points"],
            )

    def _open_account(self, dseq: int, account: Account, rules: Mapping[Account, str]) -> int:
        rule = rules.get(account, rules.get(replace(account, lot=0))) if account.lot else None
        row = self._one(
            "INSERT INTO account (owner, asset, lot, balance, held, rule, opened_dseq)"
            " VALUES (?, ?, ?, 0, 0, ?, ?) RETURNING id",
            *_name(account),
            rule,
            dseq,
        )
        to_day = lot_rule(rule).to_day
        if to_day:
            self._change("INSERT INTO lot_end VALUES (?, ?, ?, ?)", to_day, *_name(account))
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
        row = self._one(
            "SELECT op_id FROM journal WHERE refers_to = ? AND kind IN (?, ?, ?) ORDER BY dseq",
            op_id,
            int(Kind.VOID_SALE),
            int(Kind.VOID_RECHARGE),
            int(Kind.FEE),
        )
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


def _in_its_lot(posting: Posting, lot: int, rules: Mapping[Account, str]) -> Posting:
    """A lot that another counter of the chain opened keeps its number."""
    account = posting.account
    if account not in rules or account.lot:
        return posting
    return replace(posting, account=replace(account, lot=lot))


def _opening(asked: Sequence[Posting], rules: Mapping[Account, str]) -> dict[str, str]:
    """The rules themselves are kept with the accounts; the leaf proves them."""
    lots = [
        (posting.account.owner, posting.account.asset, rules[posting.account])
        for posting in asked
        if posting.account in rules
    ]
    return {LOTS_PROOF: lots_digest(lots)} if lots else {}


def _require_movable(posting: Posting, row: Found, *, opens: bool) -> None:
    account = posting.account
    assert (row is None) or not opens, "this lot was opened before"
    assert row is not None or opens or account.lot == 0, "a lot that nothing opened"
    after = posting.amount + (0 if row is None else row[1])
    assert after >= 0 or account.may_be_negative, "a member's account would go below zero"


@lru_cache(maxsize=MOST_POSTINGS)
def _accounts_sql(count: int) -> str:
    return " UNION ALL ".join(
        f"SELECT {line}, id, balance FROM account WHERE owner = ? AND asset = ? AND lot = ?"
        for line in range(count)
    )


def _name(account: Account) -> tuple[str, str, int]:
    return account.owner, account.asset, account.lot
