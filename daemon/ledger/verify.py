"""Proves a ledger, or names what is wrong with it: `counterd verify`.

One pass over the journal and its postings: every row is where it says it is, every chain hash
follows from the one before, every leaf says what the postings rows say, every entry sums to zero,
and the balances are the fold of the postings. Then the batches, the signed checkpoints, and the
head beside the database, which shows a tail that was cut off. It only reads, and may run while the
daemon sells: all of it sees one snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from daemon.core.entry import GENESIS, Entry, Kind, chain_hash, parse_leaf, require_balanced
from daemon.core.errors import BadRequest, LedgerCorrupt, LedgerError
from daemon.core.records import Document
from daemon.ledger.checkpoint import Checkpoint, kept_head
from daemon.ledger.desk import Connection
from daemon.ledger.door import PAGE_BYTES, DriverError, open_reader, translate
from daemon.ledger.lock import at_rest
from daemon.ledger.migrate import versions
from daemon.ledger.wal import WalShape, require_undamaged, wal_shape

MOST_PROBLEMS: Final = 1000
"""Named one by one; a ledger with more of them is not read better with a longer list."""
ROWS_AT_ONCE: Final = 500


class Flaw(Enum):
    """What can be wrong. The value is the name in the report."""

    ROW_CHANGED = "row_changed"
    """The leaf or the chain hash is not what the row before leads to."""
    ROW_MISSING = "row_missing"
    ROW_MISPLACED = "row_misplaced"
    """The leaf says that it is another row: two rows were swapped, or one was copied."""
    LEAF_MALFORMED = "leaf_malformed"
    COLUMNS_DIFFER = "columns_differ"
    """A column that repeats the leaf says something else."""
    POSTINGS_DIFFER = "postings_differ"
    POSTINGS_UNBALANCED = "postings_unbalanced"
    POSTINGS_STRAY = "postings_stray"
    """Postings of an entry that is not there."""
    TIME_WENT_BACK = "time_went_back"
    BALANCE_DIFFERS = "balance_differs"
    MEMBER_BELOW_ZERO = "member_below_zero"
    HELD_MARK_WRONG = "held_mark_wrong"
    BATCH_GAP = "batch_gap"
    BATCH_CHANGED = "batch_changed"
    """Its manifest is not the one whose hash was kept, or does not name the batch before
    it and the link of the chain that it ends with."""
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_DIFFERS = "checkpoint_differs"
    """A signed checkpoint names another chain hash: the journal was rewritten."""
    TAIL_CUT = "tail_cut"
    """The journal ends before a signed checkpoint."""
    HEAD_MISSING = "head_missing"
    HEAD_MALFORMED = "head_malformed"
    RULES_DIFFER = "rules_differ"
    """A version of the shop's rules is not the one that the journal says was written."""
    WAL_DAMAGED = "wal_damaged"
    """The write-ahead log is broken before its end: acknowledged entries are lost in it."""
    UNREADABLE = "unreadable"
    """The database itself says that its file is damaged."""


@dataclass(frozen=True, slots=True)
class Problem:
    flaw: Flaw
    dseq: int | None
    detail: str = ""


@dataclass(slots=True)
class Report:
    """`problems` in the order of the journal; empty for a ledger that is whole."""

    entries: int = 0
    postings: int = 0
    accounts: int = 0
    batches: int = 0
    checkpoints: int = 0
    head_dseq: int = 0
    head_chain: bytes = GENESIS
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        lines = [
            f"{self.entries} entries, {self.postings} postings, {self.accounts} accounts,"
            f" {self.batches} batches, {self.checkpoints} checkpoints",
            f"the chain ends at {self.head_dseq} with {self.head_chain.hex()}",
            *(f"entry {p.dseq}: {p.flaw.value} {p.detail}".rstrip() for p in self.problems),
            "the ledger is whole" if self.ok else f"{len(self.problems)} problems",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "entries": self.entries,
            "postings": self.postings,
            "accounts": self.accounts,
            "batches": self.batches,
            "checkpoints": self.checkpoints,
            "head": {"dseq": self.head_dseq, "chain": self.head_chain.hex()},
            "problems": [
                {"problem": p.flaw.value, "dseq": p.dseq, "detail": p.detail} for p in self.problems
            ],
        }


def verify(path: Path, key: bytes, signer_public: bytes) -> Report:
    """Verifies the ledger at `path`. Nothing is changed.

    Raises LedgerWrongKey, LedgerError("ledger_version_differs") for one that another release wrote
    last, LedgerError where the file is not there or cannot be opened; damage is
    not raised but reported."""
    check = _Check(Report(), signer_public)
    try:
        # Before the snapshot, so that it is never ahead of an honest one.
        kept = kept_head(path)
    except LedgerCorrupt:
        kept = None
        check.note(Flaw.HEAD_MALFORMED, None)
    try:
        with at_rest(path) as rests:
            shape = wal_shape(path, PAGE_BYTES)
            connection = open_reader(path, key)
            if rests:
                check.wal(shape, connection)
    except LedgerCorrupt as error:
        check.note(Flaw.UNREADABLE, None, str(error))
        return check.report
    try:
        connection.execute("BEGIN")
        if check.report.ok:
            # What a damaged WAL leaves may even be of an older version.
            _require_version(connection)
        check.run(connection, kept)
        check.pages(connection)
    except DriverError as error:
        check.note(Flaw.UNREADABLE, check.report.head_dseq + 1, str(translate(error)))
    finally:
        connection.close()
    return check.report


