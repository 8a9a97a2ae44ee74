"""Debits and loads of electronic purses (`daemon.ports.purse_books.PurseBooks`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from daemon.core.purse import (
    MAX_TERMINAL_SEQUENCE,
    DeedState,
    LoadTerms,
    PurchaseTerms,
    PurseCard,
    PurseDeed,
    TransactionType,
)
from daemon.ledger.desk import Desk

_COLUMNS: Final = (
    "deed_id, card_id, op_id, kind, factor, key_index, amount_fen, terminal, at, card_random,"
    " sequence, balance_fen, number, state, written_ms, tac, why, decided_by, settled_ms"
)
_MARKS: Final = ", ".join("?" * 19)
_TO_ASK: Final = "(state IN ('intent', 'unknown') OR decided_by = 'office')"


class PurseDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def put_purse_deed(self, deed: PurseDeed) -> None:
        terms = deed.terms
        self._change(
            f"INSERT INTO purse_deed ({_COLUMNS}) VALUES ({_MARKS})"
            " ON CONFLICT (deed_id) DO UPDATE SET state = excluded.state, tac = excluded.tac,"
            " why = excluded.why, decided_by = excluded.decided_by,"
            " settled_ms = excluded.settled_ms",
            deed.deed_id,
            deed.card_id,
            deed.op_id,
            int(deed.kind),
            terms.card.factor,
            terms.card.key_index,
            terms.amount_fen,
            terms.terminal,
            terms.at.isoformat(),
            terms.card_random,
            terms.card_sequence,
            terms.balance_fen,
            terms.terminal_sequence if isinstance(terms, PurchaseTerms) else 0,
            deed.state.value,
            deed.written_ms,
            deed.tac,
            deed.why,
            deed.decided_by,
            deed.settled_ms,
        )

    def purse_deed(self, deed_id: str) -> PurseDeed | None:
        row = self._one(f"SELECT {_COLUMNS} FROM purse_deed WHERE deed_id = ?", deed_id)
        return None if row is None else _deed(row)

    def purse_deeds_of(self, op_id: str) -> Sequence[PurseDeed]:
        return self._deeds("op_id = ? ORDER BY deed_id", op_id)

    def purse_deeds_to_ask(self, card_id: str) -> Sequence[PurseDeed]:
        return self._deeds(f"card_id = ? AND {_TO_ASK} ORDER BY deed_id", card_id)

    def open_purse_deeds(self, limit: int) -> Sequence[PurseDeed]:
        return self._deeds(f"{_TO_ASK} ORDER BY deed_id DESC LIMIT ?", limit)

    def purse_done(self, card_id: str, kind: TransactionType, sequence: int) -> bool:
        row = self._one(
            "SELECT 1 FROM purse_deed WHERE card_id = ? AND kind = ? AND sequence = ?"
            " AND state = 'done' AND decided_by = 'card'",
            card_id,
            int(kind),
            sequence,
        )
        return row is not None

    def last_purse_deed(self, card_id: str) -> PurseDeed | None:
        found = self._deeds("card_id = ? ORDER BY deed_id DESC LIMIT 1", card_id)
        return found[0] if found else None

    def next_purse_number(self) -> int:
        last = int(self._one("SELECT coalesce(max(number), 0) FROM purse_deed")[0])
        assert last < MAX_TERMINAL_SEQUENCE, "a till's numbers outlast it"
        return last + 1

    def _deeds(self, where: str, *given: Any) -> list[PurseDeed]:
        rows = self._all(f"SELECT {_COLUMNS} FROM purse_deed WHERE {where}", *given)
        return [_deed(row) for row in rows]


def _deed(row: Any) -> PurseDeed:
    deed_id, card_id, op_id, kind, factor, key_index, amount_fen, terminal, at, *rest = row
    card_random, sequence, balance_fen, number, state, written_ms, *ended = rest
    agreed = (
        PurseCard(bytes(factor), key_index),
        amount_fen,
        bytes(terminal),
        datetime.fromisoformat(at),
        bytes(card_random),
        sequence,
        balance_fen,
    )
    loads = kind == TransactionType.LOAD
    terms = LoadTerms(*agreed) if loads else PurchaseTerms(*agreed, number)
    return PurseDeed(deed_id, card_id, op_id, terms, DeedState(state), written_ms, *ended)
