"""What a card's electronic purse does to the books (docs/decisions/0016).

The card is the holder of what is on it. Its account `card:<id>/purse` moves by exactly what the
card proved, once for a (card, sequence); it may have been loaded elsewhere, so here it may be
negative. A debit that no sale stands for when it turns out to be done goes to its member's
principal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Any, Final

from daemon.core.authorize import Decline
from daemon.core.card import CounterVerdict, judge_counter
from daemon.core.entry import Account, Draft, Funding, Kind, Posting
from daemon.core.lot_rule import LotRule
from daemon.core.pricing.basket import TenderKind
from daemon.core.pricing.kept import quote_as_json, quote_from_json
from daemon.core.pricing.quoted import Payment, Quote, Source
from daemon.core.pricing.refund import Refund
from daemon.core.purse import (
    BY_CARD,
    TERMINAL_BYTES,
    DeedState,
    Errand,
    PurchaseTerms,
    PurseCard,
    PurseDeed,
    TransactionType,
)
from daemon.core.records import Card, Operation, OpState
from daemon.core.sale_entry import PURSE_BACK, purse_account
from daemon.operations.price_sale import rule_names
from daemon.operations.sell import end_sale, remember_alarm, sale_now
from daemon.operations.settle_sale import Buyer, settle
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

DEVICE: Final = "device"
DOUBT: Final = Account("shop", "purse_doubt")
"""What the office's word and the card's proof differ by."""
FROM_PURSE: Final = "purse"
TO_ACCOUNT: Final = "purse_to_account"


def errand(shop: Shop, card: PurseCard, amount_fen: int) -> Errand:
    """This till's name for cards are 6 bytes of a digest: the standard has no room for more."""
    who = f"{shop.identity.merchant}/{shop.identity.device}".encode()
    terminal = hashlib.sha256(who).digest()[:TERMINAL_BYTES]
    offset = timezone(timedelta(minutes=shop.policy.utc_offset_min))
    at = shop.local(shop.clock.now_ms()).replace(microsecond=0, tzinfo=offset)
    return Errand(card, amount_fen, terminal, at)


def write_intent(
    shop: Shop, books: Books, sale: Operation, card: Card, quote: Quote, terms: PurchaseTerms
) -> PurseDeed | Decline:
    """Notes the debit that is to come, with the price, before it is sent. A sequence that was done
    before, or another purse behind the card's number, is refused. It puts the reason on the journal
    and locks nothing: what a purse says before a debit is not proved, anybody could lock a card."""
    now = books.card(card.card_id)
    assert now is not None
    refusal = _refusal(books, now, terms)
    if refusal is not None:
        remember_alarm(shop, books, now, refusal)
        return refusal
    deed = PurseDeed(
        deed_id=shop.clock.new_id(),
        card_id=card.card_id,
        op_id=sale.op_id,
        terms=replace(terms, terminal_sequence=books.next_purse_number()),
        state=DeedState.INTENT,
        written_ms=shop.clock.now_ms(),
    )
    books.put_purse_deed(deed)
    shown = terms.card_sequence
    books.change_card(replace(now, counter=shown, pending=shown + 1, pending_op=sale.op_id))
    kept = sale_now(books, sale)
    answer = {
        **kept.answer,
        "amount_fen": quote.paid_fen,
        "quote": quote_as_json(quote),
        "names": dict(rule_names(shop, books, quote)),
    }
    books.change_operation(sale.op_id, kept.state, reason=kept.reason, answer=answer)
    return deed


def _refusal(books: Books, card: Card, terms: PurchaseTerms) -> Decline | None:
    last = books.last_purse_deed(card.card_id)
    if last is not None and last.terms.card.factor != terms.card.factor:
        return Decline("card_forged", alarm=True)
    verdict = judge_counter(terms.card_sequence, card.counter or 0, card.pending)
    seen = books.purse_done(card.card_id, TransactionType.PURCHASE, terms.card_sequence)
    if verdict is CounterVerdict.ROLLED_BACK or seen:
        return Decline("card_rolled_back", alarm=True)
    return None


def mark_unknown(books: Books, deed_id: str, why: str) -> None:
    deed = books.purse_deed(deed_id)
    if deed is not None and deed.state is DeedState.INTENT:
        books.put_purse_deed(replace(deed, state=DeedState.UNKNOWN, why=why))


def book_not_done(shop: Shop, books: Books, deed_id: str, why: str) -> None:
    """The card says that it did nothing. The office's word that it had is corrected."""
    deed = books.purse_deed(deed_id)
    if deed is None or not deed.to_be_asked:
        return
    if deed.state is DeedState.DONE:
        _correct(shop, books, deed, deed.terms.amount_fen)
    _end(shop, books, deed, DeedState.NOT_DONE, why=why)


def book_done(
    shop: Shop, books: Books, deed_id: str, tac: bytes, cashier: Actor | None
) -> Mapping[str, Any] | Decline | None:
    """The card has proved the debit. With `cashier`, the sale that it was for is posted where that
    has not ended: its answer, or why not; else the money is put into the member's account. None
    where it was booked before."""
    deed = books.purse_deed(deed_id)
    if deed is None or not deed.to_be_asked:
        return None
    done = replace(deed, tac=tac)
    if books.purse_done(deed.card_id, deed.kind, deed.terms.card_sequence):
        _end(shop, books, done, DeedState.NOT_DONE, why="sequence_seen")
        return Decline("card_rolled_back", alarm=True)
    card = _count(books, done)
    _end(shop, books, done, DeedState.DONE, tac=tac)
    if deed.state is DeedState.DONE:
        append_purse(shop, books, done, Said(DEVICE, "purse_confirmed"))
        return None
    sale = books.operation(deed.op_id)
    if cashier is None or sale is None or sale.state.final:
        to_account(shop, books, done, purse_account(card.card_id), Said(DEVICE, TO_ACCOUNT))
        return None
    return _post(shop, books, sale, done, card, cashier)


