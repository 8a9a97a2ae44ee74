"""Where each printer beside the customer's stands among the kept receipts.

Nothing is written while selling: such a printer follows the receipts at its own pace, so that one
without paper costs the counter nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.receipt import Receipt, receipt_from_json
from daemon.ledger.desk import Desk, from_json

_AFTER: Final = (
    " FROM print_place p JOIN receipt r"
    " ON r.rowid > max(?, coalesce((SELECT rowid FROM receipt WHERE receipt_id = p.through), 0))"
)


@dataclass(frozen=True, slots=True)
class Following:
    """A receipt that comes after a printer's place. `row` grows with each receipt; `kind` is its
    operation's; `attempts` are of the place, so of the receipt that is printed next."""

    row: int
    kind: str
    receipt: Receipt
    created_ms: int
    attempts: int


class PlacesDesk(Desk):
    def print_places(self) -> frozenset[str]:
        """The roles that have a place."""
        return frozenset(str(row[0]) for row in self._all("SELECT role FROM print_place"))

    def keep_print_places(self, roles: Collection[str]) -> None:
        """A role that is new begins after the newest receipt; one that is gone is forgotten, so
        that it does not print all that was sold without it when it comes back."""
        for gone in self.print_places() - set(roles):
            self._change("DELETE FROM print_place WHERE role = ?", gone)
        for role in sorted(set(roles) - self.print_places()):
            self._change(
                "INSERT INTO print_place (role, through)"
                " VALUES (?, coalesce("
                "(SELECT receipt_id FROM receipt ORDER BY rowid DESC LIMIT 1), ''))",
                role,
            )

    def receipts_following(self, role: str, after_row: int, limit: int) -> Sequence[Following]:
        """Oldest first, of those behind `role`'s place and behind `after_row`."""
        rows = self._all(
            "SELECT r.rowid, coalesce(o.kind, ''), r.document, r.created_ms, p.attempts"
            f"{_AFTER} LEFT JOIN operation o USING (op_id)"
            " WHERE p.role = ? ORDER BY r.rowid LIMIT ?",
            after_row,
            role,
            limit,
        )
        return [_following(row) for row in rows]

    def count_following(self, role: str, after_row: int) -> int:
        row = self._one(f"SELECT count(*){_AFTER} WHERE p.role = ?", after_row, role)
        return int(row[0])

    def begin_print(self, role: str) -> None:
        self._place("attempts = attempts + 1, problem = NULL", role)

    def fail_print(self, role: str, problem: str) -> None:
        self._place("problem = ?", problem, role)

    def end_print(self, role: str, row: int) -> None:
        """`role` is through with the receipt of `row`."""
        self._place(
            "through = (SELECT receipt_id FROM receipt WHERE rowid = ?), attempts = 0,"
            " problem = NULL",
            row,
            role,
        )

    def _place(self, what: str, *values: object) -> None:
        changed = self._change(f"UPDATE print_place SET {what} WHERE role = ?", *values)
        assert changed == 1, "the role has no place"


def _following(row: Any) -> Following:
    number, kind, document, created_ms, attempts = row
    receipt = receipt_from_json(from_json(document))
    return Following(number, kind, receipt, created_ms, attempts)
