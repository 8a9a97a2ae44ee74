"""What a stored balance is worth when the member wants it back (C1, 退卡 and 退余额), by lot, under
the rule that was in force when the lot was bought.

Two documented ways to count what was consumed, when a bonus was given on top (draft of the Ministry
of Commerce's rules for single-purpose cards, articles 21 and 23; Supreme People's Court
interpretation 法释〔2025〕4号 on prepaid consumption):

* in ratio: every fen consumed was paid to the share paid / (paid + bonus); 3 000 + 1 000 yuan is
  75 %, so 1 000 yuan consumed cost 750 and 2 250 come back;
* whole: all that was consumed counts against what was paid; 2 000 come back.

The second never favours the member, so the first is the default, and a lot without a rule gets it.
Neither gives less than nothing: the member is never charged above the prepayment. Principal first,
which would let the shop keep the principal and return worthless bonus, is not offered.

Within seven days of the payment the member may have it back without a reason (the same
interpretation): no fee, and always in ratio, unless the member had the same goods or services
before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from daemon.core.errors import BadRequest
from daemon.core.pricing.rounding import half_up
from daemon.core.pricing.shop_time import moment

COOLING_OFF_DAYS = 7


class Method(Enum):
    IN_RATIO = "in_ratio"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Lot:
    """One recharge: what was paid and given, what is left of each. `method` is the merchant's rule
    when it was bought, as it was disclosed then (None: not said). `taken_fen` is what went out of
    it before without being consumed, in an earlier payout or to another member: a sale that is
    refunded later may bring money back to a recharge that was paid out."""

    lot: int
    paid_fen: int
    bonus_fen: int
    principal_left_fen: int
    bonus_left_fen: int
    bought_ms: int
    method: Method | None = None
    taken_fen: int = 0

    def __post_init__(self) -> None:
        if not (
            0 <= self.principal_left_fen <= self.paid_fen
            and 0 <= self.bonus_left_fen <= self.bonus_fen
            and 0 <= self.taken_fen <= self.given_fen - self.left_fen
        ):
            raise BadRequest("lot_malformed", lot=self.lot)

    @property
    def given_fen(self) -> int:
        return self.paid_fen + self.bonus_fen

    @property
    def left_fen(self) -> int:
        return self.principal_left_fen + self.bonus_left_fen

    @property
    def consumed_fen(self) -> int:
        return self.given_fen - self.left_fen - self.taken_fen


@dataclass(frozen=True, slots=True)
class LotRefund:
    """`refund_fen` is paid out; both balances of the lot are taken. `from_shop_fen` is what the
    shop adds (positive) or keeps (negative) against the principal that was left."""

    lot: int
    method: Method
    cooling_off: bool
    refund_fen: int
    principal_taken_fen: int
    bonus_taken_fen: int

    @property
    def from_shop_fen(self) -> int:
        return self.refund_fen - self.principal_taken_fen


@dataclass(frozen=True, slots=True)
class BalanceRefund:
    """`fee_fen` is what was really kept of the fee: none of a lot in its seven days, and never more
    than there is."""

    lots: tuple[LotRefund, ...]
    fee_fen: int

    @property
    def refund_fen(self) -> int:
        return sum(lot.refund_fen for lot in self.lots) - self.fee_fen


def in_cooling_off(bought_ms: int, now_ms: int, utc_offset_min: int) -> bool:
    """Whether the seventh day after the day of payment is not over yet (Civil Code, article 201:
    the first day does not count). Public holidays at the end would prolong it: the shop may let
    them."""
    last = moment(bought_ms, utc_offset_min).day + timedelta(COOLING_OFF_DAYS)
    return moment(now_ms, utc_offset_min).day <= last


def refund_balance(
    lots: Sequence[Lot],
    now_ms: int,
    *,
    utc_offset_min: int,
    had_same_before: bool = False,
    fee_fen: int = 0,
) -> BalanceRefund:
    """What comes back for `lots`. `had_same_before`: the member had the same goods or services of
    this shop before the payment, and so no seven days. `fee_fen` is the configured fee of returning
    a card; the law knows no fee on a named card, and it is the caller's to leave it out."""
    if fee_fen < 0:
        raise BadRequest("fee_malformed")
    returned = []
    for lot in lots:
        cooling_off = not had_same_before and in_cooling_off(lot.bought_ms, now_ms, utc_offset_min)
        method = Method.IN_RATIO if cooling_off else lot.method or Method.IN_RATIO
        returned.append(
            LotRefund(
                lot=lot.lot,
                method=method,
                cooling_off=cooling_off,
                refund_fen=worth_of(lot, method),
                principal_taken_fen=lot.principal_left_fen,
                bonus_taken_fen=lot.bonus_left_fen,
            )
        )
    chargeable = sum(lot.refund_fen for lot in returned if not lot.cooling_off)
    return BalanceRefund(tuple(returned), min(fee_fen, chargeable))


def worth_of(lot: Lot, method: Method) -> int:
    """What comes back of one lot; between zero and what was paid. In ratio, what was consumed is
    rounded and the rest comes back; halves are the member's. What follows an earlier payout is
    rounded so that all of them together are never more than what was paid."""
    if lot.paid_fen == 0:
        return 0
    after = lot.taken_fen + lot.left_fen
    if lot.taken_fen == 0:
        in_ratio = half_up(lot.paid_fen * after, lot.given_fen)
    else:
        before = -(-lot.paid_fen * lot.taken_fen // lot.given_fen)
        in_ratio = max(0, lot.paid_fen * after // lot.given_fen - before)
    if method is Method.IN_RATIO:
        return in_ratio
    # From the whole down to what an earlier payout left: the bonus is what was consumed first.
    free = max(0, lot.paid_fen - (lot.given_fen - after))
    return min(in_ratio, free - max(0, lot.paid_fen - (lot.given_fen - lot.taken_fen)))
