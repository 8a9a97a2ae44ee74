"""Best for the customer is the best of all allowed stackings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.pricing.basket import Line
from daemon.core.pricing.catalogue import Catalogue, Category, Code
from daemon.core.pricing.discounts import DiscountTable
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.promotion import (
    BuyN,
    Coupon,
    Effect,
    Exclusive,
    FixedPrice,
    PercentOff,
    Promotion,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding
from tests.budget import NIGHTLY, examples
from tests.pricing.oracle import Oracle
from tests.pricing.shop import (
    GOODS,
    Sale,
    baskets,
    catalogues,
    coupon_sets,
    rates,
    rule_sets,
    scope,
)

pytestmark = pytest.mark.timeout(7200 if NIGHTLY else 300)

strong_effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(PercentOff, st.integers(5_000, 9_900)),
    st.builds(FixedPrice, st.integers(300, 3_000)),
    st.builds(BuyN, st.integers(0, 2), st.just(1), st.sampled_from([3_000, 10_000])),
    st.builds(
        lambda off, bp: SpendTiers((Tier(500, 0 if bp else off, bp),)),
        st.integers(50, 3_000),
        st.sampled_from([0, 0, 1_500]),
    ),
)
near_scopes = st.sampled_from(
    [scope(), scope(), scope("bread"), scope("a", "b"), scope(but=("c",))]
)


def rivals(exclusive: st.SearchStrategy[Exclusive]) -> st.SearchStrategy[Promotion]:
    """Promotions that nearly always apply and nearly always meet."""
    return st.builds(
        Promotion,
        st.just(""),
        st.just(""),
        strong_effects,
        near_scopes,
        group=st.sampled_from(["x", "y", "z"]),
        exclusive=exclusive,
        with_member_discount=st.booleans(),
        with_line_promotions=st.booleans(),
    )


@st.composite
def dense_rules(draw: st.DrawFn, most: int) -> tuple[tuple[Promotion, ...], tuple[Coupon, ...]]:
    now_and_then = st.sampled_from([Exclusive.NO] * 6 + [Exclusive.GOODS, Exclusive.SALE])
    promoted = draw(st.lists(rivals(now_and_then), min_size=2, max_size=most))
    offers = draw(st.lists(rivals(st.just(Exclusive.NO)), max_size=2))
    return (
        tuple(replace(each, promotion_id=f"p{at}") for at, each in enumerate(promoted)),
        tuple(
            Coupon(f"c{at}", each, with_promotions=draw(st.booleans()))
            for at, each in enumerate(offers)
        ),
    )


@st.composite
def small_sales(draw: st.DrawFn, most_rules: int = 6) -> tuple[Sale, Oracle]:
    basket = draw(baskets(3, plain=True))
    if draw(st.integers(0, 4)):
        promoted, coupons = draw(dense_rules(most_rules))
        catalogue = draw(catalogues(st.integers(200, 6_000), with_fixed=False))
    else:
        promoted, coupons = draw(rule_sets(most_rules)), draw(coupon_sets(2))
        catalogue = draw(catalogues(with_fixed=False))
    member_rates = draw(st.dictionaries(st.sampled_from(GOODS), rates, max_size=2))
    order = draw(st.sampled_from([(), ("z", "x")]))
    rules = RuleBook(
        catalogue,
        DiscountTable({("gold", goods): rate for goods, rate in member_rates.items()}),
        PromotionIndex(promoted),
        order,
    )
    sale = Sale(basket, MemberStanding("m", "gold"), rules, coupons)
    return sale, Oracle(basket, catalogue, member_rates, promoted, coupons, order)


@given(small_sales())
@examples(200, nightly=10_000)
def test_no_allowed_set_of_rules_is_cheaper(drawn: tuple[Sale, Oracle]) -> None:
    sale, oracle = drawn
    quoted = sale.quote()
    assert quoted.proved_best
    assert quoted.paid_fen == oracle.lowest(lines_lowest=True)


@given(small_sales(most_rules=5))
@examples(200, nightly=10_000)
def test_no_dearer_line_would_have_paid_off(drawn: tuple[Sale, Oracle]) -> None:
    """That every line first takes its lowest price costs nobody more than a fen a line, from where
    the shares of a discount fall when another is cut short by what is left of a line; but where
    buying pieces meets another rule, as docs/pricing.md says."""
    sale, oracle = drawn
    paid_fen = sale.quote().paid_fen
    assert oracle.lowest(lines_lowest=False) <= paid_fen
    assert paid_fen <= oracle.lowest(lines_lowest=False, tangled=False) + len(sale.basket)


def test_a_dearer_piece_may_bring_more_off_another_line() -> None:
    """What ten thousand examples found: the second piece at 30 % off, and a coupon that takes the
    rolls off the bill whole. Rolls at their full price would have brought 12 fen more off the
    cake."""
    second = BuyN(1, 1, 3_000)
    free = BuyN(0, 1, 10_000)
    half = Promotion("p0", "p0", PercentOff(5_001), scope(), group="x")
    catalogue = Catalogue(
        [Category("bread", "bread")], [Code("a", "a", "bread", 200), Code("c", "c", "bread", 599)]
    )
    basket = (Line("l0", "a", 5), Line("l1", "c", 3), Line("l2", "a", 1))
    coupons = (
        Coupon("c0", Promotion("", "", second, scope(), group="z"), with_promotions=True),
        Coupon("c1", Promotion("", "", free, scope(but=("c",)), group="x"), with_promotions=True),
    )
    rules = RuleBook(catalogue, promotions=PromotionIndex([half]), group_order=("z", "x"))
    sale = Sale(basket, MemberStanding("m", "gold"), rules, coupons)
    oracle = Oracle(basket, catalogue, {}, [half], coupons, ("z", "x"))
    lowest = oracle.lowest(lines_lowest=True)
    assert sale.quote().paid_fen == lowest
    assert (lowest, oracle.lowest(lines_lowest=False)) == (783, 771)
