"""Posting a priced sale: one entry, and everything that follows from it, in one transaction.

The quote is what was agreed. It is looked at once more against what is there now, and then posted
as it is: money, points, passes, commission; coupons and stock; lines, habits and level; a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.entry import MOST_POSTINGS, Account, Draft, Entry, Kind
from daemon.core.lot_rule import usable
from daemon.core.loyalty.points import available
from daemon.core.money import Purse
from daemon.core.pricing.basket import TenderKind
from daemon.core.pricing.kept import quote_as_json
from daemon.core.pricing.quoted import OWED, Quote, Source, StepKind
from daemon.core.purse import PurseDeed
from daemon.core.records import Card, Member, Operation, OpState
from daemon.core.sale_entry import (
    Lots,
    SaleMoves,
    account_of,
    from_card,
    pass_account,
    sale_moves,
)
from daemon.core.sold import Deed, earned_by, sold_lines
from daemon.core.spend import balance_of
from daemon.operations.after_sale import after_sale
from daemon.operations.branch_time import barred
from daemon.operations.levels import settle_level
from daemon.operations.price_sale import rule_names
from daemon.operations.sale_receipt import Papered, Told, spool_sale_receipt
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

Moves = tuple[tuple[str, int], ...]
"""(code, pieces) that went onto the shelf, or with a minus from it."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who bought: nobody, a member, a member with a card. `card` is as it is on the books once its
    counter is settled; `purse` the debit of its purse, which was done."""

    member: Member | None = None
    card: Card | None = None
    weak: bool = False
    purse: PurseDeed | None = None

    @property
    def owner(self) -> str:
        return owner_of(self.member.member_id) if self.member is not None else ""

    @property
    def on_card_fen(self) -> int | None:
        """What the purse that paid has left."""
        terms = self.purse.terms if self.purse is not None else None
        return terms.balance_fen - terms.amount_fen if terms is not None else None

    @property
    def spends_as(self) -> str | None:
        """What a day's limit is counted for: the card, or the member without it."""
        if self.card is not None:
            return self.card.card_id
        return self.owner or None


def stored_fen(quote: Quote) -> int:
    """What of the sale stored value pays."""
    return sum(fen for source, fen in quote.payments().items() if source.asset)


def held_fen(quote: Quote) -> int:
    """What of the sale the member's own money pays: not what is owed."""
    return stored_fen(quote) - quote.payments().get(Source(TenderKind.STORED, OWED), 0)


def plan_of(quote: Quote, owner: str) -> tuple[tuple[Account, int], ...]:
    """What each lot gives."""
    return tuple(
        (account_of(source, owner), fen)
        for source, fen in quote.payments().items()
        if source.asset and source.asset != OWED
    )


def refusal_now(
    shop: Shop, books: Books, quote: Quote, buyer: Buyer, now_ms: int
) -> Decline | None:
    """Why the quote cannot be posted as things are now; None where it can."""
    if not quote.settled:
        return Decline("tender_short", {"short_fen": quote.short_fen})
    if held_fen(quote) or quote.points_used or quote.passes():
        bar = barred(shop, books, held_fen(quote))
        if bar is not None:
            return bar
    day = shop.day(now_ms)
    held = usable(books.holdings(buyer.owner), day) if buyer.member is not None else []
    there = {each.account: each.balance for each in held}
    for source, fen in quote.payments().items():
        if source.asset == OWED:
            continue
        if source.asset and there.get(account_of(source, buyer.owner), 0) < fen:
            total, due = balance_of(held).total_fen, held_fen(quote)
            return Decline(
                "insufficient_funds",
                {"short_fen": max(0, due - total), "available_fen": total},
            )
    short = quote.points_used - available(held, day)
    if short > 0:
        return Decline("points_short", {"short": short})
    for pass_id, uses in quote.passes().items():
        if there.get(pass_account(buyer.owner, pass_id), 0) < uses:
            return Decline("pass_short", {"short": uses})
    for code in quote.coupons:
        issued = books.coupon(code)
        if issued is None or issued.state != "issued":
            return Decline("coupon_used")
    return _gift_short(books, quote)


