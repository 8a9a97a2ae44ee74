"""How long a price takes: 20 lines against 200 active promotions, and how that grows with lines and
with promotions that do not apply.

The shop has 400 codes in 20 categories. Of its promotions three in four are about single codes or a
category, the rest are buy-N, thresholds and points; some are for a level or tag only, one in seven
is in another stacking group, one in seven takes the member discount away. Baskets, members and
coupons differ from price to price; every price is a whole sale with two coupons, points against the
price, a tender, points earned and commission. Times are of the processor, not of the neighbours'
load.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from daemon.core.entry import Account
from daemon.core.pricing.basket import Line, Server, Tender, TenderKind
from daemon.core.pricing.catalogue import Catalogue, Category, Code, EarnRate
from daemon.core.pricing.commission import CommissionRule, CommissionTable
from daemon.core.pricing.conditions import Conditions, Hours, Season
from daemon.core.pricing.discounts import DiscountTable
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.points import Earning, PointsOffset
from daemon.core.pricing.promotion import (
    BuyN,
    Coupon,
    Effect,
    FixedPrice,
    PercentOff,
    PointsTimes,
    Promotion,
    Scope,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.quote import quote
from daemon.core.pricing.refund import BalancesNow, left_to_refund, refund
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding
from daemon.core.records import Holding

CODES, CATEGORIES = 400, 20
NOW_MS = 1_795_579_200_000
TODAY = date(2026, 11, 25)
PROMOTIONS, LINES = 200, 20
TAKES = 3


def catalogue() -> Catalogue:
    chance = random.Random(1)
    categories = [Category(f"k{n}", f"k{n}", EarnRate(1)) for n in range(CATEGORIES)]
    codes = [
        Code(f"{n}", f"code {n}", f"k{n % CATEGORIES}", chance.randrange(300, 9_000))
        for n in range(CODES)
    ]
    return Catalogue(categories, codes)


CATALOGUE = catalogue()


def _effect(chance: random.Random) -> Effect:
    drawn = chance.random()
    if drawn < 0.4:
        return PercentOff(chance.randrange(7_000, 9_900))
    if drawn < 0.75:
        return FixedPrice(chance.randrange(300, 6_000))
    if drawn < 0.85:
        return BuyN(chance.randrange(1, 4))
    if drawn < 0.93:
        step = chance.randrange(5_000, 30_000)
        return SpendTiers((Tier(step, step // 10), Tier(2 * step, step // 4)))
    return PointsTimes(20_000)


def active(count: int, *, everything: bool = False) -> list[Promotion]:
    """Promotions that run now, for this shop's members; `everything`: about all goods."""
    chance = random.Random(2)
    made = []
    for n in range(count):
        effect = _effect(chance)
        scope = Scope()
        if not everything and not (isinstance(effect, SpendTiers) and chance.random() < 0.25):
            scope = (
                Scope(codes=frozenset(str(chance.randrange(CODES)) for _ in range(8)))
                if chance.random() < 0.7
                else Scope(categories=frozenset({f"k{chance.randrange(CATEGORIES)}"}))
            )
        conditions = Conditions(
            categories=frozenset({"gold"}) if chance.random() < 0.3 else frozenset(),
            levels=frozenset({"vip"}) if chance.random() < 0.1 else frozenset(),
            tags=frozenset({"regular"}) if chance.random() < 0.1 else frozenset(),
            from_day=date(2026, 11, 1),
            to_day=date(2026, 12, 1 + chance.randrange(28)),
        )
        made.append(
            Promotion(
                f"a{n:05d}",
                f"a{n}",
                effect,
                scope,
                conditions,
                group=chance.choices(["goods", "sale", "extra"], [85, 10, 5])[0],
                with_member_discount=chance.random() < 0.85,
            )
        )
    return made


def idle(count: int) -> list[Promotion]:
    """Promotions that cannot apply: other goods, levels, tags, stores, years, weekdays, hours."""
    chance = random.Random(3)
    made = []
    for n in range(count):
        scope, kind = Scope(categories=frozenset({f"k{n % CATEGORIES}"})), n % 7
        wrong = Conditions(
            levels=frozenset({f"level{n % 9}"}) if kind == 1 else frozenset(),
            tags=frozenset({f"tag{n}"}) if kind == 2 else frozenset(),
            stores=frozenset({f"store{n % 50}"}) if kind == 3 else frozenset(),
            from_day=date(2020 + n % 6, 1 + n % 12, 1) if kind == 4 else None,
            to_day=date(2020 + n % 6, 1 + n % 12, 1 + n % 28) if kind == 4 else None,
            season=Season(
                weekdays=frozenset({5, 6}) if kind == 5 else frozenset(),
                hours=(Hours(0, 60),) if kind == 6 else (),
            ),
        )
        goods = Scope(codes=frozenset({f"other{n}"})) if kind == 0 else scope
        made.append(Promotion(f"i{n:06d}", "", _effect(chance), goods, wrong, group="goods"))
    return made


