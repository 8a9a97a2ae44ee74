"""Sold without cover while the network is gone, as far as the merchant's policy allows
(docs/leases.md, "Policy"). What was allowed is kept with the sale; the price that is made for it
after that has so much more to take from.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.core.lease.policy import CreditSoFar
from daemon.core.pricing.standing import MemberStanding
from daemon.core.records import Operation
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

ALLOWED = "credit_fen"
AGREED = "credit_fen"
"""In the request of a sale: so much, and no more, a manager has agreed to."""


def credit_so_far(shop: Shop, books: Books, member_id: str) -> CreditSoFar | None:
    """Since the last word from the cloud: None where there never was one, and for who owes on
    other grounds nothing is known."""
    state = books.chain_state()
    if state is None or not state.contact_ms:
        return None
    now_ms = shop.clock.now_ms()
    member_fen, in_a_row = books.credit_of(member_id, books.dseq_at(state.contact_ms + 1))
    return CreditSoFar(
        member_fen=member_fen,
        day_fen=books.credit_since(books.dseq_at(_midnight_ms(shop, now_ms))),
        in_a_row=in_a_row,
        blocklist_age_ms=max(0, now_ms - state.contact_ms),
    )


def allow(books: Books, sale_id: str, credit_fen: int) -> None:
    """What this one sale may owe. Once for a sale: asked again, the newest answer counts."""
    sale = books.operation(sale_id)
    assert sale is not None and not sale.state.final
    kept = {**sale.answer, ALLOWED: credit_fen}
    books.change_operation(sale_id, sale.state, reason=sale.reason, answer=kept)


def allowed(books: Books, sale: Operation) -> int:
    now = books.operation(sale.op_id)
    return int(now.answer.get(ALLOWED, 0)) if now is not None else 0


def agreed_fen(sale: Operation) -> int:
    return int(sale.request.get(AGREED, 0))


def with_credit(standing: MemberStanding, credit_fen: int) -> MemberStanding:
    return replace(standing, credit_fen=credit_fen) if credit_fen else standing


def _midnight_ms(shop: Shop, now_ms: int) -> int:
    local = shop.local(now_ms)
    since_ms = ((local.hour * 60 + local.minute) * 60 + local.second) * 1000
    return now_ms - since_ms - now_ms % 1000
