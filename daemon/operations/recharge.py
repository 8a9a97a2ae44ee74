"""Money put on a member's account (储值), with the bonus that tiers and campaigns give (C1): what
it would bring and what forbids it (C8), and the doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from daemon.core.entry import Account, Entry, Kind, Posting
from daemon.core.errors import NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.lot_rule import LotRule
from daemon.core.masking import mask_name, tail
from daemon.core.money import require_amount
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.limits import (
    Breach,
    BreachReason,
    Buyer,
    LegalLimits,
    Loading,
    check_loading,
)
from daemon.core.pricing.recharge import RechargeQuote, quote_recharge
from daemon.core.receipt_cards import lots_words, offer_words
from daemon.core.receipt_text import RechargeFacts, recharge_receipt
from daemon.core.records import Member, Operation, OpState
from daemon.core.spend import balance_of
from daemon.core.takings import BANK_TRANSFER, CASH, OUTSIDE, Offer, Taken, take
from daemon.operations.deed import put_on_journal
from daemon.operations.levels import settle_level
from daemon.operations.once import client_key, earlier
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import has_benefits, member_standing
from daemon.operations.views import owner_of, recharge_view
from daemon.ports.ledger import Books

KIND = "recharge"
BONUS_GIVEN = Account("shop", "bonus_given")
_CEILINGS = (BreachReason.ABOVE_NAMED_CEILING, BreachReason.ABOVE_UNNAMED_CEILING)


@dataclass(frozen=True, slots=True)
class RechargeOrder:
    """`agent`: somebody does the errand for the buyer. `company`: a firm pays, not a person."""

    member_id: str
    amount_fen: int
    tenders: tuple[Offer, ...]
    agent: bool = False
    company: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it is kept. One tender for the whole is written as it was before there were mixes."""
        asked: dict[str, Any] = {"member_id": self.member_id, "amount_fen": self.amount_fen}
        if len(self.tenders) == 1 and self.tenders[0].amount_fen is None:
            asked["tender"] = self.tenders[0].tender
        else:
            asked["tenders"] = [offer.as_json() for offer in self.tenders]
        if self.agent:
            asked["agent"] = True
        if self.company:
            asked["company"] = True
        return asked


async def recharge(shop: Shop, actor: Actor, order: RechargeOrder, key: str) -> dict[str, Any]:
    """Takes the money and opens a principal lot, and a bonus lot where something is given; the
    receipt is spooled in the same transaction.

    Raises BadRequest, NotFound("member_unknown"), Refused("member_frozen" | "tender_short" |
    "tender_too_much" | "balance_ceiling" | a reason of BreachReason),
    Conflict("idempotency_key_reused")."""
    require_amount(order.amount_fen)
    request = order.as_json()

    def work(books: Books) -> tuple[dict[str, Any], bool]:
        whose = client_key(actor, key)
        found = earlier(books, whose, KIND, request)
        if found is not None:
            return recharge_view(books, found), False
        return recharge_view(books, _post(shop, books, actor, order, whose)), True

    view, fresh = await shop.ledger.write(work)
    if fresh:
        shop.receipt_spooled(view["receipt_id"])
        shop.events.publish("recharge", view)
    return view


@dataclass(frozen=True, slots=True)
class Planned:
    """A recharge that was worked out and not done. `breaches` stand against it."""

    member: Member
    given: RechargeQuote
    bonus_to_day: str
    taken: Taken
    breaches: tuple[Breach, ...]


def plan(shop: Shop, books: Books, order: RechargeOrder, now_ms: int) -> Planned:
    """Raises BadRequest, NotFound("member_unknown"), Refused for the member or the tenders; what
    the law says is in the plan."""
    member = _may_recharge(books, order.member_id)
    given = quote(shop, books, member, order.amount_fen, now_ms)
    taken = take(order.amount_fen, order.tenders, OUTSIDE)
    to_day, valid_days = "", shop.rules.recharge.bonus_valid_days
    if valid_days is not None and given.bonus_fen:
        today = date.fromisoformat(shop.day(now_ms))
        to_day = (today + timedelta(days=valid_days - 1)).isoformat()
    breaches = tuple(_against(shop, books, member, order, given, taken))
    return Planned(member, given, to_day, taken, breaches)


