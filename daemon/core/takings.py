"""How a sum that is due is paid, where no basket is priced: a recharge, a fee. Any mix of tenders
whose parts are exactly the sum; cash may be more, the rest is change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from daemon.core.errors import BadRequest, Refused

CASH: Final = "cash"
STORED: Final = "stored"
BANK_TRANSFER: Final = "bank_transfer"
OUTSIDE: Final = (CASH, "bank_card", "wechat", "alipay", BANK_TRANSFER)
"""Money from outside the books. A transfer has payer and payee at a bank's."""
ANY: Final = (STORED, *OUTSIDE)


class Offer(NamedTuple):
    """`amount_fen` None is whatever is left to pay. Of cash it is what was handed over."""

    tender: str
    amount_fen: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.tender, "amount_fen": self.amount_fen}


class Taken(NamedTuple):
    """`parts` are (tender, fen) in the order of `ANY`, none of them zero."""

    parts: tuple[tuple[str, int], ...]
    change_fen: int

    def of(self, tender: str) -> int:
        return dict(self.parts).get(tender, 0)

    @property
    def main(self) -> str:
        """The tender that paid most."""
        return max(self.parts, key=lambda part: part[1])[0] if self.parts else CASH

    def as_json(self) -> list[dict[str, Any]]:
        return [{"kind": tender, "amount_fen": fen} for tender, fen in self.parts]


def take(due_fen: int, offers: Sequence[Offer], allowed: Collection[str] = ANY) -> Taken:
    """What each tender pays of `due_fen`. Cash counts last, so that nobody gets change for what a
    card has paid.

    Raises BadRequest("tender_unknown" | "amount_not_positive"), Refused("tender_unclear" |
    "tender_too_much" | "tender_short")."""
    assert due_fen >= 0
    named: dict[str, int] = {}
    rest: list[str] = []
    for offer in offers:
        if offer.tender not in allowed:
            raise BadRequest("tender_unknown")
        if offer.amount_fen is None:
            rest.append(offer.tender)
        elif offer.amount_fen <= 0:
            raise BadRequest("amount_not_positive")
        else:
            named[offer.tender] = named.get(offer.tender, 0) + offer.amount_fen
    if len(rest) > 1:
        raise Refused("tender_unclear")
    cash = named.pop(CASH, 0)
    left = due_fen - sum(named.values())
    if left < 0:
        raise Refused("tender_too_much", over_fen=-left)
    from_cash = min(cash, left)
    named[CASH] = from_cash
    if rest:
        named[rest[0]] = named.get(rest[0], 0) + left - from_cash
    elif from_cash < left:
        raise Refused("tender_short", short_fen=left - from_cash)
    parts = tuple((tender, named[tender]) for tender in ANY if named.get(tender))
    assert sum(fen for _, fen in parts) == due_fen
    return Taken(parts, cash - from_cash)