class _Check:
    """One verification: the report, and the balances folded so far by account id."""

    def __init__(self, report: Report, signer_public: bytes) -> None:
        self.report = report
        self._signer_public = signer_public
        self._folded: dict[int, int] = {}
        self._rules: dict[tuple[str, int], tuple[int, str]] = {}

    def note(self, flaw: Flaw, dseq: int | None, detail: str = "") -> None:
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(Problem(flaw, dseq, detail))

    def run(self, connection: Connection, kept: Checkpoint | None) -> None:
        accounts = {
            row[0]: (row[1], row[2], row[3])
            for row in connection.execute("SELECT id, owner, asset, lot FROM account").fetchall()
        }
        self._journal(connection, accounts)
        self._stray_postings(connection)
        self._balances(connection)
        self._documents(connection)
        self._batches(connection)
        self._checkpoints(connection, kept)

    def wal(self, shape: WalShape, connection: Connection) -> None:
        """Only of a ledger that no daemon writes: its WAL may begin anew between two looks."""
        try:
            require_undamaged(shape, connection)
        except LedgerCorrupt as error:
            self.note(Flaw.WAL_DAMAGED, None, str(error))

    def pages(self, connection: Connection) -> None:
        """Every page of the file, those that no entry lies on too."""
        for (told,) in connection.execute("PRAGMA cipher_integrity_check").fetchall():
            self.note(Flaw.UNREADABLE, None, str(told))

    def _journal(self, connection: Connection, accounts: dict[int, tuple[str, str, int]]) -> None:
        report = self.report
        previous: bytes | None = GENESIS
        expected, latest_ms = 1, 0
        for row, lines in _rows(connection):
            dseq, leaf, chain, at_ms = row[0], row[6], row[7], row[3]
            if dseq != expected:
                self.note(Flaw.ROW_MISSING, expected, f"up to {dseq - 1}")
                previous = None
            entry = self._leaf(dseq, leaf)
            if previous is not None and chain_hash(previous, leaf) != chain:
                self.note(Flaw.ROW_CHANGED, dseq)
            if entry is not None:
                self._columns(row, entry)
                self._postings(dseq, entry, lines, accounts)
                self._rules_of(entry)
            for account, amount, _ in lines:
                self._folded[account] = self._folded.get(account, 0) + amount
            if at_ms < latest_ms:
                self.note(Flaw.TIME_WENT_BACK, dseq)
            latest_ms = max(latest_ms, at_ms)
            report.entries += 1
            report.postings += len(lines)
            report.head_dseq, report.head_chain = dseq, chain
            expected, previous = dseq + 1, chain

    def _leaf(self, dseq: int, leaf: bytes) -> Entry | None:
        try:
            entry = parse_leaf(leaf)
        except BadRequest:
            self.note(Flaw.LEAF_MALFORMED, dseq)
            return None
        if entry.dseq != dseq:
            self.note(Flaw.ROW_MISPLACED, dseq, f"it is entry {entry.dseq}")
        return entry

    def _columns(self, row: Any, entry: Entry) -> None:
        draft = entry.draft
        said = (draft.op_id, int(draft.kind), draft.at_ms, draft.member_id, draft.refers_to)
        if (row[1], row[2], row[3], row[4], row[5]) != said or row[8] != draft.card_id:
            self.note(Flaw.COLUMNS_DIFFER, row[0])

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
            self.note(Flaw.POSTINGS_DIFFER, dseq)
        try:
            require_balanced(entry.draft.postings)
        except AssertionError:
            self.note(Flaw.POSTINGS_UNBALANCED, dseq)

    def _rules_of(self, entry: Entry) -> None:
        detail = entry.draft.detail
        version = detail.get("version")
        if entry.draft.kind is Kind.RULES_CHANGED and isinstance(version, int):
            named = str(detail.get("section")), version
            self._rules[named] = (entry.dseq, str(detail.get("sha256")))

    def _documents(self, connection: Connection) -> None:
        """Every version is the one that the journal tells of, and none is there besides."""
        told = dict(self._rules)
        rows = connection.execute(
            "SELECT section, version, content, changed_ms, actor, note FROM document"
            " ORDER BY section, version"
        ).fetchall()
        for section, version, content, changed_ms, actor, note in rows:
            dseq, sha256_hex = told.pop((section, version), (None, ""))
            try:
                document = Document(section, version, json.loads(content), changed_ms, actor, note)
                same = document.sha256 == sha256_hex
            except ValueError:
                same = False
            if not same:
                self.note(Flaw.RULES_DIFFER, dseq, f"{section} {version}")
        for (section, version), (dseq, _) in sorted(told.items()):
            self.note(Flaw.RULES_DIFFER, dseq, f"{section} {version} is missing")

    def _stray_postings(self, connection: Connection) -> None:
        strays = connection.execute(
            "SELECT DISTINCT dseq FROM posting"
            " WHERE dseq NOT IN (SELECT dseq FROM journal) ORDER BY dseq LIMIT ?",
            (MOST_PROBLEMS,),
        ).fetchall()
        for (dseq,) in strays:
            self.note(Flaw.POSTINGS_STRAY, dseq)

    def _balances(self, connection: Connection) -> None:
        rows = connection.execute(
            "SELECT id, owner, asset, lot, balance, opened_dseq, held FROM account ORDER BY id"
        ).fetchall()
        for account, owner, asset, lot, balance, opened_dseq, held in rows:
            self.report.accounts += 1
            name = f"{owner} {asset} {lot}"
            folded = self._folded.get(account, 0)
            if folded != balance:
                self.note(
                    Flaw.BALANCE_DIFFERS, opened_dseq, f"{name}: {balance}, postings say {folded}"
                )
            if owner.startswith("member:") and balance < 0:
                self.note(Flaw.MEMBER_BELOW_ZERO, opened_dseq, f"{name}: {balance}")
            if held != int(balance != 0):
                self.note(Flaw.HELD_MARK_WRONG, opened_dseq, name)

    def _batches(self, connection: Connection) -> None:
        rows = connection.execute(
            "SELECT epoch, bseq, batch.first_dseq, last_dseq, head, manifest, chain,"
            " epoch.first_dseq FROM batch JOIN epoch USING (epoch)"
            " LEFT JOIN journal ON dseq = last_dseq ORDER BY epoch, bseq"
        ).fetchall()
        epoch_before, bseq_before, dseq_before, head_before = 0, 0, 0, GENESIS
        for epoch, bseq, first_dseq, last_dseq, head, manifest, chain, begins in rows:
            self.report.batches += 1
            if epoch != epoch_before:
                # Each epoch numbers its batches anew, behind where it began.
                bseq_before, dseq_before, head_before = 0, begins - 1, GENESIS
            if bseq != bseq_before + 1 or first_dseq != dseq_before + 1:
                self.note(Flaw.BATCH_GAP, first_dseq, f"batch {bseq}")
            if last_dseq > self.report.head_dseq:
                self.note(Flaw.TAIL_CUT, last_dseq, f"batch {bseq} ends there")
            # A hash is in the manifest byte for byte, whatever stands around it.
            named = head_before in manifest and (chain is None or chain in manifest)
            if sha256(manifest).digest() != head or not named:
                self.note(Flaw.BATCH_CHANGED, first_dseq, f"batch {bseq}")
            epoch_before = epoch
            bseq_before, dseq_before, head_before = bseq, last_dseq, head

    def _checkpoints(self, connection: Connection, kept: Checkpoint | None) -> None:
        rows = connection.execute(
            "SELECT dseq, epoch, chain, at_ms, device, key_id, signature FROM checkpoint"
            " ORDER BY dseq"
        ).fetchall()
        noted = [Checkpoint(*row) for row in rows]
        self.report.checkpoints = len(noted)
        for checkpoint in noted:
            self._checkpoint(connection, checkpoint, "in the ledger")
        if kept is not None:
            self._checkpoint(connection, kept, "beside the ledger")
        elif noted and not any(p.flaw is Flaw.HEAD_MALFORMED for p in self.report.problems):
            self.note(Flaw.HEAD_MISSING, noted[-1].dseq)

    def _checkpoint(self, connection: Connection, checkpoint: Checkpoint, where: str) -> None:
        if not checkpoint.is_signed_by(self._signer_public):
            self.note(Flaw.CHECKPOINT_FORGED, checkpoint.dseq, where)
            return
        if checkpoint.dseq > self.report.head_dseq:
            self.note(
                Flaw.TAIL_CUT,
                checkpoint.dseq,
                f"{where}; the journal ends at {self.report.head_dseq}",
            )
            return
        row = connection.execute(
            "SELECT chain FROM journal WHERE dseq = ?", (checkpoint.dseq,)
        ).fetchone()
        if row is None or row[0] != checkpoint.chain:
            self.note(Flaw.CHECKPOINT_DIFFERS, checkpoint.dseq, where)


def _require_version(connection: Connection) -> None:
    present = int(connection.execute("PRAGMA user_version").fetchone()[0])
    known = len(versions())
    if present != known:
        raise LedgerError("ledger_version_differs", version=present, known=known)


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
