"""Rules that look at several lines together: 满减, buy N get one, coupons, and promotions that keep
everything else off the sale. Each takes one amount from its lines and spreads it over them in
proportion, so that every line knows its share and a returned line gives back just that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from daemon.core.pricing.conditions import NotApplied, Reason
from daemon.core.pricing.offers import NO_EXCLUSIVE, NO_MEMBER_DISCOUNT, NO_PROMOTIONS
from daemon.core.pricing.promotion import (
    BuyN,
    Counts,
    Coupon,
    Exclusive,
    FixedPrice,
    PercentOff,
    Promotion,
    SpendTiers,
)
from daemon.core.pricing.rounding import WHOLE_BP, half_up, rate_of, spread


class Layer(IntEnum):
    """In the order in which they act."""

    LINES = 0
    PIECES = 1
    THRESHOLDS = 2
    COUPONS = 3


class Goods(NamedTuple):
    """One line as joint rules see it. `pieces` is 0 for goods that are not counted in pieces."""

    list_fen: int
    member_fen: int
    quantity: int
    parts: int

    @property
    def pieces(self) -> int:
        return self.quantity if self.parts == 1 else 0


class _Amount(NamedTuple):
    """A tier that was reached: `off_fen`, or `off_bp` of what is left, at most `most_fen`."""

    off_fen: int
    off_bp: int
    most_fen: int | None


_Action = _Amount | BuyN | PercentOff | FixedPrice


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A rule over `lines` (places in the sale, rising; `mask` the same as bits) that may act.

    `group` is the place of its group. `beside_lines` and `beside_joints`: whether promotions on a
    line alone and over several lines may act on its lines as well."""

    rule_id: str
    action: _Action
    lines: tuple[int, ...]
    mask: int
    group: int
    layer: Layer
    exclusive: bool
    whole_sale: bool
    beside_lines: bool
    beside_joints: bool
    with_member: bool

    @property
    def order(self) -> tuple[Layer, int, str]:
        """Layer by layer, in a layer by groups as the shop orders them."""
        return self.layer, self.group, self.rule_id

    @property
    def denies(self) -> int:
        """What it takes away from its lines."""
        fewer = self.exclusive or not self.beside_lines
        return (
            NO_EXCLUSIVE
            | (NO_PROMOTIONS if fewer else 0)
            | (0 if self.with_member else NO_MEMBER_DISCOUNT)
        )

    def clashes(self, other: Joint) -> bool:
        """Whether the two may not both act on one sale."""
        if self.whole_sale or other.whole_sale:
            return True
        if not self.mask & other.mask:
            return False
        if self.exclusive or other.exclusive:
            return True
        if self.layer == other.layer:
            return self.group == other.group or self.layer is Layer.PIECES
        return not (self.beside_joints and other.beside_joints)

    def shares(self, left: Sequence[int], goods: Sequence[Goods]) -> list[int]:
        """What it takes from each of its lines, of which `left` fen are left."""
        action = self.action
        if isinstance(action, BuyN):
            return _from_sets(action, self.lines, left, goods)
        if isinstance(action, PercentOff):
            return [left[at] - rate_of(left[at], action.rate_bp) for at in self.lines]
        if isinstance(action, FixedPrice):
            return [
                max(0, left[at] - half_up(action.price_fen * goods[at].quantity, goods[at].parts))
                for at in self.lines
            ]
        weights = [left[at] for at in self.lines]
        return spread(_amount(action, sum(weights)), weights)

    @property
    def constant(self) -> bool:
        """Whether it takes the same whatever its lines cost, if that is there to take."""
        return isinstance(self.action, _Amount) and self.action.off_fen > 0

    def slope_bp(self, goods: Goods) -> int:
        """By how much at most it takes more when one of its lines costs more, in basis points."""
        action = self.action
        if isinstance(action, _Amount):
            return 0 if action.off_fen else action.off_bp
        if isinstance(action, PercentOff):
            return WHOLE_BP - action.rate_bp
        if isinstance(action, FixedPrice):
            return WHOLE_BP
        sets, rest = divmod(goods.quantity, action.buy + action.get)
        cheaper = sets * action.get + min(action.get, rest)
        return -(-action.off_bp * cheaper // goods.quantity)

    def most(self, prices: Sequence[int], goods: Sequence[Goods]) -> int:
        """No less than it can take while its lines cost `prices`, up to rounding (`slack_fen`)."""
        action = self.action
        if isinstance(action, _Amount):
            return _amount(action, sum([prices[at] for at in self.lines]))
        if isinstance(action, BuyN):
            # Shares add up to what was taken: it need not be spread to be known.
            return _taken(action, _in_sets(action, self.lines, prices, goods), prices, goods)
        return sum(self.shares(prices, goods))

    @property
    def slack_fen(self) -> int:
        """By how much rounding can make it take more at a lower price: half a fen and back for each
        amount that is rounded."""
        if self.constant:
            return 0
        return 1 if isinstance(self.action, _Amount) else len(self.lines)


def _amount(action: _Amount, left_fen: int) -> int:
    off = action.off_fen or rate_of(left_fen, action.off_bp)
    return min(off, left_fen, left_fen if action.most_fen is None else action.most_fen)


_InSets = list[tuple[int, int, int]]
"""(line, its first piece in the row, the one after its last that stands in a set)."""


def _from_sets(
    action: BuyN, lines: Sequence[int], left: Sequence[int], goods: Sequence[Goods]
) -> list[int]:
    """What the cheaper pieces come to is spread over all pieces of the sets."""
    row = _in_sets(action, lines, left, goods)
    weights = dict.fromkeys(lines, 0)
    for at, before, after in row:
        weights[at] = half_up(left[at] * (after - before), goods[at].quantity)
    return spread(_taken(action, row, left, goods), [weights[at] for at in lines])


def _in_sets(
    action: BuyN, lines: Sequence[int], left: Sequence[int], goods: Sequence[Goods]
) -> _InSets:
    """Pieces stand in a row from the dearest down and are cut into sets; lines that no set reaches
    are left out."""
    row: Sequence[int] = lines
    if len(lines) > 1:
        common = math.lcm(*[goods[at].quantity for at in lines])
        row = sorted(lines, key=lambda at: (-left[at] * (common // goods[at].quantity), at))
    size = action.buy + action.get
    sets = sum([goods[at].quantity for at in row]) // size
    end = size * (sets if action.most_sets is None else min(sets, action.most_sets))
    found: _InSets = []
    before = 0
    for at in row:
        if before == end:
            break
        after = min(before + goods[at].quantity, end)
        found.append((at, before, after))
        before = after
    return found


def _taken(action: BuyN, row: _InSets, left: Sequence[int], goods: Sequence[Goods]) -> int:
    """The last `get` pieces of each set are cheaper."""
    taken = 0
    for at, before, after in row:
        cheaper = _cheaper_until(after, action) - _cheaper_until(before, action)
        if cheaper:
            pieces_bp = goods[at].quantity * WHOLE_BP
            taken += half_up(left[at] * cheaper * action.off_bp, pieces_bp)
    return taken


def _cheaper_until(pieces: int, action: BuyN) -> int:
    sets, rest = divmod(pieces, action.buy + action.get)
    return sets * action.get + max(0, rest - action.buy)


def joint_of(
    promotion: Promotion,
    mask: int,
    group: int,
    goods: Sequence[Goods],
    coupon: Coupon | None = None,
) -> Joint | NotApplied:
    """The rule over those of its lines that it can act on, or why it cannot."""
    rule_id = coupon.code if coupon else promotion.promotion_id
    effect = promotion.effect
    lines = [at for at in range(mask.bit_length()) if mask >> at & 1]
    if isinstance(effect, BuyN):
        lines = [at for at in lines if goods[at].pieces]
    if not lines:
        return NotApplied(rule_id, Reason.NOTHING_IN_SCOPE)
    by_list = not promotion.with_member_discount or (
        isinstance(effect, SpendTiers) and effect.counts is Counts.LIST
    )
    counted = sum(goods[at].list_fen if by_list else goods[at].member_fen for at in lines)
    if coupon is not None and counted < coupon.minimum_fen:
        return NotApplied(rule_id, Reason.BELOW_MINIMUM, "", coupon.minimum_fen - counted)
    action = _reached(effect, counted, sum(goods[at].pieces for at in lines))
    if isinstance(action, int):
        return NotApplied(rule_id, Reason.BELOW_MINIMUM, "", action)
    if action is None:
        return NotApplied(rule_id, Reason.NOT_FOR_A_SALE)
    return Joint(
        rule_id=rule_id,
        action=action,
        lines=tuple(lines),
        mask=sum(1 << at for at in lines),
        group=group,
        layer=layer_of(promotion, coupon),
        exclusive=promotion.exclusive is not Exclusive.NO,
        whole_sale=promotion.exclusive is Exclusive.SALE,
        beside_lines=promotion.with_line_promotions if coupon is None else coupon.with_promotions,
        beside_joints=coupon is None or coupon.with_promotions,
        with_member=promotion.with_member_discount,
    )


def layer_of(promotion: Promotion, coupon: Coupon | None = None) -> Layer:
    if coupon is not None:
        return Layer.COUPONS
    if not promotion.over_lines:
        return Layer.LINES
    return Layer.THRESHOLDS if isinstance(promotion.effect, SpendTiers) else Layer.PIECES


def _reached(effect: object, counted_fen: int, pieces: int) -> _Action | int | None:
    """What acts; or the fen that are missing to the first tier (0 when pieces are missing); or None
    for an effect that no price has."""
    if isinstance(effect, SpendTiers):
        reached = [tier for tier in effect.tiers if tier.from_fen <= counted_fen]
        if not reached:
            return min(tier.from_fen for tier in effect.tiers) - counted_fen
        tier = max(reached, key=lambda each: each.from_fen)
        times = counted_fen // tier.from_fen if effect.every else 1
        return _Amount(tier.off_fen * times, tier.off_bp, effect.most_off_fen)
    if isinstance(effect, BuyN):
        return effect if pieces >= effect.buy + effect.get else 0
    return effect if isinstance(effect, PercentOff | FixedPrice) else None
