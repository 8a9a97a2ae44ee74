"""A balance paid out (退余额): what each recharge is worth under the rule that it was bought under,
what the law asks of the payout (C8), and the doing.

Nothing undoes it: money that comes back is a recharge. Points and passes stay on the account; a
pass is money's worth and comes back with the sale that sold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import Conflict, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.lot_rule import LotRule, lot_rule
from daemon.core.masking import mask_name, tail
from daemon.core.pricing.balance_refund import BalanceRefund, Lot, LotRefund, Method, refund_balance
from daemon.core.pricing.limits import Breach, BreachReason, check_balance_refund
from daemon.core.projection.habits import counts_as_recharged
from daemon.core.receipt_cards import (
    BalanceRefundFacts,
    Frame,
    RefundedLot,
    balance_refund_receipt,
)
from daemon.core.records import Holding, Member, Operation
from daemon.core.spend import MONEY_ASSETS, balance_of
from daemon.core.takings import CASH
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import member_view, owner_of
from daemon.ports.ledger import Books

KIND: Final = "balance_refund"
KEPT = Account("shop", "kept")
FEES = Account("shop", "fees")
BONUS_GIVEN = Account("shop", "bonus_given")
LOTS_AT_ONCE: Final = 20
"""Of one entry, which holds 64 postings: two for each lot and a few for the shop."""
MOVED: Final = "moved:"
"""A lot that came from another member: its recharge never counted for this one's level."""


@dataclass(frozen=True, slots=True)
class Payout:
    """How a balance is paid out. `voucher` names the transfer at the bank or the payment, and
    `same_name` says that the account is in the buyer's name. `paper_shown`: whoever receives it
    showed a paper; one on record is as good. `had_same_before`: the member had the same goods or
    services before the payment, and so no seven days."""

    member_id: str
    tender: str
    voucher: str = ""
    same_name: bool = False
    paper_shown: bool = False
    had_same_before: bool = False


@dataclass(frozen=True, slots=True)
class HeldLot:
    """One recharge of which something is left. `ended_fen`: bonus whose last day is over."""

    lot: Lot
    rule: LotRule
    ended_fen: int


@dataclass(frozen=True, slots=True)
class PlannedRefund:
    """A payout that was worked out and not done; `breaches` stand against it."""

    member: Member
    payout: Payout
    lots: tuple[HeldLot, ...]
    refund: BalanceRefund
    breaches: tuple[Breach, ...]


def held_lots(books: Books, member_id: str, day: str) -> list[HeldLot]:
    """Every recharge of which money is left on `day`, oldest first. What ended of a bonus was given
    for nothing: it counts neither as given nor as consumed."""
    owner = owner_of(member_id)
    ended = books.taken_of(member_id, Kind.EXPIRED)
    gone = _went_out(books, member_id)
    by_lot: dict[int, dict[str, Holding]] = {}
    for held in books.holdings(owner):
        if held.account.asset in MONEY_ASSETS:
            by_lot.setdefault(held.account.lot, {})[held.account.asset] = held
    found = []
    for number, parts in sorted(by_lot.items()):
        principal, bonus = parts.get("principal"), parts.get("bonus")
        rule = _bought_under(books, owner, number, (principal or bonus))
        over = bonus is not None and lot_rule(bonus.rule).over(day)
        bonus_left = bonus.balance if bonus is not None and not over else 0
        ended_fen = ended.get(Account(owner, "bonus", number), 0)
        if over:
            assert bonus is not None
            ended_fen += bonus.balance
        principal_left = principal.balance if principal is not None else 0
        if principal_left or bonus_left:
            lot = Lot(
                lot=number,
                paid_fen=rule.paid_fen,
                bonus_fen=rule.bonus_fen - ended_fen,
                principal_left_fen=principal_left,
                bonus_left_fen=bonus_left,
                bought_ms=rule.bought_ms,
                method=Method(rule.method) if rule.method else None,
                taken_fen=rule.before_fen + gone.get(number, 0),
            )
            found.append(HeldLot(lot, rule, ended_fen))
    return found


