"""Which lots pay, in each order; bonus tiers."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.core.entry import Account
from daemon.core.policy import BonusTier, SpendOrder, bonus_for
from daemon.core.records import Holding
from daemon.core.spend import balance_of, plan_spend


def lot(asset: str, number: int, balance: int) -> Holding:
    return Holding(Account("member:A", asset, number), balance)


lots = st.lists(
    st.tuples(st.sampled_from(["principal", "bonus"]), st.integers(1, 50), st.integers(1, 10**7)),
    max_size=12,
    unique_by=lambda row: row[:2],
).map(lambda rows: [lot(*row) for row in rows])


@given(lots, st.sampled_from(SpendOrder), st.data())
def test_the_plan_pays_exactly_and_never_overdraws(
    holdings: list[Holding], order: SpendOrder, data: st.DataObject
) -> None:
    held = balance_of(holdings)
    assume(held.total_fen > 0)
    amount_fen = data.draw(st.integers(1, held.total_fen))
    plan = plan_spend(amount_fen, holdings, order)
    assert sum(part for _, part in plan) == amount_fen
    left = {holding.account: holding.balance for holding in holdings}
    for account, part in plan:
        assert 0 < part <= left[account]
    assert len({account for account, _ in plan}) == len(plan)


@given(lots, st.sampled_from(SpendOrder), st.data())
def test_older_lots_are_emptied_before_newer(
    holdings: list[Holding], order: SpendOrder, data: st.DataObject
) -> None:
    held = balance_of(holdings)
    assume(held.total_fen > 0)
    plan = dict(plan_spend(data.draw(st.integers(1, held.total_fen)), holdings, order))
    for newer in holdings:
        if newer.account not in plan:
            continue
        for older in holdings:
            same = older.account.asset == newer.account.asset
            if same and older.account.lot < newer.account.lot:
                assert plan.get(older.account) == older.balance


@pytest.mark.parametrize(
    ("order", "principal", "bonus"),
    [
        (SpendOrder.PRINCIPAL_FIRST, 1850, 0),
        (SpendOrder.BONUS_FIRST, 0, 1850),
        (SpendOrder.IN_PROPORTION, 1682, 168),
    ],
)
def test_18_50_from_500_and_50(order: SpendOrder, principal: int, bonus: int) -> None:
    holdings = [lot("principal", 1, 50_000), lot("bonus", 1, 5_000)]
    plan = plan_spend(1850, holdings, order)
    taken = {account.asset: part for account, part in plan}
    assert (taken.get("principal", 0), taken.get("bonus", 0)) == (principal, bonus)


def test_the_reached_tier_gives_the_bonus_and_names_its_rule() -> None:
    tiers = (BonusTier(50_000, 1_000), BonusTier(20_000, 500))
    assert bonus_for(19_999, tiers) == (0, "bonus:none")
    assert bonus_for(20_000, tiers) == (1_000, "bonus:20000:500")
    assert bonus_for(50_000, tiers) == (5_000, "bonus:50000:1000")
    assert bonus_for(99_999, tiers) == (9_999, "bonus:50000:1000")
