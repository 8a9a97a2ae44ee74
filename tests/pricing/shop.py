"""Shops, members and baskets for the tests of prices: by hand and by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from daemon.core.entry import Account
from daemon.core.policy import SpendOrder
from daemon.core.pricing.basket import (
    Line,
    Override,
    OverrideReason,
    PassUse,
    Server,
    Tender,
    TenderKind,
)
from daemon.core.pricing.catalogue import Catalogue, Category, Code, EarnRate, PassGrant, Unit
from daemon.core.pricing.commission import Basis, CommissionRule, CommissionTable
from daemon.core.pricing.discounts import DiscountTable, Together
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.levels import Ladder, Measure, Rung
from daemon.core.pricing.points import Earning, PointsOffset
from daemon.core.pricing.promotion import (
    BuyN,
    Counts,
    Coupon,
    Effect,
    Exclusive,
    FixedPrice,
    PercentOff,
    PointsTimes,
    Promotion,
    Scope,
    SpendTiers,
    Tier,
)
from daemon.core.pricing.quote import quote
from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.standing import MemberStanding, PassHeld
from daemon.core.records import Holding

KILOGRAM = Unit("kg", 1000)
GOODS = ("bread", "coffee", "hair")
CODES = ("a", "b", "c", "d", "w")
"""`w` is weighed."""


def at_ms(day: date, minute: int = 12 * 60) -> int:
    """Unix milliseconds of a day and minute in the shop (UTC+8)."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return (int(midnight) + 60 * (minute - 480)) * 1000


A_DAY = date(2026, 11, 25)
NOW_MS = at_ms(A_DAY)
"""A Wednesday at noon."""


def scope(*names: str, but: tuple[str, ...] = ()) -> Scope:
    """Of codes and categories by name."""
    return Scope(
        frozenset(name for name in names if name not in GOODS),
        frozenset(name for name in names if name in GOODS),
        frozenset(but),
    )


def holdings(*lots: tuple[int, int]) -> tuple[Holding, ...]:
    """(principal, bonus) of lots 1, 2, ..."""
    return tuple(
        Holding(Account("member:m", asset, lot), fen)
        for lot, amounts in enumerate(lots, 1)
        for asset, fen in zip(("principal", "bonus"), amounts, strict=True)
        if fen
    )


@dataclass(frozen=True)
class Sale:
    """Everything that a quote is made of."""

    basket: tuple[Line, ...]
    standing: MemberStanding
    rules: RuleBook
    coupons: tuple[Coupon, ...] = ()
    points_to_use: int = 0
    passes_to_use: tuple[PassUse, ...] = ()
    tenders: tuple[Tender, ...] = ()

    def quote(self, **changes: Any) -> Quote:
        sale = replace(self, **changes)
        return quote(
            sale.basket,
            sale.standing,
            rules=sale.rules,
            now_ms=NOW_MS,
            store="s1",
            coupons=sale.coupons,
            points_to_use=sale.points_to_use,
            passes_to_use=sale.passes_to_use,
            tenders=sale.tenders,
        )


prices = st.one_of(st.integers(0, 60), st.integers(100, 20_000), st.sampled_from([990, 1_000]))
rates = st.sampled_from([0, 1, 3_333, 5_000, 8_800, 9_000, 9_999, 10_000])


@st.composite
def catalogues(
    draw: st.DrawFn, some_prices: st.SearchStrategy[int] = prices, *, with_fixed: bool = True
) -> Catalogue:
    codes = [
        Code(
            code,
            code,
            draw(st.sampled_from(GOODS)),
            draw(some_prices),
            KILOGRAM if code == "w" else Unit("件"),
            fixed=with_fixed and draw(st.integers(0, 9)) == 0,
            gift_points={"": draw(st.integers(1, 50))} if code == "d" else {},
            grants=PassGrant(frozenset({"b"}), draw(st.integers(1, 5))) if code == "a" else None,
        )
        for code in CODES
    ]
    categories = [
        Category(GOODS[0], "", EarnRate(1)),
        Category(GOODS[1], ""),
        Category(GOODS[2], ""),
    ]
    return Catalogue(categories, codes)