def _went_out(books: Books, member_id: str) -> dict[int, int]:
    """By lot: what earlier payouts and transfers took of it."""
    gone: dict[int, int] = {}
    for kind in (Kind.BALANCE_REFUND, Kind.TRANSFER):
        for account, fen in books.taken_of(member_id, kind).items():
            if account.asset in MONEY_ASSETS:
                gone[account.lot] = gone.get(account.lot, 0) + fen
    return gone


def _bought_under(books: Books, owner: str, number: int, held: Holding | None) -> LotRule:
    """What the lot keeps; of one that keeps a name alone, what the entry says that opened it."""
    assert held is not None
    rule = lot_rule(held.rule)
    if rule.bought_ms:
        return rule
    entry = books.opening(number)
    assert entry is not None, "a lot was opened by an entry"

    def opened(asset: str) -> int:
        account = Account(owner, asset, number)
        return sum(p.amount for p in entry.draft.postings if p.account == account)

    return LotRule(
        given=rule.given,
        paid_fen=opened("principal"),
        bonus_fen=opened("bonus"),
        bought_ms=entry.draft.at_ms,
    )


def require_member(books: Books, member_id: str) -> Member:
    """Raises NotFound("member_unknown"), Refused("member_frozen")."""
    member = books.member(member_id) if is_id(member_id) else None
    if member is None:
        raise NotFound("member_unknown")
    if member.status != "active":
        raise Refused("member_frozen")
    return member


def plan(shop: Shop, books: Books, payout: Payout, now_ms: int) -> PlannedRefund:
    """Raises NotFound("member_unknown"), Refused("member_frozen"). The fee for returning a card is
    asked of unnamed cards alone."""
    member, rules = require_member(books, payout.member_id), shop.rules
    lots = held_lots(books, member.member_id, shop.day(now_ms))
    fee_fen = 0 if member.named else rules.member_category(member.category).fees.return_fen
    refund = refund_balance(
        [held.lot for held in lots],
        now_ms,
        utc_offset_min=rules.policy.utc_offset_min,
        had_same_before=payout.had_same_before,
        fee_fen=fee_fen,
    )
    breaches: list[Breach] = []
    if refund.refund_fen:
        breaches = check_balance_refund(
            refund.refund_fen,
            in_cash=payout.tender == CASH,
            same_name=payout.same_name,
            receiver_identified=payout.paper_shown or books.has_identity(member.member_id)[0],
            limits=rules.limits,
        )
    return PlannedRefund(member, payout, tuple(lots), refund, tuple(breaches))


def refusals(planned: PlannedRefund) -> list[Refused]:
    found = [_refused(breach) for breach in planned.breaches]
    outside = planned.payout.tender != CASH and planned.refund.refund_fen > 0
    if outside and not planned.payout.voucher:
        found.append(Refused("voucher_missing"))
    return found


def _refused(breach: Breach) -> Refused:
    if breach.reason is BreachReason.REFUND_TO_ACCOUNT_ONLY:
        return Refused(breach.reason.value, limit_fen=breach.limit)
    return Refused(breach.reason.value)


async def preview(shop: Shop, payout: Payout) -> dict[str, Any]:
    """What would be paid out, how each recharge is counted, and what forbids it."""

    def look(books: Books) -> dict[str, Any]:
        planned = plan(shop, books, payout, shop.clock.now_ms())
        kept = books.standing(payout.member_id)
        return {
            "member": _member_view(books, payout.member_id),
            **refund_view(books, planned),
            "refusals": [
                {"reason": each.key, "facts": dict(each.facts)} for each in refusals(planned)
            ],
            "evidence": {
                "first_day": kept.first_day,
                "last_day": kept.last_day,
                "visits": kept.visits,
            },
        }

    return await shop.ledger.read(look)


