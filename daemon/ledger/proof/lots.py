"""Which entry of this journal opened a lot (`daemon.core.lot_number`), read once for a proof."""

from __future__ import annotations

from bisect import bisect_right

from daemon.core.lot_number import lot_number, opened_by
from daemon.ledger.desk import Connection


class LotNumbers:
    """The numbers of this journal, each from its first entry on; 0 before the first."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(
            "SELECT first_dseq, number FROM chain_journal ORDER BY first_dseq, epoch"
        ).fetchall()
        self._from = [first_dseq for first_dseq, _ in rows]
        self._numbers = [number for _, number in rows]

    def of(self, dseq: int) -> int:
        """The lot that entry `dseq` opens."""
        place = bisect_right(self._from, dseq)
        return lot_number(self._numbers[place - 1] if place else 0, dseq)

    def opener(self, lot: int) -> int | None:
        """The entry that opened a lot; None where another journal's did."""
        _, dseq = opened_by(lot)
        return dseq if dseq > 0 and self.of(dseq) == lot else None
