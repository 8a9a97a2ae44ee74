"""Proves a ledger, or names what is wrong with it: `counterd verify`.

One pass over the journal and its postings: every row is where it says it is, every chain hash
follows from the one before, every leaf says what the postings rows say, every entry sums to zero,
and the balances are the fold of the postings. Then the batches, the signed checkpoints, and the
head beside the database, which shows a tail that was cut off; and the projections, which are made
again from the journal and the kept answers and compared row by row. It only reads, and may run
while the daemon sells: all of it sees one snapshot.

`rebuild_projections` is for a ledger that no daemon has: it writes what the journal makes of them.
"""

from __future__ import annotations

from collections import Counter as Sums
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from daemon.core.entry import Entry
from daemon.core.errors import Conflict, LedgerCorrupt, LedgerError
from daemon.ledger.checkpoint import Checkpoint, kept_head
from daemon.ledger.desk import Connection
from daemon.ledger.door import PAGE_BYTES, DriverError, open_reader, translate
from daemon.ledger.lock import at_rest
from daemon.ledger.migrate import versions
from daemon.ledger.proof.journal import JournalProof
from daemon.ledger.proof.projections import ProjectionsProof
from daemon.ledger.proof.report import MENDABLE, MOST_PROBLEMS, Flaw, Problem, Report
from daemon.ledger.proof.seals import SealsProof
from daemon.ledger.proof.tables import Difference, mend
from daemon.ledger.wal import WalShape, require_undamaged, wal_shape

__all__ = [
    "UTC_OFFSET_MIN",
    "Flaw",
    "Problem",
    "Rebuilt",
    "Report",
    "rebuild_projections",
    "verify",
]

UTC_OFFSET_MIN: Final = 480
"""China Standard Time, for entries of releases that did not name their day."""


def verify(
    path: Path, key: bytes, signer_public: bytes, *, utc_offset_min: int = UTC_OFFSET_MIN
) -> Report:
    """Verifies the ledger at `path`. Nothing is changed.

    Raises LedgerWrongKey, LedgerError("ledger_version_differs") for one that another release wrote
    last, LedgerError where the file is not there or cannot be opened; damage is
    not raised but reported."""
    report = Report()
    try:
        # Before the snapshot, so that it is never ahead of an honest one.
        kept = kept_head(path)
    except LedgerCorrupt:
        kept = None
        report.note(Flaw.HEAD_MALFORMED, None)
    try:
        with at_rest(path) as rests:
            shape = wal_shape(path, PAGE_BYTES)
            connection = open_reader(path, key)
            if rests:
                _wal(report, shape, connection)
    except LedgerCorrupt as error:
        report.note(Flaw.UNREADABLE, None, str(error))
        return report
    try:
        connection.execute("BEGIN")
        if report.ok:
            # What a damaged WAL leaves may even be of an older version.
            _require_version(connection)
        projections = ProjectionsProof(report, connection, utc_offset_min)
        _prove(report, connection, signer_public, kept, projections)
        _pages(report, connection)
    except DriverError as error:
        report.note(Flaw.UNREADABLE, report.head_dseq + 1, str(translate(error)))
    finally:
        connection.close()
    return report


@dataclass(slots=True)
class Rebuilt:
    """`report` is what was found before; `changed` counts the rows that were put right, by table,
    and `differences` are the first of them."""

    report: Report
    changed: Sums[str] = field(default_factory=Sums)
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        rows = sum(self.changed.values())
        told = ", ".join(f"{table} {count}" for table, count in sorted(self.changed.items()))
        lines = [str(each) for each in self.differences]
        return "\n".join([*lines, f"{rows} rows put right: {told}" if rows else "nothing differs"])

    def to_json(self) -> dict[str, Any]:
        return {
            "changed": dict(self.changed),
            "differences": [each.to_json() for each in self.differences],
        }


def rebuild_projections(
    connection: Connection,
    signer_public: bytes,
    kept: Checkpoint | None,
    *,
    utc_offset_min: int = UTC_OFFSET_MIN,
) -> Rebuilt:
    """Proves the journal and, in the caller's transaction, makes the projections what follows from
    it.

    Raises Conflict("ledger_not_whole") where something else than a projection is wrong; the caller
    undoes everything then."""
    rebuilt = Rebuilt(Report())

    def change(difference: Difference) -> None:
        mend(connection, difference)
        rebuilt.changed[difference.table.name] += 1
        if len(rebuilt.differences) < MOST_PROBLEMS:
            rebuilt.differences.append(difference)

    projections = ProjectionsProof(rebuilt.report, connection, utc_offset_min, change)
    _prove(rebuilt.report, connection, signer_public, kept, projections)
    others = [each for each in rebuilt.report.problems if each.flaw not in MENDABLE]
    if others:
        raise Conflict("ledger_not_whole", problems=len(others), first=str(others[0]))
    return rebuilt


def _prove(
    report: Report,
    connection: Connection,
    signer_public: bytes,
    kept: Checkpoint | None,
    projections: ProjectionsProof,
) -> None:
    seals = SealsProof(report, signer_public)

    def told(entry: Entry) -> None:
        seals.take(entry)
        projections.take(entry)

    JournalProof(report, connection, told).run()
    seals.run(connection, kept)
    if report.journal_is_whole:
        projections.finish()


def _wal(report: Report, shape: WalShape, connection: Connection) -> None:
    """Only of a ledger that no daemon writes: its WAL may begin anew between two looks."""
    try:
        require_undamaged(shape, connection)
    except LedgerCorrupt as error:
        report.note(Flaw.WAL_DAMAGED, None, str(error))


def _pages(report: Report, connection: Connection) -> None:
    """Every page of the file, those that no entry lies on too."""
    for (told,) in connection.execute("PRAGMA cipher_integrity_check").fetchall():
        report.note(Flaw.UNREADABLE, None, str(told))


def _require_version(connection: Connection) -> None:
    present = int(connection.execute("PRAGMA user_version").fetchone()[0])
    known = len(versions())
    if present != known:
        raise LedgerError("ledger_version_differs", version=present, known=known)