async def refund(shop: Shop, actor: Actor, payout: Payout, key: str) -> dict[str, Any]:
    """Pays the whole balance out and takes it off the account; the receipt is spooled in the same
    transaction.

    Raises NotFound("member_unknown"), Refused("member_frozen" | "voucher_missing" | a reason of
    BreachReason), Conflict("nothing_to_refund" | "idempotency_key_reused")."""

    fresh = []

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            require_shift(shop, books)
            planned = plan(shop, books, payout, operation.created_ms)
            if not planned.lots:
                raise Conflict("nothing_to_refund")
            fresh.append(operation)
            return pay_out(shop, books, operation, actor, planned)

        answer = do_once(shop, books, actor, key, KIND, asdict(payout), deed)
        return {**answer, "member": _member_view(books, payout.member_id)}

    answer = await shop.ledger.write(work)
    if fresh:
        shop.receipt_spooled(answer["receipt_id"])
    return answer


def _member_view(books: Books, member_id: str) -> dict[str, Any]:
    member = books.member(member_id)
    assert member is not None
    return member_view(books, member, books.cards_of(member_id))


def pay_out(
    shop: Shop, books: Books, operation: Operation, actor: Actor, planned: PlannedRefund
) -> dict[str, Any]:
    """Posts the payout under `operation` and spools its receipt. Raises Refused."""
    refused = refusals(planned)
    if refused:
        raise refused[0]
    member, total = planned.member, planned.refund
    fee_left = total.fee_fen
    for first in range(0, len(total.lots), LOTS_AT_ONCE):
        part = total.lots[first : first + LOTS_AT_ONCE]
        fee = min(fee_left, sum(lot.refund_fen for lot in part))
        fee_left -= fee
        postings = _postings(owner_of(member.member_id), part, planned.payout.tender, fee)
        facts: dict[str, int | str] = {
            "lots": len(part),
            "refund_fen": sum(each.refund_fen for each in part) - fee,
            "recharged_back": " ".join(f"{each.lot}:{each.refund_fen}" for each in part),
        }
        _append(shop, books, operation, actor, planned, postings, facts, first == 0)
    assert fee_left == 0
    _take_back_progress(shop, books, planned)
    receipt_id, number = _receipt(shop, books, operation, actor, planned)
    return {
        "refund_id": operation.op_id,
        **refund_view(books, planned),
        "receipt_id": receipt_id,
        "receipt_number": number,
        "created_ms": operation.created_ms,
    }


def _append(
    shop: Shop,
    books: Books,
    operation: Operation,
    actor: Actor,
    planned: PlannedRefund,
    postings: tuple[Posting, ...],
    facts: Mapping[str, int | str],
    first: bool,
) -> None:
    """The first entry is the operation's own; a balance of many lots needs more of them."""
    named: dict[str, int | str] = {
        **facts,
        "tender": planned.payout.tender,
        "paper": int(planned.payout.paper_shown),
    }
    member_id = planned.member.member_id
    if first and books.entry_of(operation.op_id) is None:
        put_on_journal(
            books,
            operation,
            Kind.BALANCE_REFUND,
            actor,
            "refund_balance",
            named,
            member_id=member_id,
            postings=postings,
        )
        return
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.BALANCE_REFUND,
            at_ms=operation.created_ms,
            actor=actor.number,
            member_id=member_id,
            postings=postings,
            detail={"event": "refund_balance", "operation": operation.op_id, **named},
        )
    )


def _postings(
    owner: str, lots: Sequence[LotRefund], tender: str, fee_fen: int
) -> tuple[Posting, ...]:
    """The lots to zero. What the bonus was worth pays for what is refunded above the principal;
    what is refunded below it the shop keeps."""
    moved: dict[Account, int] = {}

    def move(account: Account, fen: int) -> None:
        if fen:
            moved[account] = moved.get(account, 0) + fen

    for lot in lots:
        move(Account(owner, "principal", lot.lot), -lot.principal_taken_fen)
        move(Account(owner, "bonus", lot.lot), -lot.bonus_taken_fen)
        move(BONUS_GIVEN, lot.bonus_taken_fen - max(0, lot.from_shop_fen))
        move(KEPT, max(0, -lot.from_shop_fen))
        move(Account(f"tender:{tender}", "taken"), lot.refund_fen)
    move(Account(f"tender:{tender}", "taken"), -fee_fen)
    move(FEES, fee_fen)
    return tuple(Posting(account, fen) for account, fen in moved.items() if fen)


