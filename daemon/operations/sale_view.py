"""A sale, a price and a refund as the page sees them: every line, what each rule took off it and
what people call the rule, how it was paid, what it brought, and what is left to bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.pricing.kept import quote_from_json, refund_from_json
from daemon.core.pricing.quoted import OWED, Quote, QuotedLine, Step
from daemon.core.pricing.refund import Refund, left_to_refund
from daemon.core.records import Operation, OpState
from daemon.operations.basket import amount_of, basket_as_json, basket_from_json
from daemon.operations.views import SALE_STATUS, member_view
from daemon.ports.ledger import Books

Names = Mapping[str, str]


def sale_view(books: Books, sale: Operation, *, status: str | None = None) -> dict[str, Any]:
    """`status` overrides OPEN's `awaiting_card` where the counter knows better."""
    answer = sale.answer
    member_id = answer.get("member_id") or sale.request.get("member_id")
    member = books.member(member_id) if member_id else None
    approved = sale.state is OpState.APPROVED
    voided = approved and books.voided_by(sale.op_id) is not None
    return {
        "sale_id": sale.op_id,
        "amount_fen": amount_of(sale),
        "status": status or SALE_STATUS[sale.state],
        "reason": sale.reason,
        "facts": answer.get("facts", {}),
        **_chain_view(books, sale, member_id),
        "member": member_view(books, member) if member else None,
        "technology": answer.get("technology"),
        "weak": bool(answer.get("weak", False)),
        "taken": answer.get("taken"),
        "balance": answer.get("balance"),
        "on_card_fen": answer.get("on_card_fen"),
        "receipt_id": answer.get("receipt_id"),
        "receipt_number": answer.get("receipt_number"),
        "created_ms": sale.created_ms,
        "settled_ms": sale.settled_ms,
        "voided": voided,
        **_basket_view(books, sale, approved=approved, voided=voided),
    }


def _chain_view(books: Books, sale: Operation, member_id: str | None) -> dict[str, Any]:
    """What of the member's money could be spent here, and who held the rest."""
    usable_fen = sale.answer.get("facts", {}).get("usable_here_fen")
    held = books.held_elsewhere(member_id) if member_id and usable_fen is not None else ()
    return {
        "usable_here_fen": usable_fen,
        "elsewhere": [
            {"store": each.store, "fen": each.amount_fen, "offline_since": each.out_of_reach_ms}
            for each in held
        ],
    }


def _basket_view(books: Books, sale: Operation, *, approved: bool, voided: bool) -> dict[str, Any]:
    answer, kept = sale.answer, sale.answer.get("quote")
    quote = quote_from_json(kept) if kept is not None else None
    names: Names = answer.get("names", {})
    refunds = refunds_of(books, sale) if approved and quote is not None else []
    left = left_to_refund(quote, [each for _, each in refunds]) if quote is not None else {}
    lines = [_line_view(line, names, left) for line in quote.lines] if quote is not None else []
    return {
        "basket": basket_as_json(basket_from_json(sale.request)),
        "lines": lines,
        "list_fen": quote.list_fen if quote is not None else None,
        "tenders": tenders_view(quote) if quote is not None and approved else [],
        "change_fen": quote.change_fen if quote is not None else 0,
        "coupons": list(quote.coupons) if quote is not None else [],
        "points_used": quote.points_used if quote is not None else 0,
        "points_earned": quote.points_earned if quote is not None else 0,
        "points_left": answer.get("points_left"),
        "level": _level_view(answer),
        "refunds": [_short_refund(op, each) for op, each in refunds],
        "refundable": approved and not voided and any(left.values()),
        "voidable": approved and not voided and not refunds,
    }


