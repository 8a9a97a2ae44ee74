"""What a sale was asked for, as it is kept in its operation: lines, who, coupons, points, passes
and tenders. A bare amount is a basket of one line in the category for keyed amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.errors import NotFound
from daemon.core.pricing.basket import (
    Line,
    Override,
    OverrideReason,
    PassUse,
    Server,
    Tender,
    TenderKind,
)
from daemon.core.pricing.catalogue import Catalogue
from daemon.core.records import Operation
from daemon.ports.ledger import Books
from daemon.rules.cell import OPEN_CATEGORY

OPEN_LINE = "1"
"""The id of the one line of a bare amount."""


@dataclass(frozen=True, slots=True)
class Basket:
    """`member_id` is whom the cashier found without a card. Grades of staff are not asked for: they
    come from the books when the price is made. Without tenders stored value pays."""

    lines: tuple[Line, ...]
    member_id: str | None = None
    coupons: tuple[str, ...] = ()
    points_to_use: int = 0
    passes: tuple[PassUse, ...] = ()
    leave_out: tuple[str, ...] = ()
    tenders: tuple[Tender, ...] = ()

    @property
    def has_open_amount(self) -> bool:
        return any(line.code is None for line in self.lines)

    @property
    def has_gift(self) -> bool:
        return any(line.gift for line in self.lines)

    @property
    def has_override(self) -> bool:
        return any(line.override is not None for line in self.lines)

    @property
    def all_tenders(self) -> tuple[Tender, ...]:
        """Those that were named, and stored value for the rest where none takes it."""
        if any(tender.amount_fen is None for tender in self.tenders):
            return self.tenders
        return (*self.tenders, Tender(TenderKind.STORED))

    def uses_account(self, catalogue: Catalogue) -> bool:
        """Whether it needs more of a member than a name: points, passes, gifts, stored value by
        name; or gives a pass, which needs somebody to hold it."""
        return (
            self.points_to_use > 0
            or bool(self.passes)
            or any(tender.kind is TenderKind.STORED for tender in self.tenders)
            or any(line.gift or _grants(line, catalogue) for line in self.lines)
        )

    def without_member(self, catalogue: Catalogue) -> Basket:
        """The part of it that can be priced before it is known who it is for."""
        return replace(
            self,
            lines=tuple(line for line in self.lines if not (line.gift or _grants(line, catalogue))),
            points_to_use=0,
            passes=(),
            tenders=tuple(each for each in self.tenders if each.kind is not TenderKind.STORED),
        )


def _grants(line: Line, catalogue: Catalogue) -> bool:
    code = catalogue.codes.get(line.code or "")
    return code is not None and code.grants is not None


def open_amount(amount_fen: int) -> Basket:
    return Basket((Line(OPEN_LINE, None, amount_fen, OPEN_CATEGORY),))


def basket_as_json(basket: Basket) -> dict[str, Any]:
    """What says nothing is left out, so that the same request always reads the same."""
    said = {
        "lines": [_line_as_json(line) for line in basket.lines],
        "member_id": basket.member_id,
        "coupons": list(basket.coupons),
        "points_to_use": basket.points_to_use,
        "passes": [
            {"line_id": use.line_id, "pass_id": use.pass_id, "count": use.count}
            for use in basket.passes
        ],
        "leave_out": list(basket.leave_out),
        "tenders": [
            {"kind": tender.kind.value, "amount_fen": tender.amount_fen}
            for tender in basket.tenders
        ],
    }
    return {name: value for name, value in said.items() if value}


def _line_as_json(line: Line) -> dict[str, Any]:
    said = {
        "line_id": line.line_id,
        "code": line.code,
        "category": line.category,
        "quantity": line.quantity,
        "gift": line.gift,
        "staff": [{"employee_id": each.employee_id, "weight": each.weight} for each in line.staff],
        "override": _override_as_json(line.override),
    }
    return {name: value for name, value in said.items() if value}


def _override_as_json(override: Override | None) -> dict[str, Any] | None:
    if override is None:
        return None
    return {"price_fen": override.price_fen, "reason": override.reason.value}


def basket_from_json(kept: Mapping[str, Any]) -> Basket:
    """Also from a bare `amount_fen`. Raises BadRequest for what a line or tender refuses."""
    if "lines" not in kept:
        lines: tuple[Line, ...] = open_amount(kept["amount_fen"]).lines
    else:
        lines = tuple(_line_from_json(line) for line in kept["lines"])
    return Basket(
        lines=lines,
        member_id=kept.get("member_id"),
        coupons=tuple(kept.get("coupons", ())),
        points_to_use=kept.get("points_to_use", 0),
        passes=tuple(
            PassUse(use["line_id"], use["pass_id"], use["count"]) for use in kept.get("passes", ())
        ),
        leave_out=tuple(kept.get("leave_out", ())),
        tenders=tuple(
            Tender(TenderKind(tender["kind"]), tender.get("amount_fen"))
            for tender in kept.get("tenders", ())
        ),
    )


def _line_from_json(kept: Mapping[str, Any]) -> Line:
    return Line(
        line_id=kept["line_id"],
        code=kept.get("code"),
        quantity=kept.get("quantity", 1),
        category=kept.get("category"),
        gift=kept.get("gift", False),
        staff=tuple(
            Server(each["employee_id"], "", each.get("weight", 1)) for each in kept.get("staff", ())
        ),
        override=_override_from_json(kept.get("override")),
    )


def _override_from_json(kept: Mapping[str, Any] | None) -> Override | None:
    return None if kept is None else Override(kept["price_fen"], OverrideReason(kept["reason"]))


def with_grades(basket: Basket, books: Books) -> Basket:
    """With each employee's grade, as it is now.

    Raises NotFound("employee_unknown")."""
    lines = tuple(
        replace(line, staff=tuple(_graded(each, books) for each in line.staff))
        if line.staff
        else line
        for line in basket.lines
    )
    return replace(basket, lines=lines)


def _graded(server: Server, books: Books) -> Server:
    employee = books.employee(server.employee_id)
    if employee is None:
        raise NotFound("employee_unknown")
    return replace(server, grade=employee.grade)


def amount_of(sale: Operation) -> int:
    """What a sale comes to: what was paid, else what it looked like when it was opened."""
    found = sale.answer.get("amount_fen", sale.request.get("amount_fen"))
    assert isinstance(found, int)
    return found
