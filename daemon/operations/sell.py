"""A sale on a card, in the three steps that make it safe: intent, card, ledger.

1. `open_sale`: the sale's id is durable before anything is tried.
2. `decide`: one transaction reads the books, decides, and writes the card's intent (counter + 1).
3. the card commits (daemon.operations.counter_desk asks it to).
4. `post_sale`: one transaction decides again on what is true now, moves the money, settles the
   card's counter, ends the sale and spools the receipt. When it returns, and not before, anything
   may say "approved".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.authorize import Approve, Decision, Decline, authorize
from daemon.core.card import Assurance, CardStatus, CounterVerdict, Proof, Technology, judge_counter
from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import NotFound
from daemon.core.ids import is_id
from daemon.core.masking import mask_name, tail
from daemon.core.money import Purse, require_amount
from daemon.core.receipt_text import SaleFacts, sale_receipt
from daemon.core.records import Card, Member, Operation, OpState
from daemon.core.spend import balance_of
from daemon.operations.once import client_key, earlier
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

KIND = "sale"
SALES = Account("shop", "sales")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the counter knows of the tap: the proof, and whether the member's PIN was right."""

    proof: Proof
    pin_given: bool = False


def open_sale(shop: Shop, books: Books, actor: Actor, amount_fen: int, key: str) -> Operation:
    """Makes the sale durable as OPEN, or finds the one that this key began.

    Raises BadRequest for the amount or key, Conflict("idempotency_key_reused")."""
    require_amount(amount_fen, most_fen=shop.policy.most_sale_fen)
    request = {"amount_fen": amount_fen}
    whose = client_key(actor, key)
    found = earlier(books, whose, KIND, request)
    if found is not None:
        return found
    sale = Operation(
        op_id=shop.clock.new_id(),
        kind=KIND,
        state=OpState.OPEN,
        actor=actor.number,
        created_ms=shop.clock.now_ms(),
        request=request,
        client_key=whose,
    )
    books.add_operation(sale)
    return sale


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
    """Decides; on Approve for a card with a counter, writes the intent. The card is returned as it
    now is on the books. A decline that must be remembered (a clone) locks the card here."""
    found = find_card(books, evidence.proof)
    if isinstance(found, Decline):
        return found, None
    decision = _judge(shop, books, sale, evidence, found)
    if isinstance(decision, Approve) and decision.counter_before is not None:
        return decision, _write_intent(books, sale, found, decision.counter_before)
    if isinstance(decision, Decline) and decision.alarm:
        remember_alarm(shop, books, found, decision)
    return decision, found


def _judge(shop: Shop, books: Books, sale: Operation, evidence: Evidence, card: Card) -> Decision:
    member = books.member(card.member_id)
    assert member is not None, "a card on the books has a member"
    return authorize(
        amount_fen=sale.request["amount_fen"],
        proof=evidence.proof,
        card=card,
        member=member,
        holdings=books.holdings(owner_of(member.member_id)),
        spent_today_fen=books.spent_on_day(card.card_id, shop.day(shop.clock.now_ms())),
        pin_given=evidence.pin_given,
        policy=shop.policy,
    )


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
    """Moves the money and ends the sale as APPROVED; returns its answer. Where the money is not
    there any more it ends the sale as DECLINED. The card's counter is settled either way."""
    card = find_card(books, evidence.proof)
    assert isinstance(card, Card)
    decision = _judge(shop, books, sale, evidence, card)
    settled = card
    if evidence.proof.counter is not None:
        assert card.pending is not None and card.pending_op == sale.op_id
        settled = replace(card, counter=card.pending, pending=None, pending_op=None)
        books.change_card(settled)
    if not isinstance(decision, Approve):
        assert isinstance(decision, Decline), "the PIN was asked for before"
        end_sale(shop, books, sale.op_id, OpState.DECLINED, decision)
        return decision
    now_ms = shop.clock.now_ms()
    taken = _post(shop, books, sale, settled, decision, cashier, now_ms)
    member = books.member(card.member_id)
    assert member is not None
    return _finish(shop, books, sale, member, settled, taken, cashier, now_ms)


def _post(
    shop: Shop,
    books: Books,
    sale: Operation,
    card: Card,
    decision: Approve,
    cashier: Actor,
    now_ms: int,
) -> Purse:
    amount_fen = sale.request["amount_fen"]
    drawn = tuple(Posting(account, -part) for account, part in decision.plan)
    entry = books.append(
        Draft(
            op_id=sale.op_id,
            kind=Kind.SALE,
            at_ms=now_ms,
            actor=cashier.number,
            member_id=card.member_id,
            card_id=card.card_id,
            card_counter=card.counter,
            postings=(*drawn, Posting(SALES, amount_fen)),
        )
    )
    assert entry.draft.op_id == sale.op_id
    books.add_spent(card.card_id, shop.day(now_ms), amount_fen)

    def taken(asset: str) -> int:
        return sum(part for account, part in decision.plan if account.asset == asset)

    return Purse(taken("principal"), taken("bonus"))


def _finish(
    shop: Shop,
    books: Books,
    sale: Operation,
    member: Member,
    card: Card,
    taken: Purse,
    cashier: Actor,
    now_ms: int,
) -> Mapping[str, Any]:
    left = balance_of(books.holdings(owner_of(member.member_id)))
    weak = shop.policy.profiles[card.technology].proves is Assurance.IDENTITY
    number = shop.receipt_number(books, now_ms)
    personal = books.personal(member.member_id)
    receipt_id = shop.clock.new_id()
    receipt = sale_receipt(
        receipt_id,
        shop.head,
        SaleFacts(
            number=number,
            at=shop.time_text(now_ms),
            cashier=cashier.number,
            amount_fen=sale.request["amount_fen"],
            taken=taken,
            balance=left,
            member=mask_name(personal.name) if personal else "",
            card_tail=tail(member.number),
            reference=sale.op_id,
            weak=weak,
            token=receipt_id,
        ),
        shop.language,
    )
    books.spool_receipt(receipt, sale.op_id, now_ms)
    answer = {
        "member_id": member.member_id,
        "card_id": card.card_id,
        "technology": card.technology.value,
        "weak": weak,
        "taken": taken.as_json(),
        "balance": left.as_json(),
        "receipt_id": receipt_id,
        "receipt_number": number,
    }
    books.change_operation(
        sale.op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=books.head().dseq
    )
    return answer


def end_sale(
    shop: Shop, books: Books, sale_id: str, state: OpState, why: Decline, **more: Any
) -> None:
    """Ends a sale without money moving. `more` is kept with the answer (who it was, which card)."""
    assert state in (OpState.DECLINED, OpState.CANCELLED, OpState.UNKNOWN, OpState.PARKED)
    books.change_operation(
        sale_id,
        state,
        reason=why.reason,
        answer={"facts": dict(why.facts), **more},
        settled_ms=shop.clock.now_ms() if state.final else None,
    )


def require_sale(books: Books, sale_id: str) -> Operation:
    """Raises NotFound("sale_unknown")."""
    sale = books.operation(sale_id)
    if sale is None or sale.kind != KIND:
        raise NotFound("sale_unknown")
    return sale
