"""Operations: what was asked, durable before it is tried, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.records import Operation, OpState
from daemon.ledger.desk import Desk, from_json, to_json

_COLUMNS = (
    "op_id, kind, state, actor, created_ms, request, client_key, reason, answer, settled_ms, dseq"
)
_UNSETTLED = "('open', 'parked', 'unknown')"
"""As in the partial index of the schema, word for word, so that SQLite uses it."""


class RequestDesk(Desk):
    def operation(self, op_id: str) -> Operation | None:
        return _operation(self._one(f"SELECT {_COLUMNS} FROM operation WHERE op_id = ?", op_id))

    def operation_by_client_key(self, client_key: str) -> Operation | None:
        return _operation(
            self._one(f"SELECT {_COLUMNS} FROM operation WHERE client_key = ?", client_key)
        )

    def add_operation(self, operation: Operation) -> None:
        self._change(
            f"INSERT INTO operation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            operation.op_id,
            operation.kind,
            operation.state.value,
            operation.actor,
            operation.created_ms,
            to_json(operation.request),
            operation.client_key,
            operation.reason,
            to_json(operation.answer),
            operation.settled_ms,
            operation.dseq,
        )

    def change_operation(
        self,
        op_id: str,
        state: OpState,
        *,
        reason: str | None = None,
        answer: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
        settled_ms: int | None = None,
        dseq: int | None = None,
    ) -> None:
        """Asserts that the operation is there and not final. `reason` is set as given; what else
        is None stays as it was."""
        changed = self._change(
            "UPDATE operation SET state = ?, reason = ?, answer = coalesce(?, answer),"
            " request = coalesce(?, request), settled_ms = coalesce(?, settled_ms),"
            f" dseq = coalesce(?, dseq) WHERE op_id = ? AND state IN {_UNSETTLED}",
            state.value,
            reason,
            None if answer is None else to_json(answer),
            None if request is None else to_json(request),
            settled_ms,
            dseq,
            op_id,
        )
        assert changed == 1, "no such operation, or it has ended"

    def under_way(self, kind: str) -> Sequence[Operation]:
        rows = self._all(
            f"SELECT {_COLUMNS} FROM operation WHERE state IN {_UNSETTLED} AND kind = ?"
            " AND state != 'parked' ORDER BY op_id",
            kind,
        )
        return [found for row in rows if (found := _operation(row)) is not None]

    def operations(
        self, *, kinds: Sequence[str], states: Sequence[OpState], limit: int
    ) -> Sequence[Operation]:
        """Newest first. An empty `kinds` or `states` means any."""
        where = []
        if kinds:
            where.append(f"kind IN ({', '.join('?' * len(kinds))})")
        if states:
            where.append("state IN ({})".format(", ".join(f"'{s.value}'" for s in states)))
            if not any(state.final for state in states):
                where.append(f"state IN {_UNSETTLED}")
        wanted = f"WHERE {' AND '.join(where)} " if where else ""
        rows = self._all(
            f"SELECT {_COLUMNS} FROM operation {wanted}ORDER BY op_id DESC LIMIT ?", *kinds, limit
        )
        return [found for row in rows if (found := _operation(row)) is not None]


def _operation(row: Any) -> Operation | None:
    if row is None:
        return None
    op_id, kind, state, actor, created_ms, request, client_key, reason, answer, settled, dseq = row
    return Operation(
        op_id=op_id,
        kind=kind,
        state=OpState(state),
        actor=actor,
        created_ms=created_ms,
        request=from_json(request),
        client_key=client_key,
        reason=reason,
        answer=from_json(answer),
        settled_ms=settled,
        dseq=dseq,
    )