def _gift_short(books: Books, quote: Quote) -> Decline | None:
    for line in quote.lines:
        if line.line.gift and line.line.code is not None:
            on_hand = books.stock(line.line.code)
            if on_hand is not None and on_hand < line.line.quantity:
                return Decline("stock_short", {"on_hand": max(0, on_hand)})
    return None


def settle(
    shop: Shop,
    books: Books,
    sale: Operation,
    quote: Quote,
    buyer: Buyer,
    cashier: Actor,
    names: Mapping[str, str] | None = None,
) -> Mapping[str, Any] | Decline:
    """Moves everything and ends the sale as APPROVED; returns its answer. Where `refusal_now` has
    something to say, nothing is written and that is returned."""
    now_ms = shop.clock.now_ms()
    refusal = refusal_now(shop, books, quote, buyer, now_ms)
    if refusal is not None:
        return refusal
    holdings = books.holdings(buyer.owner) if buyer.member is not None else ()
    day = date.fromisoformat(shop.day(now_ms))
    paid_by_purse = quote.payments().get(Source(TenderKind.PURSE), 0)
    assert paid_by_purse == (0 if buyer.purse is None else buyer.purse.terms.amount_fen)
    moves = sale_moves(quote, buyer.owner, holdings, day, now_ms, shop.rules.points_valid_days)
    if len(moves.postings) > MOST_POSTINGS:
        return Decline("too_many_lots")
    day_text = day.isoformat()
    entry = _append(books, sale, quote, buyer, cashier, moves, now_ms, day_text)
    stock = _keep_projections(shop, books, sale.op_id, quote, buyer, cashier.number, day_text)
    for code in quote.coupons:
        assert books.redeem_coupon(code, sale.op_id), "it was looked at just now"
    level = _gains(shop, books, sale.op_id, quote, buyer, now_ms)
    called = names if names is not None else rule_names(shop, books, quote)
    told = Told(cashier, called, buyer.weak, level, buyer.on_card_fen)
    paper = spool_sale_receipt(shop, books, sale, quote, buyer.member, told)
    answer = {
        **_answer(quote, buyer, moves, books.lot_of(entry.dseq), paper, called, level),
        "parts": parts_of(shop, quote),
        "stock": [list(each) for each in stock],
    }
    books.change_operation(
        sale.op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=entry.dseq
    )
    return answer


def _append(
    books: Books,
    sale: Operation,
    quote: Quote,
    buyer: Buyer,
    cashier: Actor,
    moves: SaleMoves,
    now_ms: int,
    day: str,
) -> Entry:
    detail: dict[str, int | str] = {"event": "sale", "day": day}
    if quote.coupons:
        detail["coupons"] = " ".join(quote.coupons)
    changed = [
        step.fen for line in quote.lines for step in line.steps if step.kind is StepKind.OVERRIDE
    ]
    if changed:
        detail["overrides"], detail["override_fen"] = len(changed), sum(changed)
    if cashier.approver:
        detail["approver"] = cashier.approver
    card = buyer.card
    if buyer.purse is not None:
        detail.update(buyer.purse.facts())
    entry = books.append(
        Draft(
            op_id=sale.op_id,
            kind=Kind.SALE,
            at_ms=now_ms,
            actor=cashier.number,
            member_id=buyer.member.member_id if buyer.member is not None else None,
            card_id=card.card_id if card is not None else None,
            card_counter=card.counter if card is not None else None,
            postings=moves.postings if card is None else from_card(moves.postings, card.card_id),
            detail=detail,
        ),
        moves.opened,
    )
    assert entry.draft.op_id == sale.op_id
    return entry


