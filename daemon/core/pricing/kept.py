"""A quote and a refund as they are kept with the operation in the books: JSON-ready, and back.

The forms carry a number; a reader refuses what it does not know, so that an old sale is refunded as
it was sold or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.errors import BadRequest
from daemon.core.pricing.basket import Line, Override, OverrideReason, Server, TenderKind
from daemon.core.pricing.catalogue import PassGrant
from daemon.core.pricing.conditions import NotApplied, Reason
from daemon.core.pricing.levels import Progress
from daemon.core.pricing.quoted import (
    Commission,
    PassTaken,
    Payment,
    Quote,
    QuotedLine,
    Source,
    Step,
    StepKind,
)
from daemon.core.pricing.refund import Debt, DebtKind, Refund, RefundedLine

FORM = 1
Json = dict[str, Any]


def quote_as_json(quote: Quote) -> Json:
    return {
        "form": FORM,
        "member_id": quote.member_id,
        "store": quote.store,
        "at_ms": quote.at_ms,
        "lines": [_line_as_json(line) for line in quote.lines],
        "not_applied": [
            [each.rule_id, each.reason.value, each.by, each.short_fen] for each in quote.not_applied
        ],
        "coupons": list(quote.coupons),
        "points_offset": quote.points_offset,
        "short_fen": quote.short_fen,
        "change_fen": quote.change_fen,
        "progress": list(quote.progress),
        "level": quote.level,
        "proved_best": quote.proved_best,
    }


def quote_from_json(kept: Mapping[str, Any]) -> Quote:
    """Raises BadRequest("quote_form_unknown")."""
    _require_form(kept)
    return Quote(
        member_id=kept["member_id"],
        store=kept["store"],
        at_ms=kept["at_ms"],
        lines=tuple(_line_from_json(line) for line in kept["lines"]),
        not_applied=tuple(
            NotApplied(rule_id, Reason(reason), by, short_fen)
            for rule_id, reason, by, short_fen in kept["not_applied"]
        ),
        coupons=tuple(kept["coupons"]),
        points_offset=kept["points_offset"],
        short_fen=kept["short_fen"],
        change_fen=kept["change_fen"],
        progress=Progress(*kept["progress"]),
        level=kept["level"],
        proved_best=kept["proved_best"],
    )


def refund_as_json(refund: Refund) -> Json:
    return {
        "form": FORM,
        "lines": [_refunded_as_json(line) for line in refund.lines],
        "whole": refund.whole,
        "points_back": refund.points_back,
        "points_taken": refund.points_taken,
        "debts": [
            [debt.kind.value, debt.amount, debt.worth_fen, debt.line_id] for debt in refund.debts
        ],
        "coupons": list(refund.coupons),
        "progress": list(refund.progress),
    }


def refund_from_json(kept: Mapping[str, Any]) -> Refund:
    """Raises BadRequest("quote_form_unknown")."""
    _require_form(kept)
    return Refund(
        lines=tuple(_refunded_from_json(line) for line in kept["lines"]),
        whole=kept["whole"],
        points_back=kept["points_back"],
        points_taken=kept["points_taken"],
        debts=tuple(
            Debt(DebtKind(kind), amount, worth_fen, line_id)
            for kind, amount, worth_fen, line_id in kept["debts"]
        ),
        coupons=tuple(kept["coupons"]),
        progress=Progress(*kept["progress"]),
    )


def _require_form(kept: Mapping[str, Any]) -> None:
    if kept.get("form") != FORM:
        raise BadRequest("quote_form_unknown")


def _amounts_as_json(line: QuotedLine | RefundedLine) -> Json:
    """What a line and its refund have in common."""
    return {
        "list_fen": line.list_fen,
        "steps": [[step.kind.value, step.rule_id, step.fen] for step in line.steps],
        "payments": [
            [each.source.tender.value, each.source.asset, each.source.lot, each.fen]
            for each in line.payments
        ],
        "passes": [list(each) for each in line.passes],
        "points_used": line.points_used,
        "points_earned": line.points_earned,
        "progress_fen": line.progress_fen,
        "commission": [list(each) for each in line.commission],
    }


def _amounts_from_json(kept: Mapping[str, Any]) -> Json:
    return {
        "list_fen": kept["list_fen"],
        "steps": tuple(Step(StepKind(kind), rule, fen) for kind, rule, fen in kept["steps"]),
        "payments": tuple(
            Payment(Source(TenderKind(tender), asset, lot), fen)
            for tender, asset, lot, fen in kept["payments"]
        ),
        "passes": tuple(PassTaken(*each) for each in kept["passes"]),
        "points_used": kept["points_used"],
        "points_earned": kept["points_earned"],
        "progress_fen": kept["progress_fen"],
        "commission": tuple(Commission(*each) for each in kept["commission"]),
    }


def _line_as_json(quoted: QuotedLine) -> Json:
    line = quoted.line
    return {
        "line_id": line.line_id,
        "code": line.code,
        "quantity": line.quantity,
        "goods": line.category,
        "gift": line.gift,
        "staff": [[each.employee_id, each.grade, each.weight] for each in line.staff],
        **_override_as_json(line.override),
        "name": quoted.name,
        "category": quoted.category,
        "points_rule": quoted.points_rule,
        "grants": _grant_as_json(quoted.grants),
        **_amounts_as_json(quoted),
    }


def _line_from_json(kept: Mapping[str, Any]) -> QuotedLine:
    grants = kept["grants"]
    return QuotedLine(
        line=Line(
            line_id=kept["line_id"],
            code=kept["code"],
            quantity=kept["quantity"],
            category=kept["goods"],
            gift=kept["gift"],
            staff=tuple(Server(*each) for each in kept["staff"]),
            override=_override_from_json(kept.get("override")),
        ),
        name=kept["name"],
        category=kept["category"],
        points_rule=kept["points_rule"],
        grants=PassGrant(frozenset(grants[0]), grants[1], grants[2]) if grants else None,
        **_amounts_from_json(kept),
    )


def _override_as_json(override: Override | None) -> Json:
    """Quotes of releases that knew no changed price read as they did."""
    return {} if override is None else {"override": [override.price_fen, override.reason.value]}


def _override_from_json(kept: Sequence[Any] | None) -> Override | None:
    return None if kept is None else Override(kept[0], OverrideReason(kept[1]))


def _grant_as_json(grants: PassGrant | None) -> list[Any] | None:
    return [sorted(grants.codes), grants.count, grants.valid_days] if grants else None


def _refunded_as_json(line: RefundedLine) -> Json:
    return {
        "line_id": line.line_id,
        "code": line.code,
        "quantity": line.quantity,
        "uses_granted": line.uses_granted,
        **_amounts_as_json(line),
    }


def _refunded_from_json(kept: Mapping[str, Any]) -> RefundedLine:
    return RefundedLine(
        line_id=kept["line_id"],
        code=kept["code"],
        quantity=kept["quantity"],
        uses_granted=kept["uses_granted"],
        **_amounts_from_json(kept),
    )
