"""Commission by period, employee, rule and code, worked out by hand, and the journal's accounts."""

from __future__ import annotations

from tests.staff.salon import line, open_salon, refund, sell
from tests.web.till import Counter


async def test_a_period_worked_out_by_hand(bare: Counter) -> None:
    """Two cuts by 11 (10.00 each, fixed); a dye 380.00 shared 3:1 by 11 (10 %) and 12 (5 %);
    an oil 99.00 by 12 (3 %); one cut is refunded.

    11: 20.00 + 3/4 of 38.00 = 28.50, less 10.00. 12: 1/4 of 19.00 = 4.75, and 2.97."""
    ids = await open_salon(bare)
    cash = [{"kind": "cash"}]
    cuts = await sell(bare, [line("1", "cut", 2, {ids["11"]: 1})], cash)
    await sell(bare, [line("1", "dye", 1, {ids["11"]: 3, ids["12"]: 1})], cash)
    await sell(bare, [line("1", "oil", 1, {ids["12"]: 1})], cash)
    await refund(bare, cuts, {"1": 1})
    today = bare.shop.day(bare.clock.now_ms())
    told = await bare.get(f"/statements?from_day={today}&to_day={today}")
    eleven, twelve = told["statements"]
    assert [(row["rule_id"], row["code"], row["fen"]) for row in eleven["rows"]] == [
        ("hair-senior", "dye", 2_850),
        ("per-cut", "cut", 1_000),
    ]
    assert [(row["rule_id"], row["code"], row["fen"]) for row in twelve["rows"]] == [
        ("goods", "oil", 297),
        ("hair-junior", "dye", 475),
    ]
    assert (eleven["total_fen"], twelve["total_fen"]) == (3_850, 772)
    assert told["by_grade"] == {"junior": 772, "senior": 3_850}
    for each in told["statements"]:
        assert each["agrees"] and each["account_fen"] == each["total_fen"]


async def test_another_day_has_its_own(bare: Counter) -> None:
    ids = await open_salon(bare)
    await sell(bare, [line("1", "cut", 1, {ids["11"]: 1})], [{"kind": "cash"}])
    bare.clock.advance(86_400)
    await bare.sign_in(("9", "987654"))
    today = bare.shop.day(bare.clock.now_ms())
    told = await bare.get(f"/statements?from_day={today}&to_day={today}")
    (eleven,) = told["statements"]
    assert eleven["rows"] == [] and eleven["account_fen"] == 1_000 and eleven["agrees"]


async def test_ones_own_statement_needs_no_permission(bare: Counter) -> None:
    ids = await open_salon(bare)
    await sell(bare, [line("1", "cut", 1, {ids["11"]: 1})], [{"kind": "cash"}])
    await bare.sign_in(("11", "111111"))
    today = bare.shop.day(bare.clock.now_ms())
    days = f"from_day={today}&to_day={today}"
    (own,) = (await bare.get(f"/statements?{days}&employee=11"))["statements"]
    assert own["total_fen"] == 1_000
    for query in (days, f"{days}&employee=12"):
        reply = await bare.ask("GET", f"/statements?{query}")
        assert reply.body["facts"] == {"permission": "records"}
