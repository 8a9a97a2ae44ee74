"""A sale on a card, in the three steps that make it safe: intent, card, ledger.

1. `open_sale`: the sale's id and its basket are durable before anything is tried.
2. `decide`: one transaction reads the books, makes the price for the member who tapped, decides,
   and writes the card's intent (counter + 1) together with the price.
3. the card commits (daemon.operations.counter_desk asks it to).
4. `post_sale`: one transaction looks at what is true now, moves everything, settles the card's
   counter, ends the sale and spools the receipt. When it returns, and not before, anything may say
   "approved".

A tap that was torn and ends later ends at the price that was kept with its intent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.authorize import Approve, Decision, Decline, authorize, judge_card
from daemon.core.card import Assurance, CardStatus, CounterVerdict, Proof, Technology, judge_counter
from daemon.core.entry import Draft, Kind
from daemon.core.errors import CounterError, LedgerError, NotFound
from daemon.core.ids import is_id
from daemon.core.money import require_amount
from daemon.core.permissions import Permission
from daemon.core.pricing.kept import quote_as_json, quote_from_json
from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.standing import NO_CARD
from daemon.core.records import SALE, Card, Member, Operation, OpState
from daemon.core.sale_entry import repaid
from daemon.operations.agreed import agreed_by
from daemon.operations.basket import Basket, basket_as_json, basket_from_json
from daemon.operations.branch_credit import AGREED, allowed, with_credit
from daemon.operations.branch_time import barred
from daemon.operations.once import client_key, earlier
from daemon.operations.price_sale import price, rule_names
from daemon.operations.settle_sale import Buyer, held_fen, plan_of, settle
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

KIND = SALE


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the counter knows of the tap: the proof, and whether the member's PIN was right."""

    proof: Proof
    pin_given: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: a bare amount, or a basket. `credit_fen` is the offline credit that a
    manager agreed to for this sale."""

    basket: Basket
    amount_fen: int | None = None
    credit_fen: int = 0

    def as_json(self) -> dict[str, Any]:
        """As the operation keeps it: the same request always reads the same."""
        agreed = {AGREED: self.credit_fen} if self.credit_fen else {}
        if self.amount_fen is None:
            return {**basket_as_json(self.basket), **agreed}
        rest = basket_as_json(replace(self.basket, lines=()))
        return {"amount_fen": self.amount_fen, **rest, **agreed}


def open_sale(shop: Shop, books: Books, actor: Actor, order: Order, key: str) -> Operation:
    """Makes the sale durable as OPEN, or finds the one that this key began.

    Raises BadRequest for the amount or key, Conflict("idempotency_key_reused"),
    NotAllowed("permission_needed") for keyed amounts, changed prices, gifts and credit, and what a
    price raises."""
    if order.amount_fen is not None:
        require_amount(order.amount_fen, most_fen=shop.policy.most_sale_fen)
    request = order.as_json()
    whose = client_key(actor, key)
    found = earlier(books, whose, KIND, request)
    if found is not None:
        return found
    require_shift(shop, books)
    if order.basket.has_open_amount:
        actor.require(Permission.OPEN_AMOUNT)
    if order.basket.has_override:
        actor.require(Permission.PRICE_OVERRIDE)
    if order.basket.has_gift:
        actor.require(Permission.GIFT)
    if order.credit_fen:
        actor.require(Permission.CREDIT)
    first_look = {"amount_fen": _first_look(shop, books, order.basket)}
    sale = Operation(
        op_id=shop.clock.new_id(),
        kind=KIND,
        state=OpState.OPEN,
        actor=actor.number,
        created_ms=shop.clock.now_ms(),
        request=request,
        client_key=whose,
        answer={
            **first_look,
            **agreed_by(actor, order.credit_fen > 0 or order.basket.has_override),
        },
    )
    books.add_operation(sale)
    return sale


def _first_look(shop: Shop, books: Books, basket: Basket) -> int:
    """What it comes to before it is known who buys. Raises what a price raises: a basket that
    cannot be sold to anybody is refused at once."""
    rest = basket.without_member(shop.rules.book.catalogue)
    if not rest.lines:
        return 0
    rest = replace(rest, tenders=())
    return price(shop, books, rest, NO_CARD, shop.clock.now_ms()).paid_fen


def find_card(books: Books, proof: Proof) -> Card | Decline:
    """The card on the books that the proof speaks of."""
    face = proof.face
    if face.technology is Technology.DESFIRE:
        if proof.card_id is None or not is_id(proof.card_id):
            return Decline("card_forged", alarm=True)
        card = books.card(proof.card_id)
    else:
        card = books.card_by_uid(face.uid)
    return card if card is not None else Decline("card_unknown")


def decide(
    shop: Shop, books: Books, sale: Operation, evidence: Evidence
) -> tuple[Decision, Card | None]:
    """Decides; on Approve for a card with a counter, writes the intent and the price. The card is
    returned as it now is on the books. A decline that must be remembered (a clone) locks the card
    here."""
    found = find_card(books, evidence.proof)
    if isinstance(found, Decline):
        return found, None
    decision, quote = _judge(shop, books, sale, evidence, found)
    if isinstance(decision, Approve) and decision.counter_before is not None:
        assert quote is not None
        _keep_price(shop, books, sale, found, quote)
        return decision, _write_intent(books, sale, found, decision.counter_before)
    if isinstance(decision, Decline) and decision.alarm:
        remember_alarm(shop, books, found, decision)
    return decision, found


def _judge(
    shop: Shop, books: Books, sale: Operation, evidence: Evidence, card: Card
) -> tuple[Decision, Quote | None]:
    """The price is made only for a card that may pay at all."""
    member = books.member(card.member_id)
    assert member is not None, "a card on the books has a member"
    refusal = judge_card(evidence.proof, card, shared=shop.chain.belongs)
    if refusal is not None:
        return refusal, None
    if member.status != "active":
        return Decline("member_frozen"), None
    if sale.request.get("member_id", card.member_id) != card.member_id:
        return Decline("card_of_other_member"), None
    quote = price_or_kept(shop, books, sale, member, card)
    if isinstance(quote, Decline):
        return quote, None
    if held_fen(quote) or quote.points_used or quote.passes():
        bar = barred(shop, books, held_fen(quote))
        if bar is not None:
            return bar, None
    profile = shop.policy.profiles[card.technology]
    gains = quote.points_used > 0 or bool(quote.passes())
    decision = authorize(
        amount_fen=held_fen(quote),
        proof=evidence.proof,
        card=card,
        member=member,
        holdings=books.holdings(owner_of(member.member_id)),
        spent_today_fen=books.spent_on_day(card.card_id, shop.day(shop.clock.now_ms())),
        pin_given=evidence.pin_given,
        policy=shop.policy,
        plan=plan_of(quote, owner_of(member.member_id)),
        asks_pin=gains and profile.proves is Assurance.IDENTITY,
        shared=shop.chain.belongs,
    )
    return decision, quote


def price_or_kept(
    shop: Shop, books: Books, sale: Operation, member: Member, card: Card | None
) -> Quote | Decline:
    """The price that was agreed where this card's intent for this very sale is not settled, else
    the price for the member now; or why there is none."""
    now_ms = shop.clock.now_ms()
    standing = member_standing(shop, books, member, now_ms)
    standing = with_credit(standing, allowed(books, sale))
    kept = sale_now(books, sale).answer.get("quote")
    # What a purse was to pay is settled with the purse (purse_sale), never taken from the account.
    counts = card is not None and card.technology is not Technology.PURSE
    if kept is not None and card is not None and counts and card.pending_op == sale.op_id:
        quote = quote_from_json(kept)
        if quote.member_id == member.member_id:
            return repaid(quote, standing.holdings, shop.rules.book.spend_order)
    try:
        return price(shop, books, basket_from_json(sale.request), standing, now_ms)
    except LedgerError:
        raise
    except CounterError as error:
        return declined(error)


def declined(error: CounterError) -> Decline:
    """What a price refused, as the end of a sale."""
    facts = {name: fact for name, fact in error.facts.items() if isinstance(fact, int)}
    return Decline(error.key, facts)


def sale_now(books: Books, sale: Operation) -> Operation:
    """The sale as it stands on the books."""
    found = books.operation(sale.op_id)
    assert found is not None
    return found


def _keep_price(shop: Shop, books: Books, sale: Operation, card: Card, quote: Quote) -> None:
    now = sale_now(books, sale)
    if card.pending_op == sale.op_id and "quote" in now.answer:
        return
    kept = {
        **now.answer,
        "amount_fen": quote.paid_fen,
        "quote": quote_as_json(quote),
        "names": dict(rule_names(shop, books, quote)),
    }
    books.change_operation(sale.op_id, now.state, reason=now.reason, answer=kept)


def _write_intent(books: Books, sale: Operation, card: Card, on_card: int) -> Card:
    """Settles a torn commit of an earlier sale, then notes that `on_card + 1` is to come. A commit
    that was torn in this very sale is left pending: `needs_commit` tells them apart."""
    assert card.counter is not None
    verdict = judge_counter(on_card, card.counter, card.pending)
    if verdict is CounterVerdict.COMMITTED and card.pending_op == sale.op_id:
        return card
    noted = replace(card, counter=on_card, pending=on_card + 1, pending_op=sale.op_id)
    books.change_card(noted)
    return noted


def needs_commit(card: Card, proof: Proof) -> bool:
    """Whether the card must still move its counter for the intent that is pending."""
    return proof.counter is not None and card.pending != proof.counter


def remember_alarm(shop: Shop, books: Books, card: Card, decline: Decline) -> None:
    """Puts the reason on the journal, and locks the card where the decision says so."""
    if decline.lock:
        books.change_card(replace(card, status=CardStatus.LOCKED))
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.CARD_ALARM,
            at_ms=shop.clock.now_ms(),
            actor="device",
            member_id=card.member_id,
            card_id=card.card_id,
            detail={"reason": decline.reason, "locked": int(decline.lock)},
        )
    )


def post_sale(
    shop: Shop, books: Books, sale: Operation, evidence: Evidence, cashier: Actor
) -> Decline | Mapping[str, Any]:
    """Moves everything and ends the sale as APPROVED; returns its answer. Where what should pay is
    not there any more it ends the sale as DECLINED. The card's counter is settled either way."""
    card = find_card(books, evidence.proof)
    assert isinstance(card, Card)
    decision, quote = _judge(shop, books, sale, evidence, card)
    settled = card
    if evidence.proof.counter is not None:
        assert card.pending is not None and card.pending_op == sale.op_id
        settled = replace(card, counter=card.pending, pending=None, pending_op=None)
        books.change_card(settled)
    if not isinstance(decision, Approve):
        assert isinstance(decision, Decline), "the PIN was asked for before"
        end_sale(shop, books, sale.op_id, OpState.DECLINED, decision)
        return decision
    assert quote is not None
    member = books.member(card.member_id)
    assert member is not None
    weak = shop.policy.profiles[card.technology].proves is Assurance.IDENTITY
    names = sale_now(books, sale).answer.get("names") if settled is not card else None
    posted = settle(shop, books, sale, quote, Buyer(member, settled, weak), cashier, names)
    if isinstance(posted, Decline):
        end_sale(shop, books, sale.op_id, OpState.DECLINED, posted)
    return posted


def end_sale(
    shop: Shop, books: Books, sale_id: str, state: OpState, why: Decline, **more: Any
) -> None:
    """Ends a sale without money moving. `more` is kept with the answer (who it was, which card)."""
    assert state in (OpState.DECLINED, OpState.CANCELLED, OpState.UNKNOWN, OpState.PARKED)
    sale = books.operation(sale_id)
    before = sale.answer if sale is not None else {}
    books.change_operation(
        sale_id,
        state,
        reason=why.reason,
        answer={**before, "facts": dict(why.facts), **more},
        settled_ms=shop.clock.now_ms() if state.final else None,
    )


def require_sale(books: Books, sale_id: str) -> Operation:
    """Raises NotFound("sale_unknown")."""
    sale = books.operation(sale_id)
    if sale is None or sale.kind != KIND:
        raise NotFound("sale_unknown")
    return sale