def rule_book(promotions: Sequence[Promotion]) -> RuleBook:
    return RuleBook(
        CATALOGUE,
        DiscountTable({("gold", f"k{n}"): 9_000 + 40 * n for n in range(CATEGORIES)}),
        PromotionIndex(promotions),
        ("goods", "sale", "extra"),
        PointsOffset(),
        earning=Earning(by_member={"gold": EarnRate(1)}),
        commission=CommissionTable([CommissionRule("all", per_count_fen=50, share_bp=300)]),
    )


def member(chance: random.Random) -> MemberStanding:
    lots = [
        Holding(Account("member:m", asset, lot), 200_000)
        for asset in ("principal", "bonus")
        for lot in (1, 2, 3)
    ]
    tags = frozenset({"regular", "nearby", "student", "lunch"})
    return MemberStanding(
        "m", "gold", chance.choice(["vip", "plain"]), tags=tags, holdings=tuple(lots), points=9_000
    )


def basket(chance: random.Random, lines: int) -> list[Line]:
    staff = (Server("e1", "", 2), Server("e2", "", 1))
    return [
        Line(f"l{n:03d}", str(chance.randrange(CODES)), chance.randrange(1, 4), staff=staff)
        for n in range(lines)
    ]


COUPONS = (
    Coupon("c1", Promotion("o1", "", SpendTiers((Tier(10_000, 1_000),)))),
    Coupon("c2", Promotion("o2", "", PercentOff(9_500), Scope(categories=frozenset({"k1"})))),
)
TENDERS = (Tender(TenderKind.WECHAT),)


@dataclass
class Prices:
    """Milliseconds of each; how many could not be proved the best in `MOST_TRIALS`."""

    took: list[float]
    unproved: int

    @property
    def p50(self) -> float:
        return round(statistics.median(self.took), 3)

    @property
    def p99(self) -> float:
        return round(sorted(self.took)[len(self.took) * 99 // 100], 3)


def prices(cases: Sequence[tuple[RuleBook, int]], rounds: int) -> list[Prices]:
    """Of each case (rules, lines) `rounds` prices, each of another basket. Each is taken `TAKES`
    times and the fastest counts, and the cases take turns, so that a busy moment of the machine is
    not ours; the collector is left out."""
    chance = random.Random(4)
    most = max(lines for _, lines in cases)
    measured = [Prices([], 0) for _ in cases]
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        each, standing = basket(chance, most), member(chance)
        for at, (rules, lines) in enumerate(cases):
            took = []
            for _ in range(TAKES):
                start = time.process_time()
                quoted = quote(
                    each[:lines],
                    standing,
                    rules=rules,
                    now_ms=NOW_MS,
                    store="s1",
                    coupons=COUPONS,
                    points_to_use=500,
                    tenders=TENDERS,
                )
                took.append((time.process_time() - start) * 1000)
            assert quoted.settled
            measured[at].took.append(min(took))
            measured[at].unproved += not quoted.proved_best
    gc.enable()
    return measured


def refund_ms(rules: RuleBook, rounds: int) -> float:
    chance = random.Random(5)
    sold = quote(basket(chance, LINES), member(chance), rules=rules, now_ms=NOW_MS, tenders=TENDERS)
    start = time.process_time()
    for _ in range(rounds):
        refund(sold, [], left_to_refund(sold, []), BalancesNow(0))
    return round((time.process_time() - start) * 1000 / rounds, 3)


def measure(*, quick: bool) -> dict[str, Any]:
    """Milliseconds; ratios are of medians. `quote_lines_ratio` is four times the lines,
    `quote_idle_ratio` a hundred times the promotions that do not apply. `crowded`: all 200
    promotions are about all goods, which no shop would bear."""
    rounds = 100 if quick else 1_000
    rules = rule_book(active(PROMOTIONS))
    prices([(rules, LINES)], 20)
    (usual,) = prices([(rules, LINES)], rounds)
    sizes = (5, 10, 20, 40, 80)
    by_lines = prices([(rules, lines) for lines in sizes], rounds // 2)
    counts = (200, 2_000, 20_000)
    more = [rule_book([*active(PROMOTIONS), *idle(count)]) for count in counts]
    by_idle = prices([(each, LINES) for each in more], rounds // 2)
    everything = rule_book(active(PROMOTIONS, everything=True))
    (crowded,) = prices([(everything, LINES)], rounds // 10)
    return {
        "quote_ms_p50": usual.p50,
        "quote_ms_p99": usual.p99,
        "quote_unproved": usual.unproved,
        "quote_ms_by_lines": {n: each.p50 for n, each in zip(sizes, by_lines, strict=True)},
        "quote_lines_ratio": round(by_lines[-1].p50 / by_lines[2].p50, 2),
        "quote_ms_by_idle_rules": {n: each.p50 for n, each in zip(counts, by_idle, strict=True)},
        "quote_idle_ratio": round(by_idle[-1].p50 / by_idle[0].p50, 2),
        "quote_crowded_ms_p50": crowded.p50,
        "quote_crowded_ms_p99": crowded.p99,
        "quote_crowded_unproved": crowded.unproved,
        "refund_ms": refund_ms(rules, rounds // 2),
    }
