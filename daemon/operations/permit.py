"""Whether an employee may do what is asked (E1), by the role or by a manager's yes to this one
action."""

from __future__ import annotations

from dataclasses import replace

from daemon.core.approval import used
from daemon.core.entry import Kind
from daemon.core.errors import NotAllowed
from daemon.core.permissions import Permission
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import note, token_hash
from daemon.ports.ledger import Books


async def permit(
    shop: Shop, actor: Actor, permission: Permission | None, approval: str, use: str = ""
) -> Actor:
    """The actor as it may act now: itself, or with the approver's number and what was granted.

    `permission` is what the route needs (None: nobody's), `approval` the token of an approval, or
    "". A token grants what it was given for, also where that is more than the route itself needs
    (another's sale that is voided), and is used up here, durably, before the action; `use` names
    the request (its route and Idempotency-Key, or ""), and the same request may come again.

    Raises NotAllowed("permission_needed" | "approval_unknown" | "approval_over"), each with the
    fact `permission`."""
    if approval:
        actor = await _with_approval(shop, actor, permission, approval, use)
    if permission is not None:
        actor.require(permission)
    return actor


async def _with_approval(
    shop: Shop, actor: Actor, permission: Permission | None, token: str, use: str
) -> Actor:
    digest = token_hash(token)
    wanted = permission.value if permission is not None else ""

    def work(books: Books) -> Actor:
        kept = books.approval(digest)
        if kept is None:
            raise NotAllowed("approval_unknown", permission=wanted)
        granted = Permission(kept.permission)
        now = used(
            kept,
            employee_id=actor.employee_id,
            permission=granted,
            use=use,
            now_ms=shop.clock.now_ms(),
        )
        by = books.employee(now.by_employee)
        still = by is not None and by.active
        if by is None or not still or granted not in shop.rules.permissions_of(by.role):
            raise NotAllowed("approval_over", permission=granted.value)
        if now != kept:
            books.put_approval(now)
            note(
                shop,
                books,
                Kind.APPROVED,
                actor.number,
                "approval_used",
                permission=granted.value,
                approver=by.number,
            )
        return replace(actor, approver=by.number, granted=granted)

    return await shop.ledger.write(work)
