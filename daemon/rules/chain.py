"""How the merchant's counters share one balance: section `chain` (docs/leases.md, "Policy").

Bounds and safe values are those of the core; they are written down once, there."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, Literal

from pydantic import Field

from daemon.core.lease.policy import SETTINGS, Bearer, ChainPolicy
from daemon.rules.parts import Part, kept

_SAFE: Final = ChainPolicy()


def _setting(name: str) -> Any:
    setting = SETTINGS[name]
    return Field(
        default=getattr(_SAFE, name), ge=setting.low, le=setting.high, description=setting.what
    )


class Chain(Part):
    """Leases, what a device may do that is cut off, and who bears an overspend. A shop without a
    cloud keeps it and needs none of it."""

    lease_share_bp: int = _setting("lease_share_bp")
    lease_cap_fen: int = _setting("lease_cap_fen")
    regular_branches: int = _setting("regular_branches")
    regular_days: int = _setting("regular_days")
    lease_valid_h: int = _setting("lease_valid_h")
    unsynced_grace_h: int = _setting("unsynced_grace_h")
    unsynced_grace_fen: int = _setting("unsynced_grace_fen")
    credit_sale_fen: int = _setting("credit_sale_fen")
    credit_member_fen: int = _setting("credit_member_fen")
    credit_day_fen: int = _setting("credit_day_fen")
    credit_in_a_row: int = _setting("credit_in_a_row")
    credit_pin_above_fen: int = _setting("credit_pin_above_fen")
    blocklist_max_age_h: int = _setting("blocklist_max_age_h")
    debit_deadline_ms: int = _setting("debit_deadline_ms")
    overspend_bearer: Literal["member", "merchant"] = Field(
        default=_SAFE.overspend_bearer.value,
        description="Repaid by the member's next top-up first, or written off by the merchant.",
    )

    def value(self) -> ChainPolicy:
        """Raises a mistake where the core refuses what the bounds allowed."""
        chosen = self.model_dump()
        bearer = Bearer(chosen.pop("overspend_bearer"))
        return kept(lambda: ChainPolicy(**chosen, overspend_bearer=bearer))


assert set(Chain.model_fields) == {field.name for field in fields(ChainPolicy)}
