"""What a balance is worth when it is given back, and what the law lets a card hold (C1, C8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import BadRequest
from daemon.core.pricing.balance_refund import Lot, Method, in_cooling_off, refund_balance, worth_of
from daemon.core.pricing.limits import (
    Breach,
    BreachReason,
    Buyer,
    CardKind,
    Expired,
    LegalLimits,
    Loading,
    after_validity,
    check_balance_refund,
    check_extension,
    check_loading,
    check_validity,
    reasons,
)
from tests.budget import NIGHTLY, examples
from tests.pricing.shop import A_DAY, at_ms

pytestmark = pytest.mark.timeout(7200 if NIGHTLY else 300)

BOUGHT = at_ms(A_DAY)
LONG_AFTER = at_ms(A_DAY + timedelta(100))
NAMED, UNNAMED = CardKind.NAMED, CardKind.UNNAMED


def lot(paid: int, bonus: int, principal: int, left: int, method: Method | None = None) -> Lot:
    return Lot(1, paid, bonus, principal, left, BOUGHT, method)


def test_three_thousand_and_one_thousand_is_75_percent() -> None:
    """1 000 yuan consumed, all of it from the principal first: 750 of the 3 000 are consumed."""
    used = lot(300_000, 100_000, 200_000, 100_000)
    assert worth_of(used, Method.IN_RATIO) == 225_000
    assert worth_of(used, Method.WHOLE) == 200_000
    back = refund_balance([used], LONG_AFTER, utc_offset_min=480)
    (only,) = back.lots
    assert back.refund_fen == 225_000 and only.method is Method.IN_RATIO and not only.cooling_off
    # Principal first would have kept 2 000 for the member and the shop adds 250.
    assert (only.principal_taken_fen, only.bonus_taken_fen) == (200_000, 100_000)
    assert only.from_shop_fen == 25_000
    # Bonus first: 3 000 of principal are left, and it is worth the same 2 250.
    assert worth_of(lot(300_000, 100_000, 300_000, 0), Method.IN_RATIO) == 225_000


def test_the_rule_at_the_time_of_purchase_counts_but_not_within_seven_days() -> None:
    strict = lot(300_000, 100_000, 200_000, 100_000, Method.WHOLE)
    assert refund_balance([strict], LONG_AFTER, utc_offset_min=480).refund_fen == 200_000
    day_seven = at_ms(A_DAY + timedelta(7), 24 * 60 - 1)
    back = refund_balance([strict], day_seven, utc_offset_min=480, fee_fen=500)
    assert back.refund_fen == 225_000 and back.fee_fen == 0 and back.lots[0].cooling_off
    known = refund_balance(
        [strict], day_seven, utc_offset_min=480, had_same_before=True, fee_fen=500
    )
    assert known.refund_fen == 199_500 and known.fee_fen == 500


def test_seven_days_end_with_the_seventh() -> None:
    last = A_DAY + timedelta(7)
    early, late = at_ms(A_DAY, 1), at_ms(A_DAY, 24 * 60 - 1)
    for bought in (early, late):
        assert in_cooling_off(bought, at_ms(last, 24 * 60 - 1), 480)
        assert not in_cooling_off(bought, at_ms(last + timedelta(1), 0), 480)


def test_an_untouched_lot_comes_back_whole_and_an_empty_one_not_at_all() -> None:
    assert worth_of(lot(50_000, 5_000, 50_000, 5_000), Method.WHOLE) == 50_000
    assert worth_of(lot(50_000, 5_000, 0, 0), Method.IN_RATIO) == 0
    # More was consumed than was paid: nothing comes back, and nothing is charged.
    assert worth_of(lot(50_000, 50_000, 0, 30_000), Method.WHOLE) == 0
    assert worth_of(lot(0, 5_000, 0, 5_000), Method.IN_RATIO) == 0
    fee = refund_balance([lot(100, 0, 100, 0)], LONG_AFTER, utc_offset_min=480, fee_fen=500)
    assert fee.refund_fen == 0 and fee.fee_fen == 100
    with pytest.raises(BadRequest, match="lot_malformed"):
        lot(100, 0, 101, 0)


@given(st.data())
@examples(200, nightly=10_000)
def test_a_balance_is_worth_between_nothing_and_what_was_paid(data: st.DataObject) -> None:
    paid, bonus = data.draw(st.integers(0, 10**6)), data.draw(st.integers(0, 10**6))
    made = lot(paid, bonus, data.draw(st.integers(0, paid)), data.draw(st.integers(0, bonus)))
    ratio, whole = worth_of(made, Method.IN_RATIO), worth_of(made, Method.WHOLE)
    assert 0 <= whole <= ratio <= paid  # in ratio never favours the shop
    if made.consumed_fen == 0:
        assert ratio == whole == paid


def test_ceilings_count_what_is_given_on_top() -> None:
    known = Buyer(identified=True)
    full = Loading(NAMED, 400_000, 90_000, 10_000)
    assert check_loading(full, known) == []
    over = replace(full, bonus_fen=10_001)
    assert check_loading(over, known) == [
        Breach(BreachReason.ABOVE_NAMED_CEILING, 500_000, 100_000)
    ]
    assert check_loading(over, known, LegalLimits(bonus_counts=False)) == []
    assert reasons(check_loading(Loading(UNNAMED, 0, 100_001), Buyer())) == [
        "above_unnamed_ceiling"
    ]
    assert check_loading(Loading(UNNAMED, 0, 100_000), Buyer()) == []
    stricter = LegalLimits(unnamed_ceiling_fen=50_000)
    assert check_loading(Loading(UNNAMED, 0, 50_001), Buyer(), stricter)


def test_who_must_be_known() -> None:
    named = Loading(NAMED, 0, 100)
    assert reasons(check_loading(named, Buyer())) == ["buyer_not_identified"]
    agent = Buyer(identified=True, has_agent=True)
    assert reasons(check_loading(named, agent)) == ["agent_not_identified"]
    assert check_loading(named, replace(agent, agent_identified=True)) == []
    twenty = Loading(UNNAMED, 0, 50_000, purchase_fen=1_000_000)
    assert reasons(check_loading(twenty, Buyer())) == ["buyer_not_identified"]
    assert check_loading(replace(twenty, purchase_fen=999_999), Buyer()) == []


def test_what_must_be_transferred() -> None:
    firm = Buyer(is_unit=True, identified=True)
    much = Loading(NAMED, 0, 400_000, purchase_fen=500_000)
    assert reasons(check_loading(much, firm)) == ["transfer_only"]
    assert check_loading(replace(much, by_transfer=True), firm) == []
    assert check_loading(replace(much, purchase_fen=499_999), firm) == []
    person = Buyer(identified=True)
    assert check_loading(much, person) == []
    assert check_loading(replace(much, purchase_fen=5_000_000), person)
    afar = Loading(NAMED, 0, 100, face_to_face=False)
    assert reasons(check_loading(afar, person)) == ["transfer_only"]


def test_validity_and_extension() -> None:
    assert check_validity(NAMED, None) == [] and check_validity(UNNAMED, 3) == []
    assert reasons(check_validity(NAMED, 10)) == ["named_may_not_expire"]
    assert check_validity(UNNAMED, 2) == [Breach(BreachReason.VALID_TOO_SHORT, 3)]
    assert reasons(check_extension(NAMED, 1)) == ["no_extension_fee"]
    assert check_extension(UNNAMED, 1) == [] and check_extension(NAMED, 0) == []


def test_an_expired_card_never_loses_its_principal() -> None:
    end = date(2026, 12, 31)
    assert after_validity(UNNAMED, end, end) == Expired(False, True, False)
    assert after_validity(UNNAMED, end, end + timedelta(1)) == Expired(True, False, True)
    assert after_validity(NAMED, end, end + timedelta(1)) == Expired(True, True, False)
    assert after_validity(NAMED, None, end) == Expired(False, True, False)


def test_where_a_balance_may_be_paid_out_to() -> None:
    def told(fen: int, cash: bool, same: bool = True, known: bool = True) -> list[str]:
        return reasons(
            check_balance_refund(fen, in_cash=cash, same_name=same, receiver_identified=known)
        )

    assert told(10_000, True) == [] and told(10_001, False) == []
    assert told(10_001, True) == ["refund_to_account_only"]
    assert told(1, False, same=False) == ["refund_to_other_name"]
    assert told(1, True, known=False) == ["receiver_not_identified"]


@pytest.mark.parametrize("laxer", ["named_ceiling_fen", "real_name_fen", "cash_refund_fen"])
def test_a_merchant_may_not_be_laxer_than_the_law(laxer: str) -> None:
    with pytest.raises(BadRequest, match="laxer_than_law"):
        replace(LegalLimits(), **{laxer: 10**8})  # type: ignore[arg-type]