def _post(
    shop: Shop, books: Books, sale: Operation, deed: PurseDeed, card: Card, cashier: Actor
) -> Mapping[str, Any] | Decline:
    quote = quote_from_json(sale.answer["quote"])
    member = books.member(card.member_id)
    assert member is not None, "a card on the books has a member"
    buyer = Buyer(member, card, purse=deed)
    posted = settle(shop, books, sale, quote, buyer, cashier, sale.answer.get("names"))
    if isinstance(posted, Decline):
        end_sale(shop, books, sale.op_id, OpState.DECLINED, posted)
        said = Said(cashier.number, TO_ACCOUNT)
        to_account(shop, books, deed, purse_account(card.card_id), said)
    return posted


def _count(books: Books, deed: PurseDeed) -> Card:
    """The card's counter as this debit left it."""
    card = books.card(deed.card_id)
    assert card is not None
    counter = max(card.counter or 0, deed.terms.card_sequence + 1)
    mine = card.pending_op == deed.op_id or (card.pending or 0) <= counter
    settled = replace(
        card,
        counter=counter,
        pending=None if mine else card.pending,
        pending_op=None if mine else card.pending_op,
    )
    books.change_card(settled)
    return settled


def _end(
    shop: Shop,
    books: Books,
    deed: PurseDeed,
    state: DeedState,
    *,
    tac: bytes | None = None,
    why: str | None = None,
) -> None:
    now_ms = shop.clock.now_ms()
    books.put_purse_deed(
        replace(deed, state=state, tac=tac, why=why, decided_by=BY_CARD, settled_ms=now_ms)
    )


@dataclass(frozen=True, slots=True)
class Said:
    """Who moved purse money without a sale, and why."""

    actor: str
    event: str
    reason: str = ""
    approver: str = ""

    def detail(self) -> dict[str, int | str]:
        said: dict[str, int | str] = {"event": self.event}
        if self.reason:
            said["reason"] = self.reason
        if self.approver:
            said["approver"] = self.approver
        return said


def to_account(shop: Shop, books: Books, deed: PurseDeed, source: Account, said: Said) -> None:
    """The deed's money, from the card to the principal of its member as a lot of its own."""
    card = books.card(deed.card_id)
    assert card is not None
    amount_fen, now_ms = deed.terms.amount_fen, shop.clock.now_ms()
    principal = Account(owner_of(card.member_id), "principal")
    rule = LotRule(given=FROM_PURSE, paid_fen=amount_fen, bought_ms=now_ms).as_text()
    append_purse(
        shop, books, deed, said,
        (Posting(source, -amount_fen, Funding.PURSE), Posting(principal, amount_fen)),
        {principal: rule},
    )  # fmt: skip


def _correct(shop: Shop, books: Books, deed: PurseDeed, amount_fen: int) -> None:
    """The office booked a debit that was none: the card has its money still, the shop bears it."""
    append_purse(
        shop, books, deed, Said(DEVICE, "purse_corrected"),
        (
            Posting(purse_account(deed.card_id), amount_fen, Funding.PURSE),
            Posting(DOUBT, -amount_fen),
        ),
            )  # fmt: skip


def append_purse(
    shop: Shop,
    books: Books,
    deed: PurseDeed,
    said: Said,
    postings: tuple[Posting, ...] = (),
    opened: Mapping[Account, str] | None = None,
) -> None:
    """An entry about a deed; what its TAC covers is in the leaf where there is one."""
    card = books.card(deed.card_id)
    assert card is not None
    now_ms = shop.clock.now_ms()
    counts = deed.tac is not None and deed.kind is TransactionType.PURCHASE
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.PURSE,
            at_ms=now_ms,
            actor=said.actor,
            member_id=card.member_id,
            card_id=deed.card_id,
            card_counter=deed.terms.card_sequence + 1 if counts else None,
            refers_to=deed.op_id,
            postings=postings,
            detail={**said.detail(), "day": shop.day(now_ms), **deed.facts()},
        ),
        opened,
    )


def back_to_account(
    shop: Shop, books: Books, actor: str, card_id: str | None, op_id: str, back_fen: int
) -> None:
    """What a refund or void owes of a purse's money, into the principal of the card's member."""
    card = books.card(card_id or "")
    assert card is not None
    now_ms = shop.clock.now_ms()
    principal = Account(owner_of(card.member_id), "principal")
    rule = LotRule(given=FROM_PURSE, paid_fen=back_fen, bought_ms=now_ms).as_text()
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.PURSE,
            at_ms=now_ms,
            actor=actor,
            member_id=card.member_id,
            card_id=card.card_id,
            refers_to=op_id,
            postings=(
                Posting(Account(f"card:{card.card_id}", PURSE_BACK), -back_fen),
                Posting(principal, back_fen),
            ),
            detail={"event": TO_ACCOUNT, "day": shop.day(now_ms)},
        ),
        {principal: rule},
    )


def with_purse_in_account(refund: Refund) -> Refund:
    """For people: a purse is not there when goods come back, its part goes into the account."""
    there = Source(TenderKind.STORED, "principal")
    lines = tuple(
        replace(
            line,
            payments=tuple(
                Payment(there, each.fen) if each.source.tender is TenderKind.PURSE else each
                for each in line.payments
            ),
        )
        for line in refund.lines
    )
    return replace(refund, lines=lines)
