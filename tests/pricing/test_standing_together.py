"""What may stand beside what, and the reasons that are given."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.core.errors import BadRequest
from daemon.core.pricing.basket import Line
from daemon.core.pricing.catalogue import Catalogue, Category, Code, EarnRate
from daemon.core.pricing.conditions import Conditions, NotApplied, Reason
from daemon.core.pricing.discounts import DiscountTable, Together
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.promotion import (
    BuyN,
    Coupon,
    Effect,
    Exclusive,
    FixedPrice,
    PercentOff,
    PointsTimes,
    Promotion,
    RechargeBonus,
    RechargeTier,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.quote import quote
from daemon.core.pricing.quoted import Quote, StepKind
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding
from tests.pricing.shop import A_DAY, NOW_MS, scope

CATALOGUE = Catalogue(
    [Category("k", "", EarnRate(1)), Category("fee", "")],
    [
        Code("a", "", "k", 10_000),
        Code("b", "", "k", 4_000),
        Code("bag", "", "fee", 100, fixed=True),
    ],
)
GOLD = MemberStanding("m", "gold")
BASKET = [Line("1", "a"), Line("2", "b"), Line("3", "bag")]
NINETY = PercentOff(9_000)


def rule(name: str, effect: Effect, *goods: str, **more: Any) -> Promotion:
    return Promotion(name, name, effect, scope(*goods), **more)


def priced(*promotions: Promotion, order: tuple[str, ...] = (), **more: Any) -> Quote:
    rates = more.pop("rates", {})
    rules = RuleBook(CATALOGUE, DiscountTable(rates), PromotionIndex(promotions), group_order=order)
    return quote(BASKET, GOLD, rules=rules, now_ms=NOW_MS, store="s", **more)


def reasons(quoted: Quote) -> dict[str, tuple[Reason, str]]:
    return {each.rule_id: (each.reason, each.by) for each in quoted.not_applied}


def test_fixed_goods_are_never_touched() -> None:
    quoted = priced(rule("p", PercentOff(0)), rates={("gold", None): 5_000})
    assert quoted.paid_fen == 100 and quoted.lines[2].steps == ()


def test_one_of_a_group_on_a_line_and_groups_in_their_order() -> None:
    dear, cheap = rule("dear", PercentOff(9_500), "a"), rule("cheap", PercentOff(9_000))
    other = rule("other", FixedPrice(8_500), "a", group="z")
    quoted = priced(dear, cheap, other)
    # 100.00 x 0.9 = 90.00, then 85.00 at most.
    assert quoted.steps() == {
        (StepKind.PROMOTION, "cheap"): 1_400,
        (StepKind.PROMOTION, "other"): 500,
    }
    assert reasons(quoted) == {"dear": (Reason.BETTER_OFFER, "cheap")}
    # The other way round 85.00 x 0.9 = 76.50.
    assert priced(dear, cheap, other, order=("z",)).lines[0].paid_fen == 7_650


def test_layers_stand_together_and_thresholds_count_before_promotions() -> None:
    full = rule("full", SpendTiers((Tier(14_000, 1_000),)))
    quoted = priced(rule("p", NINETY), full)
    assert quoted.paid_fen == 12_600 - 1_000 + 100  # 126.00 left, but 140.00 counts


def test_where_line_promotions_or_the_member_discount_may_not_stand_beside_it() -> None:
    full = rule("full", SpendTiers((Tier(14_000, 1_500),)), with_line_promotions=False)
    quoted = priced(rule("p", NINETY), full)
    assert quoted.paid_fen == 12_500 + 100  # 15 off is better than 14 off
    assert reasons(quoted) == {"p": (Reason.NOT_TOGETHER, "full")}
    alone = rule("alone", PercentOff(8_500), "a", with_member_discount=False)
    quoted = priced(alone, rates={("gold", None): 9_000})
    assert quoted.lines[0].paid_fen == 8_500 and quoted.lines[1].paid_fen == 3_600
    weak = replace(alone, effect=PercentOff(9_500))
    quoted = priced(weak, rates={("gold", None): 9_000})
    assert quoted.lines[0].paid_fen == 9_000
    assert reasons(quoted)["alone"] == (Reason.NOT_TOGETHER, "category:gold/k")


def test_exclusive_promotions_keep_all_else_off_their_goods_or_the_sale() -> None:
    full = rule("full", SpendTiers((Tier(4_000, 300),)), "b")
    on_goods = rule("x", PercentOff(8_000), "a", exclusive=Exclusive.GOODS)
    quoted = priced(rule("p", NINETY), full, on_goods)
    assert quoted.paid_fen == 8_000 + 3_600 - 300 + 100
    on_sale = replace(on_goods, exclusive=Exclusive.SALE)
    quoted = priced(rule("p", NINETY), full, on_sale)
    # 20 off alone is better than 14 + 3 off; b stays at its price.
    assert quoted.paid_fen == 8_000 + 4_000 + 100
    assert reasons(quoted) == {
        "p": (Reason.NOT_TOGETHER, "x"),
        "full": (Reason.NOT_TOGETHER, "x"),
    }
    assert priced(rule("p", PercentOff(8_500)), full, on_sale).paid_fen == 11_900 - 300 + 100


def test_one_piece_counts_for_one_set_only() -> None:
    quoted = priced(
        rule("one", BuyN(1, off_bp=5_000)), rule("two", BuyN(1, off_bp=4_000), group="z")
    )
    assert quoted.paid_fen == 14_000 - 2_000 + 100
    assert reasons(quoted)["two"][0] is Reason.NOT_TOGETHER


def test_every_time_a_threshold_is_reached() -> None:
    every = rule("every", SpendTiers((Tier(4_000, 500),), every=True))
    assert priced(every).paid_fen == 14_000 - 3 * 500 + 100
    capped = rule("every", SpendTiers((Tier(4_000, 500),), every=True, most_off_fen=1_200))
    assert priced(capped).paid_fen == 14_000 - 1_200 + 100
    tiers = rule("t", SpendTiers((Tier(5_000, 300), Tier(14_000, off_bp=1_000), Tier(14_001, 9))))
    assert priced(tiers).paid_fen == 14_000 - 1_400 + 100


def test_coupons_say_why_not() -> None:
    off = rule("o", SpendTiers((Tier(0, 500),)))
    later = A_DAY + timedelta(1)
    coupons = [
        Coupon("used", off, used=True),
        Coupon("other", off, member_id="somebody"),
        Coupon("early", off, from_day=later),
        Coupon("late", off, to_day=A_DAY - timedelta(1)),
        Coupon("small", off, minimum_fen=14_001),
        Coupon("store", replace(off, conditions=Conditions(stores=frozenset({"t"})))),
        Coupon("goods", replace(off, scope=scope("bag"))),
        Coupon("points", replace(off, effect=PointsTimes(20_000))),
        Coupon("good", off, member_id="m"),
        Coupon("weak", replace(off, effect=SpendTiers((Tier(0, 400),)))),
        Coupon("left", replace(off, group="z")),
    ]
    quoted = priced(coupons=coupons, leave_out={"left"})
    assert quoted.coupons == ("good",) and quoted.paid_fen == 13_600
    assert {each: reason for each, (reason, _) in reasons(quoted).items()} == {
        "used": Reason.USED,
        "other": Reason.OTHER_MEMBER,
        "early": Reason.NOT_YET,
        "late": Reason.OVER,
        "small": Reason.BELOW_MINIMUM,
        "store": Reason.OTHER_STORE,
        "goods": Reason.NOTHING_IN_SCOPE,
        "points": Reason.NOT_FOR_A_SALE,
        "weak": Reason.BETTER_OFFER,
        "left": Reason.LEFT_OUT,
    }
    assert NotApplied("small", Reason.BELOW_MINIMUM, "", 1) in quoted.not_applied


def test_a_coupon_that_shuns_promotions_or_brings_nothing_is_kept() -> None:
    off = rule("o", SpendTiers((Tier(0, 1_000),)))
    shy = Coupon("shy", off, with_promotions=False)
    quoted = priced(rule("p", NINETY), coupons=[shy])
    assert quoted.coupons == () and quoted.paid_fen == 12_700  # 14 off without it
    assert reasons(quoted)["shy"][0] is Reason.NOT_TOGETHER
    quoted = priced(rule("p", NINETY), coupons=[shy], leave_out={"p"})
    assert quoted.coupons == ("shy",) and quoted.paid_fen == 13_100
    free = priced(rule("p", PercentOff(0)), coupons=[Coupon("c", off)])
    assert free.paid_fen == 100 and reasons(free)["c"][0] is Reason.BRINGS_NOTHING
    for wrong, key in (([shy, shy], "coupon_twice"), ([Coupon("p", off)], "named_like")):
        with pytest.raises(BadRequest, match=key):
            priced(rule("p", NINETY), coupons=wrong)


def test_an_exchange_coupon_takes_the_dearest_piece() -> None:
    swap = Coupon("swap", rule("o", BuyN(0, 1, most_sets=1)))
    quoted = priced(coupons=[swap])
    assert quoted.lines[0].paid_fen == 0 and quoted.lines[1].paid_fen == 4_000


def test_points_are_multiplied_by_the_highest_only() -> None:
    double, triple = rule("double", PointsTimes(20_000)), rule("triple", PointsTimes(30_000), "b")
    none = rule("bonus", RechargeBonus((RechargeTier(1, 1),)))
    quoted = priced(double, triple, none)
    assert [line.points_earned for line in quoted.lines] == [200, 120, 0]
    assert [line.points_rule for line in quoted.lines] == ["double", "triple", ""]
    weaker = rule("weaker", PointsTimes(15_000), "b")
    assert reasons(priced(double, triple, weaker)) == {"weaker": (Reason.BETTER_OFFER, "triple")}
    without = rule("p", NINETY, "a", earns_points=False)
    assert [line.points_earned for line in priced(without).lines] == [0, 40, 0]


def test_the_rates_of_category_and_level() -> None:
    table = DiscountTable({("gold", "k"): 9_000}, {("vip", None): 8_000})
    assert table.rate_bp("gold", "vip", "k") == (8_000, "level:vip/k")
    assert table.rate_bp("gold", None, "k") == (9_000, "category:gold/k")
    assert table.rate_bp(None, None, "k") == (10_000, "")
    both = replace(table, together=Together.MULTIPLIED)
    assert both.rate_bp("gold", "vip", "k") == (7_200, "category:gold/k+level:vip/k")
    assert both.rate_bp("gold", "vip", "other") == (8_000, "level:vip/other")
    with pytest.raises(BadRequest, match="rate_out_of_range"):
        DiscountTable({("gold", None): 10_001})


def test_when_there_is_too_much_to_try_the_quote_says_so() -> None:
    """Forty thresholds in forty groups that all meet and take each other's ground."""
    many = [
        rule(
            f"p{n:02d}",
            SpendTiers((Tier(100, off_bp=600 + n),)),
            group=f"g{n}",
            with_member_discount=bool(n % 2),
        )
        for n in range(40)
    ]
    quoted = priced(*many, rates={("gold", None): 6_000})
    assert not quoted.proved_best and 0 < quoted.paid_fen < 8_400
    assert quoted.list_fen - sum(quoted.steps().values()) == quoted.paid_fen
