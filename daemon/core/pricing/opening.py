"""The first steps of a price: each line's list price, what passes and gifts take out of it, and the
member discount on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.money import MAX_FEN
from daemon.core.pricing.basket import MOST_LINES, Line, Override, PassUse
from daemon.core.pricing.catalogue import Code
from daemon.core.pricing.quoted import OVERRIDE_RULE, PassTaken, Payment, Step, StepKind
from daemon.core.pricing.rounding import WHOLE_BP, half_up, rate_of
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.shop_time import Moment
from daemon.core.pricing.standing import MemberStanding, PassHeld


@dataclass(slots=True)
class OpenLine:
    """A line on its way through the rules. `left_fen` is what is still to pay after `steps`.

    `agreed`: its price was changed at the counter, and no other rule touches it.
    `quantity` is what is paid with money, `money_fen` its list price, `member_fen` its price with
    the member discount, `member_rule` the rows that say so. `due_fen` is what was left before
    points."""

    line: Line
    code: Code
    list_fen: int
    quantity: int
    money_fen: int
    member_fen: int
    member_rule: str
    left_fen: int
    steps: list[Step]
    passes: tuple[PassTaken, ...] = ()
    points_used: int = 0
    times_bp: int = WHOLE_BP
    times_rule: str = ""
    earns: bool = True
    due_fen: int = 0
    payments: list[Payment] = field(default_factory=list)
    agreed: bool = False

    @property
    def open_to_rules(self) -> bool:
        return self.left_fen > 0 and not self.code.fixed and not self.agreed

    def take(self, kind: StepKind, rule_id: str, fen: int) -> None:
        """Every fen that leaves a price goes through here."""
        assert 0 <= fen <= self.left_fen, "a rule took more than a line costs"
        if fen:
            self.steps.append(Step(kind, rule_id, fen))
            self.left_fen -= fen


def open_lines(
    basket: Sequence[Line],
    standing: MemberStanding,
    rules: RuleBook,
    at: Moment,
    passes_to_use: Sequence[PassUse],
) -> list[OpenLine]:
    """In the order of line ids.

    Raises BadRequest("basket_empty" | "basket_too_long" | "line_twice" | "amount_too_large" |
    "quantity_not_whole"), NotFound("code_unknown" | "category_unknown" | "pass_unknown"),
    Refused("code_not_on_sale" | "pass_over" | "pass_short" | "pass_not_for_this" | "not_a_gift" |
    "points_short" | "override_not_for_this" | "override_not_lower")."""
    if not basket:
        raise BadRequest("basket_empty")
    if len(basket) > MOST_LINES:
        raise BadRequest("basket_too_long", most=MOST_LINES)
    if len({line.line_id for line in basket}) != len(basket):
        raise BadRequest("line_twice")
    uses = _pass_uses(basket, standing, at, passes_to_use)
    opened = [
        _open(line, standing, rules, at, uses.get(line.line_id, []))
        for line in sorted(basket, key=lambda each: each.line_id)
    ]
    if sum(line.list_fen for line in opened) > MAX_FEN:
        raise BadRequest("amount_too_large", most_fen=MAX_FEN)
    points = sum(line.points_used for line in opened)
    if points > standing.points:
        raise Refused("points_short", short=points - standing.points)
    return opened


def _open(
    line: Line,
    standing: MemberStanding,
    rules: RuleBook,
    at: Moment,
    uses: list[tuple[PassHeld, int]],
) -> OpenLine:
    if line.code is None:
        assert line.category is not None
        code = rules.catalogue.open_amount(line.category)
    else:
        code = rules.catalogue.code_for_sale(line.code, at.day)
    list_fen = half_up(code.price_fen * line.quantity, code.unit.parts)
    if line.gift:
        return _open_gift(line, code, list_fen, standing)
    by_pass = sum(count for _, count in uses)
    if by_pass and (code.unit.parts != 1 or by_pass > line.quantity):
        raise BadRequest("quantity_not_whole", line=line.line_id)
    quantity = line.quantity - by_pass
    money_fen = half_up(code.price_fen * quantity, code.unit.parts)
    rate_bp, rule = (
        (WHOLE_BP, "")
        if code.fixed or line.override is not None
        else rules.discounts.rate_bp(standing.category, standing.level, code.category)
    )
    opened = OpenLine(
        line=line,
        code=code,
        list_fen=list_fen,
        quantity=quantity,
        money_fen=money_fen,
        member_fen=rate_of(money_fen, rate_bp),
        member_rule=rule,
        left_fen=list_fen,
        steps=[],
        passes=tuple(
            PassTaken(held.pass_id, count, held.worth_fen * count) for held, count in uses
        ),
    )
    for held, count in uses:
        opened.take(StepKind.PREPAID, held.pass_id, code.price_fen * count)
    if line.override is not None:
        _change_price(opened, line.override)
    return opened


def _change_price(opened: OpenLine, override: Override) -> None:
    """Down only: a price above the list would be a fee that nobody was told of."""
    code, line_id = opened.code, opened.line.line_id
    if code.fixed:
        raise Refused("override_not_for_this", line=line_id)
    if override.price_fen >= code.price_fen:
        raise Refused("override_not_lower", line=line_id, price_fen=code.price_fen)
    agreed_fen = half_up(override.price_fen * opened.quantity, code.unit.parts)
    rule = f"{OVERRIDE_RULE}{override.reason.value}"
    opened.take(StepKind.OVERRIDE, rule, opened.money_fen - agreed_fen)
    opened.agreed = True


def _open_gift(line: Line, code: Code, list_fen: int, standing: MemberStanding) -> OpenLine:
    points = code.gift_points.get(standing.category or "", code.gift_points.get(""))
    if points is None or standing.member_id is None:
        raise Refused("not_a_gift", line=line.line_id)
    opened = OpenLine(line, code, list_fen, 0, 0, 0, "", list_fen, [])
    opened.take(StepKind.GIFT, f"gift:{code.code}", list_fen)
    opened.points_used = points * line.quantity
    opened.earns = False
    return opened


def _pass_uses(
    basket: Sequence[Line],
    standing: MemberStanding,
    at: Moment,
    passes_to_use: Sequence[PassUse],
) -> dict[str, list[tuple[PassHeld, int]]]:
    held = {each.pass_id: each for each in standing.passes}
    codes = {line.line_id: line for line in basket}
    left = {pass_id: each.left for pass_id, each in held.items()}
    uses: dict[str, list[tuple[PassHeld, int]]] = {}
    for use in sorted(passes_to_use, key=lambda each: (each.line_id, each.pass_id)):
        found, line = held.get(use.pass_id), codes.get(use.line_id)
        if found is None or line is None:
            raise NotFound("pass_unknown", line=use.line_id)
        if found.to_day is not None and found.to_day < at.day:
            raise Refused("pass_over", line=use.line_id)
        if line.gift or line.code is None or line.code not in found.codes:
            raise Refused("pass_not_for_this", line=use.line_id)
        if use.count <= 0:
            raise BadRequest("quantity_out_of_range", line=use.line_id)
        left[use.pass_id] -= use.count
        if left[use.pass_id] < 0:
            raise Refused("pass_short", short=-left[use.pass_id])
        uses.setdefault(use.line_id, []).append((found, use.count))
    return uses
