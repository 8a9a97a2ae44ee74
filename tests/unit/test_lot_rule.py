"""A lot's rule reads back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.entry import Account
from daemon.core.errors import BadRequest
from daemon.core.lot_rule import LotRule, lot_rule, usable
from daemon.core.records import Holding

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="{"), max_size=20)
FEN = st.integers(0, 10**11)


@given(
    st.builds(
        LotRule,
        given=WORDS,
        to_day=st.dates().map(str) | st.just(""),
        paid_fen=FEN,
        bonus_fen=FEN,
        bought_ms=FEN,
        method=WORDS,
        codes=st.lists(WORDS, max_size=3).map(tuple),
        worth_fen=FEN,
        line=WORDS,
    )
)
def test_a_rule_reads_back(rule: LotRule) -> None:
    assert lot_rule(rule.as_text()) == rule


@given(st.text(max_size=40).map(lambda text: "{" + text))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = lot_rule(text)
    except BadRequest as error:
        assert error.key == "lot_rule_malformed"
    else:
        assert isinstance(rule, LotRule)


def test_the_first_version_kept_a_name_alone() -> None:
    assert lot_rule("bonus:20000:500") == LotRule(given="bonus:20000:500")
    assert lot_rule(None) == LotRule()


@pytest.mark.parametrize(("day", "left"), [("2026-11-30", 2), ("2026-12-01", 1)])
def test_a_lot_is_usable_on_its_last_day(day: str, left: int) -> None:
    ends = LotRule("check_in", to_day="2026-11-30").as_text()
    held = [
        Holding(Account("member:1", "points", 1), 5, ends),
        Holding(Account("member:1", "points", 2), 5, "adjusted"),
    ]
    assert len(usable(held, day)) == left
