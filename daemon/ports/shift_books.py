"""Shifts and the drawer, the log and the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from daemon.core.past import LogRow, LogWanted, RecordRow, RecordSum, RecordsWanted
from daemon.core.shift_report import Shift


class ShiftBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def open_shift(self) -> Shift | None:
        """The shift that is open on this device."""
        ...

    def shift(self, shift_id: str) -> Shift | None: ...

    def shifts(self, limit: int, before: int | None = None) -> Sequence[Shift]:
        """Newest first, from the number below `before` on."""
        ...

    def put_shift(self, shift: Shift) -> None: ...

    def next_shift_number(self) -> int:
        """Without a gap: one more than the last, 1 for the first."""
        ...

    def tender_balances(self) -> Mapping[str, int]:
        """The account of each tender (`tender:cash`, ...), credit-positive."""
        ...

    def discount_between(self, first_dseq: int, last_dseq: int) -> int:
        """What the lines of these entries cost less than their list price, refunds taken off."""
        ...

    def dseq_at(self, at_ms: int) -> int:
        """The first entry at `at_ms` or later; one after the last where there is none. The
        journal's time never goes back."""
        ...

    def log_rows(
        self, wanted: LogWanted, from_dseq: int, upto_dseq: int, most: int
    ) -> Sequence[LogRow]:
        """What fits of the entries from_dseq to upto_dseq, newest first, at most `most`."""
        ...

    def record_rows(
        self, wanted: RecordsWanted, before: tuple[str, str] | None, most: int
    ) -> Sequence[RecordRow]:
        """What fits, newest first, behind the row (op_id, line_id)."""
        ...

    def record_sums(self, wanted: RecordsWanted) -> Sequence[RecordSum]:
        """One for each kind that there is."""
        ...