scopes = st.one_of(
    st.just(Scope()),
    st.builds(
        Scope,
        codes=st.frozensets(st.sampled_from(CODES), max_size=2),
        categories=st.frozensets(st.sampled_from(GOODS), max_size=2),
        but_codes=st.frozensets(st.sampled_from(CODES), max_size=1),
    ),
)
tiers = st.builds(
    lambda step, off, bp, count: tuple(
        Tier(step * (n + 1), 0 if bp else off * (n + 1), min(10_000, bp * (n + 1)))
        for n in range(count)
    ),
    st.integers(0, 6_000),
    st.integers(1, 3_000),
    st.sampled_from([0, 0, 500, 2_000]),
    st.integers(1, 3),
).filter(lambda made: len({tier.from_fen for tier in made}) == len(made))
line_effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(PercentOff, rates), st.builds(FixedPrice, prices)
)
joint_effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(
        BuyN,
        st.integers(0, 3),
        st.integers(1, 2),
        st.sampled_from([5_000, 10_000]),
        st.sampled_from([None, None, 1]),
    ),
    st.builds(
        SpendTiers,
        tiers,
        st.sampled_from(Counts),
        most_off_fen=st.sampled_from([None, None, 1_000]),
    ),
    st.builds(
        lambda start, off: SpendTiers((Tier(start, off),), every=True),
        st.integers(1, 5_000),
        st.integers(1, 500),
    ),
)


def promotions(
    effects: st.SearchStrategy[Effect], exclusive: st.SearchStrategy[Exclusive]
) -> st.SearchStrategy[Promotion]:
    return st.builds(
        Promotion,
        promotion_id=st.just(""),
        name=st.just(""),
        effect=effects,
        scope=scopes,
        group=st.sampled_from(["x", "y", "z"]),
        exclusive=exclusive,
        with_member_discount=st.booleans(),
        with_line_promotions=st.booleans(),
        earns_points=st.booleans(),
    )


exclusives = st.sampled_from([Exclusive.NO] * 4 + [Exclusive.GOODS, Exclusive.SALE])


@st.composite
def rule_sets(draw: st.DrawFn, most: int = 6, *, joint: bool = True) -> tuple[Promotion, ...]:
    kinds = promotions(line_effects, exclusives)
    if joint:
        kinds = st.one_of(
            kinds,
            promotions(joint_effects, exclusives),
            promotions(
                st.builds(PointsTimes, st.sampled_from([10_000, 15_000, 20_000])), exclusives
            ),
        )
    drawn = draw(st.lists(kinds, max_size=most))
    return tuple(replace(each, promotion_id=f"p{at}") for at, each in enumerate(drawn))


@st.composite
def coupon_sets(draw: st.DrawFn, most: int = 3) -> tuple[Coupon, ...]:
    drawn = draw(
        st.lists(
            st.builds(
                Coupon,
                code=st.just(""),
                offer=promotions(st.one_of(line_effects, joint_effects), exclusives),
                minimum_fen=st.sampled_from([0, 0, 100, 5_000]),
                with_promotions=st.booleans(),
            ),
            max_size=most,
        )
    )
    return tuple(replace(each, code=f"c{at}") for at, each in enumerate(drawn))


@st.composite
def lines(draw: st.DrawFn, line_id: str, *, plain: bool = False) -> Line:
    staff = tuple(
        Server(f"e{at}", draw(st.sampled_from(["junior", "senior"])), draw(st.integers(1, 9)))
        for at in range(draw(st.integers(0, 3)))
    )
    kind = draw(st.integers(0, 9))
    if kind == 0 and not plain:
        return Line(line_id, "d", draw(st.integers(1, 3)), gift=True, staff=staff)
    if kind == 1:
        goods = draw(st.sampled_from(GOODS))
        return Line(line_id, None, draw(st.integers(1, 30_000)), goods, staff=staff)
    code = draw(st.sampled_from(CODES))
    quantity = draw(st.integers(1, 3_000) if code == "w" else st.integers(1, 7))
    return Line(line_id, code, quantity, staff=staff)


@st.composite
def baskets(draw: st.DrawFn, most: int = 6, *, plain: bool = False) -> tuple[Line, ...]:
    count = draw(st.integers(1, most))
    return tuple(draw(lines(f"l{at}", plain=plain)) for at in range(count))


