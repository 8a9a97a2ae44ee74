"""Whether an employee may do what is asked (E1), by the role or by a manager's yes to this one
action."""

from __future__ import annotations

from daemon.core.permissions import Permission
from daemon.operations.shop import Actor, Shop


async def permit(shop: Shop, actor: Actor, permission: Permission, approval: str) -> Actor:
    """The actor as it may act now: itself, or with the approver's number and what was granted.

    `approval` is the token of an approval, or "". Raises NotAllowed("permission_needed" |
    "approval_unknown" | "approval_over")."""
    actor.require(permission)
    return actor
