"""A manager's yes to one action of the cashier who is signed in: number and PIN for a token."""

from __future__ import annotations

import secrets
from typing import Any

from daemon.core.approval import LIFE_MS, Approval
from daemon.core.entry import Kind
from daemon.core.errors import NotAllowed
from daemon.core.permissions import Permission
from daemon.core.records import Employee
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import APPROVE, note, token_hash, with_pin
from daemon.ports.ledger import Books


async def approve(
    shop: Shop, actor: Actor, permission: Permission, number: str, pin: str
) -> dict[str, Any]:
    """`token` and `expires_ms`: one use of `permission` by `actor`, approved by the employee
    `number`.

    Raises NotAllowed("approval_refused" with tries `left` | "approval_locked" with `seconds` |
    "approver_may_not" with the `permission` that the approver lacks too)."""
    token = secrets.token_urlsafe(32)

    def give(books: Books, by: Employee) -> int | None:
        if permission not in shop.rules.permissions_of(by.role):
            return None
        now_ms = shop.clock.now_ms()
        approval = Approval(
            token_hash(token),
            permission.value,
            actor.employee_id,
            by.employee_id,
            now_ms,
            now_ms + LIFE_MS,
        )
        books.put_approval(approval)
        note(
            shop,
            books,
            Kind.APPROVED,
            actor.number,
            "approval_given",
            permission=permission.value,
            approver=by.number,
        )
        return approval.expires_ms

    # None, not raised: a right PIN ends the count of wrong ones also where it grants nothing.
    expires_ms = await with_pin(shop, number, pin, give, APPROVE)
    if expires_ms is None:
        raise NotAllowed("approver_may_not", permission=permission.value)
    return {"token": token, "expires_ms": expires_ms}
