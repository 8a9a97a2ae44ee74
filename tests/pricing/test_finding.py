"""Which promotions are found, for whom and when, and the reasons when they are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import BadRequest
from daemon.core.pricing.conditions import (
    BirthdayWindow,
    Conditions,
    HabitRange,
    Hours,
    Reason,
    Season,
)
from daemon.core.pricing.index import ALL_KEY, PromotionIndex, category_key, code_key
from daemon.core.pricing.promotion import PercentOff, Promotion, Scope
from daemon.core.pricing.shop_time import moment
from daemon.core.pricing.standing import Birthday, Habit, MemberStanding
from tests.budget import NIGHTLY, examples
from tests.pricing.shop import A_DAY, NOW_MS, at_ms, scope

pytestmark = pytest.mark.timeout(7200 if NIGHTLY else 300)

NOW = moment(NOW_MS, 480)
few = st.frozensets(st.sampled_from("abc"), max_size=2)
days = st.one_of(st.none(), st.integers(-40, 40).map(lambda n: A_DAY + timedelta(n)))
seasons = st.builds(
    Season,
    st.frozensets(st.integers(0, 6), max_size=3),
    st.lists(st.builds(Hours, st.integers(0, 1_440), st.integers(0, 1_440)), max_size=2).map(tuple),
    st.one_of(st.none(), st.builds(BirthdayWindow, st.integers(0, 9), st.integers(0, 9))),
    st.one_of(st.none(), st.builds(HabitRange, visits_most=st.integers(0, 3))),
)
conditions = st.builds(Conditions, few, few, few, few, days, days, seasons)
scopes = st.builds(Scope, few, few, st.frozensets(st.sampled_from("abc"), max_size=1))
standings = st.builds(
    MemberStanding,
    st.just("m"),
    st.one_of(st.none(), st.sampled_from("abc")),
    st.one_of(st.none(), st.sampled_from("abc")),
    st.one_of(st.none(), st.builds(Birthday, st.integers(11, 12), st.integers(1, 30))),
    few,
    st.builds(Habit, st.none(), st.integers(0, 4)),
)


@given(
    st.lists(st.tuples(conditions, scopes), max_size=30),
    standings,
    st.sampled_from("abc"),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=4),
)
@examples(200, nightly=10_000)
def test_the_index_finds_what_a_search_through_all_would(
    drawn: list[tuple[Conditions, Scope]],
    standing: MemberStanding,
    store: str,
    goods: list[tuple[str, str]],
) -> None:
    promotions = [
        Promotion(f"p{n:03d}", "", PercentOff(9_000), where, when)
        for n, (when, where) in enumerate(drawn)
    ]
    keys = {ALL_KEY: (1 << len(goods)) - 1}
    for at, (code, category) in enumerate(goods):
        for key in (code_key(code), category_key(category)):
            keys[key] = keys.get(key, 0) | 1 << at
    found = PromotionIndex(promotions).find(keys, standing, store, NOW)
    expected = {}
    for number, promotion in enumerate(promotions):
        whole = replace(promotion.scope, but_codes=frozenset())
        lines = sum(1 << at for at, each in enumerate(goods) if whole.covers(*each))
        if lines and promotion.conditions.why_not(standing, store, NOW) is None:
            expected[number] = lines
    assert found == expected


def test_a_promotion_that_names_very_many_things_is_found_all_the_same() -> None:
    many = frozenset(f"{n}" for n in range(100))
    wide = Promotion("p", "", PercentOff(9_000), Scope(many), Conditions(many, many))
    index = PromotionIndex([wide])
    keys = {ALL_KEY: 1, code_key("7"): 1}
    assert index.find(keys, MemberStanding("m", "1", "2"), "s", NOW) == {0: 1}
    assert index.find(keys, MemberStanding("m", "x", "2"), "s", NOW) == {}
    assert index.find(keys, MemberStanding("m", "1", "x"), "s", NOW) == {}


def test_two_promotions_of_one_id_are_refused() -> None:
    with pytest.raises(BadRequest, match="promotion_twice"):
        PromotionIndex([Promotion("p", "", PercentOff(1)), Promotion("p", "", PercentOff(2))])


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Conditions(), None),
        (Conditions(from_day=A_DAY, to_day=A_DAY), None),
        (Conditions(from_day=A_DAY + timedelta(1)), Reason.NOT_YET),
        (Conditions(to_day=A_DAY - timedelta(1)), Reason.OVER),
        (Conditions(stores=frozenset({"s2"})), Reason.OTHER_STORE),
        (Conditions(categories=frozenset({"silver"})), Reason.OTHER_CATEGORY),
        (Conditions(levels=frozenset({"top"})), Reason.OTHER_LEVEL),
        (Conditions(tags=frozenset({"nobody"})), Reason.NO_SUCH_TAG),
        (Conditions(tags=frozenset({"nobody", "regular"})), None),
        (Conditions(season=Season(weekdays=frozenset({0}))), Reason.OTHER_WEEKDAY),
        (Conditions(season=Season(hours=(Hours(0, 720),))), Reason.OTHER_HOUR),
        (Conditions(season=Season(hours=(Hours(720, 721),))), None),
        (Conditions(season=Season(hours=(Hours(1_320, 721),))), None),
        (Conditions(season=Season(birthday=BirthdayWindow(2, 0))), None),
        (Conditions(season=Season(birthday=BirthdayWindow(1, 9))), Reason.NOT_THE_BIRTHDAY),
        (Conditions(season=Season(birthday=BirthdayWindow(whole_month=True))), None),
        (Conditions(season=Season(habit=HabitRange(away_days_least=30))), None),
        (Conditions(season=Season(habit=HabitRange(away_days_least=31))), Reason.OTHER_HABIT),
        (Conditions(season=Season(habit=HabitRange(away_days_most=29))), Reason.OTHER_HABIT),
        (Conditions(season=Season(habit=HabitRange(visits_most=0))), Reason.OTHER_HABIT),
        (Conditions(season=Season(habit=HabitRange(spent_least_fen=50_000))), None),
    ],
)
def test_conditions_hold_or_say_why_not(asked: Conditions, reason: Reason | None) -> None:
    regular = MemberStanding(
        "m",
        "gold",
        "vip",
        Birthday(11, 27),
        frozenset({"regular"}),
        Habit(A_DAY - timedelta(30), 4, 50_000),
    )
    assert asked.why_not(regular, "s1", NOW) is reason


def test_birthdays_at_the_turn_of_the_year_and_of_leap_years() -> None:
    week = BirthdayWindow(3, 3)
    assert week.holds(Birthday(1, 2), date(2026, 12, 30))
    assert week.holds(Birthday(12, 31), date(2027, 1, 3))
    assert not week.holds(Birthday(12, 31), date(2027, 1, 4))
    today = BirthdayWindow()
    assert today.holds(Birthday(2, 29), date(2026, 2, 28))
    assert today.holds(Birthday(2, 29), date(2028, 2, 29))
    assert not today.holds(Birthday(2, 29), date(2028, 2, 28))
    assert not today.holds(None, A_DAY)


def test_a_first_visit_and_a_customer_without_a_card() -> None:
    first = Season(habit=HabitRange(visits_most=0, away_days_least=90))
    assert first.why_not(MemberStanding("m", "gold"), NOW) is None
    assert first.why_not(MemberStanding(), NOW) is Reason.OTHER_HABIT
    lately = Season(habit=HabitRange(away_days_most=9))
    assert lately.why_not(MemberStanding("m", "gold"), NOW) is Reason.OTHER_HABIT


def test_the_shop_has_its_own_day() -> None:
    late = moment(at_ms(A_DAY, 23 * 60 + 59), 480)
    assert (late.day, late.weekday, late.minute) == (A_DAY, 2, 1_439)
    assert moment(at_ms(A_DAY, 23 * 60 + 59) + 60_000, 480).day == A_DAY + timedelta(1)


def test_scopes() -> None:
    everything_but = scope(but=("a",))
    assert everything_but.covers("b", "bread") and not everything_but.covers("a", "bread")
    assert scope("bread").covers(None, "bread") and not scope("b").covers(None, "bread")