def _keep_projections(
    shop: Shop,
    books: Books,
    op_id: str,
    quote: Quote,
    buyer: Buyer,
    actor: str,
    day: str,
) -> Moves:
    """Returns what left the shelf: which codes are counted is known today alone."""
    deed = Deed(
        op_id,
        actor,
        day,
        buyer.member.member_id if buyer.member is not None else None,
        buyer.card.card_id if buyer.card is not None else None,
    )
    books.add_sale_lines(sold_lines(deed, quote, parts_of(shop, quote)))
    books.add_commission(earned_by(deed, quote))
    stock = []
    for line in quote.lines:
        if line.line.code is not None and _counted(shop, line.line.code, gift=line.line.gift):
            books.add_stock(line.line.code, -line.line.quantity)
            stock.append((line.line.code, -line.line.quantity))
    spent = stored_fen(quote)
    shop.chain.spent(held_fen(quote))
    if spent and buyer.spends_as is not None:
        books.add_spent(buyer.spends_as, day, spent)
    if buyer.member is not None:
        progress = quote.progress
        books.add_habit(
            buyer.member.member_id,
            day,
            visits=progress.visits,
            spent_fen=progress.spend_fen,
            points=progress.points,
        )
    return tuple(stock)


def _counted(shop: Shop, code: str, *, gift: bool) -> bool:
    """Gifts are always counted where a store counts them; goods where their code says so."""
    known = shop.rules.codes.get(code)
    return gift or (known is not None and known.stocked)


def counts_stock(shop: Shop, quote: Quote, line_id: str) -> bool:
    """Whether a line that comes back goes onto the shelf."""
    line = next(each for each in quote.lines if each.line.line_id == line_id)
    code = line.line.code
    return code is not None and _counted(shop, code, gift=line.line.gift)


def parts_of(shop: Shop, quote: Quote) -> dict[str, int]:
    """Parts to a unit by line id; an amount without a code is counted in hundredths."""
    codes = shop.rules.book.catalogue.codes
    parts = {}
    for quoted in quote.lines:
        code = codes.get(quoted.line.code or "")
        counted = 1 if code is None else code.unit.parts
        parts[quoted.line.line_id] = 100 if quoted.line.code is None else counted
    return parts


def _gains(
    shop: Shop, books: Books, sale_id: str, quote: Quote, buyer: Buyer, now_ms: int
) -> tuple[str | None, str | None]:
    """What a member's sale brings beside its price. The level before and after."""
    member = buyer.member
    if member is None:
        return None, None
    after = settle_level(shop, books, member, now_ms, cause=sale_id)
    after_sale(shop, books, after, sale_id, quote.paid_fen, now_ms)
    return member.level, after.level


def _answer(
    quote: Quote,
    buyer: Buyer,
    moves: SaleMoves,
    opened_lot: int,
    paper: Papered,
    names: Mapping[str, str],
    level: tuple[str | None, str | None],
) -> Mapping[str, Any]:
    member, card = buyer.member, buyer.card
    return {
        "amount_fen": quote.paid_fen,
        "member_id": member.member_id if member is not None else None,
        "card_id": card.card_id if card is not None else None,
        "technology": card.technology.value if card is not None else None,
        "weak": buyer.weak,
        "taken": purse_taken(quote).as_json(),
        "balance": paper.balance.as_json() if paper.balance is not None else None,
        "points_left": paper.points_left,
        "on_card_fen": buyer.on_card_fen,
        "receipt_id": paper.receipt_id,
        "receipt_number": paper.number,
        "quote": quote_as_json(quote),
        "names": dict(names),
        "points_lot": moves.points_lot or opened_lot,
        "points_drawn": [list(each) for each in moves.points_drawn],
        "levels": list(level),
    }


def lots_of_points(answer: Mapping[str, Any]) -> Lots:
    """Which lots the points of a sale came from, from its answer."""
    return tuple((lot, points) for lot, points in answer.get("points_drawn", ()))


def purse_taken(quote: Quote) -> Purse:
    paid = quote.payments()

    def total(asset: str) -> int:
        return sum(fen for source, fen in paid.items() if source.asset == asset)

    return Purse(total("principal"), total("bonus"))