discount_tables = st.builds(
    DiscountTable,
    st.dictionaries(st.tuples(st.just("gold"), st.sampled_from([*GOODS, None])), rates),
    st.dictionaries(st.tuples(st.just("vip"), st.sampled_from([*GOODS, None])), rates),
    st.sampled_from(Together),
)
commissions = st.builds(
    lambda fixed, share, basis: CommissionTable(
        [
            CommissionRule("r1", code="a", per_count_fen=fixed, share_bp=share, basis=basis),
            CommissionRule("r2", category="hair", grade="senior", per_count_fen=2 * fixed),
            CommissionRule("r3", grade="junior", share_bp=share, basis=basis),
        ]
    ),
    st.integers(0, 2_000),
    st.integers(0, 10_000),
    st.sampled_from(Basis),
)


@st.composite
def rule_books(draw: st.DrawFn, promoted: tuple[Promotion, ...]) -> RuleBook:
    return RuleBook(
        catalogue=draw(catalogues()),
        discounts=draw(discount_tables),
        promotions=PromotionIndex(promoted),
        group_order=draw(st.sampled_from([(), ("z", "x"), ("y",)])),
        points_offset=draw(
            st.sampled_from(
                [
                    None,
                    PointsOffset(),
                    PointsOffset(7, 3, 5_000),
                    PointsOffset(1, 10, minimum_fen=500, scope=scope("bread", "hair")),
                ]
            )
        ),
        wipe_fen=draw(st.sampled_from([1, 1, 10, 100])),
        spend_order=draw(st.sampled_from(SpendOrder)),
        earning=Earning(
            by_member={"gold": EarnRate(draw(st.integers(0, 5)), draw(st.integers(1, 300)))},
            level_bp={"vip": 15_000},
            bonus_earns=draw(st.booleans()),
        ),
        ladder=Ladder(
            draw(st.sampled_from(Measure)),
            (Rung("vip", 1_000), Rung("top", 9_000)),
            bonus_counts=draw(st.booleans()),
        ),
        commission=draw(commissions),
    )


@st.composite
def changed_prices(
    draw: st.DrawFn, basket: tuple[Line, ...], catalogue: Catalogue
) -> tuple[Line, ...]:
    """Here and there a price that was changed at the counter, where one may be."""

    def changed(line: Line) -> Line:
        code = catalogue.codes.get(line.code or "")
        if code is None or line.gift or code.fixed or not code.price_fen:
            return line
        if draw(st.integers(0, 3)):
            return line
        reason = draw(st.sampled_from(OverrideReason))
        return replace(line, override=Override(draw(st.integers(0, code.price_fen - 1)), reason))

    return tuple(changed(line) for line in basket)


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """A settled sale with everything in it: gifts, changed prices, passes, coupons, points and
    mixed tenders."""
    rules = draw(rule_books(draw(rule_sets())))
    basket = draw(changed_prices(draw(baskets()), rules.catalogue))
    standing = MemberStanding(
        "m",
        draw(st.sampled_from(["gold", "plain"])),
        draw(st.sampled_from([None, "vip"])),
        holdings=holdings(
            *draw(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 4_000)), max_size=3))
        ),
        points=5_000,
        passes=(PassHeld("k1", frozenset({"b"}), 40, 700), PassHeld("k2", frozenset("bc"), 40, 1)),
        progress=draw(st.integers(0, 10_000)),
    )
    uses = []
    for line in basket:
        if line.code == "b":
            first = draw(st.integers(0, line.quantity))
            second = draw(st.integers(0, line.quantity - first))
            uses += [PassUse(line.line_id, "k1", first), PassUse(line.line_id, "k2", second)]
    sale = Sale(
        basket,
        standing,
        rules,
        draw(coupon_sets()),
        draw(st.integers(0, 2_000)),
        tuple(use for use in uses if use.count),
    )
    due = sale.quote().paid_fen
    stored = draw(st.integers(0, min(due, standing.balance.total_fen)))
    card = draw(st.integers(0, due - stored))
    return replace(
        sale,
        tenders=(
            Tender(TenderKind.STORED, stored),
            Tender(TenderKind.WECHAT, card),
            Tender(TenderKind.CASH, due - stored - card + draw(st.sampled_from([0, 5, 10_000]))),
        ),
    )
