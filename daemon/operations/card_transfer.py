"""An account that goes to another person (转卡). The taker is a member of their own: the giver's
records stay the giver's. Money and passes move lot by lot, each under the rule that it was bought
under; points stay, as thanks to the person who earned them. A card that is given along spends the
taker's account from then on, with the taker's PIN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import Conflict, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.lot_rule import lot_rule, usable
from daemon.core.masking import mask_name, tail
from daemon.core.money import Purse
from daemon.core.pricing.limits import Breach, Buyer, Loading, check_loading
from daemon.core.receipt_cards import TransferFacts, transfer_receipt
from daemon.core.records import Card, Holding, Member
from daemon.core.spend import MONEY_ASSETS, balance_of
from daemon.operations.balance_refund import MOVED, held_lots
from daemon.operations.card_fees import Fee, Occasion, frame_of
from daemon.operations.recharge import refusal_of
from daemon.operations.shop import Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

EVENT: Final = "transfer"


@dataclass(frozen=True, slots=True)
class Moved:
    """What went over. `passes` are (code, uses)."""

    to: Member
    money: Purse
    passes: tuple[tuple[str, int], ...]
    points_kept: int

    def as_json(self) -> dict[str, Any]:
        return {
            "to_member_id": self.to.member_id,
            "money": self.money.as_json(),
            "passes": [{"code": code, "left": left} for code, left in self.passes],
            "points_kept": self.points_kept,
        }


def plan_transfer(
    shop: Shop, books: Books, giver: Member, to_member_id: str | None
) -> tuple[Moved, list[Breach]]:
    """What would go over and what the law has against it.

    Raises Refused("taker_missing" | "member_frozen"), NotFound("member_unknown"),
    Conflict("same_member")."""
    if to_member_id is None:
        raise Refused("taker_missing")
    taker = books.member(to_member_id) if is_id(to_member_id) else None
    if taker is None:
        raise NotFound("member_unknown")
    if taker.member_id == giver.member_id:
        raise Conflict("same_member")
    if giver.status != "active" or taker.status != "active":
        raise Refused("member_frozen")
    holdings = _that_move(shop, books, giver)
    money = balance_of([held for held in holdings if held.account.asset in MONEY_ASSETS])
    passes = tuple(
        (held.account.asset.removeprefix("pass:"), held.balance)
        for held in holdings
        if held.account.asset.startswith("pass:")
    )
    everything = books.holdings(owner_of(giver.member_id))
    points = sum(held.balance for held in everything if held.account.asset == "points")
    moved = Moved(taker, money, passes, points)
    return moved, _against(shop, books, moved)


def _that_move(shop: Shop, books: Books, giver: Member) -> list[Holding]:
    """Money and passes that are good today; what has ended stays and is swept where it is."""
    held = usable(books.holdings(owner_of(giver.member_id)), shop.day(shop.clock.now_ms()))
    return [
        each
        for each in held
        if each.account.asset in MONEY_ASSETS or each.account.asset.startswith("pass:")
    ]


def _against(shop: Shop, books: Books, moved: Moved) -> list[Breach]:
    """The taker's card is loaded: with the ceiling and, from the threshold, the paper."""
    if not moved.money.total_fen:
        return []
    limits, taker = shop.rules.limits, moved.to
    held = balance_of(books.holdings(owner_of(taker.member_id)))
    loading = Loading(
        kind=shop.rules.card_kind(taker.named),
        held_fen=held.total_fen if limits.bonus_counts else held.principal_fen,
        amount_fen=moved.money.principal_fen,
        bonus_fen=moved.money.bonus_fen,
        by_transfer=True,
    )
    known = books.has_identity(taker.member_id)[0]
    if not known and moved.money.principal_fen < limits.real_name_fen:
        known = taker.named
    return check_loading(loading, Buyer(identified=known), limits)


def transfer(
    shop: Shop, books: Books, what: Occasion, to_member_id: str | None, card: Card | None
) -> Moved:
    """Posts what moves; one entry for each lot, since an entry opens one lot.

    Raises as `plan_transfer`, Refused for the law, Conflict("card_unsettled")."""
    moved, breaches = plan_transfer(shop, books, what.member, to_member_id)
    if breaches:
        raise refusal_of(breaches[0])
    if card is not None:
        if card.pending is not None:
            raise Conflict("card_unsettled")
        books.change_card(replace(card, member_id=moved.to.member_id))
    _append(shop, books, what, moved, what.op_id, (), {})
    for postings, opened in _lots(shop, books, what, moved.to):
        _append(shop, books, what, moved, shop.clock.new_id(), postings, opened)
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.TRANSFER,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=moved.to.member_id,
            card_id=what.card_id,
            detail={"event": "taken_over", "operation": what.op_id},
        )
    )
    return moved


def _append(
    shop: Shop,
    books: Books,
    what: Occasion,
    moved: Moved,
    op_id: str,
    postings: tuple[Posting, ...],
    opened: Mapping[Account, str],
) -> None:
    detail: dict[str, int | str] = {"event": EVENT, "to": moved.to.member_id}
    if op_id != what.op_id:
        detail["operation"] = what.op_id
    if what.actor.approver:
        detail["approver"] = what.actor.approver
    books.append(
        Draft(
            op_id=op_id,
            kind=Kind.TRANSFER,
            at_ms=what.at_ms,
            actor=what.actor.number,
            member_id=what.member.member_id,
            card_id=what.card_id,
            postings=postings,
            detail=detail,
        ),
        opened,
    )


def _lots(
    shop: Shop, books: Books, what: Occasion, taker: Member
) -> list[tuple[tuple[Posting, ...], dict[Account, str]]]:
    """By lot: what leaves the giver and what it is opened under. A recharge keeps what it was
    bought under, less the bonus that has ended since."""
    giver, owner = what.member, owner_of(taker.member_id)
    recharges = {
        held.lot.lot: held for held in held_lots(books, giver.member_id, shop.day(what.at_ms))
    }
    by_lot: dict[int, list[Holding]] = {}
    for held in _that_move(shop, books, giver):
        by_lot.setdefault(held.account.lot, []).append(held)
    entries = []
    for number, parts in sorted(by_lot.items()):
        postings: list[Posting] = []
        opened: dict[Account, str] = {}
        for held in parts:
            new = Account(owner, held.account.asset)
            postings += [Posting(held.account, -held.balance), Posting(new, held.balance)]
            rule = lot_rule(held.rule)
            if held.account.asset in MONEY_ASSETS and number in recharges:
                bought = recharges[number]
                rule = replace(
                    bought.rule,
                    given=MOVED + bought.rule.given.removeprefix(MOVED),
                    bonus_fen=bought.lot.bonus_fen,
                    before_fen=bought.lot.taken_fen,
                    to_day=rule.to_day,
                )
            opened[new] = rule.as_text()
        entries.append((tuple(postings), opened))
    return entries


def spool_receipt(shop: Shop, books: Books, what: Occasion, moved: Moved, fee: Fee) -> str:
    """The receipt's id."""
    personal = books.personal(moved.to.member_id)
    facts = TransferFacts(
        frame=frame_of(shop, books, what),
        to_member=mask_name(personal.name) if personal else "",
        to_tail=tail(moved.to.number),
        moved=moved.money,
        fee_fen=fee.fee_fen,
    )
    receipt_id = shop.clock.new_id()
    receipt = transfer_receipt(receipt_id, shop.head, facts, shop.language)
    books.spool_receipt(receipt, what.op_id, what.at_ms)
    return receipt_id
