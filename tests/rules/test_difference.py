"""What changed between two versions, as people read it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.rules.difference import Difference, differences
from tests.budget import examples
from tests.rules.shops import SHOPS, sections
from tests.rules.test_documents import JSON


def test_rows_are_known_by_their_id() -> None:
    before = sections("bakery")["catalogue"]
    after = sections("bakery")["catalogue"]
    after["codes"].insert(0, {"code": "n1", "name": "新", "category": "bread", "price_fen": 1})
    bread = next(row for row in after["codes"] if row["code"] == "b3")
    bread["price_fen"] = 1_300
    gone = after["codes"].pop()
    found = differences(before, after)
    assert Difference("codes.b3.price_fen", 1_200, 1_300) in found
    assert Difference(f"codes.{gone['code']}", gone, None) in found
    assert [each.path for each in found if each.before is None] == ["codes.n1"]
    assert len(found) == 3


def test_a_new_order_is_told() -> None:
    rows = [{"role": "a"}, {"role": "b"}]
    assert differences({"roles": rows}, {"roles": rows[::-1]}) == [
        Difference("roles", ["a", "b"], ["b", "a"])
    ]


def test_rows_without_an_id_are_compared_whole() -> None:
    before = {"tiers": [{"from_fen": 1, "x": 1}, {"from_fen": 1, "x": 2}]}
    after: dict[str, Any] = {"tiers": [{"from_fen": 1, "x": 1}]}
    assert differences(before, after) == [Difference("tiers", before["tiers"], after["tiers"])]
    assert differences({"codes": ["a"]}, {"codes": ["b"]}) == [Difference("codes", ["a"], ["b"])]


def test_what_no_row_names_is_for_everything_else() -> None:
    before = {"discounts": [{"goods": None, "rate_bp": 9_000}]}
    after = {"discounts": [{"goods": None, "rate_bp": 8_000}]}
    assert differences(before, after) == [Difference("discounts.*.rate_bp", 9_000, 8_000)]


@examples(200, nightly=10_000)
@given(st.sampled_from(SHOPS), st.sampled_from(SHOPS), JSON, JSON)
def test_only_the_same_has_no_difference(one: str, other: str, left: Any, right: Any) -> None:
    assert bool(differences(sections(one), sections(other))) == (one != other)
    differences(left, right)
    assert differences(left, left) == []