def quote(shop: Shop, books: Books, member: Member, amount_fen: int, now_ms: int) -> RechargeQuote:
    """A member whose benefits are over gets what was paid, no more."""
    benefits = has_benefits(member, shop.day(now_ms))
    return quote_recharge(
        amount_fen,
        member_standing(shop, books, member, now_ms),
        tiers=shop.rules.recharge.tiers if benefits else (),
        promotions=shop.rules.book.promotions if benefits else PromotionIndex(),
        now_ms=now_ms,
        utc_offset_min=shop.policy.utc_offset_min,
        store=shop.identity.store,
    )


def _may_recharge(books: Books, member_id: str) -> Member:
    member = books.member(member_id) if is_id(member_id) else None
    if member is None:
        raise NotFound("member_unknown")
    if member.status != "active":
        raise Refused("member_frozen")
    return member


def _against(
    shop: Shop,
    books: Books,
    member: Member,
    order: RechargeOrder,
    given: RechargeQuote,
    taken: Taken,
) -> list[Breach]:
    held, limits = balance_of(books.holdings(owner_of(member.member_id))), shop.rules.limits
    loading = Loading(
        kind=shop.rules.card_kind(member.named),
        held_fen=held.total_fen if limits.bonus_counts else held.principal_fen,
        amount_fen=order.amount_fen,
        bonus_fen=given.bonus_fen,
        by_transfer=taken.of(BANK_TRANSFER) == order.amount_fen,
    )
    return check_loading(loading, _buyer(books, member, order, limits), limits)


def _buyer(books: Books, member: Member, order: RechargeOrder, limits: LegalLimits) -> Buyer:
    """Below the real-name threshold the name that the books hold is enough for a named card; from
    there on, and for an agent always, the paper must be on record."""
    own, agent = books.has_identity(member.member_id)
    if not own and member.named and order.amount_fen < limits.real_name_fen:
        personal = books.personal(member.member_id)
        own = personal is not None and bool(personal.name)
    return Buyer(order.company, own, order.agent, agent)


def refusal_of(breach: Breach) -> Refused:
    if breach.reason in _CEILINGS:
        return Refused("balance_ceiling", ceiling_fen=breach.limit, room_fen=breach.room)
    return Refused(breach.reason.value, limit_fen=breach.limit)


def _post(shop: Shop, books: Books, actor: Actor, order: RechargeOrder, whose: str) -> Operation:
    now_ms = shop.clock.now_ms()
    require_shift(shop, books)
    planned = plan(shop, books, order, now_ms)
    if planned.breaches:
        raise refusal_of(planned.breaches[0])
    operation = Operation(
        op_id=shop.clock.new_id(),
        kind=KIND,
        state=OpState.OPEN,
        actor=actor.number,
        created_ms=now_ms,
        request=order.as_json(),
        client_key=whose,
    )
    books.add_operation(operation)
    postings, opened = _postings(shop, order, planned, now_ms)
    entry = put_on_journal(
        books,
        operation,
        Kind.RECHARGE,
        actor,
        "recharge",
        {"rule": planned.given.rule, "day": shop.day(now_ms)},
        member_id=order.member_id,
        postings=postings,
        opened=opened,
    )
    books.add_habit(order.member_id, shop.day(now_ms), recharged_fen=order.amount_fen)
    settle_level(shop, books, planned.member, now_ms, cause=operation.op_id)
    answer = _receipt(shop, books, actor, operation, planned, books.lot_of(entry.dseq))
    books.change_operation(
        operation.op_id, OpState.APPROVED, answer=answer, settled_ms=now_ms, dseq=entry.dseq
    )
    settled = books.operation(operation.op_id)
    assert settled is not None
    return settled


def take_back(shop: Shop, books: Books, voided: Operation, entry: Entry) -> None:
    """What a recharge counted for the member's level counts no more. Releases before version 3
    counted none."""
    if "event" in entry.draft.detail:
        day, amount_fen = shop.day_of(entry.draft), voided.request["amount_fen"]
        books.add_habit(voided.request["member_id"], day, recharged_fen=-amount_fen)


