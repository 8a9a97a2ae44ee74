"""The outbox: what members are to be told, kept until something delivers it or it is withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.core.entry import Draft, Kind
from daemon.core.errors import Conflict, NotFound
from daemon.core.loyalty.held import Message, MessageState
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

MOST_MESSAGES = 200


def tell(
    shop: Shop, books: Books, member_id: str, kind: str, facts: Mapping[str, int | str], now_ms: int
) -> str:
    """Puts a message to a member into the outbox, in the transaction of what it tells of; returns
    its id. `facts` hold no personal data."""
    message_id = shop.clock.new_id()
    books.add_message(message_id, member_id, kind, facts, now_ms)
    return message_id


def message_view(message: Message) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "member_id": message.member_id,
        "kind": message.kind,
        "facts": dict(message.facts),
        "created_ms": message.created_ms,
        "state": message.state.value,
        "attempts": message.attempts,
        "settled_ms": message.settled_ms,
    }


async def list_messages(
    shop: Shop,
    *,
    member_id: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Newest first. Raises NotFound("member_unknown")."""
    wanted = MessageState(state) if state else None

    def look(books: Books) -> list[dict[str, Any]]:
        if member_id is not None and books.member(member_id) is None:
            raise NotFound("member_unknown")
        found = books.messages(
            member_id=member_id, state=wanted, before=before, limit=min(limit, MOST_MESSAGES)
        )
        return [message_view(message) for message in found]

    return await shop.ledger.read(look)


async def withdraw_message(shop: Shop, actor: Actor, message_id: str) -> dict[str, Any]:
    """Takes a message that still waits out of the outbox. Withdrawing again changes nothing.

    Raises NotFound("message_unknown"), Conflict("message_settled")."""

    def work(books: Books) -> dict[str, Any]:
        found = books.message(message_id)
        if found is None:
            raise NotFound("message_unknown")
        if found.state is MessageState.WITHDRAWN:
            return message_view(found)
        if found.state is not MessageState.WAITING:
            raise Conflict("message_settled", state=found.state.value)
        now_ms = shop.clock.now_ms()
        books.settle_message(message_id, MessageState.WITHDRAWN, now_ms)
        detail: dict[str, int | str] = {"event": "withdraw_message", "message": message_id}
        if actor.approver:
            detail["approver"] = actor.approver
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.MEMBER_CHANGED,
                at_ms=now_ms,
                actor=actor.number,
                member_id=found.member_id,
                detail=detail,
            )
        )
        settled = books.message(message_id)
        assert settled is not None
        return message_view(settled)

    return await shop.ledger.write(work)
