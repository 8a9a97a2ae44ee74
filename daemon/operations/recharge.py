"""Putting money on a member's account (储值), with the bonus that the tiers give (C1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.ids import is_id
from daemon.core.masking import mask_name, tail
from daemon.core.money import require_amount
from daemon.core.policy import bonus_for
from daemon.core.receipt_text import RechargeFacts, recharge_receipt
from daemon.core.records import Member, Operation, OpState
from daemon.core.spend import balance_of
from daemon.operations.once import client_key, earlier
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import owner_of, recharge_view
from daemon.ports.ledger import Books

KIND = "recharge"
TENDERS = ("cash", "bank_card", "wechat", "alipay")
BONUS_GIVEN = Account("shop", "bonus_given")


async def recharge(
    shop: Shop, actor: Actor, member_id: str, amount_fen: int, tender: str, key: str
) -> dict[str, Any]:
    """Takes `amount_fen` by `tender` and opens a principal lot, and a bonus lot where a tier is
    reached; the receipt is spooled in the same transaction.

    Raises BadRequest, NotFound("member_unknown"), Refused("member_frozen" | "balance_ceiling"),
    Conflict("idempotency_key_reused")."""
    require_amount(amount_fen)
    if tender not in TENDERS:
        raise BadRequest("tender_unknown")
    request = {"member_id": member_id, "amount_fen": amount_fen, "tender": tender}

    def work(books: Books) -> tuple[dict[str, Any], bool]:
        whose = client_key(actor, key)
        found = earlier(books, whose, KIND, request)
        if found is not None:
            return recharge_view(books, found), False
        return recharge_view(books, _post(shop, books, actor, request, whose)), True

    view, fresh = await shop.ledger.write(work)
    if fresh:
        shop.receipt_spooled(view["receipt_id"])
        shop.events.publish("recharge", view)
    return view


def _post(
    shop: Shop, books: Books, actor: Actor, request: Mapping[str, Any], whose: str
) -> Operation:
    now_ms = shop.clock.now_ms()
    member = _may_recharge(books, request["member_id"])
    amount_fen = request["amount_fen"]
    bonus_fen, rule = bonus_for(amount_fen, shop.policy.tiers)
    _check_ceiling(shop, books, member, amount_fen + bonus_fen)
    operation = Operation(
        op_id=shop.clock.new_id(),
        kind=KIND,
        state=OpState.OPEN,
        actor=actor.number,
        created_ms=now_ms,
        request=request,
        client_key=whose,
    )
    books.add_operation(operation)
    owner = owner_of(member.member_id)
    principal, bonus = Account(owner, "principal"), Account(owner, "bonus")
    postings = [
        Posting(Account(f"tender:{request['tender']}", "taken"), -amount_fen),
        Posting(principal, amount_fen),
    ]
    opened = {principal: rule}
    if bonus_fen:
        postings += [Posting(BONUS_GIVEN, -bonus_fen), Posting(bonus, bonus_fen)]
        opened[bonus] = rule
    entry = books.append(
        Draft(
            op_id=operation.op_id,
            kind=Kind.RECHARGE,
            at_ms=now_ms,
            actor=actor.number,
            member_id=member.member_id,
            postings=tuple(postings),
            detail={"rule": rule},
        ),
        opened,
    )
    answer = _receipt(shop, books, actor, operation, member, bonus_fen, rule)
    books.change_operation(
        operation.op_id,
        OpState.APPROVED,
        answer={**answer, "lot": entry.dseq},
        settled_ms=now_ms,
        dseq=entry.dseq,
    )
    settled = books.operation(operation.op_id)
    assert settled is not None
    return settled


def _may_recharge(books: Books, member_id: str) -> Member:
    member = books.member(member_id) if is_id(member_id) else None
    if member is None:
        raise NotFound("member_unknown")
    if member.status != "active":
        raise Refused("member_frozen")
    return member


def _check_ceiling(shop: Shop, books: Books, member: Member, more_fen: int) -> None:
    held = balance_of(books.holdings(owner_of(member.member_id))).total_fen
    ceiling = shop.policy.named_ceiling_fen
    if held + more_fen > ceiling:
        room = max(0, ceiling - held)
        raise Refused("balance_ceiling", ceiling_fen=ceiling, room_fen=room)


def _receipt(
    shop: Shop,
    books: Books,
    actor: Actor,
    operation: Operation,
    member: Member,
    bonus_fen: int,
    rule: str,
) -> dict[str, Any]:
    left = balance_of(books.holdings(owner_of(member.member_id)))
    personal = books.personal(member.member_id)
    number = shop.receipt_number(books, operation.created_ms)
    receipt_id = shop.clock.new_id()
    receipt = recharge_receipt(
        receipt_id,
        shop.head,
        RechargeFacts(
            number=number,
            at=shop.time_text(operation.created_ms),
            cashier=actor.number,
            amount_fen=operation.request["amount_fen"],
            bonus_fen=bonus_fen,
            tender=operation.request["tender"],
            balance=left,
            member=mask_name(personal.name) if personal else "",
            card_tail=tail(member.number),
            reference=operation.op_id,
            token=receipt_id,
        ),
        shop.language,
    )
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)
    return {
        "bonus_fen": bonus_fen,
        "balance": left.as_json(),
        "receipt_id": receipt_id,
        "receipt_number": number,
        "rule": rule,
    }
