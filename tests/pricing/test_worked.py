"""A lunch, a visit to the hairdresser, a bakery's evening and a car wash, worked out by hand."""

from __future__ import annotations

from datetime import date

import pytest

from daemon.core.errors import Refused
from daemon.core.policy import SpendOrder
from daemon.core.pricing.basket import Line, PassUse, Server, Tender, TenderKind
from daemon.core.pricing.catalogue import Catalogue, Category, Code, EarnRate, PassGrant
from daemon.core.pricing.commission import CommissionRule, CommissionTable
from daemon.core.pricing.conditions import Conditions, Hours, Reason, Season
from daemon.core.pricing.discounts import DiscountTable
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.levels import Ladder, Rung
from daemon.core.pricing.points import Earning, PointsOffset
from daemon.core.pricing.promotion import (
    BuyN,
    Coupon,
    FixedPrice,
    Promotion,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.quote import quote
from daemon.core.pricing.quoted import PassTaken, Payment, QuotedLine, Source, StepKind
from daemon.core.pricing.refund import BalancesNow, Debt, DebtKind, left_to_refund, refund
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import NO_CARD, MemberStanding, PassHeld
from tests.pricing.shop import KILOGRAM, at_ms, holdings, scope

STORED, WECHAT, CASH = TenderKind.STORED, TenderKind.WECHAT, TenderKind.CASH
WEDNESDAY, SATURDAY = date(2026, 11, 25), date(2026, 11, 28)


def steps(line: QuotedLine) -> list[tuple[str, int]]:
    return [(step.rule_id, step.fen) for step in line.steps]


def paid_from(line: QuotedLine) -> list[int]:
    return [payment.fen for payment in line.payments]


def test_a_lunch_in_the_canteen() -> None:
    """Staff pay 80 % for mains; on workdays at noon 5 yuan off from 30; odd fen are let go;
    principal (100) and bonus (20) pay in proportion."""
    rules = RuleBook(
        Catalogue(
            [Category("main", "主食"), Category("drink", "饮料")],
            [
                Code("pork", "红烧肉饭", "main", 1_800),
                Code("salad", "沙拉", "main", 3_200, KILOGRAM),
                Code("soy", "豆浆", "drink", 350),
            ],
        ),
        DiscountTable({("staff", "main"): 8_000}),
        PromotionIndex(
            [
                Promotion(
                    "noon",
                    "午餐满30减5",
                    SpendTiers((Tier(3_000, 500),)),
                    conditions=Conditions(
                        season=Season(frozenset(range(5)), (Hours(11 * 60, 13 * 60),))
                    ),
                )
            ]
        ),
        wipe_fen=10,
        spend_order=SpendOrder.IN_PROPORTION,
        earning=Earning(by_member={"staff": EarnRate(1)}),
    )
    eater = MemberStanding("m", "staff", holdings=holdings((10_000, 2_000)))
    basket = [Line("1", "pork"), Line("2", "salad", 350), Line("3", "soy", 2)]
    noon = at_ms(WEDNESDAY, 12 * 60 + 30)
    sold = quote(basket, eater, rules=rules, now_ms=noon, tenders=[Tender(STORED)])
    pork, salad, soy = sold.lines
    # List: 18.00; 0.350 kg x 32.00 = 11.20; 2 x 3.50 = 7.00; together 36.20.
    assert [line.list_fen for line in sold.lines] == [1_800, 1_120, 700]
    # Member: 18.00 x 0.8 = 14.40; 11.20 x 0.8 = 8.96; drinks 7.00; together 30.36, so 5.00 off:
    # 500 x 1440 / 3036 = 237.15, 500 x 896 / 3036 = 147.56, 500 x 700 / 3036 = 115.28: 499, and
    # the fen left goes to .56.
    # 25.36 is due; 6 fen go: 6 x 1203 / 2536 = 2.85, 6 x 748 / 2536 = 1.77, 6 x 585 / 2536 = 1.38.
    assert steps(pork) == [("category:staff/main", 360), ("noon", 237), ("wipe", 3)]
    assert steps(salad) == [("category:staff/main", 224), ("noon", 148), ("wipe", 2)]
    assert steps(soy) == [("noon", 115), ("wipe", 1)]
    assert [line.paid_fen for line in sold.lines] == [1_200, 746, 584] and sold.paid_fen == 2_530
    # Bonus: 25.30 x 20 / 120 = 4.2166, rounded down 4.21; principal 21.09:
    # 2109 x 1200 / 2530 = 1000.32, 2109 x 746 / 2530 = 621.86, 2109 x 584 / 2530 = 486.82.
    assert [paid_from(line) for line in sold.lines] == [[1_000, 200], [622, 124], [487, 97]]
    assert sold.points_earned == 25  # 25.30 yuan, one point a yuan, rounded down
    evening = at_ms(WEDNESDAY, 18 * 60)
    dinner = quote(basket, eater, rules=rules, now_ms=evening)
    assert dinner.paid_fen == 3_030 and dinner.short_fen == 3_030  # 30.36 less 6 fen
    # Half of the salad is sent back: 746 of the line; 373 = 311 + 62.
    back = refund(sold, [], {"2": 175}, BalancesNow())
    assert back.payments() == {Source(STORED, "principal", 1): 311, Source(STORED, "bonus", 1): 62}


def salon() -> RuleBook:
    return RuleBook(
        Catalogue(
            [Category("cut", "剪发"), Category("colour", "染发")],
            [Code("cut", "剪发", "cut", 6_800), Code("dye", "染发", "colour", 38_000)],
        ),
        DiscountTable({("gold", "cut"): 9_000}, {("vip", None): 8_800}),
        points_offset=PointsOffset(most_share_bp=2_000),
        earning=Earning(
            by_member={"gold": EarnRate(1)}, level_bp={"vip": 15_000}, bonus_earns=False
        ),
        commission=CommissionTable(
            [
                CommissionRule("cut", category="cut", per_count_fen=1_000),
                CommissionRule("dye senior", category="colour", grade="senior", share_bp=1_200),
                CommissionRule("dye junior", category="colour", grade="junior", share_bp=800),
            ]
        ),
    )


def test_an_afternoon_at_the_hairdresser() -> None:
    ann, bo = Server("ann", "senior", 60), Server("bo", "junior", 40)
    guest = MemberStanding("m", "gold", "vip", holdings=holdings((15_000, 8_000)), points=3_000)
    coupon = Coupon("K1", Promotion("c", "", SpendTiers((Tier(30_000, 5_000),)), scope("dye")))
    sold = quote(
        [Line("1", "cut", staff=(ann,)), Line("2", "dye", staff=(ann, bo))],
        guest,
        rules=salon(),
        now_ms=at_ms(WEDNESDAY),
        coupons=[coupon],
        points_to_use=3_000,
        tenders=[Tender(STORED, 20_000), Tender(WECHAT)],
    )
    cut, dye = sold.lines
    # 88 % (vip, all goods) is better than 90 % (gold, cuts): 68.00 -> 59.84, 380.00 -> 334.40.
    # The coupon: 334.40 is above 300, 284.40 is left. Points: at most a fifth of 344.24, so 30 yuan
    # for 3 000: 3000 x 5984 / 34424 = 521.497 and 2478.503; the fen left goes to the second.
    assert steps(cut) == [("level:vip/cut", 816), ("points_offset", 521)]
    assert steps(dye) == [("level:vip/colour", 4_560), ("K1", 5_000), ("points_offset", 2_479)]
    assert (cut.paid_fen, dye.paid_fen) == (5_463, 25_961)
    assert (cut.points_used, dye.points_used) == (521, 2_479)
    # 200.00 from the card: principal 150 first, then 50 of the bonus; 114.24 by WeChat.
    # 15000 x 5463 / 31424 = 2607.72 and 12392.28; of the 2855 and 13569 left
    # 5000 x 2855 / 16424 = 869.16 and 4130.84.
    assert paid_from(cut) == [2_608, 869, 1_986]
    assert paid_from(dye) == [12_392, 4_131, 9_438]
    # Dye: 0.6 x 12 % x 259.61 = 18.69192, 0.4 x 8 % x 259.61 = 8.30752: 26.99944, rounded 27.00:
    # 1869.23 and 830.77.
    assert sold.commission() == {"ann": 1_000 + 1_869, "bo": 831}
    # Points: not on the bonus: (5463 - 869) + (25961 - 4131) = 264.24 yuan x 1.5 = 396.36.
    # 396 x 4594 / 26424 = 68.85 and 327.15.
    assert (cut.points_earned, dye.points_earned) == (69, 327)
    assert sold.coupons == ("K1",)

    # The cut goes back while the guest has spent all points but 10: 521 come back, 69 are taken.
    back = refund(sold, [], {"1": 1}, BalancesNow(points=10))
    assert back.payments() == {
        Source(STORED, "principal", 1): 2_608,
        Source(STORED, "bonus", 1): 869,
        Source(WECHAT): 1_986,
    }
    assert (back.points_back, back.points_taken, back.debts) == (521, 69, ())
    assert back.commission() == {"ann": 1_000} and back.coupons == () and not back.whole
    # Then the dye, and the guest has nothing left: 2479 come back and pay the 327.
    rest = refund(sold, [back], {"2": 1}, BalancesNow(points=0))
    assert rest.whole and rest.coupons == ("K1",) and rest.progress.visits == 1
    assert back.paid_fen + rest.paid_fen == sold.paid_fen


def test_points_that_were_spent_since_are_a_debt() -> None:
    rules = salon()
    guest = MemberStanding("m", "gold", None, holdings=holdings((50_000, 0)))
    line = Line("1", "dye")
    sold = quote([line], guest, rules=rules, now_ms=at_ms(WEDNESDAY), tenders=[Tender(STORED)])
    assert sold.points_earned == 380
    back = refund(sold, [], {"1": 1}, BalancesNow(points=100), rules.points_offset)
    # 100 of the 380 can be taken; 280 are owed, worth 2.80 at 100 points a yuan.
    assert back.points_taken == 100 and back.paid_fen == 38_000
    assert back.debts == (Debt(DebtKind.POINTS, 280, 280),) and back.debt_worth_fen == 280


def test_an_evening_in_the_bakery() -> None:
    """Two pastries and the third is free; toast for 9.90 after eight in the evening. No card."""
    rules = RuleBook(
        Catalogue(
            [Category("pastry", "酥点"), Category("bread", "面包")],
            [
                Code("croissant", "牛角", "pastry", 800),
                Code("danish", "丹麦", "pastry", 950),
                Code("toast", "吐司", "bread", 1_500),
            ],
        ),
        promotions=PromotionIndex(
            [
                Promotion("2+1", "酥点买二送一", BuyN(2), scope("croissant", "danish")),
                Promotion(
                    "late",
                    "晚八点吐司",
                    FixedPrice(990),
                    scope("toast"),
                    Conditions(season=Season(hours=(Hours(20 * 60, 22 * 60),))),
                ),
                Promotion("full", "满50减5", SpendTiers((Tier(5_500, 500),))),
            ]
        ),
    )
    basket = [Line("1", "croissant", 2), Line("2", "danish", 2), Line("3", "toast")]
    late = at_ms(SATURDAY, 20 * 60 + 30)
    sold = quote(basket, NO_CARD, rules=rules, now_ms=late, tenders=[Tender(CASH, 5_000)])
    # Pieces from the dearest down: 9.50, 9.50, 8.00 | 8.00: one set, its 8.00 is free. It is spread
    # over the set: 800 x 800 / 2700 = 237.04, 800 x 1900 / 2700 = 562.96.
    assert [steps(line) for line in sold.lines] == [[("2+1", 237)], [("2+1", 563)], [("late", 510)]]
    assert sold.paid_fen == 3_690 and sold.change_fen == 1_310  # 50.00 - 8.00 - 5.10
    # 50.00 at list is 5 yuan short of the threshold.
    assert [(e.rule_id, e.reason, e.short_fen) for e in sold.not_applied] == [
        ("full", Reason.BELOW_MINIMUM, 500)
    ]
    assert sold.points_earned == 0 and sold.progress.visits == 0
    # The croissants come back one at a time: 13.63 is 6.82 (half up) and 6.81.
    first = refund(sold, [], {"1": 1}, BalancesNow())
    second = refund(sold, [first], {"1": 1}, BalancesNow())
    assert (first.paid_fen, second.paid_fen) == (682, 681)
    with pytest.raises(Refused, match="refund_above_sold"):
        refund(sold, [first, second], {"1": 1}, BalancesNow())


def test_a_car_wash_with_a_pass() -> None:
    """A pass of ten washes for 200 yuan; wax for 66 on Wednesdays; silver from 1 000 yuan spent."""
    rules = RuleBook(
        Catalogue(
            [Category("wash", "洗车"), Category("care", "养护")],
            [
                Code("wash", "洗车", "wash", 3_000),
                Code("ten", "十次卡", "wash", 20_000, grants=PassGrant(frozenset({"wash"}), 10)),
                Code("wax", "打蜡", "care", 8_000),
            ],
        ),
        promotions=PromotionIndex(
            [
                Promotion(
                    "wax day",
                    "周三打蜡",
                    FixedPrice(6_600),
                    scope("wax"),
                    Conditions(season=Season(weekdays=frozenset({2}))),
                )
            ]
        ),
        ladder=Ladder(rungs=(Rung("silver", 100_000),)),
        commission=CommissionTable(
            [
                CommissionRule("wash", code="wash", per_count_fen=500),
                CommissionRule("wash share", code="ten", share_bp=0),
                CommissionRule("care", category="care", share_bp=1_000),
            ]
        ),
    )
    cy = Server("cy")
    driver = MemberStanding("m", "car", progress=79_000)
    now = at_ms(WEDNESDAY)
    bought = quote([Line("1", "ten")], driver, rules=rules, now_ms=now, tenders=[Tender(CASH)])
    assert bought.paid_fen == 20_000 and bought.level is None  # 790 + 200 is 990
    # A week later: one wash of the pass (worth 20.00) and wax.
    driver = MemberStanding(
        "m", "car", passes=(PassHeld("p", frozenset({"wash"}), 10, 2_000),), progress=99_000
    )
    washed = quote(
        [Line("1", "wash", staff=(cy,)), Line("2", "wax", staff=(cy,))],
        driver,
        rules=rules,
        now_ms=now,
        passes_to_use=[PassUse("1", "p", 1)],
        tenders=[Tender(WECHAT)],
    )
    wash, wax = washed.lines
    assert wash.steps[0].kind is StepKind.PREPAID and steps(wash) == [("p", 3_000)]
    assert wash.passes == (PassTaken("p", 1, 2_000),) and wash.payments == ()
    assert steps(wax) == [("wax day", 1_400)] and wax.payments == (Payment(Source(WECHAT), 6_600),)
    assert washed.commission() == {"cy": 500 + 660}
    assert washed.level == "silver"  # 990 + 66
    undone = refund(washed, [], left_to_refund(washed, []), BalancesNow())
    assert undone.passes() == {"p": 1} and undone.commission() == {"cy": 1_160}
    # The pass is brought back after three washes: 200 come back, three uses of 20 are owed.
    returned = refund(bought, [], {"1": 1}, BalancesNow(granted_left={"1": 7}))
    assert returned.lines[0].uses_granted == 10 and returned.paid_fen == 20_000
    assert returned.debts == (Debt(DebtKind.USES, 3, 6_000, "1"),)
