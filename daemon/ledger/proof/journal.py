"""The journal against itself, its postings and the balances: one pass from the first entry on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from daemon.core.entry import GENESIS, Entry, chain_hash, parse_leaf, require_balanced
from daemon.core.errors import BadRequest
from daemon.core.lot_rule import LOTS_PROOF, lots_digest
from daemon.ledger.desk import Connection
from daemon.ledger.proof.report import MOST_PROBLEMS, Flaw, Report

ROWS_AT_ONCE: Final = 500


class JournalProof:
    """`told` is given every entry that can be read, in order, with its postings proved."""

    def __init__(
        self, report: Report, connection: Connection, told: Callable[[Entry], None]
    ) -> None:
        self.report = report
        self._note = report.note
        self._connection = connection
        self._told = told
        self._folded: dict[int, int] = {}
        self._opened: dict[int, str] = {}

    def run(self) -> None:
        self._journal(self._connection, self._accounts())
        self._stray_postings(self._connection)
        self._balances(self._connection)

    def _accounts(self) -> dict[int, tuple[str, str, int]]:
        """By id. On the way, by the entry that opened them, what proves the rules of lots."""
        accounts = {}
        opened: list[tuple[str, str, str]] = []
        opener = 0
        rows = self._connection.execute(
            "SELECT id, owner, asset, lot, opened_dseq, CASE WHEN lot THEN rule END FROM account"
            " ORDER BY opened_dseq"
        ).fetchall()
        for account, owner, asset, lot, dseq, rule in rows:
            accounts[account] = (owner, asset, lot)
            if dseq != opener:
                if opened:
                    self._opened[opener] = lots_digest(opened)
                opened, opener = [], dseq
            if lot:
                opened.append((owner, asset, rule or ""))
        if opened:
            self._opened[opener] = lots_digest(opened)
        return accounts

    def _lots(self, entry: Entry) -> None:
        """Entries of releases before version 4 prove nothing of their lots' rules."""
        proof = entry.draft.detail.get(LOTS_PROOF)
        if proof is not None and proof != self._opened.get(entry.dseq):
            self._note(Flaw.LOT_RULES_DIFFER, entry.dseq)

    def _journal(self, connection: Connection, accounts: dict[int, tuple[str, str, int]]) -> None:
        report = self.report
        previous: bytes | None = GENESIS
        expected, latest_ms = 1, 0
        for row, lines in _rows(connection):
            dseq, leaf, chain, at_ms = row[0], row[6], row[7], row[3]
            if dseq != expected:
                self._note(Flaw.ROW_MISSING, expected, f"up to {dseq - 1}")
                previous = None
            entry = self._leaf(dseq, leaf)
            if previous is not None and chain_hash(previous, leaf) != chain:
                self._note(Flaw.ROW_CHANGED, dseq)
            if entry is not None:
                self._columns(row, entry)
                self._postings(dseq, entry, lines, accounts)
                self._lots(entry)
                self._told(entry)
            for account, amount, _ in lines:
                self._folded[account] = self._folded.get(account, 0) + amount
            if at_ms < latest_ms:
                self._note(Flaw.TIME_WENT_BACK, dseq)
            latest_ms = max(latest_ms, at_ms)
            report.entries += 1
            report.postings += len(lines)
            report.head_dseq, report.head_chain = dseq, chain
            expected, previous = dseq + 1, chain

    def _leaf(self, dseq: int, leaf: bytes) -> Entry | None:
        try:
            entry = parse_leaf(leaf)
        except BadRequest:
            self._note(Flaw.LEAF_MALFORMED, dseq)
            return None
        if entry.dseq != dseq:
            self._note(Flaw.ROW_MISPLACED, dseq, f"it is entry {entry.dseq}")
        return entry

    def _columns(self, row: Any, entry: Entry) -> None:
        draft = entry.draft
        said = (draft.op_id, int(draft.kind), draft.at_ms, draft.member_id, draft.refers_to)
        if (row[1], row[2], row[3], row[4], row[5]) != said or row[8] != draft.card_id:
            self._note(Flaw.COLUMNS_DIFFER, row[0])

    def _postings(
        self,
        dseq: int,
        entry: Entry,
        lines: list[tuple[int, int, int]],
        accounts: dict[int, tuple[str, str, int]],
    ) -> None:
        written = [(accounts.get(account), amount, funding) for account, amount, funding in lines]
        said = [
            ((p.account.owner, p.account.asset, p.account.lot), p.amount, int(p.funding))
            for p in entry.draft.postings
        ]
        if written != said:
            self._note(Flaw.POSTINGS_DIFFER, dseq)
        try:
            require_balanced(entry.draft.postings)
        except AssertionError:
            self._note(Flaw.POSTINGS_UNBALANCED, dseq)

    def _stray_postings(self, connection: Connection) -> None:
        strays = connection.execute(
            "SELECT DISTINCT dseq FROM posting"
            " WHERE dseq NOT IN (SELECT dseq FROM journal) ORDER BY dseq LIMIT ?",
            (MOST_PROBLEMS,),
        ).fetchall()
        for (dseq,) in strays:
            self._note(Flaw.POSTINGS_STRAY, dseq)

    def _balances(self, connection: Connection) -> None:
        rows = connection.execute(
            "SELECT id, owner, asset, lot, balance, opened_dseq, held FROM account ORDER BY id"
        ).fetchall()
        for account, owner, asset, lot, balance, opened_dseq, held in rows:
            self.report.accounts += 1
            name = f"{owner} {asset} {lot}"
            folded = self._folded.get(account, 0)
            if folded != balance:
                self._note(
                    Flaw.BALANCE_DIFFERS, opened_dseq, f"{name}: {balance}, postings say {folded}"
                )
            if owner.startswith("member:") and balance < 0:
                self._note(Flaw.MEMBER_BELOW_ZERO, opened_dseq, f"{name}: {balance}")
            if held != int(balance != 0):
                self._note(Flaw.HELD_MARK_WRONG, opened_dseq, name)


def _rows(connection: Connection) -> Iterator[tuple[Any, list[tuple[int, int, int]]]]:
    """Every row of the journal in order, with its postings (account id, amount, funding)."""
    after = 0
    while True:
        rows = connection.execute(
            "SELECT dseq, op_id, kind, at_ms, member_id, refers_to, leaf, chain, card_id"
            " FROM journal WHERE dseq > ? ORDER BY dseq LIMIT ?",
            (after, ROWS_AT_ONCE),
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        lines: dict[int, list[tuple[int, int, int]]] = {}
        for dseq, account, amount, funding in connection.execute(
            "SELECT dseq, account, amount, funding FROM posting"
            " WHERE dseq > ? AND dseq <= ? ORDER BY dseq, line",
            (after, last),
        ).fetchall():
            lines.setdefault(dseq, []).append((account, amount, funding))
        for row in rows:
            yield row, lines.get(row[0], [])
        after = last
