"""The papers of a sale and of its refund, from the quote and what the books hold after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.core.lot_rule import lot_rule
from daemon.core.loyalty.points import available
from daemon.core.masking import mask_name, tail
from daemon.core.money import Purse, yuan
from daemon.core.pricing.quoted import OVERRIDE_RULE, OWED, Quote, QuotedLine, Step, StepKind
from daemon.core.pricing.refund import Refund
from daemon.core.receipt_sale import (
    BasketFacts,
    DebtFacts,
    Discount,
    LineFacts,
    PassFacts,
    RefundFacts,
    basket_receipt,
    refund_receipt,
)
from daemon.core.records import Holding, Member, Operation
from daemon.core.sale_entry import pass_account, pass_asset
from daemon.core.spend import balance_of
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import rises
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books


@dataclass(frozen=True, slots=True)
class Papered:
    """The receipt that was spooled and what it said is left. None: nobody's."""

    receipt_id: str
    number: str
    balance: Purse | None
    points_left: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """What the paper says beside the quote. `names` of rules; `levels` before and after."""

    cashier: Actor
    names: Mapping[str, str]
    weak: bool
    levels: tuple[str | None, str | None]
    on_card_fen: int | None = None


@dataclass(frozen=True, slots=True)
class _After:
    """The member after the entry. `name` is masked; "" where it was erased."""

    name: str
    card_tail: str
    balance: Purse
    points: int
    holdings: Sequence[Holding]


def _after(shop: Shop, books: Books, member: Member, now_ms: int) -> _After:
    holdings = books.holdings(owner_of(member.member_id))
    personal = books.personal(member.member_id)
    return _After(
        mask_name(personal.name) if personal is not None else "",
        tail(member.number),
        balance_of(holdings),
        available(holdings, shop.day(now_ms)),
        holdings,
    )


def spool_sale_receipt(
    shop: Shop,
    books: Books,
    sale: Operation,
    quote: Quote,
    member: Member | None,
    told: Told,
) -> Papered:
    """After the entry, in its transaction."""
    now_ms = shop.clock.now_ms()
    after = _after(shop, books, member, now_ms) if member is not None else None
    number, receipt_id = shop.receipt_number(books, now_ms), shop.clock.new_id()
    taken, tenders = split_tenders(quote)
    before, level = told.levels
    names = told.names
    facts = BasketFacts(
        number=number,
        at=shop.time_text(now_ms),
        cashier=told.cashier.number,
        reference=sale.op_id,
        lines=tuple(_line(shop, line, names) for line in quote.lines),
        paid_fen=quote.paid_fen,
        taken=taken,
        tenders=tenders,
        change_fen=quote.change_fen,
        member=after.name if after is not None else "",
        card_tail=after.card_tail if after is not None else "",
        balance=after.balance if after is not None else None,
        points_used=quote.points_used,
        points_earned=quote.points_earned,
        points_left=after.points if after is not None else None,
        passes_used=_passes_used(quote, after, names),
        passes_bought=_passes_bought(quote, after),
        coupons=quote.coupons,
        level=shop.rules.level_name(level),
        level_up=shop.rules.level_name(level) if rises(shop, before, level) else "",
        weak=told.weak,
        token=receipt_id,
        offline=_offline(shop, books) if member is not None else "",
        on_card_fen=told.on_card_fen,
    )
    receipt = basket_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, sale.op_id, now_ms)
    return Papered(
        receipt_id,
        number,
        after.balance if after is not None else None,
        after.points if after is not None else None,
    )


def _offline(shop: Shop, books: Books) -> str:
    """When the cloud was last heard, where this counter is cut off from its chain; else ""."""
    if not shop.chain.belongs or shop.chain.online:
        return ""
    state = books.chain_state()
    return shop.time_text(state.contact_ms) if state is not None and state.contact_ms else "-"