def _level_view(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    before, after = answer.get("levels", (None, None))
    if before is None and after is None:
        return None
    return {"before": before, "after": after, "changed": before != after}


def refunds_of(books: Books, sale: Operation) -> list[tuple[Operation, Refund]]:
    """Oldest first."""
    found = []
    for op_id in books.refunds_of(sale.op_id):
        operation = books.operation(op_id)
        assert operation is not None, "an entry has its operation"
        found.append((operation, refund_from_json(operation.answer["refund"])))
    return found


def _short_refund(operation: Operation, refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": operation.op_id,
        "paid_fen": refund.paid_fen,
        "lines": {line.line_id: line.quantity for line in refund.lines},
        "created_ms": operation.created_ms,
        "receipt_id": operation.answer["receipt_id"],
    }


def quote_view(quote: Quote, names: Names) -> dict[str, Any]:
    """Explains every fen of a price."""
    return {
        "member_id": quote.member_id,
        "lines": [_line_view(line, names, {}) for line in quote.lines],
        "not_applied": [
            {
                "rule_id": each.rule_id,
                "rule": names.get(each.rule_id, each.rule_id),
                "reason": each.reason.value,
                "by": each.by or None,
                "by_rule": names.get(each.by, each.by) or None,
                "short_fen": each.short_fen,
            }
            for each in quote.not_applied
        ],
        "list_fen": quote.list_fen,
        "saved_fen": quote.list_fen - quote.paid_fen,
        "paid_fen": quote.paid_fen,
        "short_fen": quote.short_fen,
        "change_fen": quote.change_fen,
        "tenders": tenders_view(quote),
        "taken": _purse(quote),
        "coupons": list(quote.coupons),
        "points_offset": quote.points_offset,
        "points_used": quote.points_used,
        "points_earned": quote.points_earned,
        "level": quote.level,
        "proved_best": quote.proved_best,
    }


def refund_view(refund: Refund, sold: Quote, names: Names) -> dict[str, Any]:
    """What a refund gives back, and what it cannot take back."""
    lines = {line.line.line_id: line for line in sold.lines}
    return {
        "lines": [
            {
                "line_id": line.line_id,
                "code": line.code,
                "name": lines[line.line_id].name,
                "quantity": line.quantity,
                "list_fen": line.list_fen,
                "steps": _steps_view(line.steps, names),
                "paid_fen": line.paid_fen,
            }
            for line in refund.lines
        ],
        "whole": refund.whole,
        "paid_fen": refund.paid_fen,
        "tenders": tenders_view(refund),
        "returned": _purse(refund),
        "points_back": refund.points_back,
        "points_taken": refund.points_taken,
        "passes_back": [
            {"pass_id": pass_id, "uses": uses} for pass_id, uses in refund.passes().items() if uses
        ],
        "coupons": list(refund.coupons),
        "debts": [
            {
                "kind": debt.kind.value,
                "amount": debt.amount,
                "worth_fen": debt.worth_fen,
                "line_id": debt.line_id or None,
            }
            for debt in refund.debts
        ],
        "debt_worth_fen": refund.debt_worth_fen,
    }


def _line_view(line: QuotedLine, names: Names, left: Mapping[str, int]) -> dict[str, Any]:
    """`left` is how much of it was not brought back."""
    return {
        "line_id": line.line.line_id,
        "code": line.line.code,
        "category": line.category,
        "name": line.name,
        "quantity": line.line.quantity,
        "gift": line.line.gift,
        "list_fen": line.list_fen,
        "steps": _steps_view(line.steps, names),
        "paid_fen": line.paid_fen,
        "points_used": line.points_used,
        "points_earned": line.points_earned,
        "points_rule": names.get(line.points_rule, line.points_rule) or None,
        "passes": [
            {
                "pass_id": taken.pass_id,
                "name": names.get(taken.pass_id, taken.pass_id),
                "uses": taken.uses,
            }
            for taken in line.passes
        ],
        "uses_granted": line.grants.count * line.line.quantity if line.grants else 0,
        "staff": [each.employee_id for each in line.line.staff],
        "left": left.get(line.line.line_id, line.line.quantity),
    }


def _steps_view(steps: Sequence[Step], names: Names) -> list[dict[str, Any]]:
    return [
        {
            "kind": step.kind.value,
            "rule_id": step.rule_id,
            "rule": names.get(step.rule_id, step.rule_id),
            "fen": step.fen,
        }
        for step in steps
        if step.fen
    ]


def tenders_view(moved: Quote | Refund) -> list[dict[str, Any]]:
    """Fen by tender: what each pays, stored value as one of them."""
    sums: dict[str, int] = {}
    for source, fen in moved.payments().items():
        kind = OWED if source.asset == OWED else source.tender.value
        sums[kind] = sums.get(kind, 0) + fen
    return [{"kind": kind, "amount_fen": fen} for kind, fen in sums.items() if fen]


def _purse(moved: Quote | Refund) -> dict[str, int]:
    def total(asset: str) -> int:
        return sum(fen for source, fen in moved.payments().items() if source.asset == asset)

    return {"principal_fen": total("principal"), "bonus_fen": total("bonus")}
