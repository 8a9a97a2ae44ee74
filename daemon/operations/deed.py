"""A request that is done in one transaction: once for its key, and answered the same again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.records import Operation, OpState
from daemon.operations.once import client_key, earlier
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books


def do_once(
    shop: Shop,
    books: Books,
    actor: Actor,
    key: str,
    kind: str,
    request: Mapping[str, Any],
    deed: Callable[[Operation], Mapping[str, Any]],
) -> dict[str, Any]:
    """Carries `deed` out and keeps its answer, or finds the answer that this key had.

    Raises BadRequest("idempotency_key_malformed"), Conflict("idempotency_key_reused"), and what
    `deed` raises; then nothing is kept and the key is free."""
    whose = client_key(actor, key)
    found = earlier(books, whose, kind, request)
    if found is not None:
        return dict(found.answer)
    operation = Operation(
        op_id=shop.clock.new_id(),
        kind=kind,
        state=OpState.OPEN,
        actor=actor.number,
        created_ms=shop.clock.now_ms(),
        request=request,
        client_key=whose,
    )
    books.add_operation(operation)
    answer = deed(operation)
    entry = books.entry_of(operation.op_id)
    books.change_operation(
        operation.op_id,
        OpState.APPROVED,
        answer=answer,
        settled_ms=operation.created_ms,
        dseq=entry.dseq if entry is not None else None,
    )
    return dict(answer)


def put_on_journal(
    books: Books,
    operation: Operation,
    kind: Kind,
    actor: Actor,
    event: str,
    facts: Mapping[str, int | str],
    *,
    member_id: str | None = None,
    refers_to: str | None = None,
    postings: tuple[Posting, ...] = (),
    opened: Mapping[Account, str] | None = None,
) -> Entry:
    """The entry of an operation, with who did it and who said yes."""
    detail: dict[str, int | str] = {"event": event, **facts}
    if actor.approver:
        detail["approver"] = actor.approver
    return books.append(
        Draft(
            op_id=operation.op_id,
            kind=kind,
            at_ms=operation.created_ms,
            actor=actor.number,
            member_id=member_id,
            refers_to=refers_to,
            postings=postings,
            detail=detail,
        ),
        opened,
    )
