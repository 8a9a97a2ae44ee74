"""Documents together: what only the whole set can see, and the rules that come out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.card import Technology
from daemon.core.permissions import ALL, CASHIER, Permission
from daemon.core.policy import BonusTier, Policy, SpendOrder
from daemon.core.pricing.basket import Line
from daemon.core.pricing.catalogue import EarnRate
from daemon.core.pricing.quote import quote
from daemon.core.pricing.standing import MemberStanding
from daemon.rules.cell import OPEN_CATEGORY, RulesCell
from daemon.rules.compile import compile as compile_rules
from daemon.rules.mistakes import RulesInvalid
from daemon.rules.sections import SECTIONS, as_content
from tests.budget import examples
from tests.rules.shops import HEAD, POLICY, SHOPS, compiled, sections


def mistakes(contents: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    with pytest.raises(RulesInvalid) as caught:
        compiled(contents)
    return [(each.at, each.key, dict(each.facts)) for each in caught.value.mistakes]


def spoilt(change: dict[str, Any]) -> dict[str, Any]:
    return {**sections("bakery"), **change}


def test_a_shop_without_documents_is_what_its_file_says() -> None:
    policy = Policy(
        spend_order=SpendOrder.BONUS_FIRST, named_ceiling_fen=900_000, void_window_ms=1_234
    )
    rules = compile_rules({}, policy, HEAD)
    assert rules.policy is policy and rules.head is HEAD
    assert rules.book.spend_order is SpendOrder.BONUS_FIRST
    assert list(rules.book.catalogue.categories) == [OPEN_CATEGORY]
    assert rules.permissions_of("manager") == ALL
    assert rules.permissions_of("cashier") == CASHIER
    assert rules.permissions_of("gardener") == frozenset()
    assert rules.usual_category == "standard" and rules.edition == 0
    assert [tier.from_fen for tier in rules.recharge.tiers] == [20_000, 50_000, 100_000]
    assert not rules.shifts.required and rules.language is None


def test_documents_come_before_the_file() -> None:
    rules = compiled(sections("hair_salon"))
    assert rules.policy.spend_order is SpendOrder.IN_PROPORTION
    assert rules.policy.void_window_ms == 3_600_000
    assert rules.policy.profiles[Technology.UID].spend.per_day_fen == 50_000
    assert rules.policy.tiers[0] == BonusTier(50_000, 600)
    assert rules.head.name == "美发" and rules.head.footer.count("\n") == 1
    assert rules.book.earning.by_member["gold"] == EarnRate(15, 1_000)
    assert rules.book.discounts.rate_bp("gold", "vip", "cut") == (9_000, "category:gold/cut")
    assert rules.rule_name("category:gold/cut+level:vip/cut") == "金卡 + VIP"
    assert rules.rule_name("weekday") == "工作日上午八八折"
    assert rules.permissions_of("stylist") == {Permission.SELL, Permission.CHECK_IN}
    assert rules.book.ladder.level_at(300_000, None) == "vip" and rules.level_window_days == 365
    # A pass that says nothing of its own lives as long as the parameters say.
    assert rules.book.catalogue.codes["t2"].grants is not None
    assert rules.book.catalogue.codes["t2"].grants.valid_days == 730


def test_a_sale_at_the_bakery() -> None:
    """买二送一 over 9.50, 9.50, 8.00: the cheapest is free. Worked out by hand."""
    rules = compiled(sections("bakery"))
    basket = [Line(str(place), code) for place, code in enumerate(("y1", "y1", "y3"))]
    priced = quote(basket, MemberStanding("m", "standard"), rules=rules.book, now_ms=0)
    assert priced.paid_fen == 1_900


def test_what_is_switched_off_does_not_act_but_keeps_its_name() -> None:
    rules = compiled(sections("car_wash"))
    assert "rainy" not in rules.book.promotions.numbers
    assert rules.rule_name("rainy") == "雨后特惠"


@pytest.mark.parametrize("shop", SHOPS)
def test_compiling_twice_makes_the_same(shop: str) -> None:
    once, again = compiled(sections(shop)), compiled(sections(shop))
    assert once.documents == again.documents
    assert once.book.promotions.promotions == again.book.promotions.promotions
    assert once.policy == again.policy and once.roles == again.roles
    whole = {section: as_content(getattr(once.documents, section)) for section in SECTIONS}
    full = compiled(whole)
    assert full.documents == once.documents
    assert full.book.discounts == once.book.discounts
    assert full.book.earning == once.book.earning
    assert full.campaigns == once.campaigns


def test_a_code_in_an_unknown_category() -> None:
    catalogue = {
        "categories": [{"category": "bread", "name": "面包"}],
        "codes": [
            {"code": "1", "name": "a", "category": "bred", "price_fen": 1},
            {"code": "1", "name": "b", "category": "bread", "price_fen": 1},
            {
                "code": "2",
                "name": "c",
                "category": "bread",
                "price_fen": 1,
                "grants": {"codes": ["1", "9"], "count": 3},
                "gift_points": [{"member_category": "gold", "points": 5}],
            },
        ],
    }
    assert mistakes({"catalogue": catalogue}) == [
        ("catalogue.codes.1.code", "row_twice", {"id": "1"}),
        ("catalogue.codes.0.category", "category_unknown", {"id": "bred"}),
        ("catalogue.codes.2.grants.codes.1", "code_unknown", {"id": "9"}),
        (
            "catalogue.codes.2.gift_points.0.member_category",
            "member_category_unknown",
            {"id": "gold"},
        ),
    ]


def test_what_names_goods_that_went() -> None:
    contents = sections("bakery")
    codes = contents["catalogue"]["codes"]
    contents["catalogue"]["codes"] = [row for row in codes if row["code"] not in ("b1", "f1")]
    assert [(at, key) for at, key, _ in mistakes(contents)] == [
        ("catalogue.codes.31.grants.codes.0", "code_unknown"),
        ("promotions.promotions.1.scope.codes.0", "code_unknown"),
        ("promotions.promotions.2.scope.but_codes.0", "code_unknown"),
        ("staff.commission.3.code", "code_unknown"),
        ("staff.commission.4.code", "code_unknown"),
    ]


def test_members_and_levels_that_are_named() -> None:
    found = mistakes(
        spoilt({"levels": {"rungs": []}, "triggers": {"triggers": [
            {"trigger_id": "t", "name": "t", "on": "birthday", "campaign": "gone"}
        ]}, "promotions": {"promotions": [{
            "promotion_id": "p", "name": "p", "effect": {"kind": "percent_off", "rate_bp": 9000},
            "conditions": {"levels": ["butter"], "member_categories": ["pensioner"]},
        }]}})
    )  # fmt: skip
    assert found == [
        (
            "promotions.promotions.0.conditions.member_categories.0",
            "member_category_unknown",
            {"id": "pensioner"},
        ),
        ("promotions.promotions.0.conditions.levels.0", "level_unknown", {"id": "butter"}),
        ("triggers.triggers.0.campaign", "campaign_unknown", {"id": "gone"}),
    ]


def category(name: str, **more: Any) -> dict[str, Any]:
    return {"category": name, "name": name, **more}


def test_the_law_over_member_categories() -> None:
    extend = {"extend": [{"days": 365, "fee_fen": 100}]}
    rows = [
        category("standard", fees=extend),
        category("bearer", named=False, valid_days=365, fees=extend),
        category("fine", named=False, valid_days=1_095, fees=extend),
        category("named", valid_days=30),
    ]
    assert mistakes({"member_categories": {"member_categories": rows}}) == [
        (
            "member_categories.member_categories.0.fees.extend.0.fee_fen",
            "no_extension_fee",
            {},
        ),
        (
            "member_categories.member_categories.1.valid_days",
            "valid_too_short",
            {"limit": 1_095},
        ),
    ]


def test_printed_numbers_belong_to_one_category() -> None:
    def numbered(name: str, first: str, last: str) -> dict[str, Any]:
        return category(name, card={"number_from": first, "number_to": last})

    rows = [
        numbered("standard", "1000", "1999"),
        numbered("b", "1999", "2999"),
        numbered("c", "01000", "01999"),
        category("d"),
    ]
    assert mistakes({"member_categories": {"member_categories": rows}}) == [
        (
            "member_categories.member_categories.1.card.number_from",
            "numbers_overlap",
            {"id": "standard"},
        )
    ]


def test_somebody_must_be_able_to_change_the_rules() -> None:
    roles = [
        {"role": "a", "name": "a", "permissions": ["rules_change"]},
        {"role": "b", "name": "b", "permissions": ["staff"]},
    ]
    assert mistakes({"staff": {"roles": roles}}) == [
        ("staff.roles", "nobody_could_change_the_rules", {})
    ]


def test_commission_twice_and_grades_that_are_not_there() -> None:
    rows = [
        {"rule": "a", "per_count_fen": 100},
        {"rule": "b", "share_bp": 100},
        {"rule": "c", "share_bp": 100, "grade": "chief"},
    ]
    assert [(at, key) for at, key, _ in mistakes({"staff": {"commission": rows}})] == [
        ("staff.commission.1.code", "row_twice"),
        ("staff.commission.2.grade", "grade_unknown"),
    ]


def test_fees_of_an_extension() -> None:
    rules = compiled(sections("bakery"))
    assert rules.extension_fee_fen("voucher", False, 180) == 500
    assert rules.extension_fee_fen("voucher", True, 180) == 0
    assert rules.extension_fee_fen("voucher", False, 7) is None
    assert rules.member_category("gone").discounts == ()


def test_dates_of_a_code() -> None:
    mooncake = compiled(sections("bakery")).book.catalogue.codes["f1"]
    assert mooncake.on_sale(date(2027, 9, 1)) and not mooncake.on_sale(date(2027, 10, 1))


def test_the_cell_keeps_the_newest_edition() -> None:
    cell = RulesCell()
    assert cell.now(POLICY, HEAD).edition == 0
    newer = compile_rules(sections("bakery"), POLICY, HEAD, 7)
    cell.put(newer)
    cell.put(compile_rules({}, POLICY, HEAD, 3))
    assert cell.now(POLICY, HEAD) is newer


@examples(200, nightly=10_000)
@given(st.sampled_from(SHOPS), st.data())
def test_any_mixture_of_shops_compiles_or_says_why(shop: str, data: st.DataObject) -> None:
    """Sections of several shops together: they name goods and people of each other."""
    contents = sections(shop)
    for section in data.draw(st.lists(st.sampled_from(sorted(contents)), max_size=6)):
        contents[section] = sections(data.draw(st.sampled_from(SHOPS)))[section]
    try:
        rules = compiled(contents)
    except RulesInvalid as error:
        assert all(mistake.at.split(".")[0] in SECTIONS for mistake in error.mistakes)
    else:
        assert compiled(contents).documents == rules.documents
