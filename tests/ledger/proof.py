"""Proves what stands over a ledger in memory: the same parts as `counterd verify`, without a file,
batches or checkpoints."""

from __future__ import annotations

from daemon.core.entry import Entry
from daemon.ledger.desk import Connection
from daemon.ledger.proof.journal import JournalProof
from daemon.ledger.proof.projections import ProjectionsProof
from daemon.ledger.proof.report import Report


def proved(connection: Connection, utc_offset_min: int = 480) -> Report:
    report = Report()
    projections = ProjectionsProof(report, connection, utc_offset_min)

    def told(entry: Entry) -> None:
        projections.take(entry)

    JournalProof(report, connection, told).run()
    projections.finish()
    return report
