"""What the back office says of a debit or a load that nothing can be found out about now: booked as
done or as not done, with a reason, as an entry of its own. The card's own proof, whenever it comes,
goes before that word and corrects it by another entry (`purse_booking`, `purse_load_booking`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from daemon.core.errors import Conflict, NotFound
from daemon.core.permissions import Permission
from daemon.core.purse import BY_OFFICE, DeedState, LoadTerms, PurseDeed
from daemon.core.records import Operation, OpState
from daemon.core.sale_entry import purse_account
from daemon.operations.deed import do_once
from daemon.operations.purse_booking import Said, append_purse, to_account
from daemon.operations.purse_load_booking import end_load, loading_account, onto_card
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import member_view
from daemon.ports.ledger import Books

KIND = "purse_decision"
MOST_SHOWN = 200


async def open_deeds(shop: Shop) -> dict[str, Any]:
    """Newest first: those that are unknown, and those that the office has decided."""

    def look(books: Books) -> dict[str, Any]:
        deeds = books.open_purse_deeds(MOST_SHOWN)
        return {"deeds": [deed_view(books, deed) for deed in deeds]}

    return await shop.ledger.read(look)


async def decide(
    shop: Shop, actor: Actor, deed_id: str, *, done: bool, reason: str, key: str
) -> dict[str, Any]:
    """The deed as it stands then.

    Raises NotFound("purse_deed_unknown"), Conflict("purse_deed_settled" | "purse_sale_open"),
    NotAllowed("permission_needed")."""
    actor.require(Permission.PURSE_SETTLE)
    request = {"deed_id": deed_id, "done": done, "reason": reason}

    def work(books: Books) -> dict[str, Any]:
        def deed_done(operation: Operation) -> Mapping[str, Any]:
            return _decide(shop, books, actor, deed_id, done, reason)

        return do_once(shop, books, actor, key, KIND, request, deed_done)

    return await shop.ledger.write(work)


def _decide(
    shop: Shop, books: Books, actor: Actor, deed_id: str, done: bool, reason: str
) -> dict[str, Any]:
    deed = books.purse_deed(deed_id)
    if deed is None:
        raise NotFound("purse_deed_unknown")
    if not deed.state.open:
        raise Conflict("purse_deed_settled")
    loads = isinstance(deed.terms, LoadTerms)
    sale = books.operation(deed.op_id)
    if not loads and sale is not None and not sale.state.final:
        # It waits for its card at the counter: it is tapped again or cancelled there first.
        raise Conflict("purse_sale_open")
    event = "purse_office_done" if done else "purse_office_not_done"
    said = Said(actor.number, event, reason, actor.approver)
    if loads and done:
        onto_card(shop, books, deed, loading_account(deed.card_id), said)
    elif loads:
        to_account(shop, books, deed, loading_account(deed.card_id), said)
    elif done:
        to_account(shop, books, deed, purse_account(deed.card_id), said)
    else:
        append_purse(shop, books, deed, said)
    decided = replace(
        deed,
        state=DeedState.DONE if done else DeedState.NOT_DONE,
        decided_by=BY_OFFICE,
        settled_ms=shop.clock.now_ms(),
    )
    books.put_purse_deed(decided)
    if loads:
        end_load(shop, books, deed, OpState.APPROVED if done else OpState.DECLINED)
    return deed_view(books, decided)


def deed_view(books: Books, deed: PurseDeed) -> dict[str, Any]:
    card = books.card(deed.card_id)
    assert card is not None
    member = books.member(card.member_id)
    return {
        "deed_id": deed.deed_id,
        "kind": deed.kind.name.lower(),
        "state": deed.state.value,
        "decided_by": deed.decided_by,
        "why": deed.why,
        "card_id": deed.card_id,
        "member": None if member is None else member_view(books, member),
        "sale_id": None if isinstance(deed.terms, LoadTerms) else deed.op_id,
        "amount_fen": deed.terms.amount_fen,
        "balance_before_fen": deed.terms.balance_fen,
        "sequence": deed.terms.card_sequence,
        "written_ms": deed.written_ms,
        "settled_ms": deed.settled_ms,
    }
