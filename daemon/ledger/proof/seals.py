"""What stands beside the journal and is named in it or signed over it: versions of the rules,
batches, checkpoints."""

from __future__ import annotations

import json
from hashlib import sha256

from daemon.core.entry import GENESIS, Entry, Kind
from daemon.core.records import Document
from daemon.ledger.checkpoint import Checkpoint
from daemon.ledger.desk import Connection
from daemon.ledger.proof.report import Flaw, Report


class SealsProof:
    """`take` every entry, then `run`."""

    def __init__(self, report: Report, signer_public: bytes) -> None:
        self.report = report
        self._note = report.note
        self._signer_public = signer_public
        self._rules: dict[tuple[str, int], tuple[int, str]] = {}

    def run(self, connection: Connection, kept: Checkpoint | None) -> None:
        self._documents(connection)
        self._batches(connection)
        self._checkpoints(connection, kept)

    def take(self, entry: Entry) -> None:
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
                self._note(Flaw.RULES_DIFFER, dseq, f"{section} {version}")
        for (section, version), (dseq, _) in sorted(told.items()):
            self._note(Flaw.RULES_DIFFER, dseq, f"{section} {version} is missing")

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
                self._note(Flaw.BATCH_GAP, first_dseq, f"batch {bseq}")
            if last_dseq > self.report.head_dseq:
                self._note(Flaw.TAIL_CUT, last_dseq, f"batch {bseq} ends there")
            # A hash is in the manifest byte for byte, whatever stands around it.
            named = head_before in manifest and (chain is None or chain in manifest)
            if sha256(manifest).digest() != head or not named:
                self._note(Flaw.BATCH_CHANGED, first_dseq, f"batch {bseq}")
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
            self._note(Flaw.HEAD_MISSING, noted[-1].dseq)

    def _checkpoint(self, connection: Connection, checkpoint: Checkpoint, where: str) -> None:
        if not checkpoint.is_signed_by(self._signer_public):
            self._note(Flaw.CHECKPOINT_FORGED, checkpoint.dseq, where)
            return
        if checkpoint.dseq > self.report.head_dseq:
            self._note(
                Flaw.TAIL_CUT,
                checkpoint.dseq,
                f"{where}; the journal ends at {self.report.head_dseq}",
            )
            return
        row = connection.execute(
            "SELECT chain FROM journal WHERE dseq = ?", (checkpoint.dseq,)
        ).fetchone()
        if row is None or row[0] != checkpoint.chain:
            self._note(Flaw.CHECKPOINT_DIFFERS, checkpoint.dseq, where)
