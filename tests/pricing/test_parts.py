"""Rounding, tenders, points, levels, commission, recharges, and what is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import BadRequest, CounterError, NotFound, Refused
from daemon.core.pricing.basket import Line, PassUse, Server, Tender, TenderKind
from daemon.core.pricing.catalogue import Catalogue, Category, Code, EarnRate, PassGrant
from daemon.core.pricing.commission import Basis, CommissionRule, CommissionTable, Served
from daemon.core.pricing.conditions import Conditions, Reason
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.kept import quote_as_json, quote_from_json
from daemon.core.pricing.levels import Ladder, Measure, Progress, Rung
from daemon.core.pricing.points import Earned, Earning, PointsOffset, points_of
from daemon.core.pricing.promotion import (
    BuyN,
    Exclusive,
    FixedPrice,
    PercentOff,
    Promotion,
    RechargeBonus,
    RechargeTier,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.quote import quote
from daemon.core.pricing.quoted import Quote, Source, StepKind
from daemon.core.pricing.recharge import RechargeQuote, quote_recharge
from daemon.core.pricing.refund import BalancesNow, refund
from daemon.core.pricing.rounding import half_up, part, spread
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding, PassHeld
from tests.budget import NIGHTLY, examples
from tests.pricing.shop import A_DAY, KILOGRAM, NOW_MS, holdings, scope

pytestmark = pytest.mark.timeout(7200 if NIGHTLY else 300)

CATALOGUE = Catalogue(
    [Category("k", "大类")],
    [
        Code("a", "", "k", 1_000, gift_points={"gold": 50, "": 80}),
        Code("w", "", "k", 999, KILOGRAM),
        Code("old", "", "k", 1, to_day=A_DAY - timedelta(1)),
    ],
)
MEMBER = MemberStanding(
    "m",
    "gold",
    holdings=holdings((3_000, 1_000), (2_000, 0)),
    points=1_000,
    passes=(
        PassHeld("p", frozenset({"a", "w"}), 2, 800),
        PassHeld("gone", frozenset({"a"}), 2, 800, A_DAY - timedelta(1)),
    ),
)


def priced(*basket: Line, standing: MemberStanding = MEMBER, **more: Any) -> Quote:
    rules = RuleBook(CATALOGUE, **more.pop("rules", {}))
    return quote(basket, standing, rules=rules, now_ms=NOW_MS, **more)


def test_half_is_up() -> None:
    assert [half_up(n, 2) for n in range(4)] == [0, 1, 1, 2]
    assert half_up(149, 100) == 1 and half_up(150, 100) == 2


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.data())
@examples(200, nightly=10_000)
def test_shares_are_whole_exact_and_never_more_than_the_weight(
    weights: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    shares = spread(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert abs(share * (sum(weights) or 1) - total * weight) < (sum(weights) or 1)


@given(st.integers(0, 10**6), st.integers(1, 50), st.data())
@examples(200, nightly=10_000)
def test_parts_in_any_cut_add_up(amount: int, whole: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, whole), max_size=6)))
    ends = [0, *cuts, whole]
    parts = [part(amount, a, b, whole) for a, b in itertools.pairwise(ends)]
    assert sum(parts) == amount and min(parts) >= 0


def test_an_open_amount_is_priced_and_given_back_by_the_fen() -> None:
    line = Line("1", None, 1_234, "k")
    sold = priced(line, tenders=[Tender(TenderKind.CASH)])
    assert sold.list_fen == sold.paid_fen == 1_234
    assert refund(sold, [], {"1": 34}, BalancesNow()).paid_fen == 34


def test_weighed_goods_are_rounded_once() -> None:
    assert priced(Line("1", "w", 150)).paid_fen == 150  # 0.150 kg x 9.99 = 1.4985


def test_tenders_mixed_with_change() -> None:
    line = Line("1", "a", 5)
    sold = priced(
        line,
        tenders=[
            Tender(TenderKind.CASH, 2_000),
            Tender(TenderKind.STORED, 3_500),
            Tender(TenderKind.CASH, 500),
        ],
    )
    assert sold.change_fen == 1_000 and sold.settled
    assert sold.payments() == {
        Source(TenderKind.STORED, "principal", 1): 3_000,
        Source(TenderKind.STORED, "principal", 2): 500,
        Source(TenderKind.CASH): 1_500,
    }
    rest = priced(line, tenders=[Tender(TenderKind.STORED), Tender(TenderKind.CASH, 700)])
    assert sum(rest.payments().values()) == 5_000 and rest.change_fen == 0
    short = priced(line, tenders=[Tender(TenderKind.WECHAT, 4_999)])
    assert short.short_fen == 1 and not short.settled
    with pytest.raises(BadRequest, match="not_settled"):
        refund(short, [], {"1": 1}, BalancesNow())


@pytest.mark.parametrize(
    ("tenders", "key"),
    [
        ([Tender(TenderKind.BANK_CARD, 1_001)], "tender_too_much"),
        ([Tender(TenderKind.STORED), Tender(TenderKind.CASH)], "tender_unclear"),
    ],
)
def test_tenders_that_cannot_be(tenders: Sequence[Tender], key: str) -> None:
    with pytest.raises(CounterError, match=key):
        priced(Line("1", "a"), tenders=tenders)


def test_a_balance_that_is_too_small_says_how_much_is_missing() -> None:
    with pytest.raises(Refused) as refused:
        priced(Line("1", "a", 7), tenders=[Tender(TenderKind.STORED)])
    assert refused.value.facts == {"short_fen": 1_000, "available_fen": 6_000}


@pytest.mark.parametrize(
    ("basket", "uses", "key"),
    [
        ([], [], "basket_empty"),
        ([Line("1", "a"), Line("1", "a")], [], "line_twice"),
        ([Line(f"{n}", "a") for n in range(201)], [], "basket_too_long"),
        ([Line("1", "none")], [], "code_unknown"),
        ([Line("1", "old")], [], "code_not_on_sale"),
        ([Line("1", None, 5, "none")], [], "category_unknown"),
        ([Line("1", "w", gift=True)], [], "not_a_gift"),
        ([Line("1", "a", 21, gift=True)], [], "points_short"),
        ([Line("1", "a")], [PassUse("1", "none", 1)], "pass_unknown"),
        ([Line("1", "a")], [PassUse("1", "gone", 1)], "pass_over"),
        ([Line("1", "a", 3)], [PassUse("1", "p", 3)], "pass_short"),
        ([Line("1", "a")], [PassUse("1", "p", 2)], "quantity_not_whole"),
        ([Line("1", "w")], [PassUse("1", "p", 1)], "quantity_not_whole"),
        ([Line("1", None, 5, "k")], [PassUse("1", "p", 1)], "pass_not_for_this"),
        ([Line("1", "a")], [PassUse("1", "p", 0)], "quantity_out_of_range"),
    ],
)
def test_baskets_that_cannot_be(basket: list[Line], uses: list[PassUse], key: str) -> None:
    with pytest.raises(CounterError, match=key):
        priced(*basket, passes_to_use=uses)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: Line("1", "a", 0), "quantity_out_of_range"),
        (lambda: Line("1", "a", 1, "k"), "line_needs_code_or_category"),
        (lambda: Line("1", "a", staff=(Server("e"), Server("e"))), "staff_twice"),
        (lambda: Line("1", "a", staff=(Server("e", weight=0),)), "staff_malformed"),
        (lambda: Tender(TenderKind.CASH, -1), "amount_not_positive"),
        (lambda: PercentOff(10_001), "promotion_malformed"),
        (lambda: FixedPrice(-1), "promotion_malformed"),
        (lambda: BuyN(1, 0), "promotion_malformed"),
        (lambda: Tier(1, 1, 1), "promotion_malformed"),
        (lambda: SpendTiers(()), "promotion_malformed"),
        (lambda: SpendTiers((Tier(1, off_bp=1),), every=True), "promotion_malformed"),
        (lambda: RechargeBonus(()), "promotion_malformed"),
        (lambda: EarnRate(1, 0), "points_rule_malformed"),
        (lambda: PointsOffset(0), "points_rule_malformed"),
        (lambda: Code("x", "", "k", -1), "price_malformed"),
        (lambda: Code("x", "", "k", 1, KILOGRAM, gift_points={"": 1}), "only_pieces"),
        (lambda: PassGrant(frozenset(), 1), "pass_malformed"),
        (lambda: Catalogue([], [Code("x", "", "k", 1)]), "category_unknown"),
        (lambda: Ladder(rungs=(Rung("a", 5), Rung("b", 5))), "levels_malformed"),
        (lambda: CommissionRule("r", code="a", category="k"), "commission_malformed"),
        (lambda: CommissionTable([CommissionRule("r"), CommissionRule("s")]), "commission_twice"),
        (lambda: RuleBook(CATALOGUE, wipe_fen=7), "wipe_malformed"),
        (lambda: quote_from_json({"form": 2}), "quote_form_unknown"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make: Any, key: str) -> None:
    with pytest.raises(BadRequest, match=key):
        make()


def test_gifts_cost_points_by_member_category() -> None:
    sold = priced(Line("1", "a", 2, gift=True), tenders=[])
    assert sold.settled and sold.points_used == 100 and sold.points_earned == 0
    assert sold.lines[0].steps[0].kind is StepKind.GIFT
    back = refund(sold, [], {"1": 1}, BalancesNow())
    assert back.points_back == 50
    other = MemberStanding("m", "plain", points=80)
    assert priced(Line("1", "a", gift=True), standing=other).points_used == 80
    with pytest.raises(Refused, match="not_a_gift"):
        priced(Line("1", "a", gift=True), standing=MemberStanding())


def test_a_line_paid_partly_with_a_pass() -> None:
    sold = priced(
        Line("1", "a", 3),
        passes_to_use=[PassUse("1", "p", 2)],
        rules={"promotions": PromotionIndex([Promotion("p", "", PercentOff(9_000))])},
        tenders=[Tender(TenderKind.CASH)],
    )
    assert sold.steps() == {(StepKind.PREPAID, "p"): 2_000, (StepKind.PROMOTION, "p"): 100}
    one = refund(sold, [], {"1": 1}, BalancesNow())
    two = refund(sold, [one], {"1": 2}, BalancesNow())
    assert (one.passes(), one.paid_fen) == ({"p": 1}, 300)
    assert (two.passes(), two.paid_fen) == ({"p": 1}, 600)


@pytest.mark.parametrize(
    ("offset", "asked", "taken", "reason"),
    [
        (None, 100, 0, Reason.POINTS_OFF),
        (PointsOffset(scope=scope("w")), 100, 0, Reason.POINTS_OFF),
        (PointsOffset(categories=frozenset({"x"})), 100, 0, Reason.POINTS_OFF),
        (PointsOffset(minimum_fen=1_001), 100, 0, Reason.BELOW_MINIMUM),
        (PointsOffset(), 5_000, 1_000, Reason.POINTS_SHORT),
        (PointsOffset(most_share_bp=5_000), 600, 500, Reason.POINTS_AT_MOST),
        (PointsOffset(), 250, 200, Reason.POINTS_AT_MOST),
        (PointsOffset(), 300, 300, None),
    ],
)
def test_points_against_the_price(
    offset: PointsOffset | None, asked: int, taken: int, reason: Reason | None
) -> None:
    sold = priced(Line("1", "a"), points_to_use=asked, rules={"points_offset": offset})
    assert sold.points_offset == taken == sold.points_used
    assert sold.paid_fen == 1_000 - taken
    assert [each.reason for each in sold.not_applied] == ([reason] if reason else [])


def test_points_are_rounded_down_once_a_sale() -> None:
    rate, odd = EarnRate(1, 100), EarnRate(2, 70)
    claims = [Earned(150, rate, 10_000), None, Earned(99, odd, 10_000)]
    # 1.5 + 2.83 = 4.33 points; 4 x 1.5 / 4.33 = 1.39 and 2.61.
    assert points_of(claims) == [1, 0, 3]
    assert points_of([Earned(99, rate, 10_000)]) == [0]


def test_the_nearest_points_rule_counts() -> None:
    catalogue = Catalogue(
        [Category("k", "", EarnRate(4)), Category("plain", "")],
        [
            Code("a", "", "k", 1, earns=EarnRate(3)),
            Code("b", "", "k", 1),
            Code("c", "", "plain", 1),
        ],
    )
    earning = Earning(
        {("gold", "a"): EarnRate(1)}, {("silver", "k"): EarnRate(2)}, {"gold": EarnRate(5)}
    )

    def points(member: str, code: str) -> int | None:
        rate = earning.rate(member, catalogue.codes[code], catalogue)
        return rate.points if rate else None

    assert [points("gold", each) for each in "abc"] == [1, 4, 5]
    assert [points("silver", each) for each in "abc"] == [2, 2, None]
    assert [points("new", each) for each in "abc"] == [3, 4, None]


def test_levels_rise_and_fall_only_where_they_may() -> None:
    rungs = (Rung("silver", 100), Rung("gold", 500))
    stays, falls = Ladder(rungs=rungs), Ladder(rungs=rungs, demotes=True)
    assert stays.level_at(99, None) is None and stays.level_at(100, None) == "silver"
    assert stays.level_at(700, "silver") == "gold" and stays.level_at(100, "gold") == "gold"
    assert falls.level_at(100, "gold") == "silver" and falls.level_at(99, "gold") is None
    moved = Progress(1, 2, 3, 4)
    assert [moved.of(measure) for measure in Measure] == [1, 4, 2, 3]


def test_the_nearest_commission_rule_counts() -> None:
    table = CommissionTable(
        [
            CommissionRule("all", share_bp=100),
            CommissionRule("all senior", grade="senior", share_bp=200),
            CommissionRule("goods", category="k", per_count_fen=10),
            CommissionRule("code senior", code="a", grade="senior", share_bp=1, basis=Basis.LIST),
        ]
    )
    served = Served(3, 1, 90_000, 50_000, 10_000)

    def rule(code: str | None, category: str, grade: str) -> str:
        ((_, name, _),) = table.commission(code, category, (Server("e", grade),), served)
        return name

    assert rule("a", "k", "senior") == "code senior"
    assert rule("a", "k", "junior") == "goods"
    assert rule("b", "x", "senior") == "all senior"
    assert rule(None, "x", "") == "all"
    assert table.commission("a", "k", (Server("e", "senior"),), served)[0][2] == 9
    assert CommissionTable().commission("a", "k", (Server("e"),), served) == []


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.sampled_from(["", "senior"])), min_size=1, max_size=5
    ),
    st.integers(0, 99_999),
    st.integers(0, 10_000),
)
@examples(200, nightly=10_000)
def test_commission_is_shared_to_the_fen(
    staff: list[tuple[int, str]], paid: int, share_bp: int
) -> None:
    table = CommissionTable([CommissionRule("r", per_count_fen=333, share_bp=share_bp)])
    servers = tuple(Server(f"e{n}", grade, weight) for n, (weight, grade) in enumerate(staff))
    shares = table.commission("a", "k", servers, Served(2, 1, 0, 0, paid))
    assert sum(fen for _, _, fen in shares) == half_up(666 * 10_000 + share_bp * paid, 10_000)


def recharged(amount: int, *promotions: Promotion) -> RechargeQuote:
    return quote_recharge(
        amount,
        MEMBER,
        tiers=[RechargeTier(20_000, 500), RechargeTier(50_000, 1_000)],
        promotions=PromotionIndex(promotions),
        now_ms=NOW_MS,
        utc_offset_min=480,
    )


def test_the_bonus_of_a_recharge() -> None:
    assert (recharged(19_999).bonus_fen, recharged(19_999).rule) == (0, "bonus:none")
    assert (recharged(50_001).bonus_fen, recharged(50_001).rule) == (5_000, "bonus:50000:1000:0")
    extra = Promotion("extra", "", RechargeBonus((RechargeTier(30_000, bonus_fen=2_000),)))
    both = recharged(50_000, extra)
    assert both.bonus_fen == 7_000 and both.rule == "bonus:50000:1000:0+extra:30000:0:2000"
    short = recharged(29_999, extra)
    assert [(e.reason, e.short_fen) for e in short.not_applied] == [(Reason.BELOW_MINIMUM, 1)]
    rival = Promotion("rival", "", RechargeBonus((RechargeTier(1, 100),)))
    told = recharged(50_000, extra, rival).not_applied
    assert [(e.rule_id, e.reason, e.by) for e in told] == [("rival", Reason.BETTER_OFFER, "extra")]


def test_an_exclusive_recharge_campaign_stands_alone_or_not_at_all() -> None:
    alone = Promotion(
        "alone", "", RechargeBonus((RechargeTier(1, 1_500),)), exclusive=Exclusive.SALE
    )
    won = recharged(50_000, alone)
    assert won.bonus_fen == 7_500
    assert [(e.rule_id, e.reason, e.by) for e in won.not_applied] == [
        ("bonus", Reason.NOT_TOGETHER, "alone")
    ]
    weak = Promotion("weak", "", RechargeBonus((RechargeTier(1, 1),)), exclusive=Exclusive.GOODS)
    assert recharged(50_000, weak).bonus_fen == 5_000
    elsewhere = Conditions(stores=frozenset({"other"}))
    away = Promotion("away", "", RechargeBonus((RechargeTier(1, 9_000),)), conditions=elsewhere)
    assert recharged(50_000, away).bonus_fen == 5_000


def test_refunds_that_cannot_be() -> None:
    sold = priced(Line("1", "a", 2), tenders=[Tender(TenderKind.CASH)])
    for quantities, key in (({}, "refund_empty"), ({"1": 0}, "quantity_out_of_range")):
        with pytest.raises(BadRequest, match=key):
            refund(sold, [], quantities, BalancesNow())
    with pytest.raises(NotFound, match="line_unknown"):
        refund(sold, [], {"2": 1}, BalancesNow())
    with pytest.raises(Refused, match="refund_above_sold"):
        refund(sold, [], {"1": 3}, BalancesNow())


def test_a_kept_quote_holds_no_more_than_json_can() -> None:
    sold = priced(Line("1", "a", 2), tenders=[Tender(TenderKind.STORED)])
    assert quote_from_json(json.loads(json.dumps(quote_as_json(sold)))) == sold
