"""An intention is carried out once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.core.errors import BadRequest, Conflict
from daemon.core.records import Operation
from daemon.operations.shop import Actor
from daemon.ports.ledger import Books

LONGEST_KEY = 64


def client_key(actor: Actor, key: str) -> str:
    """The Idempotency-Key as the ledger keeps it: per employee, so that two tills cannot collide.

    Raises BadRequest("idempotency_key_malformed")."""
    if not 1 <= len(key) <= LONGEST_KEY or not all("!" <= letter <= "~" for letter in key):
        raise BadRequest("idempotency_key_malformed")
    return f"{actor.employee_id}:{key}"


def earlier(books: Books, key: str, kind: str, request: Mapping[str, Any]) -> Operation | None:
    """The operation that this key began before, if it asked for the same.

    Raises Conflict("idempotency_key_reused")."""
    found = books.operation_by_client_key(key)
    if found is None:
        return None
    if found.kind != kind or dict(found.request) != dict(request):
        raise Conflict("idempotency_key_reused")
    return found
