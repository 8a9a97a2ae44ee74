"""Commission (E2): fixed per count (次数提成) and share of the total (总额提成), by code, category
and grade, split between employees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from daemon.core.errors import BadRequest
from daemon.core.money import MAX_FEN
from daemon.core.pricing.basket import Server
from daemon.core.pricing.rounding import WHOLE_BP, half_up, spread


class Basis(Enum):
    """The total that a share is taken of. A pass counts for what its use was paid with."""

    LIST = "list"
    DUE = "due"
    """After discounts and coupons, before points."""
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class CommissionRule:
    """For goods of `code` or `category` (neither: all) sold by `grade` (None: any). Both parts may
    be given: `per_count_fen` for one unit and `share_bp` of `basis`."""

    rule_id: str
    code: str | None = None
    category: str | None = None
    grade: str | None = None
    per_count_fen: int = 0
    share_bp: int = 0
    basis: Basis = Basis.PAID

    def __post_init__(self) -> None:
        if not (0 <= self.per_count_fen <= MAX_FEN and 0 <= self.share_bp <= WHOLE_BP):
            raise BadRequest("commission_malformed", rule=self.rule_id)
        if self.code is not None and self.category is not None:
            raise BadRequest("commission_malformed", rule=self.rule_id)


@dataclass(frozen=True, slots=True)
class Served:
    """What a line is worth for commission: `count / parts` units, and fen by basis."""

    count: int
    parts: int
    list_fen: int
    due_fen: int
    paid_fen: int

    def basis_fen(self, basis: Basis) -> int:
        if basis is Basis.PAID:
            return self.paid_fen
        return self.list_fen if basis is Basis.LIST else self.due_fen


class CommissionTable:
    """The nearest rule counts: code before category before all goods, and at each of these the
    grade's own before any grade's. Raises BadRequest("commission_twice")."""

    def __init__(self, rules: Iterable[CommissionRule] = ()) -> None:
        self._rules: dict[tuple[str | None, str | None, str | None], CommissionRule] = {}
        for rule in rules:
            key = (rule.code, rule.category, rule.grade)
            if key in self._rules:
                raise BadRequest("commission_twice", rule=rule.rule_id)
            self._rules[key] = rule

    def rule(self, code: str | None, category: str, grade: str) -> CommissionRule | None:
        nearest: list[tuple[str | None, str | None]] = [(None, category), (None, None)]
        for goods in [(code, None), *nearest] if code is not None else nearest:
            for of_grade in (grade, None):
                found = self._rules.get((*goods, of_grade))
                if found is not None:
                    return found
        return None

    def commission(
        self, code: str | None, category: str, staff: tuple[Server, ...], served: Served
    ) -> list[tuple[str, str, int]]:
        """(employee, rule, fen) of one line. Each gets the weight's share of what the line would
        bring at the employee's own grade; the line's sum is rounded once."""
        claims: list[tuple[str, str, int]] = []
        whole = sum(server.weight for server in staff)
        for server in sorted(staff, key=lambda each: each.employee_id):
            rule = self.rule(code, category, server.grade)
            if rule is not None:
                # Exact, in units of 1 / (parts x WHOLE_BP x whole) fen.
                fixed = rule.per_count_fen * served.count * WHOLE_BP
                share = rule.share_bp * served.basis_fen(rule.basis) * served.parts
                claims.append((server.employee_id, rule.rule_id, (fixed + share) * server.weight))
        exact = [claim for _, _, claim in claims]
        total = half_up(sum(exact), served.parts * WHOLE_BP * whole)
        shares = spread(total, exact)
        return [
            (employee, rule_id, share)
            for (employee, rule_id, _), share in zip(claims, shares, strict=True)
            if share
        ]
