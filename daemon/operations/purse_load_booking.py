"""What a load of a purse does to the books: the money leaves the member's principal with the intent
and waits in `card:<id>/purse_loading`, so that it is never spent twice, until the card has proved
that it has it, or that it has not."""

from __future__ import annotations

from dataclasses import replace

from daemon.core.entry import Account, Funding, Posting
from daemon.core.purse import BY_CARD, DeedState, PurseDeed
from daemon.core.records import OpState
from daemon.core.sale_entry import purse_account
from daemon.operations.purse_booking import DEVICE, DOUBT, Said, append_purse, to_account
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books


def loading_account(card_id: str) -> Account:
    return Account(f"card:{card_id}", "purse_loading")


def onto_card(shop: Shop, books: Books, deed: PurseDeed, source: Account, said: Said) -> None:
    amount_fen = deed.terms.amount_fen
    append_purse(
        shop, books, deed, said,
        (
            Posting(source, -amount_fen),
            Posting(purse_account(deed.card_id), amount_fen, Funding.PURSE),
        ),
    )  # fmt: skip


def load_done(shop: Shop, books: Books, deed_id: str, tac: bytes) -> None:
    """The card has proved the load. Where the office had said that it was none, the member has the
    money twice now, and the shop bears it."""
    deed = books.purse_deed(deed_id)
    if deed is None or not deed.to_be_asked:
        return
    done = replace(deed, tac=tac)
    if deed.state.open:
        onto_card(shop, books, done, loading_account(deed.card_id), Said(DEVICE, "purse_loaded"))
    elif deed.state is DeedState.NOT_DONE:
        onto_card(shop, books, done, DOUBT, Said(DEVICE, "purse_corrected"))
    _end(shop, books, done, DeedState.DONE, None)
    end_load(shop, books, deed, OpState.APPROVED)


def load_not_done(shop: Shop, books: Books, deed_id: str, why: str) -> None:
    """The card has signed that it did not load: the money goes back to the member, from the card
    where the office had said that it was there."""
    deed = books.purse_deed(deed_id)
    if deed is None or not deed.to_be_asked:
        return
    if deed.state.open:
        source, event = loading_account(deed.card_id), "purse_load_back"
        to_account(shop, books, deed, source, Said(DEVICE, event))
    elif deed.state is DeedState.DONE:
        to_account(shop, books, deed, purse_account(deed.card_id), Said(DEVICE, "purse_corrected"))
    _end(shop, books, deed, DeedState.NOT_DONE, why)
    end_load(shop, books, deed, OpState.DECLINED)


def end_load(shop: Shop, books: Books, deed: PurseDeed, state: OpState) -> None:
    """The request that began it ends with it; one that the office ended stays as it ended."""
    operation = books.operation(deed.op_id)
    if operation is not None and not operation.state.final:
        reason = None if state is OpState.APPROVED else "card_gone"
        now_ms = shop.clock.now_ms()
        books.change_operation(deed.op_id, state, reason=reason, settled_ms=now_ms)


def _end(shop: Shop, books: Books, deed: PurseDeed, state: DeedState, why: str | None) -> None:
    now_ms = shop.clock.now_ms()
    books.put_purse_deed(replace(deed, state=state, why=why, decided_by=BY_CARD, settled_ms=now_ms))
