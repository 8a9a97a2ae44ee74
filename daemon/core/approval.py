"""A manager's yes to one action of somebody else (E1): who may use it, for what, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from daemon.core.errors import NotAllowed
from daemon.core.permissions import Permission

LIFE_MS: Final = 2 * 60_000
"""From the manager's PIN to the request that it was typed for."""


@dataclass(frozen=True, slots=True)
class Approval:
    """`token_hash` is SHA-256 over the token. `used_for` names the request that used it."""

    token_hash: bytes
    permission: str
    for_employee: str
    by_employee: str
    created_ms: int
    expires_ms: int
    used_ms: int | None = None
    used_for: str = ""


def used(
    approval: Approval | None, *, employee_id: str, permission: Permission, use: str, now_ms: int
) -> Approval:
    """The approval after `employee_id` has used it for the request `use`.

    A request that is sent again finds its approval used by itself and goes through: `use` is its
    route and its Idempotency-Key, "" for a request without one, which is not sent again.

    Raises NotAllowed("approval_unknown") for a token of somebody else or for another permission,
    NotAllowed("approval_over") for one that has run out or was used for another request."""
    known = (
        approval is not None
        and approval.for_employee == employee_id
        and approval.permission == permission.value
    )
    if not known:
        raise NotAllowed("approval_unknown", permission=permission.value)
    assert approval is not None
    again = approval.used_ms is not None and use != "" and approval.used_for == use
    if now_ms >= approval.expires_ms or (approval.used_ms is not None and not again):
        raise NotAllowed("approval_over", permission=permission.value)
    return approval if again else replace(approval, used_ms=now_ms, used_for=use)