def _postings(
    shop: Shop, order: RechargeOrder, planned: Planned, now_ms: int
) -> tuple[tuple[Posting, ...], Mapping[Account, str]]:
    """Both lots keep what was paid and given, so that a refund needs either alone."""
    owner, bonus_fen = owner_of(order.member_id), planned.given.bonus_fen
    rule = LotRule(
        given=planned.given.rule,
        paid_fen=order.amount_fen,
        bonus_fen=bonus_fen,
        bought_ms=now_ms,
        method=shop.rules.refund_method.value,
    )
    principal, bonus = Account(owner, "principal"), Account(owner, "bonus")
    postings = [
        Posting(Account(f"tender:{tender}", "taken"), -fen) for tender, fen in planned.taken.parts
    ]
    postings.append(Posting(principal, order.amount_fen))
    opened = {principal: rule.as_text()}
    if bonus_fen:
        postings += [Posting(BONUS_GIVEN, -bonus_fen), Posting(bonus, bonus_fen)]
        opened[bonus] = replace(rule, to_day=planned.bonus_to_day).as_text()
    return tuple(postings), opened


def _receipt(
    shop: Shop, books: Books, actor: Actor, operation: Operation, planned: Planned, lot: int
) -> dict[str, Any]:
    member, taken = planned.member, planned.taken
    left = balance_of(books.holdings(owner_of(member.member_id)))
    personal = books.personal(member.member_id)
    number = shop.receipt_number(books, operation.created_ms)
    receipt_id = shop.clock.new_id()
    bonus_fen, principal_fen = planned.given.bonus_fen, planned.given.principal_fen
    receipt = recharge_receipt(
        receipt_id,
        shop.head,
        RechargeFacts(
            number=number,
            at=shop.time_text(operation.created_ms),
            cashier=actor.number,
            amount_fen=principal_fen,
            bonus_fen=bonus_fen,
            tender=taken.main,
            tenders=taken.parts,
            change_fen=taken.change_fen,
            balance=left,
            member=mask_name(personal.name) if personal else "",
            card_tail=tail(member.number),
            reference=operation.op_id,
            rule=offer_words(
                [each.rule for each in planned.given.given], shop.rules.says, shop.language
            ),
            notes=lots_words(lot, principal_fen, bonus_fen, planned.bonus_to_day, shop.language),
            token=receipt_id,
            open_drawer=taken.of(CASH) > 0,
        ),
        shop.language,
    )
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)
    return {
        "bonus_fen": bonus_fen,
        "bonus_to_day": planned.bonus_to_day or None,
        "tender": taken.main,
        "tenders": taken.as_json(),
        "change_fen": taken.change_fen,
        "balance": left.as_json(),
        "receipt_id": receipt_id,
        "receipt_number": number,
        "rule": planned.given.rule,
        "lot": lot,
    }


async def preview(shop: Shop, order: RechargeOrder) -> dict[str, Any]:
    """What a recharge would bring, which offers did not count and why, and what forbids it; nothing
    is written. Raises as `recharge`, but for what the law says."""
    require_amount(order.amount_fen)

    def look(books: Books) -> dict[str, Any]:
        planned = plan(shop, books, order, shop.clock.now_ms())
        held = balance_of(books.holdings(owner_of(order.member_id)))
        given = planned.given
        return {
            "member_id": order.member_id,
            "amount_fen": order.amount_fen,
            "bonus_fen": given.bonus_fen,
            "bonus_to_day": planned.bonus_to_day or None,
            "given": [
                {
                    "rule": each.rule,
                    "name": offer_words([each.rule], shop.rules.says, shop.language),
                    "fen": each.fen,
                }
                for each in given.given
            ],
            "not_applied": [
                {
                    "rule": each.rule_id,
                    "name": shop.rules.rule_name(each.rule_id),
                    "reason": each.reason.value,
                    "by": each.by,
                    "short_fen": each.short_fen,
                }
                for each in given.not_applied
            ],
            "tenders": planned.taken.as_json(),
            "change_fen": planned.taken.change_fen,
            "balance_after": {
                "principal_fen": held.principal_fen + order.amount_fen,
                "bonus_fen": held.bonus_fen + given.bonus_fen,
            },
            "refusals": [_refusal_view(breach) for breach in planned.breaches],
        }

    return await shop.ledger.read(look)


def _refusal_view(breach: Breach) -> dict[str, Any]:
    refusal = refusal_of(breach)
    return {"reason": refusal.key, "facts": dict(refusal.facts)}
