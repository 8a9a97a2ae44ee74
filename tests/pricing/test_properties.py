"""What holds for every price, whatever the rules."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.pricing.basket import Line
from daemon.core.pricing.catalogue import Catalogue
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.kept import (
    quote_as_json,
    quote_from_json,
    refund_as_json,
    refund_from_json,
)
from daemon.core.pricing.promotion import Exclusive, PointsTimes, Promotion
from daemon.core.pricing.quoted import Quote, QuotedLine, StepKind
from daemon.core.pricing.refund import BalancesNow, Refund, left_to_refund, refund
from daemon.core.pricing.rounding import half_up
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding
from tests.budget import NIGHTLY, examples
from tests.pricing.shop import (
    Sale,
    baskets,
    catalogues,
    changed_prices,
    discount_tables,
    line_effects,
    promotions,
    rule_sets,
    sales,
)

T = TypeVar("T")
pytestmark = pytest.mark.timeout(7200 if NIGHTLY else 300)

CUT_HALF_FEN = 3
"""docs/pricing.md: a cut costs at most a fen and a half for each rounding of a line."""


@given(sales())
@examples(200, nightly=10_000)
def test_a_price_is_never_negative_never_above_list_and_explained(sale: Sale) -> None:
    quoted = sale.quote()
    assert quoted.settled and quoted.proved_best
    for line in quoted.lines:
        assert all(step.fen > 0 for step in line.steps)
        assert line.list_fen - sum(step.fen for step in line.steps) == line.paid_fen
        assert 0 <= line.paid_fen <= line.list_fen
        assert sum(payment.fen for payment in line.payments) == line.paid_fen
        assert all(payment.fen > 0 for payment in line.payments)
        assert min(line.points_used, line.points_earned, line.progress_fen) >= 0
    assert quoted.list_fen - sum(quoted.steps().values()) == quoted.paid_fen
    tendered = sum(tender.amount_fen or 0 for tender in sale.tenders)
    assert sum(quoted.payments().values()) + quoted.change_fen == tendered
    assert quoted.points_used <= sale.standing.points
    for held in sale.standing.holdings:
        taken = sum(
            fen
            for source, fen in quoted.payments().items()
            if (source.asset, source.lot) == (held.account.asset, held.account.lot)
        )
        assert taken <= held.balance


@given(sales())
@examples(200, nightly=10_000)
def test_a_changed_price_is_what_a_line_comes_to(sale: Sale) -> None:
    """Whatever other rules say: its own step is the only one beside what a pass pays."""
    by_id = {line.line_id: line for line in sale.basket}
    for line in sale.quote().lines:
        override = by_id[line.line.line_id].override
        kinds = {step.kind for step in line.steps}
        if override is None:
            assert StepKind.OVERRIDE not in kinds
            continue
        assert kinds <= {StepKind.PREPAID, StepKind.OVERRIDE}
        code = sale.rules.catalogue.codes[line.line.code or ""]
        paid = line.line.quantity - sum(taken.uses for taken in line.passes)
        assert line.paid_fen == half_up(override.price_fen * paid, code.unit.parts)


@given(sales())
@examples(200, nightly=10_000)
def test_every_rule_that_did_not_act_says_why_once(sale: Sale) -> None:
    quoted = sale.quote()
    known = {coupon.code for coupon in sale.coupons} | set(sale.rules.promotions.numbers)
    acted = {rule_id for _, rule_id in quoted.steps()} | set(quoted.coupons)
    told = [each.rule_id for each in quoted.not_applied if each.rule_id in known]
    assert not acted & set(told) and len(told) == len(set(told))
    for coupon in sale.coupons:
        assert (coupon.code in quoted.coupons) != (coupon.code in told)
    for promotion in sale.rules.promotions.promotions:
        money = not isinstance(promotion.effect, PointsTimes)
        about = any(promotion.scope.covers(e.line.code, e.category) for e in quoted.lines)
        if money and about and not _nothing_open(sale, promotion):
            assert promotion.promotion_id in acted | set(told)
    rules_of_lines = {rule_id for _, rule_id in quoted.steps()}
    points_rules = {each.promotion_id for each in sale.rules.promotions.promotions}
    for each in quoted.not_applied:
        assert not each.by or each.by in rules_of_lines | points_rules


def _nothing_open(sale: Sale, promotion: Promotion) -> bool:
    """Whether all lines that it is about are free, fixed, changed by hand or paid otherwise."""
    paid = sale.quote(rules=RuleBook(sale.rules.catalogue), coupons=(), points_to_use=0, tenders=())
    return not any(
        line.paid_fen
        for line in paid.lines
        if promotion.scope.covers(line.line.code, line.category)
        and line.line.override is None
        and not (line.line.code and sale.rules.catalogue.codes[line.line.code].fixed)
    )


def movements(sign: int, sale: Quote | Refund) -> Counter[object]:
    """Everything that an operation moves, as a ledger would see it."""
    moved: Counter[object] = Counter()
    for source, fen in sale.payments().items():
        moved[source] += sign * fen
    for pass_id, uses in sale.passes().items():
        moved["pass", pass_id] += sign * uses
    for employee, fen in sale.commission().items():
        moved["commission", employee] += sign * fen
    for line in sale.lines:
        moved["list"] += sign * line.list_fen
        moved["points used"] += sign * line.points_used
        moved["points earned"] += sign * line.points_earned
        for step in line.steps:
            moved[step.kind, step.rule_id] += sign * step.fen
        for taken in line.passes:
            moved["worth", taken.pass_id] += sign * taken.worth_fen
        if isinstance(line, QuotedLine):
            moved["goods", line.line.line_id] += sign * line.line.quantity
            each_grants = line.grants.count if line.grants else 0
            moved["granted"] += sign * each_grants * line.line.quantity
        else:
            moved["goods", line.line_id] += sign * line.quantity
            moved["granted"] += sign * line.uses_granted
    for name, amount in sale.progress._asdict().items():
        moved["progress", name] += sign * amount
    for coupon in sale.coupons:
        moved["coupon", coupon] += sign
    return moved


@given(sales(), st.integers(0, 300))
@examples(200, nightly=10_000)
def test_a_quote_and_its_refund_are_zero_everywhere(sale: Sale, points_now: int) -> None:
    quoted = sale.quote()
    undone = refund(quoted, [], left_to_refund(quoted, []), BalancesNow(points_now))
    assert undone.whole
    moved = movements(1, quoted)
    moved.update(movements(-1, undone))
    assert not any(moved.values())
    owed = sum(debt.amount for debt in undone.debts)
    assert undone.points_back == quoted.points_used
    assert undone.points_taken + owed == quoted.points_earned
    assert points_now + undone.points_back - undone.points_taken >= 0


@given(sales(), st.data())
@examples(200, nightly=10_000)
def test_refunds_in_any_order_add_up_and_never_exceed_the_line(
    sale: Sale, data: st.DataObject
) -> None:
    quoted = sale.quote()
    done: list[Refund] = []
    points = quoted.points_earned
    while any((left := left_to_refund(quoted, done)).values()):
        open_lines = [line_id for line_id, quantity in left.items() if quantity]
        chosen = data.draw(st.sampled_from(open_lines))
        most = left[chosen]
        quantity = most if len(done) > 8 else data.draw(st.integers(1, most))
        done.append(refund(quoted, done, {chosen: quantity}, BalancesNow(points)))
        points += done[-1].points_back - done[-1].points_taken
        assert done[-1].whole == (not any(left_to_refund(quoted, done).values()))
        _never_more_than_sold(quoted, done)
    moved = movements(1, quoted)
    for each in done:
        moved.update(movements(-1, each))
        assert not each.debts
    assert not any(moved.values())


def _never_more_than_sold(quoted: Quote, done: list[Refund]) -> None:
    for line in quoted.lines:
        own = [each for r in done for each in r.lines if each.line_id == line.line.line_id]
        assert sum(each.paid_fen for each in own) <= line.paid_fen
        assert sum(each.list_fen for each in own) <= line.list_fen
        assert sum(each.points_used for each in own) <= line.points_used
        assert all(
            min([each.list_fen, *(p.fen for p in each.payments), each.points_earned]) >= 0
            for each in own
        )


@given(sales(), st.randoms(use_true_random=False))
@examples(200, nightly=10_000)
def test_the_order_of_lines_rules_and_coupons_does_not_matter(sale: Sale, chance: Random) -> None:

    def mixed(items: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(chance.sample(items, len(items)))

    rules = replace(sale.rules, promotions=PromotionIndex(mixed(sale.rules.promotions.promotions)))
    again = sale.quote(
        basket=mixed(sale.basket),
        coupons=mixed(sale.coupons),
        passes_to_use=mixed(sale.passes_to_use),
        rules=rules,
    )
    assert again == sale.quote()


@st.composite
def plain_sales(draw: st.DrawFn) -> Sale:
    """Only rules that look at a line alone, all of which may meet."""
    plain = promotions(line_effects, st.sampled_from([Exclusive.NO, Exclusive.GOODS]))
    drawn = draw(st.lists(plain, max_size=5))
    rules = RuleBook(
        draw(catalogues()),
        draw(discount_tables),
        PromotionIndex([replace(each, promotion_id=f"p{n}") for n, each in enumerate(drawn)]),
    )
    basket = draw(changed_prices(draw(baskets(plain=True)), rules.catalogue))
    return Sale(basket, MemberStanding("m", "gold", "vip"), rules)


@given(plain_sales(), st.data())
@examples(200, nightly=10_000)
def test_splitting_never_costs_more_than_the_stated_rounding(
    sale: Sale, data: st.DataObject
) -> None:
    """Lines shared out between two sales, and each line's quantity cut in two."""
    whole = sale.quote()
    first, second, allowed = [], [], 0
    for line, quoted in zip(sorted(sale.basket, key=lambda e: e.line_id), whole.lines, strict=True):
        cut = data.draw(st.integers(0, line.quantity))
        if cut:
            first.append(replace(line, quantity=cut))
        if cut < line.quantity:
            second.append(replace(line, quantity=line.quantity - cut))
        if 0 < cut < line.quantity:
            allowed += CUT_HALF_FEN * (1 + len(quoted.steps))
    parts = [sale.quote(basket=tuple(each)).paid_fen for each in (first, second) if each]
    # Each allowed unit is half a fen.
    assert 2 * (sum(parts) - whole.paid_fen) <= allowed


@given(sales())
@examples(200, nightly=10_000)
def test_quotes_and_refunds_are_kept_and_read_back(sale: Sale) -> None:
    quoted = sale.quote()
    assert quote_from_json(quote_as_json(quoted)) == quoted
    undone = refund(quoted, [], left_to_refund(quoted, []), BalancesNow(0))
    assert refund_from_json(refund_as_json(undone)) == undone


@given(baskets(most=3, plain=True), rule_sets(joint=False), catalogues())
@examples(200, nightly=10_000)
def test_more_rules_never_cost_more(
    basket: tuple[Line, ...], promoted: tuple[Promotion, ...], catalogue: Catalogue
) -> None:
    """Where no rule takes another's place by force, adding one never makes a sale dearer."""
    totals = []
    for count in range(len(promoted) + 1):
        rules = RuleBook(catalogue, promotions=PromotionIndex(promoted[:count]))
        totals.append(Sale(basket, MemberStanding("m", "gold"), rules).quote().paid_fen)
    assert all(later <= earlier for earlier, later in itertools.pairwise(totals))
