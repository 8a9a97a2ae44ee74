"""Documents: any JSON is a document or typed mistakes, and a document reads back as written."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import NotFound
from daemon.rules.mistakes import RulesInvalid
from daemon.rules.sections import (
    SECTIONS,
    as_content,
    default_document,
    read_section,
    require_section,
)
from tests.budget import examples
from tests.rules.shops import HEAD, POLICY, SHOPS, sections

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2026-02-30", "#ffffff", "standard", "percent_off", "0", "\ud800", "店\x00"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)


def read_or_explained(section: str, content: Any) -> bool:
    try:
        document = read_section(section, content)
    except RulesInvalid as error:
        for mistake in error.mistakes:
            assert mistake.at.split(".")[0] == section
            assert mistake.key.isidentifier() and mistake.key.islower()
            json.dumps(mistake.as_json())
        return False
    content = as_content(document)
    assert read_section(section, content) == document
    assert as_content(read_section(section, json.loads(json.dumps(content)))) == content
    return True


@examples(200, nightly=10_000)
@given(st.sampled_from(SECTIONS), JSON)
def test_any_json_is_a_document_or_mistakes(section: str, content: Any) -> None:
    read_or_explained(section, content)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(content, dict | list):
        rows = content.items() if isinstance(content, dict) else enumerate(content)
        for key, inner in rows:
            found += places(inner, (*path, key))
    return found


@examples(200, nightly=10_000)
@given(st.data(), st.sampled_from(SHOPS), JSON)
def test_a_true_document_with_one_place_spoilt(data: st.DataObject, shop: str, spoilt: Any) -> None:
    contents = sections(shop)
    section = data.draw(st.sampled_from(sorted(contents)))
    path = data.draw(st.sampled_from(places(contents[section])[1:]))
    inner = contents[section]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = spoilt
    read_or_explained(section, contents[section])


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_defaults_and_a_schema(section: str) -> None:
    document = default_document(section, POLICY, HEAD)
    assert read_or_explained(section, as_content(document))
    schema = require_section(section).model_json_schema()
    assert schema["additionalProperties"] is False and schema["description"]


@pytest.mark.parametrize("shop", SHOPS)
def test_samples_read_back(shop: str) -> None:
    for section, content in sections(shop).items():
        assert read_or_explained(section, content)


def mistakes(section: str, content: Any) -> list[tuple[str, str, dict[str, Any]]]:
    with pytest.raises(RulesInvalid) as caught:
        read_section(section, content)
    return [(each.at, each.key, dict(each.facts)) for each in caught.value.mistakes]


def code(**more: Any) -> dict[str, Any]:
    return {"code": "101", "name": "饭", "category": "main", "price_fen": 100, **more}


def test_mistakes_say_where_and_why() -> None:
    categories = [{"category": "main", "name": "主食"}]
    found = mistakes(
        "catalogue",
        {
            "categories": categories,
            "codes": [
                code(price_fen=1.5),
                code(code="a b"),
                code(name=" "),
                code(price_fen=-1),
                code(colour="red", colr=1),
                code(unit={"name": "kg", "parts": 1000}, grants={"codes": ["101"], "count": 1}),
                code(from_day="2026-05-02", to_day="2026-05-01"),
                code(from_day="2026-13-01"),
            ],
        },
    )
    assert found == [
        ("catalogue.codes.0.price_fen", "not_a_whole_number", {}),
        ("catalogue.codes.1.code", "wrong_form", {}),
        ("catalogue.codes.2.name", "empty_text", {}),
        ("catalogue.codes.3.price_fen", "too_small", {"limit": 0}),
        ("catalogue.codes.4.colour", "wrong_form", {}),
        ("catalogue.codes.4.colr", "field_unknown", {}),
        ("catalogue.codes.5", "only_pieces", {"code": "101"}),
        ("catalogue.codes.6", "days_malformed", {}),
        ("catalogue.codes.7.from_day", "not_a_day", {}),
    ]


def test_effects_are_named_without_their_tag() -> None:
    found = mistakes(
        "promotions",
        {
            "promotions": [
                {"promotion_id": "a", "name": "a", "effect": {"kind": "percent_off"}},
                {"promotion_id": "b", "name": "b", "effect": {"kind": "gift"}},
                {"promotion_id": "c", "name": "c", "effect": {"kind": "buy_n", "buy": 1, "get": 0}},
                {
                    "promotion_id": "d",
                    "name": "d",
                    "effect": {"kind": "spend_tiers", "tiers": [{"from_fen": 1}]},
                },
            ]
        },
    )
    assert found == [
        ("promotions.promotions.0.effect.rate_bp", "field_missing", {}),
        ("promotions.promotions.1.effect", "not_a_choice", {}),
        ("promotions.promotions.2.effect.get", "too_small", {"limit": 1}),
        ("promotions.promotions.3.effect", "promotion_malformed", {}),
    ]


def test_the_law_is_a_bound() -> None:
    assert mistakes("parameters", {"limits": {"named_ceiling_fen": 500_001}}) == [
        ("parameters.limits.named_ceiling_fen", "laxer_than_law", {"limit": 500_000})
    ]
    read_section("parameters", {"limits": {"named_ceiling_fen": 300_000}})


PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
RAW = base64.b64decode(PIXEL)
HUGE = base64.b64encode(RAW[:16] + (60_000).to_bytes(4) * 2 + RAW[24:]).decode()


def test_a_logo_is_a_small_png() -> None:
    store = {"merchant_name": "店"}
    at = "store.logo_png_base64"
    assert mistakes("store", {**store, "logo_png_base64": "!"}) == [(at, "not_a_png", {})]
    assert mistakes("store", {**store, "logo_png_base64": "aGFsbG8="}) == [(at, "not_a_png", {})]
    found = mistakes("store", {**store, "logo_png_base64": "A" * 20_000})
    assert found == [(at, "too_long", {"limit": 16_388})]
    # A head is not enough, and a few bytes may unpack to gigabytes.
    found = mistakes("store", {**store, "logo_png_base64": "iVBORw0KGgo="})
    assert found == [(at, "not_a_png", {})]
    found = mistakes("store", {**store, "logo_png_base64": HUGE})
    assert found == [(at, "image_too_large", {"limit": 12_288})]
    read_section("store", {**store, "logo_png_base64": PIXEL})


def test_a_permission_that_is_not_there() -> None:
    role = {"role": "r", "name": "r", "permissions": ["sell", "fly"]}
    assert mistakes("staff", {"roles": [role]}) == [
        ("staff.roles.0.permissions.1", "permission_unknown", {"permission": "fly"})
    ]


def test_a_section_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="section_unknown"):
        read_section("weather", {})