def spool_refund_receipt(
    shop: Shop,
    books: Books,
    operation: Operation,
    sale: Operation,
    sold: Quote,
    refund: Refund,
    member: Member | None,
    actor: Actor,
    names: Mapping[str, str],
    *,
    of_void: bool = False,
) -> Papered:
    """`of_void`: the sale never was, as far as the paper goes."""
    now_ms = operation.created_ms
    after = _after(shop, books, member, now_ms) if member is not None else None
    number, receipt_id = shop.receipt_number(books, now_ms), shop.clock.new_id()
    taken, tenders = split_tenders(refund)
    by_id = {line.line.line_id: line for line in sold.lines}
    assert sale.settled_ms is not None
    facts = RefundFacts(
        number=number,
        at=shop.time_text(now_ms),
        cashier=actor.number,
        reference=operation.op_id,
        sold_number=sale.answer["receipt_number"],
        sold_at=shop.time_text(sale.settled_ms),
        lines=tuple(
            LineFacts(
                by_id[line.line_id].name,
                quantity_text(shop, by_id[line.line_id], line.quantity),
                line.list_fen,
                discounts_of(line.steps, names),
            )
            for line in refund.lines
        ),
        paid_fen=refund.paid_fen,
        returned=taken,
        tenders=tenders,
        member=after.name if after is not None else "",
        card_tail=after.card_tail if after is not None else "",
        balance=after.balance if after is not None else None,
        points_back=refund.points_back,
        points_taken=refund.points_taken,
        points_left=after.points if after is not None else None,
        passes_back=tuple(
            PassFacts(names.get(pass_id, pass_id), uses)
            for pass_id, uses in refund.passes().items()
            if uses
        ),
        coupons=refund.coupons,
        debts=tuple(
            DebtFacts(debt.kind.value, debt.amount, debt.worth_fen) for debt in refund.debts
        ),
        approved_by=actor.approver or ("" if actor.number == sale.actor else actor.number),
        token=receipt_id,
        of_void=of_void,
    )
    receipt = refund_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, operation.op_id, now_ms)
    return Papered(
        receipt_id,
        number,
        after.balance if after is not None else None,
        after.points if after is not None else None,
    )


def split_tenders(moved: Quote | Refund) -> tuple[Purse, tuple[tuple[str, int], ...]]:
    """Stored value by asset, and everything else by tender."""
    stored = {"principal": 0, "bonus": 0}
    others: dict[str, int] = {}
    for source, fen in moved.payments().items():
        if source.asset == OWED:
            others[OWED] = others.get(OWED, 0) + fen
        elif source.asset:
            stored[source.asset] += fen
        elif fen:
            others[source.tender.value] = others.get(source.tender.value, 0) + fen
    return Purse(stored["principal"], stored["bonus"]), tuple(others.items())


def discounts_of(steps: Sequence[Step], names: Mapping[str, str]) -> tuple[Discount, ...]:
    return tuple(
        Discount(step.kind.value, _reason(step) or names.get(step.rule_id, ""), step.fen)
        for step in steps
        if step.fen
    )


def _reason(step: Step) -> str:
    return step.rule_id.removeprefix(OVERRIDE_RULE) if step.kind is StepKind.OVERRIDE else ""


def quantity_text(shop: Shop, line: QuotedLine, quantity: int) -> str:
    """`2`, `0.350kg`; an amount that was keyed in is 1."""
    if line.line.code is None:
        return "1"
    code = shop.rules.book.catalogue.codes.get(line.line.code)
    if code is None or code.unit.parts == 1:
        return str(quantity)
    whole, parts = divmod(quantity, code.unit.parts)
    places = len(str(code.unit.parts)) - 1
    return f"{whole}.{parts:0{places}d}{code.unit.name}"


def _line(shop: Shop, line: QuotedLine, names: Mapping[str, str]) -> LineFacts:
    name = line.name
    if line.line.code is not None and line.line.quantity > 1:
        code = shop.rules.book.catalogue.codes.get(line.line.code)
        if code is not None:
            name = f"{name} @{yuan(code.price_fen)}"
    return LineFacts(
        name,
        quantity_text(shop, line, line.line.quantity),
        line.list_fen,
        discounts_of(line.steps, names),
    )


def _passes_used(
    quote: Quote, after: _After | None, names: Mapping[str, str]
) -> tuple[PassFacts, ...]:
    if after is None:
        return ()
    left = {held.account: held.balance for held in after.holdings}
    rules = {held.account: held.rule for held in after.holdings}
    facts = []
    for pass_id, uses in quote.passes().items():
        account = next((a for a in left if a == pass_account(a.owner, pass_id)), None)
        until = lot_rule(rules[account]).to_day if account is not None else ""
        facts.append(
            PassFacts(
                names.get(pass_id, pass_id),
                uses,
                left[account] if account is not None else 0,
                until,
            )
        )
    return tuple(facts)


def _passes_bought(quote: Quote, after: _After | None) -> tuple[PassFacts, ...]:
    if after is None:
        return ()
    facts = []
    for line in quote.lines:
        if line.grants is None:
            continue
        newest = max(
            (held for held in after.holdings if held.account.asset == pass_asset(line)),
            key=lambda held: held.account.lot,
        )
        uses = line.grants.count * line.line.quantity
        facts.append(PassFacts(line.name, uses, None, lot_rule(newest.rule).to_day))
    return tuple(facts)