def _take_back_progress(shop: Shop, books: Books, planned: PlannedRefund) -> None:
    """What was recharged and is paid out again counts no more for the level, on the day on which
    it counted. Releases before version 3 counted nothing."""
    for held, back in zip(planned.lots, planned.refund.lots, strict=True):
        opening = books.opening(held.lot.lot)
        if back.refund_fen and opening is not None and counts_as_recharged(opening):
            day = shop.day_of(opening.draft)
            books.add_habit(planned.member.member_id, day, recharged_fen=-back.refund_fen)


def refund_view(books: Books, planned: PlannedRefund) -> dict[str, Any]:
    owner = owner_of(planned.member.member_id)
    holdings = books.holdings(owner)
    return {
        "lots": [
            {
                "lot": held.lot.lot,
                "bought_ms": held.lot.bought_ms,
                "paid_fen": held.lot.paid_fen,
                "bonus_fen": held.lot.bonus_fen,
                "bonus_ended_fen": held.ended_fen,
                "principal_left_fen": held.lot.principal_left_fen,
                "bonus_left_fen": held.lot.bonus_left_fen,
                "method": back.method.value,
                "cooling_off": back.cooling_off,
                "refund_fen": back.refund_fen,
                "from_shop_fen": back.from_shop_fen,
            }
            for held, back in zip(planned.lots, planned.refund.lots, strict=True)
        ],
        "fee_fen": planned.refund.fee_fen,
        "refund_fen": planned.refund.refund_fen,
        "tender": planned.payout.tender,
        "points_kept": _sum(holdings, "points"),
        "passes_kept": [
            {"code": held.account.asset.removeprefix("pass:"), "left": held.balance}
            for held in holdings
            if held.account.asset.startswith("pass:")
        ],
    }


def _sum(holdings: Sequence[Holding], asset: str) -> int:
    return sum(held.balance for held in holdings if held.account.asset == asset)


def _receipt(
    shop: Shop, books: Books, operation: Operation, actor: Actor, planned: PlannedRefund
) -> tuple[str, str]:
    member = planned.member
    holdings = books.holdings(owner_of(member.member_id))
    personal = books.personal(member.member_id)
    number, receipt_id = shop.receipt_number(books, operation.created_ms), shop.clock.new_id()
    frame = Frame(
        number=number,
        at=shop.time_text(operation.created_ms),
        cashier=actor.number,
        member=mask_name(personal.name) if personal else "",
        card_tail=tail(member.number),
        balance=balance_of(holdings),
        reference=operation.op_id,
        approved_by=actor.approver,
    )
    facts = BalanceRefundFacts(
        frame=frame,
        lots=tuple(
            RefundedLot(
                bought_at=shop.day(held.lot.bought_ms),
                paid_fen=held.lot.paid_fen,
                bonus_fen=held.lot.bonus_fen,
                left_fen=held.lot.principal_left_fen + held.lot.bonus_left_fen,
                refund_fen=back.refund_fen,
                method=back.method.value,
                cooling_off=back.cooling_off,
            )
            for held, back in zip(planned.lots, planned.refund.lots, strict=True)
        ),
        fee_fen=planned.refund.fee_fen,
        refund_fen=planned.refund.refund_fen,
        tender=planned.payout.tender,
        voucher=planned.payout.voucher,
        points=_sum(holdings, "points"),
        passes=sum(h.balance for h in holdings if h.account.asset.startswith("pass:")),
    )
    receipt = balance_refund_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)
    return receipt_id, number
