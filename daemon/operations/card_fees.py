"""Fees for services on a card (收费设置, 延期收费): what is asked, and taking it by any tender, the
account's stored value among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.card_life import Service
from daemon.core.entry import Account, Draft, Entry, Kind, Posting, parse_leaf
from daemon.core.errors import NotAllowed, Refused
from daemon.core.masking import mask_name, tail
from daemon.core.pricing.limits import check_extension
from daemon.core.receipt_cards import FeeFacts, Frame, fee_receipt
from daemon.core.records import Member
from daemon.core.spend import MONEY_ASSETS, balance_of, plan_spend
from daemon.core.takings import CASH, STORED, Offer, Taken, take
from daemon.operations import member_pin
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import member_standing
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

FEES: Final = Account("shop", "fees")
NOTHING_TAKEN: Final = Taken((), 0)
NEAR: Final = 8
"""How many entries a service writes before and behind its own at the most."""


@dataclass(frozen=True, slots=True)
class Fee:
    """`fee_fen` is asked, `listed_fen` what the category says; `waived` is the key of the reason
    where they differ."""

    service: Service
    fee_fen: int = 0
    listed_fen: int = 0
    waived: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a fee is taken for: the operation, who does it, and for whom."""

    op_id: str
    at_ms: int
    actor: Actor
    member: Member
    card_id: str | None = None


def fee_for(shop: Shop, member: Member, service: Service, days: int = 0) -> Fee:
    """The fee of the member's category. Nothing may be charged for prolonging a named card.

    Raises Refused("extension_not_offered")."""
    rules, category = shop.rules, member.category
    fees = rules.member_category(category).fees
    if service is Service.EXTEND:
        listed = rules.extension_fee_fen(category, False, days)
        if listed is None:
            raise Refused("extension_not_offered", days=days)
        forbidden = check_extension(rules.card_kind(member.named), listed)
        if forbidden:
            return Fee(service, 0, listed, forbidden[0].reason.value)
        return Fee(service, listed, listed)
    listed = {
        Service.ISSUE: fees.issue_fen,
        Service.REISSUE: fees.reissue_fen,
        Service.REPAIR: fees.repair_fen,
        Service.TRANSFER: fees.transfer_fen,
    }.get(service, 0)
    return Fee(service, listed, listed)


def taken_for(fee: Fee, offers: Sequence[Offer]) -> Taken:
    """How the fee would be paid. Raises Refused("fee_unpaid" | "tender_short" | "tender_too_much" |
    "tender_unclear")."""
    if not fee.fee_fen:
        return NOTHING_TAKEN
    if not offers:
        raise Refused("fee_unpaid", fee_fen=fee.fee_fen)
    return take(fee.fee_fen, offers)


async def require_stored_value_pin(
    shop: Shop, member: Member, offers: Sequence[Offer], pin: str | None
) -> None:
    """Stored value without a card that proves itself always asks for the member's PIN (A13).

    Raises Refused("pin_required_but_unset" | "pin_needed"), NotAllowed("pin_wrong" | "pin_locked"),
    BadRequest("pin_malformed")."""
    if not any(offer.tender == STORED for offer in offers):
        return
    if member.pin_hash is None:
        raise Refused("pin_required_but_unset")
    if pin is None:
        raise Refused("pin_needed")
    refusal = await member_pin.check(shop, member.member_id, pin)
    if refusal is not None:
        error: NotAllowed = refusal.error()
        raise error


def check_stored(shop: Shop, books: Books, member: Member, fen: int, now_ms: int) -> None:
    """Raises Refused("insufficient_funds")."""
    available = balance_of(member_standing(shop, books, member, now_ms).holdings).total_fen
    if fen > available:
        raise Refused("insufficient_funds", short_fen=fen - available, available_fen=available)


def charge(shop: Shop, books: Books, what: Occasion, fee: Fee, taken: Taken) -> None:
    """Posts the fee as an entry of its own beside the operation's. Zero posts nothing.

    Raises Refused("insufficient_funds")."""
    if not fee.fee_fen:
        return
    require_shift(shop, books)
    assert sum(fen for _, fen in taken.parts) == fee.fee_fen, "a fee is paid exactly"
    postings = [Posting(FEES, fee.fee_fen)]
    for tender, fen in taken.parts:
        if tender == STORED:
            check_stored(shop, books, what.member, fen, what.at_ms)
            standing = member_standing(shop, books, what.member, what.at_ms)
            money = [held for held in standing.holdings if held.account.asset in MONEY_ASSETS]
            plan = plan_spend(fen, money, shop.policy.spend_order)
            postings += [Posting(account, -part) for account, part in plan if part]
        else:
            postings.append(Posting(Account(f"tender:{tender}", "taken"), -fen))
    approved = {"approver": what.actor.approver} if what.actor.approver else {}
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.FEE,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=what.member.member_id,
            card_id=what.card_id,
            postings=tuple(postings),
            detail={
                "event": "take_fee",
                "service": fee.service.value,
                "operation": what.op_id,
                **approved,
            },
        )
    )


def fee_entry(books: Books, op_id: str) -> Entry | None:
    """The fee of the operation, which it names. It stands beside the operation's own entry: both
    are written in one transaction."""
    own = books.entry_of(op_id)
    if own is None:
        return None
    for _, leaf, _ in books.leaves(max(1, own.dseq - NEAR), 2 * NEAR + 1):
        entry = parse_leaf(leaf)
        draft = entry.draft
        named = draft.detail.get("operation") == op_id
        if named and draft.kind is Kind.FEE and draft.refers_to is None:
            return entry
    return None


def fee_voided(books: Books, op_id: str) -> bool:
    """Whether the fee of the operation was given back."""
    fee = fee_entry(books, op_id)
    return fee is not None and books.voided_by(fee.draft.op_id) is not None


def spool_fee_receipt(
    shop: Shop,
    books: Books,
    what: Occasion,
    fee: Fee,
    taken: Taken,
    *,
    valid_to: str = "",
    card_number: str = "",
) -> str:
    """The receipt's id."""
    frame = frame_of(shop, books, what)
    facts = FeeFacts(
        frame=frame,
        service=fee.service.value,
        fee_fen=fee.fee_fen,
        tenders=taken.parts,
        change_fen=taken.change_fen,
        valid_to=valid_to,
        card_number=card_number,
        open_drawer=taken.of(CASH) > 0,
    )
    receipt_id = shop.clock.new_id()
    receipt = fee_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, what.op_id, what.at_ms)
    return receipt_id


def frame_of(shop: Shop, books: Books, what: Occasion) -> Frame:
    """A new receipt's number, and whom it is about."""
    member = what.member
    personal = books.personal(member.member_id)
    return Frame(
        number=shop.receipt_number(books, what.at_ms),
        at=shop.time_text(what.at_ms),
        cashier=what.actor.number,
        member=mask_name(personal.name) if personal else "",
        card_tail=tail(member.number),
        balance=balance_of(books.holdings(owner_of(member.member_id))),
        reference=what.op_id,
        approved_by=what.actor.approver,
    )
